"""What the assessment form begins with, and whom it offers as rater."""

from zoneinfo import ZoneInfo

from assessments.models import Assessment, Mode, VisitType
from assessments.wording import IN_BED_OF_CODE
from engine.edss import SYSTEMS
from patients.access import TREATING
from patients.dates import write_known_date
from patients.models import User

OTHER = "other"  # a rater who is not a user
PLAIN = (  # fields that go into the record as they are
    "visit_type", "mode", "rater_name", "distance_m", "distance_unlimited", "aid", "observed", "rater_reason",
    "steroids_30_days", "fever", "fatigue_drove_cerebral", "note", *SYSTEMS, *(f"{name}_mark" for name in SYSTEMS),
)  # fmt: skip


def raters_of(assessment: Assessment, user: User) -> dict[int, User]:
    """Those who treat patients of the centre now, and whoever rated this one, by id; the user first."""
    centre = assessment.patient.centre_id
    live = {"memberships__centre": centre, "memberships__ended_at": None, "memberships__role__in": TREATING}
    found = {user.pk: user} | {one.pk: one for one in User.objects.filter(is_active=True, **live).order_by("name")}
    if assessment.rater:
        found.setdefault(assessment.rater.pk, assessment.rater)
    return found


def initial_of(assessment: Assessment, user: User) -> dict:
    """What the form begins with: the stored record, or today by the signed-in user."""
    if not assessment.pk:
        return {"day": assessment.patient.centre.today().isoformat(), "rater": str(user.pk)} | {
            "visit_type": VisitType.SCHEDULED,
            "mode": Mode.IN_PERSON,
        }
    at = assessment.at and assessment.at.astimezone(ZoneInfo(assessment.patient.centre.time_zone))
    code = assessment.ambulation if assessment.ambulation_scheme == "neurostatus" else None
    values = {name: getattr(assessment, name) for name in PLAIN}
    marks = {f"{system}_mark": [mark] if mark else [] for system, (_, mark) in assessment.grades.items()}
    return (
        values
        | marks
        | {
            "day": write_known_date(assessment.day, assessment.day_precision),
            "time": f"{at:%H:%M}" if at else "",
            "rater": str(assessment.rater_id or OTHER),
            "wheelchair_help": {10: "no", 11: "yes"}.get(code or 0, "") if assessment.aid == "wheelchair" else "",
            "in_bed": IN_BED_OF_CODE.get(code or 0, "") if assessment.aid == "bed" else "",
            "ambulation": "" if assessment.ambulation is None else str(assessment.ambulation),
            "edss_rater": "" if assessment.edss_rater is None else str(assessment.edss_rater),
            "incomplete_reason": assessment.incomplete_reason,
            **{f"reason_{one['id']}": one.get("reason", "") for one in assessment.confirmed_warnings},
            "row_version": assessment.row_version,
        }
    )
