"""Frozen values that cross the border of the engine: dates as they are known, visits, histories, findings.

A date is an interval of days (docs/engine.md, "Dates as they are known"): exact when both ends are the same day.
"""

from calendar import monthrange
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal, NamedTuple

Precision = Literal["day", "month", "year"]
Status = Literal["improved", "stable", "progressed", "insufficient"]
Certainty = Literal["confirmed", "provisional"]
Direction = Literal["improvement", "worsening"]

DAYS_PER_YEAR = 365.25  # of every duration that is shown in years
_LAST = date.max.toordinal()
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day_words(day: date) -> str:
    """A calendar day in words, the same in every locale: "19 Sep 2023"."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def completed_months(first: date, last: date) -> int:
    """Completed calendar months from one day to another."""
    return (last.year - first.year) * 12 + last.month - first.month - (last.day < first.day)


def edss_words(edss: float) -> str:
    """An EDSS step with one decimal; a value off the steps is shown as it was given, so that it can be found."""
    return f"{edss:.1f}" if float(edss * 2).is_integer() else str(edss)


def day_of(ordinal: int) -> date:
    """The day of a proleptic ordinal, held within what a calendar date can express."""
    return date.fromordinal(ordinal if 1 <= ordinal <= _LAST else 1 if ordinal < 1 else _LAST)


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """The days on which something may have happened, both ends included."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"an interval cannot end ({self.last}) before it begins ({self.first})")

    @staticmethod
    def of(day: date, precision: Precision = "day") -> "Interval":
        """The interval of a lower-bound date, unknown parts 1, and how much of it is known."""
        return _interval_of(day, precision)

    @property
    def exact(self) -> bool:
        return self.first == self.last

    @property
    def precision(self) -> Literal["day", "month", "year", "range"]:
        """How much of the date is known; "range" for an interval that is neither a month nor a year."""
        if self.exact:
            return "day"
        if self == Interval.of(self.first, "month"):
            return "month"
        return "year" if self == Interval.of(self.first, "year") else "range"

    @property
    def words(self) -> str:
        """In words: "19 Sep 2023", "Mar 2019", "2019", or both ends."""
        precision = self.precision
        if precision == "day":
            return day_words(self.first)
        if precision == "month":
            return f"{_MONTHS[self.first.month - 1]} {self.first.year}"
        return str(self.first.year) if precision == "year" else f"{day_words(self.first)} to {day_words(self.last)}"


def earliest(days: Collection[Interval]) -> Interval:
    """When the first of these was: one known to the day also bounds those known less well. ValueError for none."""
    return Interval(min(day.first for day in days), min(day.last for day in days))


def latest(days: Collection[Interval]) -> Interval:
    """When the last of these was. ValueError for none."""
    return Interval(max(day.first for day in days), max(day.last for day in days))


@lru_cache(maxsize=20_000)  # a registry has many visits and few days: half the cost of reading it otherwise
def _interval_of(day: date, precision: str) -> Interval:
    if precision == "day":
        return Interval(day, day)
    if precision == "month":
        return Interval(day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1]))
    if precision == "year":
        return Interval(date(day.year, 1, 1), date(day.year, 12, 31))
    raise ValueError(f"unknown precision {precision!r}")


Day = date | Interval


def as_interval(day: Day) -> Interval:
    return day if isinstance(day, Interval) else Interval(day, day)


def ordinals(day: Day) -> tuple[int, int]:
    """First and last possible day as proleptic ordinals."""
    if isinstance(day, Interval):
        return day.first.toordinal(), day.last.toordinal()
    ordinal = day.toordinal()
    return ordinal, ordinal


class Visit(NamedTuple):
    """One scored assessment. `edss` None: no score was recorded. `ref`: whatever the caller needs to find it again."""

    day: Interval
    edss: float | None
    ref: object = None


VisitLike = Visit | tuple[Day, float | None]


@dataclass(frozen=True, slots=True)
class History:
    """What is known of one patient: visits and relapse onsets in any order, the first infusion of each course."""

    visits: Sequence[VisitLike] = ()
    relapses: Iterable[Day] = ()
    first_infusions: Iterable[Day] = ()
    death: Day | None = None


@dataclass(frozen=True, slots=True)
class Baseline:
    """The visit that later scores are compared with."""

    day: date
    edss: float
    ref: object = None


@dataclass(frozen=True, slots=True)
class Pending:
    """A run that is too short to decide yet. `confirmable_from` is None once the person has died."""

    direction: Direction
    since: date
    confirmable_from: date | None


FindingKind = Literal["off_grid", "edss_10_without_death", "same_day"]

_FINDINGS: dict[FindingKind, str] = {
    "off_grid": "EDSS {edss} on {day} is not a step of the scale (0.0, 1.0, 1.5 to 10.0). The row is not used.",
    "edss_10_without_death": "EDSS 10.0 on {day} is accepted only with a recorded death. The row is not used.",
    "same_day": "{day} has several rows. The last one is used, not this one with EDSS {edss}.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A row that was set aside. `row` is its index in the visits as given."""

    row: int
    kind: FindingKind
    day: Interval
    edss: float

    @property
    def sentence(self) -> str:
        return _FINDINGS[self.kind].format(day=self.day.words, edss=edss_words(self.edss))


@dataclass(frozen=True, slots=True)
class Refused:
    """A figure that is not given because it would mislead, and why, as a sentence to show in its place."""

    reason: str
