"""Every input there is: 518,616 combinations of grades by 17 walking codes, and what must hold over all of them."""

import time
from decimal import Decimal
from itertools import combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.edss import GRADE_MAX, POLICY_CHOICES, SYSTEMS, Policies, ScoringError, score, score_many
from engine.walking import LEGACY, NEUROSTATUS, SCHEMES

SHAPE = tuple(GRADE_MAX[system] + 1 for system in SYSTEMS)
COMBOS = [387366, 50866, 11216, 31887, 6113, 448, 78, 582, 9000, 8794, 1088, 3014, 4672, 576, 28, 144, 1240]
COMBOS += [864, 512, 120, 7, 1]
DEFAULTS = Policies()
LEGAL = {0, *range(2, 21)}
VISUAL = np.array([0, 1, 2, 2, 3, 3, 4])
BOWEL_BLADDER = np.array([0, 1, 2, 3, 3, 4, 5])


def naive_step(converted, four_with_twos=4.5, four_with_threes=5.0):
    """The scale again, written from the scale's own wording and not from our table."""
    worst = sorted(converted, reverse=True)
    top, second = worst[0], worst[1]
    threes, twos, ones = (worst.count(grade) for grade in (3, 2, 1))
    if top >= 5 or second == 4:
        return 5.0
    if top == 4:
        if second == 3:
            return four_with_threes if threes >= 3 else 4.5
        return four_with_twos if second == 2 else 4.0
    if threes:
        if threes >= 3:
            return {3: 4.0, 4: 4.0, 5: 4.5}.get(threes, 5.0)
        if threes == 2:
            return 4.0 if twos else 3.5
        return 4.0 if twos >= 3 else 3.5 if twos else 3.0
    if twos:
        return [2.0, 2.5, 3.0, 3.0, 3.5, 4.0, 4.0][twos - 1]
    return min(ones, 1) * 1.0 + (0.5 if ones > 1 else 0.0)


@pytest.fixture(scope="module")
def grades():
    """All raw combinations, shape (518616, 7)."""
    return np.indices(SHAPE, dtype=np.int8).reshape(len(SHAPE), -1).T


@pytest.fixture(scope="module")
def converted(grades):
    table = grades.copy()
    table[:, SYSTEMS.index("visual")] = VISUAL[grades[:, SYSTEMS.index("visual")]]
    table[:, SYSTEMS.index("bowel_bladder")] = BOWEL_BLADDER[grades[:, SYSTEMS.index("bowel_bladder")]]
    return table


def scored(grades, policies=DEFAULTS, scheme="neurostatus"):
    """Twice the EDSS of every combination with every code, shape (codes, combinations), and the rows."""
    results = [
        score_many(grades, np.full(len(grades), level.code, dtype=np.int8), policies, scheme)
        for level in SCHEMES[scheme].levels
    ]
    assert all((rows == results[0][1]).all() for _, rows in results)  # walking does not move the row
    return np.array([halves for halves, _ in results], dtype=np.int8), results[0][1]


def rises(halves):
    """Change of twice the EDSS when each system in turn goes up one raw grade."""
    grid = halves.reshape(-1, *SHAPE)
    return [np.diff(grid, axis=axis) for axis in range(1, grid.ndim)]


def same_within(keys, values):
    """True if all values under one key are equal."""
    low, high = np.full(keys.max() + 1, 99, dtype=np.int8), np.full(keys.max() + 1, -99, dtype=np.int8)
    np.minimum.at(low, keys, values)
    np.maximum.at(high, keys, values)
    return (low[keys] == high[keys]).all()


def bags(converted):
    """A number per combination that forgets which system has which grade."""
    return np.sort(converted, axis=1).astype(np.int64) @ 7 ** np.arange(len(SYSTEMS))


@pytest.mark.slow
def test_every_input_obeys_every_invariant(grades, converted):
    halves, rows = scored(grades)

    assert halves.size == 8_816_472
    assert np.bincount(rows, minlength=23)[1:].tolist() == COMBOS
    assert set(np.unique(halves).tolist()) == LEGAL
    assert all(set(np.unique(rise).tolist()) <= {0, 1, 2} for rise in rises(halves))
    assert (np.diff(halves, axis=0) >= 0).all()
    assert (halves >= 2 * np.minimum(5, converted.max(axis=1))).all()
    assert (halves[3:] == halves[3:, :1]).all()
    keys = bags(converted)
    assert all(same_within(keys, of_code) for of_code in halves)


