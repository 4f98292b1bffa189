"""Writing assessments and relapses."""

from collections.abc import Mapping, Sequence

from django.core.exceptions import ValidationError

from assessments.checks import (
    Neighbours,
    calculate,
    check_dates,
    check_death,
    check_moment,
    check_value,
    confirm,
    findings,
    neighbours,
)
from assessments.models import Assessment, Relapse
from patients import writing

NO_STEP = "Not a step of the EDSS: 0, then 1.0 to 10.0 by 0.5."
ASSESSMENT_SENTENCES = {
    "one_live_assessment_a_day": ("day", "This patient already has an assessment on this day. Change that one."),
    "assessment_edss_on_scale": ("edss_rater", NO_STEP),
    "assessment_edss_rater_on_scale": ("edss_rater", NO_STEP),
    "assessment_distance_m": ("distance_m", "Write whole metres, 0 to 50,000."),
    "assessment_ambulation_code": ("ambulation", "Not a code of this walking scheme."),
    "assessment_day_in_range": ("day", "The date lies outside 1900 to 2199."),
    "assessment_day_precision": ("day", "A date to the month or year is stored as its first day."),
}
RELAPSE_SENTENCES = {
    "one_live_relapse_an_onset": ("onset", "This patient already has a relapse with this onset."),
    "relapse_onset_in_range": ("onset", "The date lies outside 1900 to 2199."),
    "relapse_end_in_range": ("end", "The date lies outside 1900 to 2199."),
    "relapse_onset_precision": ("onset", "A date to the month or year is stored as its first day."),
    "relapse_end_after_onset": ("end", "The end lies before the onset."),
    "relapse_end_precision": ("end", "A date to the month or year is stored as its first day."),
}


def check_assessment(
    assessment: Assessment, near: Neighbours, confirmed: Mapping[str, str], *, all_because: str = ""
) -> None:
    """Everything that must hold before an assessment is saved; sets its calculated fields. Raises ValidationError."""
    assessment.clean_fields(exclude=["patient"])
    found = calculate(assessment)
    refused: dict[str, list] = {}
    for check in (
        check_dates,
        check_moment,
        check_death,
        check_value,
        lambda one: confirm(one, findings(one, found, near), dict(confirmed), all_because=all_because),
    ):
        try:
            check(assessment)
        except ValidationError as error:  # all that stops the save is said at once
            refused |= error.error_dict
    if refused:
        raise ValidationError(refused)


def record_assessment(
    assessment: Assessment, *, by, confirmed: Mapping[str, str] | None = None, reason: str = ""
) -> Assessment:
    """Save one new assessment. `confirmed`: warning id to the rater's reason.

    Raises ValidationError; nothing is saved then.
    """

    def check(one: Assessment) -> None:
        check_assessment(one, neighbours(one), confirmed or {})

    writing.save_new(
        [assessment], by=by, action="assessment.add", check=check, sentences=ASSESSMENT_SENTENCES, reason=reason
    )
    return assessment


def record_assessments(
    assessments: Sequence[Assessment], *, by, confirm_because: str, action: str = "import", reason: str = ""
) -> Sequence[Assessment]:
    """Save many assessments, all or none, with one reason that confirms every warning. For imports and the demo.

    Reads the neighbours in two queries, not two for each row.
    """
    near = neighbours_of(assessments)

    def check(one: Assessment) -> None:
        check_assessment(one, near[id(one)], {}, all_because=confirm_because)

    return writing.save_new(
        assessments, by=by, action=action, check=check, sentences=ASSESSMENT_SENTENCES, reason=reason
    )


def neighbours_of(assessments: Sequence[Assessment]) -> dict[int, Neighbours]:
    """For each new row (by its `id()`), the visit before it among the stored and the new ones, and the relapses."""
    ids = {one.patient_id for one in assessments}
    onsets: dict[int, list] = {}
    for relapse in Relapse.objects.live().filter(patient__in=ids):
        onsets.setdefault(relapse.patient_id, []).append(relapse.interval)
    visits: dict[int, list[Assessment]] = {}
    stored = Assessment.objects.live().filter(patient__in=ids).exclude(edss=None).select_related("rater")
    for visit in (*stored, *assessments):
        visits.setdefault(visit.patient_id, []).append(visit)
    near = {}
    for patient_id, rows in visits.items():
        relapses, previous = tuple(onsets.get(patient_id, ())), None
        for visit in sorted(rows, key=lambda row: row.day):
            near[id(visit)] = Neighbours(previous, relapses)
            if visit.edss is not None or visit.edss_rater is not None or visit.pk is None:
                previous = visit
    return near


def amend_assessment(
    assessment: Assessment, *, by, confirmed: Mapping[str, str], reason: str, row_version: int
) -> Assessment:
    """Save a changed assessment. Raises Conflict if somebody saved it since `row_version`, ValidationError."""

    def check(one: Assessment) -> None:
        check_assessment(one, neighbours(one), confirmed)

    return writing.amend(
        assessment,
        by=by,
        action="assessment.change",
        check=check,
        sentences=ASSESSMENT_SENTENCES,
        reason=reason,
        row_version=row_version,
    )


def void_assessment(assessment: Assessment, *, by, reason: str, row_version: int) -> Assessment:
    return writing.void(assessment, by=by, action="assessment.change", reason=reason, row_version=row_version)


def check_relapse(relapse: Relapse) -> None:
    """Everything that must hold before a relapse is saved. Raises ValidationError."""
    if not isinstance(relapse.systems, list) or not all(isinstance(name, str) for name in relapse.systems):
        raise ValidationError({"systems": "A list of functional systems is wanted."})
    relapse.clean_fields(exclude=["patient"])
    relapse.clean()
    patient = relapse.patient
    today = patient.centre.today()
    if relapse.onset > today:
        raise ValidationError({"onset": f"{relapse.interval.words} is in the future. Today is {today:%-d %b %Y}."})
    if relapse.end and relapse.end > today:
        raise ValidationError({"end": f"The end is in the future. Today is {today:%-d %b %Y}."})
    birth, death = patient.known("birth"), patient.known("death")
    if birth and relapse.interval.last < birth.first:
        raise ValidationError({"onset": f"{relapse.interval.words} lies before the birth, {patient.say('birth')}."})
    if death and relapse.interval.first > death.last:
        raise ValidationError({"onset": f"{relapse.interval.words} lies after the death, {patient.say('death')}."})
    if death and relapse.end and relapse.end > death.last:
        raise ValidationError({"end": f"The end lies after the death, {patient.say('death')}."})


def record_relapses(
    relapses: Sequence[Relapse], *, by, action: str = "relapse.add", reason: str = ""
) -> Sequence[Relapse]:
    """Save new relapses, all or none. Raises ValidationError; nothing is saved then."""
    return writing.save_new(
        relapses, by=by, action=action, check=check_relapse, sentences=RELAPSE_SENTENCES, reason=reason
    )


def amend_relapse(relapse: Relapse, *, by, reason: str, row_version: int) -> Relapse:
    return writing.amend(
        relapse,
        by=by,
        action="relapse.change",
        check=check_relapse,
        sentences=RELAPSE_SENTENCES,
        reason=reason,
        row_version=row_version,
    )


def void_relapse(relapse: Relapse, *, by, reason: str, row_version: int) -> Relapse:
    return writing.void(relapse, by=by, action="relapse.change", reason=reason, row_version=row_version)
