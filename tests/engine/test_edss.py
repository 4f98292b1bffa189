"""One assessment: grades, policies, walking and the EDSS with its reasons."""

import csv
import json
from dataclasses import FrozenInstanceError, fields
from decimal import Decimal
from enum import IntEnum
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import edss_table
from engine.edss import (
    ALGORITHM_VERSION,
    CONVERSIONS,
    EDSS_STEPS,
    GRADE_MAX,
    POLICY_CHOICES,
    ROWS,
    SYSTEMS,
    Grade,
    GradeError,
    Policies,
    PolicyError,
    Problem,
    ScoringError,
    counted_grade,
    parse_grade,
    score,
    score_many,
)
from engine.walking import LEGACY, NEUROSTATUS, SCHEMES, WalkingError, ambulation_code, best_ambulation

GOLDEN = Path(__file__).parents[1] / "golden" / "edss-scoring-vectors.csv"
with GOLDEN.open(newline="") as file:
    VECTORS = list(csv.DictReader(file))

ZERO = (0,) * 7


def of(*grades):
    return dict(zip(SYSTEMS, grades, strict=True))


def problems(grades, ambulation, **options):
    with pytest.raises(ScoringError) as caught:
        score(grades, ambulation, **options)
    return {problem.field: problem.message for problem in caught.value.problems}


def test_every_published_vector_scores_as_expected():
    assert len(VECTORS) == 1046

    for vector in VECTORS:
        grades = {system: int(vector[system]) for system in SYSTEMS}
        result = score(grades, int(vector["ambulation"]))
        assert str(result.edss) == vector["expected_edss"], vector


def test_every_published_vector_scores_as_expected_in_bulk():
    grades = np.array([[int(vector[system]) for system in SYSTEMS] for vector in VECTORS])
    codes = np.array([int(vector["ambulation"]) for vector in VECTORS])

    halves, _ = score_many(grades, codes)

    assert halves.tolist() == [int(2 * Decimal(vector["expected_edss"])) for vector in VECTORS]


WORKED = [
    ((0, 0, 0, 0, 0, 0, 0), 0, "0.0", 22),
    ((1, 0, 1, 0, 0, 0, 0), 0, "1.5", 20),
    ((3, 0, 0, 0, 0, 0, 0), 0, "2.0", 19),
    ((4, 0, 2, 0, 2, 0, 0), 0, "3.5", 13),
    ((0, 0, 3, 0, 0, 4, 0), 0, "3.5", 11),
    ((0, 0, 3, 0, 2, 4, 0), 0, "4.0", 10),
    ((5, 0, 2, 2, 2, 2, 0), 0, "4.0", 12),
    ((0, 0, 4, 0, 1, 0, 0), 1, "4.0", 6),
    ((0, 0, 4, 3, 3, 0, 0), 0, "4.5", 4),
    ((6, 0, 0, 0, 0, 0, 0), 0, "4.0", 6),
    ((0, 0, 0, 0, 0, 6, 0), 0, "5.0", 1),
    ((0, 0, 2, 2, 2, 2, 2), 2, "4.5", 16),
    ((0, 0, 4, 4, 0, 0, 0), 2, "5.0", 2),
    ((0, 0, 1, 1, 0, 0, 0), 1, "2.0", 20),
    ((6, 5, 6, 5, 6, 6, 5), 4, "5.5", 1),
    ((0, 0, 3, 2, 2, 1, 0), 6, "6.0", 13),
    ((0, 0, 3, 2, 2, 1, 0), 16, "10.0", 13),
]


@pytest.mark.parametrize(("grades", "code", "edss", "row"), WORKED)
def test_worked_example(grades, code, edss, row):
    result = score(of(*grades), code)

    assert (str(result.edss), result.row, result.contested) == (edss, row, ())


CONTESTED = [
    ((0, 0, 4, 2, 1, 0, 0), 1, "four_with_twos", {"4.5": "4.5", "4.0": "4.0"}),
    ((0, 0, 4, 3, 3, 3, 0), 0, "four_with_threes", {"5.0": "5.0", "4.5": "4.5"}),
    ((0, 0, 0, 0, 0, 0, 1), 0, "cerebral_grade1", {"count": "1.0", "ignore": "0.0"}),
    ((0, 0, 1, 0, 0, 0, 1), 0, "cerebral_grade1", {"count": "1.5", "ignore": "1.0"}),
]


