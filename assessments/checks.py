"""Assessment rows into the scoring engine and back: the calculated EDSS and what a rater should confirm."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import cast

from django.core.exceptions import ValidationError
from django.utils import timezone

from assessments.models import Assessment, Relapse
from engine.edss import ALGORITHM_VERSION, Grade, GradeError, Mark, Policies, Score, ScoringError, score
from engine.edss_checks import AssessmentFacts, Finding, warnings
from engine.types import Interval
from engine.walking import Aid
from patients.models import Patient
from patients.services import check_lifetime

CLOCKS_DIFFER = timedelta(minutes=5)  # a computer's clock may be a little ahead of ours


@dataclass(frozen=True)
class Neighbours:
    """What the checks of one assessment need besides itself: the visit before it and the relapse onsets."""

    previous: Assessment | None = None
    relapses: tuple[Interval, ...] = ()


def grades_of(assessment: Assessment) -> dict[str, Grade]:
    """The engine's grades. Raises ValidationError naming each system whose mark does not fit its grade."""
    found, wrong = {}, {}
    for system, (value, mark) in assessment.grades.items():
        try:
            found[system] = Grade(value, cast(Mark, mark))
        except GradeError as error:
            wrong[system] = f"{error}."
    if wrong:
        raise ValidationError(wrong)
    return found


def calculate(assessment: Assessment) -> Score | None:
    """Set the calculated EDSS and the one that counts; the Score, or None where a grade or the walking is missing.

    Raises ValidationError naming each field whose value cannot be.
    """
    policies = Policies.from_mapping(assessment.policies)
    found: Score | None = None
    try:
        found = score(grades_of(assessment), assessment.ambulation, policies, assessment.ambulation_scheme)
    except ScoringError as error:
        impossible = {p.field: p.message for p in error.problems if getattr(assessment, p.field, None) is not None}
        if impossible:
            raise ValidationError(impossible) from error
    assessment.policies = policies.as_mapping()
    assessment.algorithm_version = ALGORITHM_VERSION if found else ""
    assessment.edss_calculated = found.edss if found else None
    assessment.matched_row = found.row if found else None
    assessment.edss = assessment.edss_calculated if assessment.edss_rater is None else assessment.edss_rater
    return found


def days_since(day: date, relapses: Iterable[Interval]) -> int | None:
    """Days since the latest relapse that may lie on or before the day; the fewest there can be where it is vague."""
    passed = [max((day - min(onset.last, day)).days, 0) for onset in relapses if onset.first <= day]
    return min(passed, default=None)


def facts(assessment: Assessment, relapses: Iterable[Interval] = ()) -> AssessmentFacts:
    exact = assessment.day_precision == "day"
    return AssessmentFacts(
        day=assessment.day,
        edss_counts=assessment.edss,
        rater_assigned=assessment.edss_rater,
        grades=grades_of(assessment),
        ambulation=assessment.ambulation,
        scheme=assessment.ambulation_scheme,
        distance_m=assessment.distance_m,
        aid=cast(Aid, assessment.aid) if assessment.aid else None,
        observed={"seen": True, "told": False}.get(assessment.observed),
        rater=assessment.rated_by or None,
        mode=None if assessment.mode == "unknown" else assessment.mode,
        days_since_relapse=days_since(assessment.day, relapses) if exact else None,
        steroids_last_30_days=assessment.steroids_30_days,
    )


def findings(assessment: Assessment, found: Score | None, near: Neighbours) -> tuple[Finding, ...]:
    """Every warning of this assessment, to be confirmed with a reason before it is saved."""
    previous = facts(near.previous) if near.previous else None
    return warnings(facts(assessment, near.relapses), found, previous)


