"""Relapse rates and ratios with exact intervals."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from engine.rates import annualised_rate, rate_ratio
from engine.types import Refused

relapses = st.integers(0, 500)
years = st.floats(0.01, 5000)


def test_the_worked_example():
    """Worked example 9 of the house's clinical paper: 12 relapses in 40.5 person-years."""
    found = annualised_rate(12, 40.5)

    assert found == pytest.approx((12 / 40.5, 0.1531, 0.5176), abs=5e-5)


@given(relapses, years, st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_each_end_leaves_its_half_of_the_doubt(count, time, confidence):
    _, low, high = annualised_rate(count, time, confidence)
    tail = (1 - confidence) / 2

    assert stats.poisson.cdf(count, high * time) == pytest.approx(tail, rel=1e-6)
    assert stats.poisson.sf(count - 1, low * time) == pytest.approx(tail, rel=1e-6) if count else low == 0


@given(relapses, years)
def test_a_rate_per_month_is_a_twelfth(count, time):
    assert annualised_rate(count, 12 * time) == pytest.approx([end / 12 for end in annualised_rate(count, time)])


@given(relapses.filter(bool), relapses.filter(bool), years, years)
def test_a_ratio_agrees_with_the_binomial_test(later, earlier, time_after, time_before):
    found = rate_ratio((later, time_after), (earlier, time_before))
    share = stats.binomtest(later, later + earlier).proportion_ci(0.95, method="exact")

    scale = time_before / time_after
    assert found.value == pytest.approx(later / time_after / (earlier / time_before))
    assert found.low == pytest.approx(share.low / (1 - share.low) * scale, rel=1e-6)
    assert found.high == pytest.approx(share.high / (1 - share.high) * scale, rel=1e-6)


@given(relapses, relapses.filter(bool), years, years)
def test_turning_the_ratio_round_turns_its_ends_round(one, two, first, second):
    found, turned = rate_ratio((one, first), (two, second)), rate_ratio((two, second), (one, first))

    for end, other in zip(found, (turned.value, turned.high, turned.low), strict=True):
        assert other == inf if end == 0 else other == pytest.approx(1 / end)


def test_without_relapse_after_the_ratio_is_nought_with_an_upper_end():
    value, low, high = rate_ratio((0, 20.0), (5, 20.0))

    assert (value, low) == (0, 0)
    assert high == pytest.approx(0.5218237501 / (1 - 0.5218237501))  # 1 - 0.025 ** (1 / 5) of all are after


def test_without_relapse_before_the_ratio_has_only_a_lower_end():
    value, low, high = rate_ratio((5, 20.0), (0, 20.0))

    assert (value, high) == (inf, inf)
    assert 0 < low < 1


def test_what_cannot_be_known_is_refused_in_words():
    assert annualised_rate(0, 0) == Refused("There is no time under observation.")
    assert rate_ratio((0, 10), (0, 10)) == Refused("There is no relapse in either period.")
    assert rate_ratio((1, 10), (0, 0)) == Refused("One of the two periods has no time under observation.")


@pytest.mark.parametrize(
    ("count", "time", "confidence"),
    [(-1, 1, 0.95), (1.5, 1, 0.95), (1, -1, 0.95), (1, inf, 0.95), (1, 0, 0.95), (1, 1, 0), (1, 1, 1), (1, 1, 95)],
)
def test_impossible_input_is_an_error(count, time, confidence):
    with pytest.raises(ValueError):
        annualised_rate(count, time, confidence)
    with pytest.raises(ValueError):
        rate_ratio((1, 1), (count, time), confidence)
