"""The people of an export, in blocks, from one snapshot: what a row of the file is written from."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple, cast

from django.db.models import Q

from engine.types import Interval, earliest
from outcomes import trajectory
from outcomes.cohorts import CohortFilter, keeps, possible
from outcomes.models import DisabilityEvent, Trajectory
from outcomes.reading import begun_before, read_rows
from outcomes.snapshot import Snapshot
from patients.models import Centre, Freshness, Patient, Phenotype
from patients.querysets import PatientQuerySet
from treatments.models import Infusion

BLOCK = 1000  # people that are in memory at a time


class GivenCourse(NamedTuple):
    """One course given: its first infusion day as far as all its rows tell, its state, and how many days there were."""

    first: Interval
    state: str
    infusions: int


class Event(NamedTuple):
    """A confirmed event since the baseline."""

    kind: str
    label: str


@dataclass(frozen=True)
class Person:
    """One patient as the columns read them. `one`: the result as of the snapshot; None where there can be none."""

    patient: Patient
    one: Trajectory | None
    made: str  # stored, computed, missing
    events: Sequence[Event]  # by onset
    courses: Sequence[GivenCourse]
    relapses: Sequence[Interval]
    drugs: Sequence[tuple[str, Interval | None, Interval | None]]
    phenotype: str
    data_version: int | None
    at: datetime  # of the snapshot

    def verdict(self, anchor: str) -> dict[str, Any]:
        return self.one.codes[anchor] if self.one else {}

    def flagged(self, flag: str) -> bool | None:
        if self.one is None or self.one.baseline_day is None:
            return None
        return flag in self.verdict("since_lemtrada")["flags"]

    @property
    def first_infusion(self) -> Interval | None:
        return self.courses[0].first if self.courses else None

    @cached_property
    def relapses_by_side(self) -> tuple[int | None, int | None, int | None]:
        """Surely up to the day of the first infusion, surely later, and neither; None without an infusion.

        Up to that day: as the relapse rates count.
        """
        first = self.first_infusion
        if first is None:
            return None, None, None
        before = sum(onset.last <= first.first for onset in self.relapses)
        after = sum(onset.first > first.last for onset in self.relapses)
        return before, after, len(self.relapses) - before - after

    @property
    def prior_drugs(self) -> list[str] | None:
        """Codes of the drugs surely begun before the first infusion. What a user wrote beside the code stays here."""
        first = self.first_infusion
        if first is None:
            return None
        return sorted({name.partition(" ")[0] for name in begun_before(first.first, self.drugs)})

    @property
    def drugs_unsure(self) -> int | None:
        """Drugs that may have been begun before the first infusion, but not surely; None without an infusion."""
        first = self.first_infusion
        if first is None:
            return None
        possible = {name for name, start, _ in self.drugs if start is None or start.first < first.last}
        return len(possible - begun_before(first.first, self.drugs))

    @property
    def last_visit(self) -> Interval | None:
        """When the last visit with an EDSS was, as far as it is known."""
        if self.one is None or self.one.last_visit is None:
            return None
        days = [day for day, edss, _ in self.one.codes["visits"] if edss is not None]
        first, last = days[-1] if isinstance(days[-1], list) else (days[-1], days[-1])
        return Interval(date.fromordinal(first), date.fromordinal(last))

    @cached_property
    def visits(self) -> tuple[int | None, int | None, int | None]:
        """Assessments, those with an EDSS, and of these those not known to the day: what the result was made from."""
        if self.one is None:
            return None, None, None
        found = self.one.codes["visits"]
        scored = [day for day, edss, _ in found if edss is not None]
        return len(found), len(scored), sum(isinstance(day, list) for day in scored)


def blocks(
    people: PatientQuerySet, wanted: CohortFilter, snapshot: Snapshot, today: date, leave_out: Callable[[int], None]
) -> Generator[list[Person]]:
    """The people of a filter, at most BLOCK at a time, in the order of their registration.

    `leave_out` is told how many have no result that a filter could ask.
    """
    kept = keeps(wanted, today)
    with snapshot.reading():
        ids = possible(people, wanted, today).order_by("pk").values_list("pk", flat=True).using(snapshot.alias)
        centres = Centre.objects.in_bulk()
    cursor = cast(Generator[int], ids.iterator(chunk_size=BLOCK))
    with closing(cursor) as rows:  # it must end before its transaction does
        while some := list(islice(rows, BLOCK)):
            with snapshot.reading():
                found = read(some, centres, snapshot.at)
            if wanted.derived:
                leave_out(sum(person.one is None for person in found))
            yield [person for person in found if kept(person.one)]


def read(ids: Sequence[int], centres: dict[int, Centre], at: datetime) -> list[Person]:
    """These patients, in this order, in a constant number of queries."""
    here = among(ids)
    patients = Patient.objects.filter(among(ids, "pk")).in_bulk()
    for patient in patients.values():
        patient.centre = centres[patient.centre_id]
    current = trajectory.current(patients[pk] for pk in ids)
    events: dict[int, list[Event]] = {}
    stored_events = DisabilityEvent.objects.filter(here).order_by("onset", "number")
    for pk, *event in stored_events.values_list("patient_id", *Event._fields):
        events.setdefault(pk, []).append(Event(*event))
    versions = Freshness.objects.filter(here, kind=trajectory.KIND).values_list("patient_id", "data_version")
    version_of, courses, phenotypes = dict(versions), read_courses(ids), read_phenotypes(ids)
    found = []
    for rows in read_rows(ids, ("relapse", "drug")):
        pk = rows.patient_id
        result = current.get(pk)
        stored = result is not None and result.stored
        person = Person(
            patient=patients[pk],
            one=result.trajectory if result else None,
            made="stored" if stored else "computed" if result else "missing",
            events=events.get(pk, ()) if stored else events_of(result),
            courses=courses.get(pk, ()),
            relapses=rows.relapses,
            drugs=rows.drugs,
            phenotype=phenotypes.get(pk, ""),
            data_version=version_of.get(pk),
            at=at,
        )
        found.append(person)
    return found


def among(ids: Sequence[int], field: str = "patient") -> Q:
    """These patients, and where their ids are close together perhaps some between them: a range costs less to say."""
    first, last = min(ids, default=0), max(ids, default=-1)
    if last - first < 2 * len(ids):
        return Q(**{f"{field}__gte": first, f"{field}__lte": last})
    return Q(**{f"{field}__in": ids})


def events_of(result: trajectory.Current | None) -> list[Event]:
    """The events of a result that was computed just now."""
    return [Event(event.kind, event.label) for event in result.trajectory.events] if result else []


def read_courses(ids: Sequence[int]) -> dict[int, list[GivenCourse]]:
    """The courses given, by first infusion: those with a live infusion that had a dose."""
    given = Infusion.objects.live().filter(among(ids), course__voided_at=None, dose_mg__gt=0)
    fields = ("patient_id", "course_id", "day", "day_precision", "course__state")
    known: dict[int, dict[int, GivenCourse]] = {}
    for pk, course, day, precision, state in given.order_by("day", "pk").values_list(*fields):
        of_patient, interval = known.setdefault(pk, {}), Interval.of(day, precision)
        before = of_patient.get(course, GivenCourse(interval, state, 0))
        of_patient[course] = GivenCourse(earliest([before.first, interval]), state, before.infusions + 1)
    return {pk: list(courses.values()) for pk, courses in known.items()}


def read_phenotypes(ids: Sequence[int]) -> dict[int, str]:
    """The course of MS with the latest date; one without a date counts as the oldest."""
    rows = Phenotype.objects.live().filter(among(ids)).order_by()
    dated = rows.values_list("since", "pk", "patient_id", "kind")
    ordered = sorted(dated, key=lambda row: (row[0] or date.min, row[1]))
    return {patient: kind for _, _, patient, kind in ordered}
