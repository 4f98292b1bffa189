"""Relapses per person-year and their ratio, with exact intervals. For more spread: `engine.overdispersion`."""

from math import inf, isfinite
from typing import NamedTuple

from scipy.special import betaincinv, chdtri

from engine.types import Refused


class Limits(NamedTuple):
    """A figure with the ends of its interval; an end that does not exist is inf."""

    value: float
    low: float
    high: float


def annualised_rate(relapses: int, person_years: float, confidence: float = 0.95) -> Limits | Refused:
    """Relapses per person-year with the exact Poisson interval (chi-square limits).

    relapses: how many counted; person_years: years of 365.25 days in which they were counted, all patients together.
    Refused without any time. ValueError on a negative number or a confidence outside 0 to 1.
    Source: Garwood 1936, 10.1093/biomet/28.3-4.437; docs/engine.md, "Relapse rates".
    """
    _check(relapses, person_years, confidence)
    if person_years == 0:
        return Refused("There is no time under observation.")
    tail = (1 - confidence) / 2
    low = chdtri(2 * relapses, 1 - tail) / 2 if relapses else 0.0
    high = chdtri(2 * relapses + 2, tail) / 2
    return Limits(relapses / person_years, float(low) / person_years, float(high) / person_years)


def rate_ratio(after: tuple[int, float], before: tuple[int, float], confidence: float = 0.95) -> Limits | Refused:
    """The rate after over the rate before with the exact conditional (binomial) interval.

    after, before: (relapses, person-years). Given all relapses, those after are binomial; the limits of Clopper and
    Pearson for that share become limits of the ratio. Without relapse before, ratio and upper limit are inf.
    Refused without any relapse, or without time on either side. ValueError as for `annualised_rate`.
    Source: Clopper and Pearson 1934, 10.1093/biomet/26.4.404; docs/engine.md, "Relapse rates".
    """
    for relapses, years in (after, before):
        _check(relapses, years, confidence)
    (later, years_after), (earlier, years_before) = after, before
    if years_after == 0 or years_before == 0:
        return Refused("One of the two periods has no time under observation.")
    if later + earlier == 0:
        return Refused("There is no relapse in either period.")
    tail = (1 - confidence) / 2
    low = float(betaincinv(later, earlier + 1, tail)) if later else 0.0
    high = float(betaincinv(later + 1, earlier, 1 - tail)) if earlier else 1.0
    scale = years_before / years_after
    value = later / earlier * scale if earlier else inf
    return Limits(value, _odds(low) * scale, _odds(high) * scale)


def _odds(share: float) -> float:
    return share / (1 - share) if share < 1 else inf


def _check(relapses: int, person_years: float, confidence: float) -> None:
    if not (relapses >= 0 and relapses == int(relapses)):
        raise ValueError(f"{relapses} is no number of relapses")
    if not (isfinite(person_years) and person_years >= 0):
        raise ValueError(f"{person_years} person-years cannot be")
    if person_years == 0 and relapses:
        raise ValueError("relapses cannot happen in no time")
    if not 0 < confidence < 1:
        raise ValueError(f"{confidence} is no confidence between 0 and 1")
