"""Plain numbers take a short way through the engine; marked ones the long way. Both must say the same."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.edss import GRADE_MAX, POLICY_CHOICES, SYSTEMS, Grade, Policies, ScoringError, score, score_many
from engine.edss_checks import AssessmentFacts, warnings

GRADES = st.fixed_dictionaries({system: st.integers(-1, top + 1) for system, top in GRADE_MAX.items()})
POLICIES = st.builds(Policies, **{name: st.sampled_from(choices) for name, choices in POLICY_CHOICES.items()})


def result(grades, code, policies, scheme):
    try:
        found = score(grades, code, policies, scheme)
    except ScoringError as error:
        return error.problems
    facts = AssessmentFacts(day=date(2026, 9, 8), grades=grades, ambulation=code, scheme=scheme)
    return found, warnings(facts, found)


@given(GRADES, st.integers(-1, 18), POLICIES, st.sampled_from(["neurostatus", "legacy"]))
def test_a_plain_number_and_a_grade_without_a_mark_score_alike(grades, code, policies, scheme):
    as_grades = {system: Grade(grade) for system, grade in grades.items()}

    plain = result(grades, code, policies, scheme)

    assert plain == result(as_grades, code, policies, scheme)
    if isinstance(plain[-1], tuple):
        halves, rows = score_many([[grades[system] for system in SYSTEMS]], [code], policies, scheme)
        assert (plain[0].edss * 2, plain[0].row) == (int(halves[0]), int(rows[0]))


@given(GRADES, st.permutations(SYSTEMS), st.integers(0, 16))
def test_the_order_in_which_grades_are_given_changes_nothing(grades, order, code):
    given_as = {system: grades[system] for system in order}

    assert result(given_as, code, Policies(), "neurostatus") == result(grades, code, Policies(), "neurostatus")


@pytest.mark.parametrize("order", [SYSTEMS, SYSTEMS[::-1], ("visual", *SYSTEMS[:0:-1])], ids=["sheet", "last", "mixed"])
def test_systems_are_named_in_the_order_of_the_sheet_however_they_were_given(order):
    grades = {system: {"pyramidal": 5, "sensory": 6}.get(system, 0) for system in order}

    for given_as in (grades, grades | {"sensory": Grade(6)}):
        current = AssessmentFacts(day=date(2026, 9, 8), grades=given_as, ambulation=1)
        [finding] = warnings(current, None)
        assert finding.sentence == "Walking code 1 is unlikely with pyramidal 5 and sensory 6."
