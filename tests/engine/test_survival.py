"""Survival curves against published figures, lifelines (frozen) and scipy (live), and against what must hold."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from engine.survival import Estimate, kaplan_meier
from engine.types import Refused

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "cohort-figures.json").read_text())["survival"]

# Weeks in remission on 6-mercaptopurine; Freireich 1963, as in Gehan 1965, 10.1093/biomet/52.1-2.203
REMISSION = np.array([6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35])
RELAPSED = np.array([1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0])

patients = st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=1, max_size=40)
late_patients = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 30), st.booleans()), min_size=1, max_size=40)


def of(rows):
    return kaplan_meier([days for days, _ in rows], [ended for _, ended in rows])


def late(rows):
    return kaplan_meier(
        [entry + more for entry, more, _ in rows],
        [ended for *_, ended in rows],
        entry_days=[entry for entry, *_ in rows],
    )


def curve(found):
    return np.column_stack([found.event_days, found.survival, found.low, found.high])


def test_a_published_curve_with_its_standard_errors():
    found = kaplan_meier(REMISSION, RELAPSED)

    assert found.event_days.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert found.survival == pytest.approx([0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], abs=5e-4)
    errors = [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346]
    assert np.sqrt(found.variance) == pytest.approx(errors, abs=5e-5)
    assert found.median_days == 23
    assert found.at_risk.tolist() == [21, 17, 15, 12, 11, 7, 6]


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: f"{len(case['days'])} of {max(case['days'])} days")
def test_it_agrees_with_lifelines(case):
    found = kaplan_meier(case["days"], case["observed"], entry_days=case["entry"])

    assert found.event_days.tolist() == case["event_days"]
    assert found.survival == pytest.approx(case["survival"], abs=1e-10)
    inside = found.survival > 0  # at 0 lifelines says 0 to 0
    assert found.low == pytest.approx(case["low"], abs=1e-10)
    assert found.high[inside] == pytest.approx(np.array(case["high"])[inside], abs=1e-10)
    assert [found.median_days, found.median_low_days] == case["median"][:2]
    if inside.all():
        assert found.median_high_days == case["median"][2]


@given(patients, st.sampled_from([0.8, 0.95, 0.99]))
def test_it_agrees_with_scipy(rows, confidence):
    days, ended = np.array([days for days, _ in rows]), np.array([ended for _, ended in rows])
    found = kaplan_meier(days, ended, confidence=confidence)
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        theirs = stats.ecdf(stats.CensoredData.right_censored(days, ~ended)).sf
        limits = theirs.confidence_interval(confidence, method="log-log")

    for index, day in enumerate(theirs.quantiles):
        here = found.at(day)
        assert here.survival == pytest.approx(theirs.probabilities[index], abs=1e-12)
        if 0 < here.survival < 1:  # at the ends scipy gives none
            assert here.low == pytest.approx(limits.low.probabilities[index], abs=1e-12)
            assert here.high == pytest.approx(limits.high.probabilities[index], abs=1e-12)


def test_the_median_is_the_first_day_with_exactly_a_half():
    found = kaplan_meier([10, 20, 30, 40], [True] * 4)

    assert (found.median_days, found.median_low_days, found.median_high_days) == (20, 10, None)


@pytest.mark.parametrize("size", range(2, 60, 2))
def test_a_half_is_found_whatever_the_rounding(size):
    assert kaplan_meier(range(size), [True] * size).median_days == size // 2 - 1


def test_the_value_at_a_year_comes_after_all_events_up_to_that_day():
    found = kaplan_meier([1461, 1461, 1462, 3000], [True, False, True, False])

    assert found.at_year(4).survival == 0.75
    assert found.at(1460.9).survival == 1
    assert found.at_year(4).at_risk == 4
    assert found.at_year(5) == found.at(2000)
    assert found.at_risk_on(365.25 * np.arange(9)).tolist() == [4, 4, 4, 4, 4, 1, 1, 1, 1]
    assert found.at_year(9) is None


def test_before_the_first_event_and_without_one_the_curve_is_one():
    found = kaplan_meier([100, 200, 300], [False] * 3)

    assert (found.at(0).survival, found.at(300).low, found.at(300).high) == (1, 1, 1)
    assert found.at(301) is None
    assert len(found.event_days) == 0
    assert found.median_days is None


def test_one_patient_with_the_event_says_next_to_nothing():
    found = kaplan_meier([100], [True])

    assert (found.at(99).survival, found.at(99).at_risk) == (1, 1)
    assert found.at(100) == Estimate(survival=0, low=0, high=1, at_risk=1)
    assert found.at_year(20).survival == 0
    assert np.isnan(found.variance).all()
    assert (found.median_days, found.median_low_days, found.median_high_days) == (100, 100, None)


def test_the_upper_limit_stays_where_it_was_when_the_last_patient_has_the_event():
    found = kaplan_meier([10, 20, 30], [True] * 3)

    assert found.low[-1] == 0
    assert found.high[-1] == found.high[-2] < 1


def test_an_event_on_the_day_of_origin_counts_before_anybody_is_censored():
    found = kaplan_meier([0, 0, 5], [True, False, False])

    assert found.at(0).survival == pytest.approx(2 / 3)
    assert found.at(0).at_risk == 3


def test_nobody_is_refused():
    assert kaplan_meier([], []) == Refused("There is nobody in this group.")


def test_late_entry_counts_from_the_day_after():
    found = kaplan_meier([100, 200, 200], [True, True, False], entry_days=[0, 100, 50])

    assert found.at_risk.tolist() == [2, 2]
    assert found.at_risk_on([0, 51, 100, 101]).tolist() == [1, 2, 2, 2]


def test_a_curve_that_would_end_before_the_others_come_is_refused():
    found = kaplan_meier([10, 500, 600], [True, True, False], entry_days=[0, 100, 100])

    assert isinstance(found, Refused)
    assert "before the others" in found.reason


@pytest.mark.parametrize(
    ("days", "observed", "more"),
    [
        ([-1], [True], {}),
        ([np.nan], [True], {}),
        ([np.inf], [False], {}),
        ([1, 2], [True], {}),
        ([[1]], [[True]], {}),
        ([1], [2], {}),
        ([1], [True], {"confidence": 1}),
        ([5], [True], {"entry_days": [5]}),
        ([5], [True], {"entry_days": [-1]}),
        ([5], [True], {"entry_days": [np.nan]}),
        ([5, 6], [True, True], {"entry_days": [1]}),
    ],
)
def test_impossible_input_is_an_error(days, observed, more):
    with pytest.raises(ValueError):
        kaplan_meier(days, observed, **more)


def test_a_day_before_the_origin_is_an_error():
    with pytest.raises(ValueError):
        kaplan_meier([5], [True]).at(-1)


@given(patients)
def test_without_censoring_it_is_the_share_still_free(rows):
    days = np.array([days for days, _ in rows])

    found = kaplan_meier(days, np.ones(len(days), dtype=bool))

    assert found.survival == pytest.approx([(days > day).mean() for day in found.event_days])


@given(patients)
def test_a_curve_falls_and_lies_within_its_limits(rows):
    found = of(rows)

    assert np.all(np.diff(found.survival) < 0)
    assert np.all((found.low >= 0) & (found.low <= found.survival))
    assert np.all((found.survival <= found.high) & (found.high <= 1))
    assert np.all(found.variance[found.survival > 0] > 0)


@given(patients, st.randoms(use_true_random=False))
def test_the_order_of_patients_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))

    assert np.array_equal(curve(of(rows)), curve(of(shuffled)))


@given(patients, st.sampled_from([2, 7, 365]))
def test_another_unit_of_time_moves_only_the_days(rows, scale):
    found, scaled = of(rows), of([(days * scale, ended) for days, ended in rows])

    assert np.array_equal(curve(scaled)[:, 1:], curve(found)[:, 1:])
    assert scaled.event_days.tolist() == (found.event_days * scale).tolist()
    assert scaled.median_days == (None if found.median_days is None else found.median_days * scale)


@given(patients)
def test_a_patient_censored_at_the_origin_changes_nothing_later(rows):
    rows = [(days + 1, ended) for days, ended in rows]

    found, more = of(rows), of([*rows, (0, False)])

    assert np.array_equal(curve(found), curve(more))
    assert more.at_risk_on([0])[0] == found.at_risk_on([0])[0] + 1


@given(patients)
def test_everybody_twice_has_the_same_curve_with_half_the_variance(rows):
    found, twice = of(rows), of(rows * 2)

    assert twice.survival == pytest.approx(found.survival)
    for one, two, survival in zip(found.variance, twice.variance, found.survival, strict=True):
        assert survival == 0 or two == pytest.approx(one / 2)


@given(patients)
def test_entry_at_the_origin_is_no_late_entry(rows):
    days, ended = [days for days, _ in rows], [ended for _, ended in rows]

    assert np.array_equal(curve(of(rows)), curve(kaplan_meier(days, ended, entry_days=[0] * len(rows))))


@given(late_patients)
def test_late_entry_counts_each_patient_only_while_watched(rows):
    found = late(rows)

    if isinstance(found, Refused):
        return
    for day, at_risk, events in zip(found.event_days, found.at_risk, found.events, strict=True):
        watched = [(entry < day or entry == 0) and entry + more >= day for entry, more, _ in rows]
        assert at_risk == sum(watched)
        assert events == sum(ended and entry + more == day for entry, more, ended in rows)
    assert found.survival == pytest.approx(np.cumprod(1 - found.events / found.at_risk))
