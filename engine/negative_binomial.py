"""Relapse rates and their ratio when counts vary more between patients than chance does."""

from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import gammaln

from engine.overdispersion import Floats, Rows, checked_rows, excess, poisson_coefficients
from engine.rates import Limits
from engine.types import Refused

NO_SPREAD = 1e-6  # an alpha below this is 0 for every purpose
SETTLED = 1e-6  # the last step of a fit, in logarithms

CHANCE = Refused("The counts vary no more than chance; the exact Poisson interval applies.")
UNSETTLED = Refused("The negative binomial model does not settle on these counts.")


@dataclass(frozen=True, slots=True)
class NegativeBinomial:
    """Rates per person-year when the variance of a count is mean + alpha mean squared.

    With two groups `rate` is of the first (before), `rate_after` of the second, `ratio` theirs; else those are None.
    """

    rate: Limits
    rate_after: Limits | None
    ratio: Limits | None
    alpha: float
    log_likelihood: float


def negative_binomial(
    counts: ArrayLike, person_years: ArrayLike, after: ArrayLike | None = None, confidence: float = 0.95
) -> NegativeBinomial | Refused:
    """Rate, or rates and their ratio, by a negative binomial model with log link and offset log(person-years).

    counts (n,): relapses of each patient (and period), whole; person_years (n,): their time, rows without any are
    left out; after (n,): True for the second period, None for a single rate. All rows are taken as independent.
    Maximum likelihood; intervals from the observed information, on the log scale. Refused when a group has no
    relapse, when the counts vary no more than chance, or when the fit does not settle. ValueError on impossible
    input. Source: Lawless 1987, 10.2307/3314912; docs/engine.md, "Relapse rates".
    """
    if not 0 < confidence < 1:
        raise ValueError(f"{confidence} is no confidence between 0 and 1")
    rows = checked_rows(counts, person_years, after)
    if isinstance(rows, Refused):
        return rows
    likelihood = _Likelihood(rows)
    where = _fit(likelihood)
    if isinstance(where, Refused):
        return where
    covariance = np.linalg.inv(likelihood.bend(where)) / len(rows.counts)
    z = NormalDist().inv_cdf((1 + confidence) / 2)

    def limits(*weights: float) -> Limits:
        direction = np.array([*weights, 0.0])
        middle, half = direction @ where, z * np.sqrt(direction @ covariance @ direction)
        return Limits(*(float(end) for end in np.exp([middle, middle - half, middle + half])))

    return NegativeBinomial(
        rate=limits(1) if after is None else limits(1, 0),
        rate_after=None if after is None else limits(1, 1),
        ratio=None if after is None else limits(0, 1),
        alpha=float(np.exp(where[-1])),
        log_likelihood=-len(rows.counts) * likelihood.value(where) - float(np.sum(gammaln(rows.counts + 1))),
    )


@dataclass(frozen=True)
class _Likelihood:
    """Minus the mean log likelihood in (coefficients, log alpha), less its constant, with its derivatives.

    lnG(y + 1/alpha) - lnG(1/alpha) + y ln(alpha) is the sum of ln(1 + alpha j) over j < y: exact for a small alpha too.
    """

    rows: Rows

    @cached_property
    def _steps(self) -> Floats:
        """Each j from 0 to below the highest count, (highest,)."""
        return np.arange(self.rows.counts.max())

    @cached_property
    def _reach(self) -> Floats:
        """How many counts go beyond each j, (highest,)."""
        beyond = np.searchsorted(np.sort(self.rows.counts), self._steps, side="right")
        return (len(self.rows.counts) - beyond).astype(np.float64)

    def _parts(self, where: Floats) -> tuple[float, Floats, Floats, Floats]:
        alpha, means = float(np.exp(where[-1])), self.rows.years * np.exp(self.rows.design @ where[:-1])
        return alpha, means, 1 + alpha * means, np.log1p(alpha * means)

    def value(self, where: Floats) -> float:
        counts, (alpha, means, _, logs) = self.rows.counts, self._parts(where)
        found = self._reach @ np.log1p(alpha * self._steps) + counts @ np.log(means) - (counts + 1 / alpha) @ logs
        return float(-found / len(counts)) if np.isfinite(found) else np.inf

    def slope(self, where: Floats) -> Floats:
        counts, (alpha, means, scale, logs) = self.rows.counts, self._parts(where)
        in_alpha = self._reach @ (self._steps / (1 + alpha * self._steps)) + np.sum(logs) / alpha**2
        in_alpha -= (counts + 1 / alpha) @ (means / scale)
        return -np.append(self.rows.design.T @ ((counts - means) / scale), alpha * in_alpha) / len(counts)

    def bend(self, where: Floats) -> Floats:
        counts, design, (alpha, means, scale, logs) = self.rows.counts, self.rows.design, self._parts(where)
        among = (design.T * (means * (1 + alpha * counts) / scale**2)) @ design
        mixed = alpha * (design.T @ ((counts - means) * means / scale**2))
        in_alpha = self._reach @ (self._steps / (1 + alpha * self._steps)) ** 2 + 2 * np.sum(logs) / alpha**3
        in_alpha -= 2 * np.sum(means / scale) / alpha**2 + (counts + 1 / alpha) @ (means / scale) ** 2
        own = alpha**2 * in_alpha / len(counts) + self.slope(where)[-1]  # of the logarithm
        return np.block([[among / len(counts), mixed[:, None] / len(counts)], [mixed / len(counts), own]])


def _fit(likelihood: _Likelihood) -> Floats | Refused:
    """Coefficients with log alpha as the last, where the likelihood is highest."""
    rows = likelihood.rows
    start = poisson_coefficients(rows)
    means = rows.years * np.exp(rows.design @ start)
    beyond = excess(rows.counts, means)
    if beyond <= 0:
        return CHANCE
    guess = np.append(start, np.log(np.clip(beyond / np.sum(means**2), 0.05, 5.0)))
    with np.errstate(all="ignore"):  # trial steps may go anywhere; the end is checked
        found = minimize(
            likelihood.value, guess, jac=likelihood.slope, hess=likelihood.bend, method="trust-exact",
            options={"gtol": 1e-7},
        )  # fmt: skip
        where = np.asarray(found.x, dtype=np.float64)
        for _ in range(3):  # Newton steps for the last digits
            curvature = likelihood.bend(where)
            if not np.all(np.isfinite(curvature)) or np.linalg.eigvalsh(curvature)[0] <= 0:
                return UNSETTLED
            step = np.linalg.solve(curvature, likelihood.slope(where))
            where = where - step
    if np.max(np.abs(step)) > SETTLED:
        return UNSETTLED
    return where if np.exp(where[-1]) > NO_SPREAD else CHANCE
