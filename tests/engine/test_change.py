"""Mean change with its interval, and the area under the EDSS-time curve."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from engine.change import MeanChange, edss_area, mean_change
from engine.types import Refused

VISITS = ("2016-03-01", "2016-09-05", "2017-03-10", "2017-09-12", "2018-03-13")
DAYS = [date.fromisoformat(day).toordinal() for day in VISITS]
EDSS = [3.5, 3.0, 2.5, 2.5, 2.0]

steps = st.integers(0, 20).map(lambda half: half / 2)
visits = st.lists(st.tuples(st.integers(1, 900), steps), min_size=1, max_size=12)


def course(rows):
    """Days between visits to days."""
    return np.cumsum([gap for gap, _ in rows]), np.array([edss for _, edss in rows])


def test_the_worked_example():
    """Worked example 8 of the house's clinical paper: 742 days."""
    found = edss_area(DAYS, EDSS)

    assert DAYS[-1] - DAYS[0] == 742
    assert found.area == pytest.approx([5.467], abs=5e-4)
    assert found.mean == pytest.approx([2.691], abs=5e-4)
    assert found.mean_change == pytest.approx([-0.809], abs=5e-4)
    assert found.years == pytest.approx([742 / 365.25])


def test_one_visit_has_no_mean_and_no_visit_has_nothing():
    found = edss_area([10, 10, 375], [3.0, 4.0, 4.0], [0, 1, 1, 3])

    assert np.array_equal(found.area[:2], [0, np.nan], equal_nan=True)
    assert np.array_equal(found.years[:2], [0, np.nan], equal_nan=True)
    assert np.isnan(found.mean[:2]).all()
    assert np.isnan(found.mean_change[:2]).all()
    assert (found.mean[2], found.mean_change[2]) == pytest.approx((4, 0))


def test_nobody_has_no_area():
    assert len(edss_area([], [], [0]).area) == 0
    assert np.isnan(edss_area([], []).mean).all()


@given(st.lists(visits, min_size=1, max_size=6))
def test_many_patients_are_each_as_one_alone_and_as_numpy_says(lists):
    courses = [course(rows) for rows in lists]
    days, edss = (np.concatenate(column) for column in zip(*courses, strict=True))

    found = edss_area(days, edss, np.cumsum([0, *map(len, lists)]))

    for n, (own_days, own_edss) in enumerate(courses):
        assert found.area[n] == pytest.approx(np.trapezoid(own_edss, own_days / 365.25))
        alone = edss_area(own_days, own_edss)
        for name in ("area", "years", "mean", "mean_change"):
            assert getattr(found, name)[n] == pytest.approx(getattr(alone, name)[0], nan_ok=True), name


@given(visits.filter(lambda rows: len(rows) > 1), st.integers(-9000, 9000), st.integers(1, 5))
def test_the_mean_lies_between_the_scores_whatever_the_calendar_and_the_pace(rows, shift, pace):
    days, edss = course(rows)

    found, moved = edss_area(days, edss), edss_area(days * pace + shift, edss)

    assert edss.min() - 1e-9 <= found.mean[0] <= edss.max() + 1e-9
    assert moved.mean == pytest.approx(found.mean)
    assert moved.mean_change == pytest.approx(found.mean_change)
    assert moved.area == pytest.approx(found.area * pace)


@pytest.mark.parametrize(
    ("days", "edss"),
    [
        ([1, 1], [2, 3]),
        ([2, 1], [2, 3]),
        ([1, 2], [2]),
        ([1.5, 2], [2, 3]),
        ([1], [11]),
        ([1], [np.nan]),
        ([[1]], [[2]]),
    ],
)
def test_impossible_visits_are_an_error(days, edss):
    with pytest.raises(ValueError):
        edss_area(days, edss)


@given(st.lists(steps.map(lambda step: step - 5), min_size=2, max_size=40).filter(lambda found: len(set(found)) > 1))
def test_a_mean_change_agrees_with_scipy(changes):
    found = mean_change(changes, 0.9)
    theirs = stats.ttest_1samp(changes, 0).confidence_interval(0.9)

    assert found == pytest.approx((len(changes), np.mean(changes), theirs.low, theirs.high))


def test_the_ends_of_a_mean_change():
    assert mean_change([]) == Refused("There is nobody with both assessments.")
    assert mean_change([-1.5]) == MeanChange(1, -1.5, None, None)
    assert mean_change([0.5, 0.5, 0.5]) == MeanChange(3, 0.5, 0.5, 0.5)
    assert mean_change([-1.0, 1.0]).high == pytest.approx(12.7062, abs=1e-4)  # t of 1 degree of freedom


@pytest.mark.parametrize("changes", [[np.nan], [np.inf, 1], [[1.0, 2.0]]])
def test_changes_that_are_no_numbers_are_an_error(changes):
    with pytest.raises(ValueError):
        mean_change(changes)