def neighbours(assessment: Assessment) -> Neighbours:
    """Read the visit before this one and the relapses of its patient."""
    rows = Assessment.objects.live().filter(patient_id=assessment.patient_id).select_related("rater")
    earlier = rows.exclude(pk=assessment.pk).exclude(edss=None).filter(day__lt=assessment.day)
    relapses = assessment.patient.relapses.filter(voided_at=None)
    return Neighbours(earlier.order_by("-day", "-pk").first(), tuple(relapse.interval for relapse in relapses))


def check_dates(assessment: Assessment) -> None:
    """Not in the future by the centre's calendar, not before the birth, not after the death."""
    patient, when = assessment.patient, assessment.interval
    today = patient.centre.today()
    if assessment.day > today:
        raise ValidationError({"day": f"{when.words} is in the future. Today is {today:%-d %b %Y}."})
    birth, death = patient.known("birth"), patient.known("death")
    if birth and when.last < birth.first:
        raise ValidationError({"day": f"{when.words} lies before the birth, {patient.say('birth')}."})
    if death and when.first > death.last:
        raise ValidationError({"day": f"{when.words} lies after the death, {patient.say('death')}."})


def check_moment(assessment: Assessment) -> None:
    """The moment, where known, lies on the day by the centre's clocks and is not ahead of them."""
    if assessment.at is None:
        return
    if assessment.day_precision != "day" or assessment.patient.centre.day_of(assessment.at) != assessment.day:
        raise ValidationError({"at": f"The time does not lie on {assessment.say_day()} in the centre's time zone."})
    if assessment.at > timezone.now() + CLOCKS_DIFFER:
        raise ValidationError({"at": "The time is in the future."})


def check_value(assessment: Assessment) -> None:
    """A rater's own value needs its reason, and so does an assessment without any EDSS."""
    if assessment.edss_rater is not None and not assessment.rater_reason.strip():
        raise ValidationError({"rater_reason": "Say why your value stands beside the calculated one."})
    if assessment.edss is None and not assessment.incomplete_reason.strip():
        raise ValidationError({"incomplete_reason": "There is no EDSS. Complete the grades, or say why there is none."})


def check_death(assessment: Assessment) -> None:
    """EDSS 10 is death due to MS and nothing else. Source: docs/engine.md, "What stops a calculation"."""
    if assessment.edss == Decimal("10.0") and not assessment.patient.died_of_ms:
        field = "ambulation" if assessment.edss_rater is None else "edss_rater"
        raise ValidationError({field: "EDSS 10 needs a death from MS recorded for this patient."})


def check_changed_patient(patient: Patient) -> None:
    """Changed birth or death against what was found, and EDSS 10 only with a death from MS."""
    rows = Assessment.objects.live().filter(patient=patient)
    if patient.death_cause != "ms" and rows.filter(edss=10).exists():
        raise ValidationError({"death_cause": "There is an assessment with EDSS 10, which is death from MS."})
    check_lifetime(patient, rows, "day", "assessment")
    relapses = Relapse.objects.live().filter(patient=patient)
    check_lifetime(patient, relapses, "onset", "relapse")
    check_lifetime(patient, relapses, "end", "end of a relapse")


def confirm(
    assessment: Assessment, found: Iterable[Finding], confirmed: dict[str, str], *, all_because: str = ""
) -> None:
    """Store the reasons for the warnings. Raises ValidationError with one field, `confirm_W1`, for each left open."""
    open_ones = {}
    kept = []
    before = {(one["id"], one.get("sentence")): one.get("reason", "") for one in assessment.confirmed_warnings}
    for finding in found:
        again = before.get((finding.id, finding.sentence), "") if finding.id not in confirmed else ""
        reason = (confirmed.get(finding.id) or again or all_because).strip()
        if reason:
            kept.append({"id": finding.id, "reason": reason[:200], "sentence": finding.sentence})
        else:
            open_ones[f"confirm_{finding.id}"] = f"{finding.sentence} Say why this is right."
    if open_ones:
        raise ValidationError(open_ones)
    assessment.confirmed_warnings = kept
