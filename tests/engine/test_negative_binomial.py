"""Overdispersed relapse counts against statsmodels (frozen), against the density in scipy, and what must hold."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from engine.negative_binomial import negative_binomial
from engine.overdispersion import overdispersion
from engine.types import Refused

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "cohort-figures.json").read_text())["counts"]

rows = st.lists(st.tuples(st.integers(0, 12), st.floats(0.1, 10), st.booleans()), min_size=2, max_size=30)


def columns(drawn):
    return [np.array(column) for column in zip(*drawn, strict=True)]


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: f"{len(case['counts'])} rows, alpha {case['alpha']:.2f}")
def test_it_agrees_with_statsmodels(case):
    found = negative_binomial(case["counts"], case["years"], case["after"])

    assert found.rate == pytest.approx(case["rate"], rel=1e-6)
    assert found.ratio == (case["ratio"] and pytest.approx(case["ratio"], rel=1e-6))
    assert found.alpha == pytest.approx(case["alpha"], rel=1e-6)
    assert found.log_likelihood == pytest.approx(case["log_likelihood"], rel=1e-9)


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: f"{len(case['counts'])} rows")
def test_the_score_test_agrees_with_statsmodels(case):
    found = overdispersion(case["counts"], case["years"], case["after"])

    assert found.statistic == pytest.approx(case["excess"], rel=1e-6)
    assert found.p_value == pytest.approx(stats.norm.sf(case["excess"]), rel=1e-6)


def density(counts, years, after, rates, alpha):
    means = years * np.where(after, rates[1], rates[0])
    return stats.nbinom.logpmf(counts, 1 / alpha, 1 / (1 + alpha * means)).sum()


@given(rows)
def test_any_counts_give_a_fit_at_the_top_of_the_likelihood_or_a_reason(drawn):
    counts, years, after = columns(drawn)

    found = negative_binomial(counts, years, after)

    if isinstance(found, Refused):
        assert found.reason.endswith(".")
        return
    assert np.all(np.isfinite([*found.rate, *found.rate_after, *found.ratio, found.alpha]))
    assert found.rate.low < found.rate.value < found.rate.high
    assert found.ratio.value == pytest.approx(found.rate_after.value / found.rate.value)
    assume(found.alpha > 1e-3)  # below, scipy's density loses digits
    rates = np.array([found.rate.value, found.rate_after.value])
    top = density(counts, years, after, rates, found.alpha)
    assert found.log_likelihood == pytest.approx(top, abs=1e-5)
    for change in (0.999, 1.001):
        for beside in ([change, 1], [1, change]):
            assert density(counts, years, after, rates * beside, found.alpha) <= top + 1e-7
        assert density(counts, years, after, rates, found.alpha * change) <= top + 1e-7


@given(rows, st.randoms(use_true_random=False))
def test_neither_order_nor_rows_without_time_nor_the_unit_matters(drawn, random):
    found = negative_binomial(*columns(drawn))
    assume(not isinstance(found, Refused))
    counts, years, after = columns([*random.sample(drawn, len(drawn)), (0, 0.0, True)])

    again = negative_binomial(counts, years * 12, after)

    assert again.ratio == pytest.approx(found.ratio, rel=1e-5)
    assert again.rate == pytest.approx([end / 12 for end in found.rate], rel=1e-5)
    assert again.alpha == pytest.approx(found.alpha, rel=1e-4)


def test_one_rate_for_all_is_the_mean_count_when_all_have_the_same_time():
    counts = np.array([0, 0, 0, 1, 1, 2, 5, 9])

    found = negative_binomial(counts, np.full(8, 2.0))

    assert found.rate.value == pytest.approx(counts.mean() / 2)
    assert (found.rate_after, found.ratio) == (None, None)


def test_a_wide_spread_is_told_from_chance():
    years = np.ones(40)

    assert overdispersion([0] * 35 + [9] * 5, years).preferred
    assert not overdispersion([1] * 20 + [0] * 20, years).preferred
    assert not overdispersion([2] * 20 + [1] * 20, years).preferred
    assert overdispersion([0] * 16 + [2] * 4, years[:20]).preferred  # p 0.03
    assert not overdispersion([0] * 15 + [1] * 2 + [2] * 3, years[:20]).preferred  # p 0.13


def test_counts_that_vary_no_more_than_chance_are_refused():
    assert "no more than chance" in negative_binomial([1, 1, 2, 1, 0, 1], [1.0] * 6).reason
    assert "no more than chance" in negative_binomial([7], [3.0]).reason


@pytest.mark.parametrize(
    ("counts", "after"), [([0, 0, 0], None), ([3, 0, 0], [True, False, False]), ([1, 4], [True, True]), ([], None)]
)
def test_a_group_without_a_relapse_is_refused(counts, after):
    for ask in (negative_binomial, overdispersion):
        assert "Without a relapse" in ask(counts, [1.0] * len(counts), after).reason


def test_a_hundred_thousand_patients_keep_their_rates():
    rng = np.random.default_rng(5)
    years, after = rng.uniform(0.5, 8, 100_000), rng.random(100_000) < 0.5
    means = years * np.where(after, 0.2, 0.5)

    found = negative_binomial(rng.negative_binomial(1.25, 1 / (1 + 0.8 * means)), years, after)

    assert found.ratio.value == pytest.approx(0.4, rel=0.02)
    assert found.alpha == pytest.approx(0.8, rel=0.03)


@pytest.mark.parametrize(
    ("counts", "years", "after"),
    [
        ([-1, 2], [1, 1], None),
        ([1.5, 2], [1, 1], None),
        ([1, 2], [1], None),
        ([1, 2], [0, 1], None),
        ([1, 2], [-1, 1], None),
        ([1, 2], [np.inf, 1], None),
        ([1, 2], [1, 1], [True]),
    ],
)
def test_impossible_input_is_an_error(counts, years, after):
    for ask in (negative_binomial, overdispersion):
        with pytest.raises(ValueError):
            ask(counts, years, after)


def test_a_confidence_outside_nought_and_one_is_an_error():
    with pytest.raises(ValueError):
        negative_binomial([1, 5, 0], [1, 1, 1], confidence=1.0)
