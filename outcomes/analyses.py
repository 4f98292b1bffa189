"""What became of a cohort: its people as columns into the engine, and the figures back.

Who is counted is the same for every figure (docs/engine.md, "Cohort outcomes"): a complete course, a baseline before
Lemtrada, and a usable visit 168 days or more after the later of baseline and first infusion day.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from itertools import chain
from typing import NamedTuple

from django.core.cache import cache
from django.db.models import Count, Max, Sum

from engine import VERSION
from engine.change import MeanChange, mean_change
from engine.shares import wilson
from engine.status import CONFIRM_DAYS, LOWEST_IMPROVABLE, anniversary
from engine.survival import Estimate, KaplanMeier, kaplan_meier
from engine.types import DAYS_PER_YEAR, Refused
from outcomes import trajectory
from outcomes.cohorts import CohortFilter, Selection
from patients.models import Freshness

LABELS = ("improved", "stable", "worsened")
YEARS_SHOWN = 15
KEPT_SECONDS = 3600


class Person(NamedTuple):
    """One patient as the analyses need it; the fields are columns of Trajectory."""

    baseline_edss: float | None
    baseline_day: date | None
    first_infusion: date | None
    complete_courses: int
    follow_up_days: int | None
    worsening_day: date | None
    improvement_day: date | None
    changes: Sequence[tuple[int, str | None, float | None]]


@dataclass(frozen=True)
class Year:
    """One anniversary: how many have a visit near it, their labels, and the mean change of the same people."""

    year: int
    people: int
    labels: dict[str, tuple[int, float, float, float]]  # label: people, share, low, high; shares in per cent
    change: MeanChange | Refused


@dataclass(frozen=True)
class Curve:
    """Share still free of an event by year. `people` were at risk, `events` had it."""

    people: int
    events: int
    estimate: KaplanMeier | Refused

    @property
    def years(self) -> list[tuple[int, Estimate | None]]:
        """Year 0 to the last one that somebody reached."""
        if isinstance(self.estimate, Refused):
            return []
        last = min(int(self.estimate.last_day / DAYS_PER_YEAR), YEARS_SHOWN)
        return [(year, self.estimate.at_year(year)) for year in range(last + 1)]


@dataclass(frozen=True)
class Analyses:
    """All figures of one cohort, as of one day."""

    people: int  # those counted
    years: list[Year]  # each anniversary that somebody has a visit near to
    worsening: Curve
    improvement: Curve  # only of those who can improve by a step
    improved: int  # with a confirmed improvement, worsened or not
    worsened: int
    neither: int


def analyse(everybody: Iterable[Person], today: date) -> Analyses:
    people = [person for person in everybody if counted(person)]
    able = [p for p in people if p.baseline_edss is not None and p.baseline_edss >= LOWEST_IMPROVABLE]
    return Analyses(
        people=len(people),
        years=yearly(people, today),
        worsening=curve([(days_to(p, p.worsening_day), p.worsening_day is not None) for p in people]),
        improvement=curve([(days_to(p, p.improvement_day), p.improvement_day is not None) for p in able]),
        improved=sum(p.improvement_day is not None for p in people),
        worsened=sum(p.worsening_day is not None for p in people),
        neither=sum(p.improvement_day is None and p.worsening_day is None for p in people),
    )


def yearly(people: Iterable[Person], today: date) -> list[Year]:
    found: dict[int, list[tuple[str | None, float | None]]] = {}
    for person in people:
        for year, label, change in person.changes:
            if person.first_infusion and anniversary(person.first_infusion, year) <= today:
                found.setdefault(year, []).append((label, change))
    return [year_of(year, found[year]) for year in sorted(found)[:YEARS_SHOWN]]


def counted(person: Person) -> bool:
    """Whether a patient belongs to the cohort of every figure, on whichever possible day the first infusion was."""
    if not person.complete_courses or person.baseline_day is None or person.first_infusion is None:
        return False
    late = max((person.first_infusion - person.baseline_day).days, 0)
    return person.follow_up_days is not None and person.follow_up_days - late >= CONFIRM_DAYS


def days_to(person: Person, event: date | None) -> int:
    """From the baseline to the event, else to the last usable visit."""
    if event is not None and person.baseline_day is not None:
        return (event - person.baseline_day).days
    return person.follow_up_days or 0


def curve(times: Sequence[tuple[int, bool]]) -> Curve:
    days, observed = [time for time, _ in times], [seen for _, seen in times]
    return Curve(len(times), sum(observed), kaplan_meier(days, observed))


def year_of(year: int, seen: Sequence[tuple[str | None, float | None]]) -> Year:
    labelled = [label for label, _ in seen if label is not None]
    labels = {}
    for label in LABELS:
        number = labelled.count(label)
        low, high = wilson(number, len(labelled))
        labels[label] = (number, 100 * number / len(labelled), 100 * low, 100 * high)
    return Year(year, len(labelled), labels, mean_change([change for _, change in seen if change is not None]))


def of_selection(selection: Selection, wanted: CohortFilter) -> Analyses:
    """The figures of the people of a filter. Kept while no record in sight changes: a registry takes a second."""
    key = None if selection.computed or selection.waiting else cache_key(selection, wanted)
    found: Analyses | None = cache.get(key) if key else None
    if found is None:
        stored, computed = selection.matching(wanted)
        rows = stored.order_by().values_list(*(f"trajectory__{name}" for name in Person._fields))
        now = (Person(*(getattr(t, name) for name in Person._fields)) for t in computed.values())
        found = analyse(chain(map(Person._make, rows.iterator(chunk_size=5000)), now), selection.today)
        if key:
            cache.set(key, found, KEPT_SECONDS)
    return found


def cache_key(selection: Selection, wanted: CohortFilter) -> str:
    """The same only for the same people, with the same results, on the same day, by the same engine."""
    people = selection.people.order_by()
    people = people if wanted.centre is None else people.filter(centre=wanted.centre)
    state = Freshness.objects.filter(kind=trajectory.KIND, patient__in=people).aggregate(
        people=Count("pk"),
        ids=Sum("patient_id"),
        versions=Sum("data_version"),
        computed=Max("patient__trajectory__computed_at"),  # a result can be made anew from the same records
    )
    said = f"{VERSION} {selection.today} {wanted} {sorted(state.items())} {selection.scope}"
    return f"cohort-{sha256(said.encode()).hexdigest()}"
