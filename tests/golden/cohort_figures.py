"""Make cohort-figures.json: invented cohorts with the figures that lifelines and statsmodels give for them.

    python tests/golden/cohort_figures.py > tests/golden/cohort-figures.json

Neither package is a dependency of this project: one of lifelines' own exists only as source, and the environment takes
ready-made packages only. Run this by hand, in an environment of its own with lifelines 0.30, statsmodels 0.15 and
scipy 1.17. Nothing of the engine is imported.
"""

import json
import sys
from importlib.metadata import version

import lifelines
import numpy as np
import statsmodels.api as sm
from lifelines.statistics import multivariate_logrank_test
from lifelines.utils import median_survival_times
from statsmodels.discrete._diagnostics_count import test_poisson_dispersion

SHAPES = [  # patients, days up to, share with the event
    (2, 900, 1), (5, 30, 0.6), (17, 8, 0.5), (40, 3000, 0.3), (60, 12, 0.9), (120, 3650, 0.15), (90, 60, 1),
    (150, 25, 0.4),
]  # fmt: skip
SURVIVAL = [(*shape, late) for late in (False, True) for shape in SHAPES]  # late: with late entry
GROUPS = [(2, 20, 400), (2, 90, 15), (2, 150, 3000), (3, 30, 10), (3, 80, 2000), (4, 40, 30), (5, 25, 600), (6, 15, 6)]
COUNTS = [(30, 0.5, True), (80, 0.2, True), (150, 1.5, True), (200, 0.8, False), (60, 1, False), (120, 0.3, True)]


def listed(values):
    return [float(f"{value:.12g}") for value in np.asarray(values, dtype=float)]


def finite(value):
    return float(value) if np.isfinite(value) else None


def survival(seed, size, longest, share, late):
    rng = np.random.default_rng(seed)
    days, observed = rng.integers(1, longest + 1, size), rng.random(size) < share
    entry = np.where(rng.random(size) < 0.5, 0, rng.integers(0, longest, size) % days) if late else None
    curve = lifelines.KaplanMeierFitter().fit(days, observed, entry=entry)
    free, limits = curve.survival_function_.iloc[:, 0], curve.confidence_interval_
    at = np.unique(days[observed])
    if np.any(np.abs(free - 0.5) < 1e-9) or free[at[at < days.max()]].min() < 1e-9:
        return None  # a half that is reached exactly is a matter of rounding there; so is a curve that ends early
    ends = median_survival_times(limits).iloc[0]
    return {
        "days": days.tolist(),
        "observed": observed.astype(int).tolist(),
        "entry": None if entry is None else entry.tolist(),
        "event_days": at.tolist(),
        "survival": listed(free[at]),
        "low": listed(limits.iloc[:, 0][at]),
        "high": listed(limits.iloc[:, 1][at]),
        "median": [finite(value) for value in (curve.median_survival_time_, *ends)],
    }


def logrank(seed, groups, size, longest):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, groups, groups * size)
    days = rng.integers(0, longest * (2 + group) // 2 + 1)
    observed = rng.random(len(days)) < 0.7
    found = multivariate_logrank_test(days, group, observed)
    rows = [[days[group == one].tolist(), observed[group == one].astype(int).tolist()] for one in range(groups)]
    return {"groups": rows, "statistic": found.test_statistic, "p": found.p_value}


def counts(seed, size, alpha, periods):
    rng = np.random.default_rng(seed)
    years, after = rng.uniform(0.2, 9, size).round(3), rng.random(size) < 0.5
    means = 0.6 * years * np.where(after & periods, 0.35, 1)
    relapses = rng.negative_binomial(1 / alpha, 1 / (1 + alpha * means))
    design = np.column_stack([np.ones(size), after] if periods else [np.ones(size)]).astype(float)
    model = sm.NegativeBinomial(relapses, design, offset=np.log(years))
    near = model.fit(disp=0, method="bfgs", maxiter=500).params
    found = model.fit(near, disp=0, method="newton", maxiter=200, tol=1e-12)
    poisson = sm.GLM(relapses, design, family=sm.families.Poisson(), offset=np.log(years)).fit(tol=1e-12)
    dean = test_poisson_dispersion(sm.Poisson(relapses, design, offset=np.log(years)).fit(disp=0))
    rates = np.exp(np.column_stack([found.params, found.conf_int()])[:-1])
    return {
        "counts": relapses.tolist(),
        "years": years.tolist(),
        "after": after.astype(int).tolist() if periods else None,
        "rate": listed(rates[0]),
        "ratio": listed(rates[1]) if periods else None,
        "alpha": found.params[-1],
        "log_likelihood": found.llf,
        "crude_rates": listed(np.exp(poisson.params)),
        "excess": float(dean.statistic[0]),
    }


if __name__ == "__main__":
    figures = {
        "made_with": {name: version(name) for name in ("lifelines", "statsmodels", "scipy", "numpy")},
        "survival": [found for n, case in enumerate(SURVIVAL) if (found := survival(n, *case))],
        "logrank": [logrank(n, *case) for n, case in enumerate(GROUPS)],
        "counts": [counts(n, *case) for n, case in enumerate(COUNTS)],
    }
    lines = json.dumps(figures).replace('{"', '\n{"')
    sys.stdout.write(lines + "\n")