@pytest.mark.parametrize(("grades", "code", "policy", "answers"), CONTESTED)
def test_contested_example_under_both_policies(grades, code, policy, answers):
    default, other = answers

    ours = score(of(*grades), code)
    theirs = score(of(*grades), code, Policies(**{policy: other}))

    assert getattr(Policies(), policy) == default
    assert (str(ours.edss), str(theirs.edss)) == tuple(answers.values())
    assert ours.contested == theirs.contested == (policy,)
    assert (ours.alternatives, theirs.alternatives) == ({policy: theirs.edss}, {policy: ours.edss})


@pytest.mark.parametrize(
    ("grades", "code"),
    [
        ((0, 0, 4, 2, 1, 0, 0), 2),  # the floor 4.5 hides the difference
        ((0, 0, 4, 2, 1, 0, 0), 3),
        ((0, 0, 4, 3, 3, 3, 0), 3),
        ((0, 0, 0, 0, 0, 0, 1), 1),
        ((0, 0, 1, 1, 0, 0, 1), 0),  # three at grade 1 or two: 1.5
        ((0, 0, 2, 0, 0, 0, 1), 0),
        ((0, 0, 1, 1, 0, 0, 0), 0),
    ],
)
def test_nothing_is_contested_where_no_policy_changes_the_answer(grades, code):
    assert score(of(*grades), code).contested == ()


def test_row_3_is_contested_with_code_2_because_5_0_beats_its_floor():
    assert score(of(0, 0, 4, 3, 3, 3, 0), 2).alternatives == {"four_with_threes": Decimal("4.5")}


def test_ignored_cerebral_grade_enters_the_table_as_zero():
    result = score(of(0, 0, 1, 0, 0, 0, 1), 0, Policies(cerebral_grade1="ignore"))

    assert (result.converted["cerebral"], result.row, result.drivers) == (0, 21, ("pyramidal",))
    assert score(of(0, 0, 0, 0, 0, 0, 2), 0, Policies(cerebral_grade1="ignore")).edss == 2


def test_the_scale_has_20_steps_and_no_half():
    assert [str(step) for step in EDSS_STEPS] == ["0.0", *(f"{halves / 2:.1f}" for halves in range(2, 21))]
    assert len(EDSS_STEPS) == 20


def test_systems_ranges_and_conversions_are_those_of_the_specification():
    assert SYSTEMS == ("visual", "brainstem", "pyramidal", "cerebellar", "sensory", "bowel_bladder", "cerebral")
    assert tuple(GRADE_MAX[system] for system in SYSTEMS) == (6, 5, 6, 5, 6, 6, 5)
    assert CONVERSIONS == {"visual": (0, 1, 2, 2, 3, 3, 4), "bowel_bladder": (0, 1, 2, 3, 3, 4, 5)}


def test_raw_grades_are_converted_beside_the_record():
    assert score(of(3, 5, 6, 5, 6, 5, 5), 0).converted == of(2, 5, 6, 5, 6, 4, 5)
    assert score(of(6, 0, 0, 0, 0, 6, 0), 0).converted == of(4, 0, 0, 0, 0, 5, 0)


def test_the_explanation_gives_systems_walking_and_the_higher():
    result = score(of(1, 1, 3, 2, 2, 4, 2), 1)

    assert result.explain() == (
        ("Systems: two at grade 3, with one or more at 2", Decimal("4.0")),
        ("Walking: code 1 permits no less than", Decimal("2.0")),
        ("The higher of the two", Decimal("4.0")),
    )
    assert result.drivers == ("pyramidal", "cerebellar", "sensory", "bowel_bladder", "cerebral")
    assert (result.fs_step, result.floor, result.fixed_by_walking) == (Decimal("4.0"), Decimal("2.0"), False)
    assert (result.ambulation, result.scheme, result.policies) == (1, "neurostatus", Policies())
    assert result.algorithm_version == ALGORITHM_VERSION


def test_the_explanation_says_when_walking_alone_decides():
    result = score(of(0, 0, 3, 2, 2, 1, 0), 6)

    assert result.fixed_by_walking
    assert result.explain() == (
        ("Systems: one at grade 3, with one or two at 2", Decimal("3.5")),
        ("Walking: code 6 gives", Decimal("6.0")),
        ("Walking alone decides", Decimal("6.0")),
    )


