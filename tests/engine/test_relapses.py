"""Which relapses count, and in which period."""

from math import nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.relapses import relapse_periods, relapses_between, thin_relapses

INFUSION = 10_000
history = st.lists(st.integers(INFUSION - 1200, INFUSION + 1200), max_size=25)
people = st.lists(history, min_size=1, max_size=6)


def ragged(lists):
    return np.array([day for days in lists for day in days], dtype=int), np.cumsum([0, *map(len, lists)])


def counted_one_by_one(days):
    """The rule as it reads: through a sorted history, one onset after the other."""
    found = []
    for day in sorted(days):
        if not found or day - found[-1] > 30:
            found.append(day)
    return found


def periods(days, first=INFUSION, last=INFUSION + 1000, disease=0.0):
    found = relapse_periods(days, first, last, disease)
    return [int(one[0]) for one in (found.before_relapses, found.before_days, found.since_relapses, found.since_days)]


def test_an_onset_thirty_days_after_the_last_counted_one_is_not_counted():
    assert thin_relapses([100, 130, 131, 161, 162]).tolist() == [True, False, True, False, True]


def test_the_days_go_by_the_last_onset_that_counted_not_by_the_last_one():
    assert thin_relapses([0, 20, 40, 60, 80]).tolist() == [True, False, True, False, True]


def test_onsets_may_come_in_any_order_and_on_one_day():
    assert thin_relapses([131, 100, 130, 100]).tolist() == [True, True, False, False]


def test_one_patients_relapse_does_not_hide_another_ones():
    assert thin_relapses([100, 110, 110, 400], [0, 1, 1, 4]).tolist() == [True, True, False, True]


def test_nothing_is_nothing():
    assert thin_relapses([]).tolist() == []
    assert periods([]) == [0, 730, 0, 1000]
    assert relapses_between([], [1, 1], 366, [0, 0, 0])[1].tolist() == [365, 365]


@given(people)
def test_thinning_agrees_with_the_rule_read_one_by_one(lists):
    days, offsets = ragged(lists)

    mask = thin_relapses(days, offsets)

    for start, end, own in zip(offsets, offsets[1:], lists, strict=False):
        assert sorted(days[start:end][mask[start:end]].tolist()) == counted_one_by_one(own)


def test_the_first_infusion_day_is_the_last_day_before():
    assert periods([INFUSION]) == [1, 730, 0, 1000]
    assert periods([INFUSION + 1]) == [0, 730, 1, 1000]
    assert periods([INFUSION - 729]) == [1, 730, 0, 1000]
    assert periods([INFUSION - 730]) == [0, 730, 0, 1000]


def test_the_history_is_thinned_before_it_is_divided():
    assert periods([INFUSION - 10, INFUSION + 20]) == [1, 730, 0, 1000]
    assert periods([INFUSION - 735, INFUSION - 710]) == [0, 730, 0, 1000]


def test_a_relapse_after_the_last_visit_is_not_counted():
    assert periods([INFUSION + 1000, INFUSION + 1040]) == [0, 730, 1, 1000]


def test_the_days_up_to_disease_onset_are_not_before():
    assert periods([INFUSION - 100, INFUSION - 60], disease=INFUSION - 100.0) == [1, 100, 0, 1000]
    assert periods([INFUSION - 60], disease=INFUSION + 5.0) == [0, 0, 0, 1000]


def test_without_a_day_of_disease_onset_nothing_is_counted_before():
    found = relapse_periods([INFUSION - 60, INFUSION + 60], INFUSION, INFUSION + 1000, nan)

    assert (found.before_relapses[0], found.before_days[0], found.before_known[0]) == (0, 0, False)
    assert (found.since_relapses[0], found.since_days[0]) == (1, 1000)


def test_a_last_visit_before_the_infusion_leaves_no_time_since():
    assert periods([INFUSION + 5], last=INFUSION - 5) == [0, 730, 0, 0]


@given(people, st.data())
def test_many_patients_are_each_as_one_alone(lists, data):
    days, offsets = ragged(lists)
    size = len(lists)

    def drawn(low, high):
        return np.array(data.draw(st.lists(st.integers(low, high), min_size=size, max_size=size)))

    first, last = drawn(INFUSION - 300, INFUSION + 300), drawn(INFUSION, INFUSION + 900)
    disease = np.where(drawn(0, 4) == 0, nan, drawn(INFUSION - 2000, INFUSION))

    found = relapse_periods(days, first, last, disease, offsets)

    for n, own in enumerate(lists):
        alone = relapse_periods(np.array(own, dtype=int), first[n], last[n], disease[n])
        for name in ("before_relapses", "before_days", "since_relapses", "since_days", "before_known"):
            assert getattr(found, name)[n] == getattr(alone, name)[0], name
        since = [day for day in counted_one_by_one(own) if first[n] < day <= last[n]]
        assert found.since_relapses[n] == len(since)


@given(people, st.integers(-5000, 5000))
def test_another_calendar_moves_nothing_between_periods(lists, shift):
    days, offsets = ragged(lists)

    found = relapses_between(days, INFUSION, INFUSION + 500, offsets)
    moved = relapses_between(days + shift, INFUSION + shift, INFUSION + 500 + shift, offsets)

    assert np.array_equal(found, moved)


@pytest.mark.parametrize(
    ("onsets", "offsets"),
    [([1.5], None), ([1], [0]), ([1], [0, 2]), ([1, 2], [1, 2]), ([1, 2], [0, 2, 1, 2]), ([[1]], None)],
)
def test_impossible_input_is_an_error(onsets, offsets):
    with pytest.raises(ValueError):
        thin_relapses(onsets, offsets)
    with pytest.raises(ValueError):
        relapse_periods(onsets, 1, 2, 0.0, offsets)


def test_a_patient_without_a_day_is_an_error():
    with pytest.raises(ValueError):
        relapse_periods([1, 2], [5, 6, 7], 9, 0.0, [0, 1, 2])
    with pytest.raises(ValueError):
        relapse_periods([1, 2], 5, 9, 0.5)