@pytest.mark.slow
@pytest.mark.parametrize("four_with_twos", POLICY_CHOICES["four_with_twos"])
@pytest.mark.parametrize("four_with_threes", POLICY_CHOICES["four_with_threes"])
@pytest.mark.parametrize("cerebral_grade1", POLICY_CHOICES["cerebral_grade1"])
def test_every_input_equals_a_naive_reading_of_the_scale(
    grades, converted, four_with_twos, four_with_threes, cerebral_grade1
):
    policies = Policies(cerebral_grade1, four_with_twos, four_with_threes)
    entering = converted.copy()
    if cerebral_grade1 == "ignore":
        entering[:, -1][entering[:, -1] == 1] = 0
    _, first, bag = np.unique(bags(entering), return_index=True, return_inverse=True)
    choices = float(four_with_twos), float(four_with_threes)
    steps = np.array([naive_step(entering[place].tolist(), *choices) for place in first])[bag]

    halves, _ = scored(grades, policies)

    for level in NEUROSTATUS.levels:
        floor = float(level.edss)
        expected = np.full(len(grades), floor) if level.code >= 3 else np.maximum(steps, floor)
        assert (halves[level.code] == 2 * expected).all(), level.code


@pytest.mark.slow
def test_cerebral_policy_matters_for_seven_combinations_with_code_0_only(grades):
    count, _ = scored(grades)
    ignore, _ = scored(grades, Policies(cerebral_grade1="ignore"))

    codes, places = np.nonzero(count != ignore)

    assert (codes.tolist(), len(places)) == ([0] * 7, 7)
    assert all(grades[place].max() == 1 and grades[place].sum() <= 2 for place in places)
    assert all((np.diff(each, axis=0) >= 0).all() for each in (count, ignore))
    assert all((rise >= 0).all() for rise in rises(ignore))


@pytest.mark.slow
def test_the_other_values_of_rows_3_and_5_change_those_rows_only(grades):
    ours, rows = scored(grades)

    for policy, row in (("four_with_threes", 3), ("four_with_twos", 5)):
        theirs, _ = scored(grades, Policies(**{policy: POLICY_CHOICES[policy][1]}))
        assert set(rows[(ours != theirs).any(axis=0)].tolist()) == {row}
        assert (ours[0] - theirs[0])[rows == row].tolist() == [1] * COMBOS[row - 1]


@pytest.mark.slow
def test_only_our_default_for_row_3_never_falls_when_a_grade_rises(grades):
    """With 4.5 for row 3, six at grade 3 are 5.0 and one of them rising to 4 makes 4.5."""
    theirs, _ = scored(grades, Policies(four_with_threes="4.5"))
    twos, _ = scored(grades, Policies(four_with_twos="4.0"))

    assert min(rise.min() for rise in rises(theirs)) == -1
    assert min(rise.min() for rise in rises(twos)) == 0


@pytest.mark.slow
@pytest.mark.parametrize("code1", POLICY_CHOICES["legacy_code1"])
def test_every_legacy_input_is_legal_monotone_and_the_higher_of_the_two(grades, code1):
    policies = Policies(legacy_code1=code1)
    halves, rows = scored(grades, policies, "legacy")
    ours, our_rows = scored(grades)

    assert (rows == our_rows).all()
    assert set(np.unique(halves).tolist()) == LEGAL
    assert all(set(np.unique(rise).tolist()) <= {0, 1, 2} for rise in rises(halves))
    assert (np.diff(halves, axis=0) >= 0).all()
    assert (halves[1] == np.maximum(ours[0], 2 * float(code1))).all()
    assert (halves[[0, 2]] == ours[[0, 2]]).all()
    assert all((halves[level.code] == 2 * level.edss).all() for level in LEGACY.levels[3:])


def test_every_set_of_converted_grades_matches_the_naive_reading():
    """The quick version of the grid: brainstem to sensory take any grade to 5, the others what their range allows."""
    for bag in combinations_with_replacement(range(6), len(SYSTEMS)):
        raw = as_raw(bag)
        if raw is not None:
            assert score(dict(zip(SYSTEMS, raw, strict=True)), 0).fs_step == Decimal(str(naive_step(bag))), bag


def as_raw(bag):
    """Raw grades in the order of SYSTEMS for an ascending set of converted grades, or None where there are none."""
    if bag[0] > 4:
        return None
    visual = VISUAL.tolist().index(bag[0])
    bowel_bladder = BOWEL_BLADDER.tolist().index(bag[1])
    return (visual, *bag[2:6], bowel_bladder, bag[6])


any_policies = st.builds(Policies, **{name: st.sampled_from(choices) for name, choices in POLICY_CHOICES.items()})
any_input = st.tuples(*(st.integers(0, size - 1) for size in SHAPE)), st.integers(0, 16)