@pytest.mark.parametrize(
    ("grades", "drivers"),
    [
        ((0, 0, 6, 0, 5, 6, 4), ("pyramidal", "sensory", "bowel_bladder")),  # 5 and 6 alike
        ((0, 0, 4, 3, 2, 0, 0), ("pyramidal", "cerebellar")),
        ((0, 0, 4, 2, 1, 0, 0), ("pyramidal", "cerebellar")),
        ((0, 0, 4, 1, 0, 0, 0), ("pyramidal",)),
        ((3, 0, 1, 0, 0, 0, 0), ("visual",)),
        (ZERO, ()),
    ],
)
def test_drivers_are_the_systems_the_row_names(grades, drivers):
    assert score(of(*grades), 0).drivers == drivers


NUMBERS = {"one": (1, 1), "two": (2, 2), "five": (5, 5), "three or four": (3, 4), "one or two": (1, 2)}
NUMBERS |= {"six or seven": (6, 7), "one or more": (1, 7), "two or more": (2, 7), "three or more": (3, 7)}


def test_the_words_of_each_row_say_what_the_row_asks_for():
    for row in ROWS[:-1]:
        said = {}
        for part in row.text.replace("at grade ", "at ").replace("with ", "").split(", "):
            number, _, grade = part.partition(" at ")
            if number in NUMBERS:
                said[int(grade[0])] = NUMBERS[number]
        assert said == row.needs, row.text

    assert (ROWS[-1].needs, ROWS[-1].text) == ({}, "all at grade 0")
    assert [row.number for row in ROWS] == list(range(1, 23))


def test_a_default_policy_is_the_value_its_row_or_code_carries():
    items = [item for item in (*ROWS, *(level for s in SCHEMES.values() for level in s.levels)) if item.policy]

    assert [item.policy for item in items] == ["four_with_threes", "four_with_twos", "legacy_code1"]
    assert all(edss_table.step_under(item, Policies()) == item.edss for item in items)


# Grades and marks


@pytest.mark.parametrize(
    ("given_as", "grade"), [("2", Grade(2)), ("2X", Grade(2, "X")), ("0P", Grade(0, "P")), (6, Grade(6)), (0, Grade(0))]
)
def test_a_grade_is_read_with_its_mark(given_as, grade):
    assert parse_grade(given_as) == grade


NOT_GRADES = ["", " ", "X", "P", "NT", "0x2", "1e0", " 2", "2 ", "2\n", "2x", "2p", "2XP", "2XX", "+2", "-1", "7"]
NOT_GRADES += ["XX2", "2.0", "02", "10", "\uff12", "\u0662", "²", "None", "not_done"]
NOT_GRADES += [True, False, None, 2.0, Decimal(2), -1, 7, [], [2], ["2"], (2,), {2}, {}, b"2", Grade(2), np.int64(2)]


@pytest.mark.parametrize("value", NOT_GRADES, ids=repr)
def test_nothing_else_becomes_a_grade(value):
    with pytest.raises(GradeError, match="is not a grade"):
        parse_grade(value)


@given(st.text())
def test_any_text_is_a_grade_or_an_error_and_never_changes_its_number(text):
    try:
        grade = parse_grade(text)
    except GradeError:
        return
    assert f"{grade.value}{grade.mark}" == text


@pytest.mark.parametrize(
    ("value", "mark"),
    [(True, ""), ("2", ""), (2.0, ""), (2, "Y"), (2, "x"), (2, None), (2, "not_done"), (None, "X"), (None, "P")],
)
def test_a_grade_that_cannot_be_is_refused(value, mark):
    with pytest.raises(GradeError):
        Grade(value, mark)


@pytest.mark.parametrize(
    ("grade", "counts"),
    [(Grade(3), 3), (Grade(3, "X"), 3), (Grade(3, "P"), 0), (Grade(None, "not_done"), None), (Grade(None), None)],
)
def test_marks_decide_what_counts(grade, counts):
    assert counted_grade(grade) == counts


def test_hard_to_test_counts_and_not_due_to_ms_does_not():
    assert score(of(0, 0, Grade(3, "X"), 0, 0, 0, 0), 0).edss == 3
    assert score(of(0, 0, Grade(3, "P"), 0, 0, 1, 0), 0).edss == 1


def test_a_grade_not_due_to_ms_must_still_be_in_range():
    assert score(of(Grade(6, "P"), 0, 0, 0, 0, 0, 0), 0).converted["visual"] == 0
    assert problems(of(Grade(7, "P"), 0, 0, 0, 0, 0, 0), 0) == {"visual": "7 is not between 0 and 6"}


# What cannot be scored


