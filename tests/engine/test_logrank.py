"""The log-rank test against published figures, lifelines (frozen) and scipy (live), and against what must hold."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from engine.logrank import logrank
from engine.types import Refused
from tests.engine.test_survival import RELAPSED, REMISSION

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "cohort-figures.json").read_text())["logrank"]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]

group = st.lists(st.tuples(st.integers(0, 25), st.booleans()), min_size=8, max_size=40)


def pair(rows):
    return [days for days, _ in rows], [ended for _, ended in rows]


def test_a_published_comparison():
    """Freireich 1963: chi-square 16.8; 9 of 19.3 and 21 of 10.7 expected relapses."""
    found = logrank([(REMISSION, RELAPSED), (PLACEBO, [1] * 21)])

    assert found.statistic == pytest.approx(16.79, abs=5e-3)
    assert found.observed == (9, 21)
    assert found.expected == pytest.approx((19.25, 10.75), abs=5e-3)
    assert found.degrees_of_freedom == 1


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: f"{len(case['groups'])} groups")
def test_it_agrees_with_lifelines(case):
    found = logrank(case["groups"])

    assert found.statistic == pytest.approx(case["statistic"], rel=1e-9)
    assert found.p_value == pytest.approx(case["p"], rel=1e-9)
    assert found.degrees_of_freedom == len(case["groups"]) - 1


@given(group, group)
def test_for_two_groups_it_agrees_with_scipy(one, two):
    found = logrank([pair(one), pair(two)])
    assume(not isinstance(found, Refused))
    censored = [
        stats.CensoredData.right_censored(np.array(days), ~np.array(ended)) for days, ended in map(pair, (one, two))
    ]

    with np.errstate(all="ignore"):
        theirs = stats.logrank(*censored)

    assert found.statistic == pytest.approx(theirs.statistic**2, abs=1e-9)
    assert found.p_value == pytest.approx(theirs.pvalue, abs=1e-9)


@given(st.lists(group, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_neither_the_order_nor_the_unit_of_time_matters(groups, random):
    found = logrank([pair(rows) for rows in groups])
    assume(not isinstance(found, Refused))
    shuffled = random.sample(groups, len(groups))
    months = [[(days * 30, ended) for days, ended in random.sample(rows, len(rows))] for rows in shuffled]

    again = logrank([pair(rows) for rows in months])

    assert again.statistic == pytest.approx(found.statistic, abs=1e-8)
    assert sorted(again.observed) == sorted(found.observed)
    assert sum(found.expected) == pytest.approx(sum(found.observed))
    assert 0 <= found.p_value <= 1


@given(group, group)
def test_a_group_censored_before_the_first_event_takes_no_part(one, two):
    later = [pair([(days + 1, ended) for days, ended in rows]) for rows in (one, two)]
    found = logrank(later)
    assume(not isinstance(found, Refused))

    again = logrank([later[0], ([0, 0, 0], [False] * 3), ([], []), later[1]])

    assert again.statistic == pytest.approx(found.statistic)
    assert again.degrees_of_freedom == 1
    assert again.observed[1:3] == (0, 0)


@given(group)
def test_two_equal_groups_do_not_differ(rows):
    found = logrank([pair(rows), pair(rows)])
    assume(not isinstance(found, Refused))

    assert found.statistic == pytest.approx(0, abs=1e-12)
    assert found.p_value == pytest.approx(1)


def test_fewer_than_ten_events_are_refused():
    groups = [(range(1, 50), [True] * 5 + [False] * 44), (range(2, 50), [True] * 4 + [False] * 44)]

    assert logrank(groups) == Refused(
        "9 events in total are too few to compare groups; at least 10 are needed.",
    )


@pytest.mark.parametrize(
    "other",
    [([], []), ([1] * 20, [False] * 20)],
)
def test_groups_that_were_never_at_risk_together_are_refused(other):
    found = logrank([(range(2, 22), [True] * 20), other])

    assert isinstance(found, Refused)
    assert "at risk" in found.reason


def test_all_events_at_once_are_refused():
    found = logrank([([5] * 8, [True] * 8), ([5] * 8, [True] * 8)])

    assert isinstance(found, Refused)


def test_one_group_and_impossible_times_are_errors():
    with pytest.raises(ValueError):
        logrank([([1], [True])])
    with pytest.raises(ValueError):
        logrank([([1], [True]), ([-1], [True])])
