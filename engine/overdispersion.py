"""Whether relapse counts vary more between patients than chance does. Rates then: `engine.negative_binomial`."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from engine.types import Refused

Floats = NDArray[np.float64]

LEVEL = 0.05  # of the test; above it the Poisson interval is kept


class Overdispersion(NamedTuple):
    """Score test of alpha = 0 against alpha > 0; `preferred` says whether the negative binomial should be shown."""

    statistic: float
    p_value: float
    preferred: bool


class Rows(NamedTuple):
    """Checked counts (n,), their person-years (n,), and the design: a constant (n, 1), or with 1 for "after" (n, 2)."""

    counts: Floats
    years: Floats
    design: Floats


def overdispersion(
    counts: ArrayLike, person_years: ArrayLike, after: ArrayLike | None = None
) -> Overdispersion | Refused:
    """Whether the counts vary more than Poisson counts with one rate (of each group) would: one-sided score test.

    counts (n,): relapses of each patient (and period), whole; person_years (n,): their time; after (n,): True for the
    second period, None for a single rate. Prefer the negative binomial when the p value is below 0.05 (ours).
    Refused when a group has no relapse; ValueError on impossible input.
    Source: Dean and Lawless 1989, 10.1080/01621459.1989.10478792; docs/engine.md, "Relapse rates".
    """
    rows = checked_rows(counts, person_years, after)
    if isinstance(rows, Refused):
        return rows
    means = rows.years * np.exp(rows.design @ poisson_coefficients(rows))
    statistic = excess(rows.counts, means) / float(np.sqrt(2 * np.sum(means**2)))
    p_value = float(ndtr(-statistic))
    return Overdispersion(statistic, p_value, p_value < LEVEL)


def checked_rows(counts: ArrayLike, person_years: ArrayLike, after: ArrayLike | None) -> Rows | Refused:
    """The rows with time under observation. Refused when a group has no relapse; ValueError on impossible input."""
    found, years = np.asarray(counts, dtype=np.float64), np.asarray(person_years, dtype=np.float64)
    second = np.zeros(found.shape, dtype=bool) if after is None else np.asarray(after).astype(bool)
    if found.ndim != 1 or not found.shape == years.shape == second.shape:
        raise ValueError("counts, person-years and periods are not lists of one length")
    if not np.all(np.isfinite(found) & (found >= 0) & (found == np.floor(found))):
        raise ValueError("counts must be whole and not negative")
    if not np.all(np.isfinite(years) & (years >= 0)) or np.any((years == 0) & (found > 0)):
        raise ValueError("person-years must be finite, and above 0 where there is a relapse")
    seen = years > 0
    found, years, second = found[seen], years[seen], second[seen]
    groups = [~second] if after is None else [~second, second]
    if any(found[group].sum() == 0 for group in groups):
        return Refused("Without a relapse the spread cannot be judged; the exact Poisson interval applies.")
    design = np.ones((len(found), 1)) if after is None else np.column_stack([np.ones(len(found)), second])
    return Rows(found, years, design.astype(np.float64))


def poisson_coefficients(rows: Rows) -> Floats:
    """The coefficients (1,) or (2,) when alpha is 0: logarithms of the crude rate, and of the ratio of both."""
    if rows.design.shape[1] == 1:
        return np.log([rows.counts.sum() / rows.years.sum()])
    second = rows.design[:, 1] == 1
    rates = np.log([rows.counts[group].sum() / rows.years[group].sum() for group in (~second, second)])
    return np.array([rates[0], rates[1] - rates[0]])


def excess(counts: Floats, means: Floats) -> float:
    """Squared distances beyond what Poisson counts have: twice the slope of the log likelihood in alpha at 0."""
    return float(np.sum((counts - means) ** 2 - counts))