def test_every_field_at_fault_is_named_at_once():
    grades = of(7, -1, "2", True, None, Grade(None, "not_done"), 2.0)

    found = problems(grades, None)

    assert found == {
        "visual": "7 is not between 0 and 6",
        "brainstem": "-1 is not between 0 and 5",
        "pyramidal": "'2' is not a whole number",
        "cerebellar": "True is not a whole number",
        "sensory": "missing",
        "bowel_bladder": "missing",
        "cerebral": "2.0 is not a whole number",
        "ambulation": "missing",
    }


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(
    "value", ["", " ", "2", "X", "0x2", "1e0", True, False, [], [1], 1.0, Decimal(1), -1, 99, None], ids=repr
)
def test_no_field_is_coerced(system, value):
    assert list(problems(of(*ZERO) | {system: value}, 0)) == [system]


@pytest.mark.parametrize(
    "value", ["", "1", True, False, [], 1.0, Decimal(1), -1, 17, None, Grade(1), np.int64(1)], ids=repr
)
def test_no_ambulation_code_is_coerced(value):
    assert list(problems(of(*ZERO), value)) == ["ambulation"]


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_top_grade_of_each_system_is_the_last_allowed(system):
    top = GRADE_MAX[system]

    assert score(of(*ZERO) | {system: top}, 0).edss >= 4
    assert list(problems(of(*ZERO) | {system: top + 1}, 0)) == [system]


@pytest.mark.parametrize("code", [0, 2, 3, 16])
def test_a_missing_system_is_never_taken_for_zero(code):
    grades = of(*ZERO)
    del grades["sensory"]

    assert problems(grades, code) == {"sensory": "missing"}


def test_an_unknown_system_is_named():
    assert problems(of(*ZERO) | {"other": 1}, 0) == {"other": "no such system"}


@pytest.mark.parametrize("scheme", ["", "Neurostatus", None, 1, []], ids=repr)
def test_an_unknown_scheme_is_named(scheme):
    assert list(problems(of(*ZERO), 0, scheme=scheme)) == ["ambulation_scheme"]
    with pytest.raises(ScoringError, match="ambulation_scheme"):
        score_many([ZERO], [0], scheme=scheme)


def test_an_enumerated_grade_is_a_whole_number():
    assert score(of(0, 0, IntEnum("Level", {"TWO": 2}).TWO, 0, 0, 0, 0), 0).edss == 2


def test_values_that_travel_cannot_be_changed():
    frozen = [score(of(*ZERO), 0), Grade(1), Policies(), ROWS[0], NEUROSTATUS, NEUROSTATUS.levels[0]]
    frozen += [ambulation_code(500, "none"), Problem("visual", "missing")]

    for value in frozen:
        with pytest.raises(FrozenInstanceError):
            setattr(value, fields(value)[0].name, None)
    with pytest.raises(ValueError, match="read-only"):
        edss_table.answers(Policies(), "legacy")[1, 1] = 0


# Policies


def test_policies_travel_as_a_mapping():
    policies = Policies(cerebral_grade1="ignore", four_with_threes="4.5")

    assert policies.as_mapping() == {
        "cerebral_grade1": "ignore",
        "four_with_twos": "4.5",
        "four_with_threes": "4.5",
        "legacy_code1": "4.0",
    }
    assert Policies.from_mapping(policies.as_mapping()) == policies
    assert Policies.from_mapping({}) == Policies()
    assert all(getattr(Policies(), name) == choices[0] for name, choices in POLICY_CHOICES.items())


@pytest.mark.parametrize("name", POLICY_CHOICES)
@pytest.mark.parametrize("value", ["", "5", 4.5, Decimal("4.5"), None, True, "COUNT", []], ids=repr)
def test_a_policy_takes_no_other_value(name, value):
    for make in (lambda: Policies(**{name: value}), lambda: Policies.from_mapping({name: value})):
        with pytest.raises(PolicyError) as caught:
            make()
        assert caught.value.field == name


def test_words_read_from_a_file_serve_as_well_as_literals():
    ignore, not_done = json.loads('["ignore", "not_done"]')

    assert score(of(0, 0, 0, 0, 0, 0, 1), 0, Policies(cerebral_grade1=ignore)).edss == 0
    with pytest.raises(GradeError, match="not done has no grade"):
        Grade(2, not_done)


def test_an_unknown_policy_is_named():
    with pytest.raises(PolicyError, match="row_9: no such policy"):
        Policies.from_mapping({"row_9": "4.0"})


# Schemes of walking