@given(st.lists(st.tuples(*any_input), min_size=1, max_size=8), any_policies, st.sampled_from(list(SCHEMES)))
def test_one_and_many_agree(inputs, policies, scheme):
    inputs = [(raw, min(code, SCHEMES[scheme].death_code)) for raw, code in inputs]
    halves, rows = score_many([raw for raw, _ in inputs], [code for _, code in inputs], policies, scheme)

    singles = [score(dict(zip(SYSTEMS, raw, strict=True)), code, policies, scheme) for raw, code in inputs]

    assert [(int(2 * single.edss), single.row) for single in singles] == list(zip(halves, rows, strict=True))
    assert all(single.edss == max(single.fs_step, single.floor) for single in singles)
    for single, (raw, code) in zip(singles, inputs, strict=True):
        for name, edss in single.alternatives.items():
            [other] = set(POLICY_CHOICES[name]) - {getattr(policies, name)}
            flipped = Policies.from_mapping(policies.as_mapping() | {name: other})
            assert edss == score(dict(zip(SYSTEMS, raw, strict=True)), code, flipped, scheme).edss != single.edss


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int64])
@pytest.mark.parametrize("column", range(8))
def test_a_missing_value_gives_no_edss_in_its_own_row_only(kind, column):
    table = np.array([[6, 5, 6, 5, 6, 6, 5, 12]] * 3, dtype=kind)
    table[1, column] = -1

    halves, rows = score_many(table[:, :7], table[:, 7])

    assert (halves.tolist(), rows.tolist()) == ([16, -1, 16], [1, -1, 1])


def test_a_row_without_grade_and_without_code_gives_no_edss():
    halves, rows = score_many([(-1,) * 7, (0,) * 7], [-1, 0])

    assert (halves.tolist(), rows.tolist()) == ([-1, 0], [-1, 22])


def test_unsigned_grades_and_no_rows_at_all_are_fine():
    halves, rows = score_many(np.zeros((2, 7), dtype=np.uint8), np.array([0, 1], dtype=np.uint8))
    assert (halves.tolist(), rows.tolist()) == ([0, 4], [22, 22])

    halves, rows = score_many(np.zeros((0, 7), dtype=int), np.zeros(0, dtype=int))
    assert (halves.shape, rows.shape) == ((0,), (0,))


@pytest.mark.parametrize("column", range(8))
@pytest.mark.parametrize("beyond", [-2, 1])
def test_a_column_out_of_range_is_named(column, beyond):
    tops = np.array([*GRADE_MAX.values(), 16])
    table = np.zeros((4, 8), dtype=int)
    table[2, column] = beyond if beyond < 0 else tops[column] + beyond

    with pytest.raises(ScoringError) as caught:
        score_many(table[:, :7], table[:, 7])

    assert [problem.field for problem in caught.value.problems] == [(*SYSTEMS, "ambulation")[column]]


def test_of_several_wrong_values_in_a_column_the_first_is_told():
    with pytest.raises(ScoringError, match="visual: 8 is not between 0 and 6, nor -1 for missing"):
        score_many([(0,) * 7, (8, *(0,) * 6), (9, *(0,) * 6)], [0, 0, 0])


@pytest.mark.parametrize("kind", [float, bool, object, str])
def test_arrays_of_anything_but_whole_numbers_are_refused(kind):
    with pytest.raises(ScoringError) as caught:
        score_many(np.zeros((2, 7)).astype(kind), np.zeros(2, dtype=int))
    assert [problem.field for problem in caught.value.problems] == list(SYSTEMS)

    with pytest.raises(ScoringError, match="ambulation"):
        score_many(np.zeros((2, 7), dtype=int), np.zeros(2).astype(kind))


@pytest.mark.parametrize(
    ("shape", "codes"),
    [
        ((7,), ()), ((2, 6), (2,)), ((2, 8), (2,)), ((2, 7, 1), (2,)),
        ((2, 7), (1,)), ((2, 7), (3,)), ((2, 7), (2, 1)),
    ],
)  # fmt: skip
def test_arrays_of_another_shape_are_refused(shape, codes):
    with pytest.raises(ScoringError, match=r"not \(n, 7\) and \(n,\)"):
        score_many(np.zeros(shape, dtype=int), np.zeros(codes, dtype=int))


@pytest.mark.slow
def test_a_million_assessments_take_less_than_two_seconds():
    random = np.random.default_rng(417)
    table = np.column_stack([random.integers(-1, size, 1_000_000) for size in SHAPE])
    codes = random.integers(-1, 17, 1_000_000)

    begun = time.perf_counter()
    halves, _ = score_many(table, codes)

    assert time.perf_counter() - begun < 2
    assert set(np.unique(halves).tolist()) <= {-1, *LEGAL}
    assert ((halves == -1) == ((table == -1).any(axis=1) | (codes == -1))).all()
