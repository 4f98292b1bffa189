"""What the registry already holds of the patients in a file, and by which versions one can tell that it has changed."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import islice
from typing import Any

from assessments.models import Assessment, Relapse
from engine.edss import SYSTEMS
from engine.types import Interval
from outcomes.exchange.mapping import Mapping
from patients.models import Centre, Freshness, Identity, Patient

CHUNK = 500
CLOSE_DAYS = 30
Versions = dict[str, tuple[int, ...]]  # local number to (patient, its row version, versions of its clinical rows)


def chunks(values: Collection) -> Iterator[list]:
    rest = iter(values)
    while found := list(islice(rest, CHUNK)):
        yield found


def read_versions(centre: Centre, numbers: Collection[str]) -> Versions:
    """The registered ones among these local numbers. Triggers raise the version with each change of a clinical row."""
    rows: dict[str, tuple[int, ...]] = {}
    for chunk in chunks(numbers):
        found = Identity.objects.filter(centre=centre, local_number__in=chunk)
        rows |= {number: (pk, version) for number, pk, version in
                 found.values_list("local_number", "patient_id", "patient__row_version")}  # fmt: skip
    data: dict[int, list[int]] = defaultdict(list)
    for chunk in chunks([pk for pk, _ in rows.values()]):
        versions = Freshness.objects.filter(patient__in=chunk).order_by("patient_id", "kind")
        for pk, version in versions.values_list("patient_id", "data_version"):
            data[pk].append(version)
    return {number: (*found, *data[found[0]]) for number, found in rows.items()}


class Onsets:
    """The relapse onsets of one patient, to be asked for those that a visit may be near to."""

    def __init__(self, intervals: Iterable[Interval]) -> None:
        every = sorted(set(intervals))
        self.vague = tuple(one for one in every if not one.exact)
        self.exact = [one for one in every if one.exact]

    def near(self, day: date) -> tuple[Interval, ...]:
        first = bisect_left(self.exact, Interval.of(day - timedelta(days=2 * CLOSE_DAYS)))
        return self.vague + tuple(self.exact[first : bisect_right(self.exact, Interval.of(day))])


@dataclass
class Stored:
    """The registered patients of a file, with their live assessments and relapses."""

    versions: Versions
    patients: dict[str, Patient] = field(default_factory=dict)
    visits: dict[int, list[Assessment]] = field(default_factory=lambda: defaultdict(list))
    onsets: dict[int, list[Relapse]] = field(default_factory=lambda: defaultdict(list))

    by_day: dict[tuple[int, date, str], list[Assessment]] = field(default_factory=lambda: defaultdict(list))

    def on(self, patient: Patient, day: date, precision: str) -> list[Assessment]:
        """The patient's assessments with just this date."""
        return self.by_day.get((patient.pk, day, precision), [])


def read_stored(centre: Centre, numbers: Collection[str]) -> Stored:
    """Versions are read first: whatever changes while the rest is read makes them differ later."""
    stored = Stored(read_versions(centre, numbers))
    number_of = {pk: number for number, (pk, *_) in stored.versions.items()}
    for chunk in chunks(number_of):
        for patient in Patient.objects.filter(pk__in=chunk):
            patient.centre = centre
            stored.patients[number_of[patient.pk]] = patient
        for visit in Assessment.objects.live().filter(patient__in=chunk).select_related("rater").order_by("day", "pk"):
            stored.visits[visit.patient_id].append(visit)
            stored.by_day[visit.patient_id, visit.day, visit.day_precision].append(visit)
        for relapse in Relapse.objects.live().filter(patient__in=chunk):
            stored.onsets[relapse.patient_id].append(relapse)
    return stored


def content(assessment: Assessment, mapping: Mapping) -> dict[str, Any]:
    """What a file under this mapping says of an assessment, to compare a stored with a new one."""
    found: dict[str, Any] = {}
    grades = assessment.grades
    for key in mapping.columns:
        if key in SYSTEMS and key not in mapping.converted:
            grade, mark = grades[key]
            found[key] = None if grade is None else f"{grade}{mark}"
        elif key == "ambulation":
            code = assessment.ambulation
            found[key] = None if code is None else f"{code} ({assessment.ambulation_scheme})"
        elif key in ("visit_type", "mode", "note"):
            found[key] = getattr(assessment, key) or None
        elif key == "rater":
            found[key] = assessment.rated_by or None
    return found | {"edss": None if assessment.edss is None else f"{assessment.edss:.1f}"}


def difference(old: Assessment, new: Assessment, mapping: Mapping) -> str:
    """In words, what a stored assessment and the file say differently; nothing when they agree."""
    before, now = content(old, mapping), content(new, mapping)
    parts = [
        f"{mapping.columns.get(key, key)} stored {say(before[key])}, in the file {say(now[key])}"
        for key in now
        if before[key] != now[key]
    ]
    return "; ".join(parts)


def say(value: str | None) -> str:
    if value is None:
        return "empty"
    return value if len(value) <= 30 else value[:29] + "…"