def test_the_codes_stand_for_the_published_steps():
    neurostatus = "0.0 2.0 4.5 5.0 5.5 6.0 6.0 6.0 6.5 6.5 7.0 7.5 8.0 8.5 9.0 9.5 10.0"
    legacy = "0.0 4.0 4.5 5.0 5.5 6.0 6.5 7.0 7.5 8.0 8.5 9.0 9.5 10.0"

    assert " ".join(str(level.edss) for level in NEUROSTATUS.levels) == neurostatus
    assert " ".join(str(level.edss) for level in LEGACY.levels) == legacy


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_a_scheme_keeps_code_label_and_score_together(scheme):
    assert [level.code for level in scheme.levels] == list(range(scheme.death_code + 1))
    assert [level.fixed for level in scheme.levels] == [code >= 3 for code in range(scheme.death_code + 1)]
    assert all(level.edss >= 5 for level in scheme.levels if level.fixed)  # so that no FS step exceeds a fixed value
    assert scheme.levels[scheme.death_code].label == "death due to MS"
    assert [code for code, _ in scheme.choices()] == list(range(scheme.death_code))
    assert len({level.label for level in scheme.levels}) == len(scheme.levels)


def test_the_same_words_mean_the_same_step_in_both_schemes():
    theirs = {level.label: level.edss for level in LEGACY.levels}
    shared = [level for level in NEUROSTATUS.levels if level.label in theirs]

    assert len(shared) == 6
    assert all(theirs[level.label] == level.edss for level in shared)


@pytest.mark.parametrize("code", range(14))
def test_legacy_codes_score_by_their_own_table(code):
    result = score(of(*ZERO), code, scheme="legacy")

    assert result.edss == result.floor == LEGACY.levels[code].edss
    assert (result.fixed_by_walking, result.scheme) == (code >= 3, "legacy")
    assert score(of(6, 5, 6, 5, 6, 6, 5), code, scheme="legacy").edss == max(Decimal(5), LEGACY.levels[code].edss)


def test_legacy_code_1_has_the_floor_its_policy_names():
    two = Policies(legacy_code1="2.0")
    worse = of(0, 0, 4, 3, 0, 0, 0)

    assert score(of(*ZERO), 1, scheme="legacy").edss == 4
    assert score(of(*ZERO), 1, two, "legacy").edss == score(of(*ZERO), 1, two, "legacy").floor == 2
    assert score(of(0, 0, 3, 0, 0, 0, 0), 1, two, "legacy").edss == 3
    assert score(worse, 1, scheme="legacy").edss == score(worse, 1, two, "legacy").edss == Decimal("4.5")
    assert score(of(*ZERO), 1, two).edss == score(of(*ZERO), 1).edss == 2  # the other scheme does not ask


def test_legacy_scheme_ends_at_13():
    assert problems(of(*ZERO), 14, scheme="legacy") == {"ambulation": "14 is not between 0 and 13"}
    with pytest.raises(ScoringError, match="ambulation: 14"):
        score_many([ZERO], [14], scheme="legacy")


# The code from findings


@pytest.mark.parametrize(
    ("metres", "aid", "code"),
    [
        (5000, "none", 1), (500, "none", 1), (499, "none", 2), (300, "none", 2), (299, "none", 3), (250, "none", 3),
        (200, "none", 3), (199, "none", 4), (100, "none", 4), (99, "none", 5), (5, "none", 5),
        (500, "one_side", 6), (50, "one_side", 6), (49, "one_side", 8), (5, "one_side", 8),
        (500, "both_sides", 7), (120, "both_sides", 7), (119, "both_sides", 9), (5, "both_sides", 9),
        (4, "both_sides", 10), (1, "both_sides", 10),
    ],
)  # fmt: skip
def test_distance_and_aid_give_the_code(metres, aid, code):
    result = ambulation_code(metres, aid)

    assert (result.code, result.candidates) == (code, (code,))
    assert result.sentence == f"Code {code}: {NEUROSTATUS.levels[code].label}."


@pytest.mark.parametrize(("metres", "aid"), [(None, "none"), (None, None), (500, "none"), (2000, None)])
def test_unrestricted_walking_is_code_0(metres, aid):
    assert ambulation_code(metres, aid, unrestricted=True).code == 0


def test_chair_and_bed_need_one_more_finding():
    assert ambulation_code(None, "wheelchair", wheelchair_help=False).code == 10
    assert ambulation_code(4, "wheelchair", wheelchair_help=True).code == 11
    states = ("out_most_of_day", "some_arm_use", "helpless", "wholly_helpless")
    assert [ambulation_code(None, "bed", in_bed=state).code for state in states] == [12, 13, 14, 15]


