"""Whether the time to an event differs between groups of patients: the log-rank test."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from engine.survival import Counts, Floats, follow_up
from engine.types import Refused

MIN_EVENTS = 10  # in all groups together


@dataclass(frozen=True, slots=True)
class LogRank:
    """A two-sided test. `observed` and `expected` are events of each group, in the order given."""

    statistic: float
    degrees_of_freedom: int
    p_value: float
    observed: tuple[int, ...]
    expected: tuple[float, ...]


def logrank(groups: Sequence[tuple[ArrayLike, ArrayLike]]) -> LogRank | Refused:
    """Log-rank test without weights of two or more groups, each (durations_days (n,), observed (n,)).

    Ties by the hypergeometric variance. A group with nobody at risk at the first event takes no part and no degree
    of freedom. Refused below 10 events in total, or when fewer than two groups can be compared. ValueError on
    impossible input. One form serves two and more groups; for two it is scipy.stats.logrank squared.
    Source: Mantel 1966; Peto 1972, 10.2307/2344317; docs/engine.md, "Time to an event".
    """
    checked = [follow_up(*group) for group in groups]
    if len(checked) < 2:
        raise ValueError("a comparison needs two groups")
    total = sum(int(ended.sum()) for _, ended in checked)
    if total < MIN_EVENTS:
        return Refused(f"{total} events in total are too few to compare groups; at least {MIN_EVENTS} are needed.")
    event_days = np.unique(np.concatenate([days[ended] for days, ended in checked]))
    at_risk = np.stack([_at_risk(days, event_days) for days, _ in checked])
    events = np.stack([_events(days[ended], event_days) for days, ended in checked])
    observed, expected, covariance = _moments(at_risk, events)
    compared = np.flatnonzero(np.diag(covariance) > 0)
    if len(compared) < 2:
        return Refused("The groups cannot be compared: no event happened while several of them were at risk.")
    free = compared[:-1]  # the differences add up to 0, so the last one says nothing new
    difference = (observed - expected)[free]
    statistic = float(difference @ np.linalg.solve(covariance[np.ix_(free, free)], difference))
    return LogRank(
        statistic,
        len(free),
        float(chdtrc(len(free), statistic)),
        tuple(int(count) for count in observed),
        tuple(float(count) for count in expected),
    )


def _at_risk(days: Floats, event_days: Floats) -> Counts:
    return (len(days) - np.searchsorted(np.sort(days), event_days, side="left")).astype(np.int64)


def _events(days: Floats, event_days: Floats) -> Counts:
    return np.bincount(np.searchsorted(event_days, days), minlength=len(event_days)).astype(np.int64)


def _moments(at_risk: Counts, events: Counts) -> tuple[Floats, Floats, Floats]:
    """Observed and expected events (groups,) and the covariance of their difference (groups, groups)."""
    everybody, dead = at_risk.sum(axis=0), events.sum(axis=0)
    expected = (at_risk * (dead / everybody)).sum(axis=1)
    share = at_risk / everybody
    several = everybody > 1  # a single patient at risk leaves no choice whose event it is
    weight = np.zeros(len(dead))
    np.divide(dead * (everybody - dead), everybody - 1, out=weight, where=several)
    covariance = np.diag((share * weight).sum(axis=1)) - (share * weight) @ share.T
    return events.sum(axis=1).astype(np.float64), expected, covariance
