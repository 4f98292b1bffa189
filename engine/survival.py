"""Time to event in a cohort: the Kaplan-Meier estimate with its uncertainty.

Source of all definitions: docs/engine.md, "Time to an event". The log-rank test is in `engine.logrank`.
"""

from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.types import DAYS_PER_YEAR, Refused

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

ROUNDING = 1e-9  # 3/4 x 2/3 is a half, whatever the machine makes of it


@dataclass(frozen=True, slots=True)
class Estimate:
    """Share still free of the event after a day's events, its interval, and how many are at risk on that day."""

    survival: float
    low: float
    high: float
    at_risk: int


@dataclass(frozen=True, slots=True, eq=False)
class KaplanMeier:
    """A survival curve. The arrays have one entry for each distinct day with an event, in ascending order.

    Days are counted from the origin; `survival`, `low` and `high` are shares and hold from that day on. `variance` is
    Greenwood's; where the curve has reached 0 it has none (nan). A median that is not reached is None.
    """

    event_days: Floats
    survival: Floats
    variance: Floats
    low: Floats
    high: Floats
    events: Counts
    at_risk: Counts
    patients: int
    last_day: float  # the longest time under observation
    median_days: float | None
    median_low_days: float | None
    median_high_days: float | None
    _times: Floats = field(repr=False)
    _entries: Floats = field(repr=False)

    def at(self, days: float) -> Estimate | None:
        """The estimate after all events up to and including this day; None where nobody was watched any more.

        Before the first event it is 1 with the interval 1 to 1. ValueError on a negative day.
        """
        if not days >= 0:
            raise ValueError(f"{days} is no day after the origin")
        if days > self.last_day and not (len(self.survival) and self.survival[-1] == 0):
            return None
        at_risk = int(self.at_risk_on([days])[0])
        index = int(np.searchsorted(self.event_days, days, side="right")) - 1
        if index < 0:
            return Estimate(1.0, 1.0, 1.0, at_risk)
        return Estimate(float(self.survival[index]), float(self.low[index]), float(self.high[index]), at_risk)

    def at_year(self, year: float) -> Estimate | None:
        """The estimate after 365.25 days a year."""
        return self.at(DAYS_PER_YEAR * year)

    def at_risk_on(self, days: ArrayLike) -> Counts:
        """Numbers at risk on each day: those with a time of at least that, and under observation before it."""
        return _at_risk(self._times, self._entries, np.asarray(days, dtype=np.float64))


def follow_up(durations_days: ArrayLike, observed: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    """Times (n,) in days from the origin and whether each ended with the event (n,), checked.

    ValueError unless the times are finite and not negative, the flags true or false, and both of one length.
    """
    days, ended = np.asarray(durations_days, dtype=np.float64), np.asarray(observed)
    if days.ndim != 1 or days.shape != ended.shape:
        raise ValueError(f"times {days.shape} and events {ended.shape} are not two lists of one length")
    if not np.all(np.isfinite(days)) or np.any(days < 0):
        raise ValueError("times must be finite and not negative")
    if not np.all((ended == 0) | (ended == 1)):
        raise ValueError("an event is either observed or not")
    return days, ended.astype(bool)


def kaplan_meier(
    durations_days: ArrayLike,
    observed: ArrayLike,
    *,
    entry_days: ArrayLike | None = None,
    confidence: float = 0.95,
) -> KaplanMeier | Refused:
    """Kaplan-Meier estimate of the time to the event.

    durations_days (n,): days from the origin to event or censoring; observed (n,): True for an event.
    entry_days (n,): the day from which a patient was watched (left truncation). A patient counts at risk on the days
    after the entry; entry 0 is from the origin on, so that an event on day 0 counts.
    On one day events come before censoring. Interval on the log(-log) scale; where the curve has reached 0 the scale
    has no value: from 0 to the upper limit before. Median: first day with at most a half, interval from the limits.
    Refused for nobody, or when late entry lets the curve fall to 0 before the others are watched. ValueError on
    impossible input. Source: Kaplan and Meier 1958, 10.1080/01621459.1958.10501452; Kalbfleisch and Prentice 2002,
    section 1.4; docs/engine.md, "Time to an event".
    """
    if not 0 < confidence < 1:
        raise ValueError(f"{confidence} is no confidence between 0 and 1")
    days, ended = follow_up(durations_days, observed)
    if len(days) == 0:
        return Refused("There is nobody in this group.")
    times, entries = np.sort(days), _entries(entry_days, days)
    event_days, events = np.unique(days[ended], return_counts=True)
    at_risk = _at_risk(times, entries, event_days)
    if np.any((events == at_risk) & (event_days < times[-1])):
        return Refused("All who were watched early had the event before the others came under observation.")
    survival: Floats = np.cumprod(1 - events / at_risk, dtype=np.float64)
    with np.errstate(divide="ignore"):  # at the end, where all had the event
        spread: Floats = np.cumsum(events / (at_risk * (at_risk - events)), dtype=np.float64)
    variance = np.full_like(survival, np.nan)
    np.multiply(survival**2, spread, out=variance, where=survival > 0)
    low, high = _limits(survival, spread, confidence)
    return KaplanMeier(
        event_days=event_days,
        survival=survival,
        variance=variance,
        low=low,
        high=high,
        events=events,
        at_risk=at_risk,
        patients=len(days),
        last_day=float(times[-1]),
        median_days=_first_at_most_half(event_days, survival),
        median_low_days=_first_at_most_half(event_days, low),
        median_high_days=_first_at_most_half(event_days, high),
        _times=times,
        _entries=entries,
    )


def _entries(entry_days: ArrayLike | None, days: Floats) -> Floats:
    """Sorted days of entry; from the origin on means before every day."""
    if entry_days is None:
        return np.full(len(days), -np.inf)
    entries = np.asarray(entry_days, dtype=np.float64)
    if entries.shape != days.shape or not np.all(np.isfinite(entries)) or np.any(entries < 0):
        raise ValueError("each patient needs a day of entry, finite and not negative")
    if np.any((entries >= days) & (entries > 0)):
        raise ValueError("a patient must be watched for some time after the entry")
    return np.sort(np.where(entries == 0, -np.inf, entries))


def _at_risk(times: Floats, entries: Floats, days: Floats) -> Counts:
    entered, left = np.searchsorted(entries, days, side="left"), np.searchsorted(times, days, side="left")
    return (entered - left).astype(np.int64)


def _limits(survival: Floats, spread: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Limits on the log(-log) scale; spread is Greenwood's sum."""
    low, high = np.zeros_like(survival), np.ones_like(survival)
    inside = survival > 0
    curve = survival[inside]
    width = NormalDist().inv_cdf((1 + confidence) / 2) * np.sqrt(spread[inside]) / -np.log(curve)
    low[inside], high[inside] = curve ** np.exp(width), curve ** np.exp(-width)
    if len(survival) > 1 and not inside[-1]:
        high[-1] = high[-2]
    return low, high


def _first_at_most_half(event_days: Floats, curve: Floats) -> float | None:
    reached = np.flatnonzero(curve <= 0.5 + ROUNDING)
    return float(event_days[reached[0]]) if len(reached) else None