@pytest.mark.parametrize(
    ("findings", "candidates", "words"),
    [
        ({"distance_m": None, "aid": None}, range(16), "Which aid"),
        ({"distance_m": 80, "aid": None}, (5, 6, 9), "Which aid"),
        ({"distance_m": None, "aid": "none"}, range(6), "How far"),
        ({"distance_m": None, "aid": "one_side"}, (6, 8), "How far"),
        ({"distance_m": None, "aid": "both_sides"}, (7, 9, 10), "How far"),
        ({"distance_m": 4, "aid": "none"}, (5, 10, 11), "4 m: can 5 m"),
        ({"distance_m": 1, "aid": "one_side"}, (8, 10, 11), "1 m: can 5 m"),
        ({"distance_m": 0, "aid": "none"}, range(10, 16), "0 m is no walk"),
        ({"distance_m": 0, "aid": "both_sides"}, range(10, 16), "0 m is no walk"),
        ({"distance_m": None, "aid": "wheelchair"}, (10, 11), "Is help needed"),
        ({"distance_m": None, "aid": "bed"}, (12, 13, 14, 15), "How much of the day"),
        ({"distance_m": 5, "aid": "wheelchair", "wheelchair_help": False}, (5, 8, 9), "with which aid"),
        ({"distance_m": 130, "aid": "bed"}, (4, 6, 7), "with which aid"),
        ({"distance_m": 499, "aid": "none", "unrestricted": True}, (0, 2), "499 m contradicts"),
        ({"distance_m": 600, "aid": "one_side", "unrestricted": True}, (0, 1, 6, 7), "An aid contradicts"),
    ],
)
def test_findings_that_do_not_decide_leave_candidates_and_a_question(findings, candidates, words):
    result = ambulation_code(**findings)

    assert (result.code, result.candidates) == (None, tuple(candidates))
    assert words in result.sentence


def test_an_open_question_lists_its_codes():
    assert ambulation_code(None, "wheelchair").sentence == "Code 10 or 11. Is help needed to transfer or to wheel?"


def test_only_a_recorded_death_gives_16():
    assert ambulation_code(700, "none", ms_death=True).code == 16
    for metres in (None, 0, 3, 50, 700):
        for aid in (None, "none", "one_side", "both_sides", "wheelchair", "bed"):
            assert 16 not in ambulation_code(metres, aid).candidates


@pytest.mark.parametrize(
    ("findings", "field"),
    [
        ({"distance_m": -1, "aid": "none"}, "distance_m"),
        ({"distance_m": 50.5, "aid": "none"}, "distance_m"),
        ({"distance_m": True, "aid": "none"}, "distance_m"),
        ({"distance_m": "50", "aid": "none"}, "distance_m"),
        ({"distance_m": 50, "aid": "stick"}, "aid"),
        ({"distance_m": 50, "aid": ""}, "aid"),
        ({"distance_m": None, "aid": "bed", "in_bed": "asleep"}, "in_bed"),
    ],
)
def test_a_finding_that_cannot_be_is_named(findings, field):
    with pytest.raises(WalkingError) as caught:
        ambulation_code(**findings)

    assert caught.value.field == field


@pytest.mark.parametrize(
    ("walks", "code"),
    [
        ([(40, "one_side"), (150, "both_sides")], 7),  # 6.5 with one stick, 6.0 with two
        ([(150, "both_sides"), (40, "one_side")], 7),
        ([(80, "none"), (60, "one_side")], 5),  # both 6.0: the lower code
        ([(30, "none"), (200, "both_sides"), (None, "wheelchair")], 5),
        ([(60, "one_side"), (3, "none")], 6),  # 3 m alone might be 5: no better than 6.0
        ([(250, "none")], 3),
    ],
)
def test_the_best_walk_counts(walks, code):
    assert best_ambulation(ambulation_code(*walk) for walk in walks).code == code


def test_a_walk_that_could_be_better_keeps_the_question_open():
    result = best_ambulation([ambulation_code(20, "one_side"), ambulation_code(None, "both_sides")])

    assert (result.code, result.candidates) == (None, (7, 8))
    assert best_ambulation([ambulation_code(None, "wheelchair")]).candidates == (10, 11)
    with pytest.raises(WalkingError, match="at least one"):
        best_ambulation([])
