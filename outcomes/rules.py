"""Rules between records that no constraint of a database can hold: looked for in everything that is stored.

The services hold them under the lock of the patient; what came another way, by hand or from an older version, is
found here.
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby, pairwise
from operator import itemgetter

from django.core.exceptions import ValidationError
from django.db.models import F, Q
from django.utils import timezone

from assessments.models import Assessment, Relapse
from patients import services
from patients.dates import interval
from patients.models import Consent, Patient, Phenotype
from treatments.models import Infusion, Treatment

DATED = (
    (Assessment, "day"), (Relapse, "onset"), (Relapse, "end"), (Infusion, "day"), (Treatment, "start"),
    (Treatment, "stop"), (Phenotype, "since"),
)  # fmt: skip
FACTS = ("birth", "onset", "diagnosis", "death")
PIECE = 500  # patients looked at together


def broken() -> list[str]:
    """One line for each patient and rule. It names ids and fields, never a value."""
    return [*future(), *lifetimes(), *overlaps(), *strays()]


def future() -> Iterator[str]:
    """Days that no centre has reached yet, wherever it is."""
    tomorrow = timezone.now().date() + timedelta(days=1)
    for model, field in DATED:
        rows = model._default_manager.filter(voided_at=None, **{f"{field}__gt": tomorrow}).order_by("pk")
        for pk, patient in rows.values_list("pk", "patient_id"):
            yield f"patient {patient}: {field} of {model._meta.verbose_name} {pk} lies in the future"


def lifetimes() -> Iterator[str]:
    """What lies before the birth or after the death. The query is coarse; the services know imprecise dates."""
    ids = sorted(suspects())
    for start in range(0, len(ids), PIECE):
        for patient in Patient.objects.filter(pk__in=ids[start : start + PIECE]).select_related("centre"):
            for check in (services.check_patient, services.check_records):
                try:
                    check(patient)
                except ValidationError as problem:
                    yield f"patient {patient.pk}: {', '.join(sorted(problem.message_dict))} against what is recorded"


def suspects() -> set[int]:
    outside = (
        model._default_manager.filter(voided_at=None).filter(
            Q(**{f"{field}__lt": F("patient__birth")}) | Q(**{f"{field}__gt": F("patient__death")})
        )
        for model, field in DATED
    )
    rows = [
        *outside,
        Assessment.objects.live().filter(edss=10).exclude(patient__death_cause="ms"),
        Consent.objects.filter(day__lt=F("patient__birth")),
    ]
    tomorrow = timezone.now().date() + timedelta(days=1)
    facts = Q(participation_since__gt=tomorrow)
    for field in FACTS:
        facts |= Q(**{f"{field}__gt": tomorrow}) | Q(**{f"{field}__lt": F("birth")}) | Q(**{f"{field}__gt": F("death")})
    found = set(Patient.objects.filter(facts).values_list("pk", flat=True))
    return found.union(*(kind.order_by().values_list("patient_id", flat=True) for kind in rows))


def overlaps() -> Iterator[str]:
    """Courses whose infusion days lie within another course of the same patient."""
    given = Infusion.objects.live().filter(dose_mg__gt=0, course__voided_at=None).order_by("patient_id", "course_id")
    rows = given.values_list("patient_id", "course_id", "day", "day_precision")
    for patient, days in groupby(rows.iterator(), key=itemgetter(0)):
        courses = [list(rows) for _, rows in groupby(days, key=itemgetter(1))]
        spans = []
        for of_course in courses if len(courses) > 1 else ():
            known = [one for _, _, day, precision in of_course if (one := interval(day, precision))]
            spans.append((min(day.first for day in known), max(day.first for day in known), min(d.last for d in known)))
        spans.sort()
        if any(later[2] <= earlier[1] and earlier[2] <= later[1] for earlier, later in pairwise(spans)):
            yield f"patient {patient}: courses overlap"


def strays() -> Iterator[str]:
    """Infusions of one patient in a course of another. The engine counts them for neither."""
    rows = Infusion.objects.live().exclude(course__patient=F("patient")).order_by("patient_id")
    for patient in rows.values_list("patient_id", flat=True).distinct():
        yield f"patient {patient}: an infusion belongs to a course of another patient"
