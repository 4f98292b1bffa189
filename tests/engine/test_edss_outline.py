"""Assessments of one outline: nothing that is said of them may differ. Every outline there is, by several members."""

import random
from datetime import date
from itertools import product

import numpy as np
import pytest

from engine.edss import GRADE_MAX, POLICY_CHOICES, SYSTEMS, Policies, score, score_many
from engine.edss_checks import SEEN_FROM, AssessmentFacts, own_value, warnings
from engine.edss_outline import GRADE_WEIGHTS, code_weight, outline
from engine.walking import SCHEMES

DAY = date(2026, 9, 8)
EVERY_POLICY = [Policies(*choices) for choices in product(*POLICY_CHOICES.values())]
MEMBERS = 2
# By 17 codes: 5,678.
OUTLINES_OF_GRADES = 334


@pytest.fixture(scope="module")
def grades():
    """All raw combinations, shape (518616, 7)."""
    shape = [top + 1 for top in GRADE_MAX.values()]
    return np.indices(shape, dtype=np.int8).reshape(len(shape), -1).T


@pytest.fixture(scope="module")
def outlines(grades):
    """The outline of each combination, without a code; shape (518616, 3)."""
    weight = sum(np.array(GRADE_WEIGHTS[system])[column] for system, column in zip(SYSTEMS, grades.T, strict=True))
    found, which = np.unique(weight, return_inverse=True)
    return np.array([outline(int(one)) for one in found])[which]


def said(grades, code, policies, scheme):
    by_system = dict(zip(SYSTEMS, map(int, grades), strict=True))
    result = score(by_system, code, policies, scheme)
    facts = AssessmentFacts(day=DAY, grades=by_system, ambulation=code, scheme=scheme)
    found = [(finding.id, finding.sentence) for finding in warnings(facts, result)]
    return result.edss, result.row, result.alternatives, found


def test_an_outline_holds_the_row_of_every_combination_in_both_readings_of_cerebral_1(grades, outlines):
    for place, choice in enumerate(POLICY_CHOICES["cerebral_grade1"]):
        _, rows = score_many(grades, np.zeros(len(grades), dtype=int), Policies(cerebral_grade1=choice))
        assert np.array_equal(rows, outlines[:, place])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_all_assessments_of_one_outline_have_the_same_edss_row_and_warnings(grades, outlines, scheme):
    draw = random.Random(20261125)
    order = np.lexsort(outlines.T)
    ends = np.flatnonzero(np.any(np.diff(outlines[order], axis=0), axis=1)) + 1
    groups = np.split(order, ends)
    assert len(groups) == OUTLINES_OF_GRADES

    for group in groups:
        members = grades[[group[0], *(draw.choice(group) for _ in range(MEMBERS - 1))]]
        for code in range(SCHEMES[scheme].death_code + 1):
            policies = draw.choice(EVERY_POLICY)
            first, *others = (said(member, code, policies, scheme) for member in members)
            assert all(other == first for other in others), (members, code, policies)


def test_codes_are_told_apart_and_disturb_no_grade():
    most = sum(weights[-1] for weights in GRADE_WEIGHTS.values())

    for code in range(17):
        assert outline(most + code_weight(code))[:2] == outline(most)[:2]
    assert len({outline(most + code_weight(code)) for code in range(17)}) == 17


@pytest.mark.parametrize("scheme", SCHEMES)
def test_without_an_edss_the_warnings_depend_on_the_code_and_the_grades_seen_alone(scheme):
    draw = random.Random(20261125)
    for _ in range(2000):
        code = draw.choice([None, *range(SCHEMES[scheme].death_code + 1)])
        one, other = ({name: draw.choice([None, *range(top + 1)]) for name, top in GRADE_MAX.items()} for _ in "ab")
        other |= {name: one[name] for name in SEEN_FROM}

        first, second = (
            [(finding.id, finding.sentence) for finding in warnings(AssessmentFacts(
                day=DAY, grades=grades, ambulation=code, scheme=scheme), None)]
            for grades in (one, other)
        )  # fmt: skip

        assert first == second


def test_the_raters_edss_adds_w1_and_nothing_else():
    draw = random.Random(20261125)
    steps = [score(dict.fromkeys(SYSTEMS, 0), code).edss for code in range(17)]
    for _ in range(1000):
        grades = {name: draw.randint(0, top) for name, top in GRADE_MAX.items()}
        code, rater = draw.randint(0, 16), draw.choice(steps)
        result = score(grades, code)
        alone = warnings(AssessmentFacts(day=DAY, grades=grades, ambulation=code), result)
        finding = own_value(rater, result.edss)

        both = warnings(AssessmentFacts(day=DAY, grades=grades, ambulation=code, rater_assigned=rater), result)

        assert both == ((finding, *alone) if finding else alone)
