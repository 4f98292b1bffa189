"""Many patients in one table: its columns, what is cleaned from them, and that nobody is mistaken for another."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from engine.progression import Cohort, Definition, detect, detect_cohort
from engine.types import Interval
from tests.engine.histories import CLASSED, PLAIN, RISE, at, rows, run


def cohort_of(histories, relapses=None):
    flat = [(who, at(days).toordinal(), score) for who, visits in histories.items() for days, score in visits]
    onsets = [(who, at(days).toordinal()) for who, days in (relapses or {}).items() for days in days]
    who, day, score = zip(*flat, strict=True) if flat else ((), (), ())
    return Cohort.from_columns(
        np.array(who, dtype=object), day, score,
        relapse_patient=np.array([who for who, _ in onsets], dtype=object),
        relapse_day=[day for _, day in onsets],
    )  # fmt: skip


def test_a_cohort_is_many_single_patients():
    histories = {"a": RISE, "b": ((0, 4.0), (100, 3.0), (190, 3.0)), "c": ((0, 2.0), (90, 2.0)), "d": RISE[:1]}
    relapses = {"a": (90,), "b": (-40, 300)}
    definition = Definition(event="multiple", RAW_PIRA=True)

    found = detect_cohort(cohort_of(histories, relapses), definition)

    for index, (who, visits) in enumerate(histories.items()):
        alone = run(visits, relapses.get(who, ()), event="multiple", RAW_PIRA=True)
        assert [event.as_mapping() for event in found.of(index)] == [event.as_mapping() for event in alone.events]
        assert found.unconfirmed_of(index) == tuple(
            change.__class__(**{**_fields(change), "onset_row": found.cohort.row[found.cohort.offsets[index]]
                                + change.onset_row})
            for change in alone.unconfirmed
        )  # fmt: skip
    assert len(found) == 2
    assert list(found.counts) == [1, 1, 0, 0]
    assert list(found.patient) == [0, 1]
    assert list(found.onset_days) == [at(100).toordinal()] * 2
    assert found.cohort.index_of("b") == 1


def test_a_cohort_says_whose_change_was_not_confirmed_and_is_as_usual_when_nothing_was_found():
    stable, missed = ((0, 2.0), (90, 2.0)), ((0, 2.0), (90, 2.0), (180, 4.0))

    found = detect_cohort(cohort_of({"a": stable, "b": missed}), PLAIN)
    nothing = detect_cohort(cohort_of({"a": stable}), PLAIN)

    assert (list(found.missed_patient), len(found.unconfirmed_of(1))) == ([1], 1)
    assert (len(nothing), list(nothing.onset_days), list(nothing.missed_patient)) == (0, [], [])


def test_the_event_that_is_picked_is_the_patients_own():
    """It moves to the first row of its patient, in every column, and touches no other patient's."""
    long = ((0, 3.0), (100, 2.0), (190, 2.0), (300, 4.0), (400, 4.0), (500, 4.0))
    histories = {"a": long, "b": long[:-1], "c": long}
    definition = Definition(event="firstPIRA", conf_days=(84, 168), baseline="roving")

    found = detect_cohort(cohort_of(histories, {"c": ()}), definition, compiled=False)

    both, one = {"84": at(400), "168": at(500)}, {"84": at(400), "168": None}
    assert [[event.date for event in found.of(index)] for index in range(3)] == [[at(300)]] * 3
    assert [found.of(index)[0].confirmed for index in range(3)] == [both, one, both]
    assert [found.of(index)[0].pira_confirmed for index in range(3)] == [both, one, both]


def _fields(change):
    return {name: getattr(change, name) for name in change.__slots__}


def test_an_empty_cohort_has_no_events():
    for compiled in (False, None):
        found = detect_cohort(Cohort.from_columns([], [], []), PLAIN, compiled=compiled)
        assert len(found) == 0
        assert list(found.cohort.followup_days()) == []


def test_a_patient_with_a_single_visit_does_not_end_the_cohort():
    found = detect_cohort(cohort_of({"a": RISE[:1], "b": RISE, "c": (), "d": RISE}), PLAIN, compiled=False)

    assert list(found.counts) == [0, 1, 1]


def test_one_bad_row_never_stops_a_cohort():
    names = np.array(["a", "a", "a", "", None, "b", "b", "c"], dtype=object)
    days = [at(0).toordinal(), at(100).toordinal(), at(190).toordinal(), 737000, np.nan, np.nan, 737425, 737425]
    cohort = Cohort.from_columns(names, days, [2, 3, 3, 4, 4, 4, 77, np.nan])

    found = detect_cohort(cohort, PLAIN)

    assert [event.date for event in found.of(0)] == [at(100)]
    assert found.of(1) == found.of(2) == ()
    assert [(finding.patient, finding.row, finding.kind) for finding in cohort.findings] == [
        ("", 3, "no_patient"),
        (None, 4, "no_patient"),
        ("b", 5, "no_date"),
        ("b", 6, "off_grid"),
        ("b", None, "no_usable_visit"),
        ("c", None, "no_usable_visit"),
    ]
    assert cohort.findings[-1].sentence == "The patient has no usable visit."
    assert list(cohort.followup_days()[:1]) == [190]
    assert np.isnan(cohort.followup_days()[1:]).all()


@pytest.mark.parametrize("columns", [[0], [1], [2], [3], [0, 1], [1, 2], [2, 3]])
@pytest.mark.parametrize("change", [-1, 1])
def test_columns_of_different_length_are_refused(columns, change):
    who, day, score, may = (range(2 + change if column in columns else 2) for column in range(4))

    with pytest.raises(ValueError, match="must be of one length"):
        Cohort.from_columns(who, day, score, may_confirm=may)


@pytest.mark.parametrize("kind", [float, object])
def test_a_number_that_is_none_names_no_patient(kind):
    cohort = Cohort.from_columns(np.array([1.0, np.nan, 1.0], dtype=kind), [1.0, 2.0, 3.0], [2, 3, 3])

    assert list(cohort.patients) == [1.0]
    assert [(finding.row, finding.kind) for finding in cohort.findings] == [(1, "no_patient")]


def test_an_empty_text_names_no_patient():
    cohort = Cohort.from_columns(["a", "", "a"], [1.0, 2.0, 3.0], [2, 3, 3])

    assert list(cohort.patients) == ["a"]
    assert [(finding.row, finding.kind) for finding in cohort.findings] == [(1, "no_patient")]


def test_patients_of_one_row_each_in_falling_order_are_put_in_order():
    cohort = Cohort.from_columns([3, 2, 1], [1.0, 1.0, 1.0], [2, 3, 4])

    assert (cohort.patients.tolist(), cohort.score.tolist()) == ([1, 2, 3], [4, 3, 2])


def test_rows_of_a_later_patient_are_put_in_order_and_those_of_one_day_are_one():
    cohort = Cohort.from_columns(["a", "b", "b", "b"], [1.0, 9.0, 5.0, 5.0], [2, 3, 4, 6])

    assert (cohort.day.tolist(), cohort.score.tolist()) == ([1.0, 5.0, 9.0], [2, 6, 3])
    assert [(finding.row, finding.kind) for finding in cohort.findings] == [(2, "same_day")]


@pytest.mark.parametrize(
    ("scores", "halves"),
    [([0, 4.5, 10], [0, 9, 20]), ([5, 10.5], None), ([5, -0.5], None), ([-0.25], None), ([2.25], None)],
)
def test_scores_in_half_points_from_0_to_10_are_looked_up(scores, halves):
    found = Cohort.from_columns([1] * len(scores), range(1, len(scores) + 1), scores, scale="any").halves

    assert halves == (None if found is None else found.tolist())


def test_the_last_visit_of_one_and_the_first_of_the_next_on_one_day_are_two():
    cohort = Cohort.from_columns(["a", "a", "b", "b"], [1.0, 2.0, 2.0, 3.0], [2, 3, 4, 5])

    assert cohort.offsets.tolist() == [0, 2, 4]
    assert cohort.score.tolist() == [2, 3, 4, 5]
    assert cohort.findings == ()
    assert cohort.relapse_offsets.tolist() == [0, 0, 0]


def test_a_cohort_cannot_be_changed():
    cohort = cohort_of({"a": RISE})

    finding = Cohort.from_columns([1], [np.nan], [2]).findings[0]
    with pytest.raises(FrozenInstanceError):
        cohort.score = cohort.day
    with pytest.raises(FrozenInstanceError):
        finding.row = 1
    with pytest.raises(FrozenInstanceError):
        PLAIN.relapse_indep.prec = (0, 0)
    with pytest.raises(FrozenInstanceError):
        detect_cohort(cohort, PLAIN).counts = cohort.offsets


def test_in_a_cohort_each_patient_has_relapses_and_a_hash_and_events_of_their_own():
    """Equal relapses count once; those that differ in one of their days are two; another patient's is another."""
    first = [5, 5, 5, 5, 5, 5, 5, 7, 5, 5, 5]
    last = [5, 5, 6, 6, 6, 6, 6, 7, 5, 5, 6]
    end = [9, 9, 9, 9, 8, np.nan, np.nan, np.nan, 9, 9, 9]
    who = ["a", "a", "a", "a", "a", "a", "a", "b", "b", "b", "b"]
    days = [at(days).toordinal() for days, _ in RISE]
    relapse_days = [np.array(column) + days[0] for column in (first, last, end)]
    cohort = Cohort.from_columns(
        ["a"] * 4 + ["b"] * 4 + ["c"] * 4, days * 3, [score for _, score in RISE] * 3,
        relapse_patient=who, relapse_day=relapse_days[0], relapse_last=relapse_days[1], relapse_end=relapse_days[2],
        not_collected=["c"],
    )  # fmt: skip

    offsets = cohort.relapse_offsets.tolist()
    told = [column - days[0] for column in (cohort.relapse_first, cohort.relapse_last, cohort.relapse_end)]
    kept = [str(tuple(map(float, one))) for one in zip(*told, strict=True)]
    assert offsets == [0, 4, 7, 7]
    assert kept[:4] == ["(5.0, 5.0, 9.0)", "(5.0, 6.0, 8.0)", "(5.0, 6.0, 9.0)", "(5.0, 6.0, nan)"]
    assert kept[4:] == ["(5.0, 5.0, 9.0)", "(5.0, 6.0, 9.0)", "(7.0, 7.0, nan)"]

    found = detect_cohort(cohort, CLASSED)
    assert [[event.number for event in found.of(index)] for index in range(3)] == [[1]] * 3
    onsets = [(Interval(at(5), at(last)), at(9)) for last in (5, 6)] + [(Interval(at(7), at(7)), None)]
    for index, relapses in ((1, onsets), (2, None)):
        assert found.content_hash_of(index) == detect(rows(*RISE), relapses, CLASSED).content_hash


def test_equal_relapses_of_neighbours_in_the_table_are_two_and_an_earlier_first_day_makes_another():
    cohort = Cohort.from_columns(
        ["a", "b"], [1.0, 1.0], [2, 2], relapse_patient=["a", "b", "b"], relapse_day=[5, 5, 4], relapse_last=[5, 5, 5]
    )

    assert cohort.relapse_offsets.tolist() == [0, 1, 3]
    assert cohort.relapse_first.tolist() == [5.0, 4.0, 5.0]
    same = Cohort.from_columns(["a", "b"], [1.0, 1.0], [2, 2], relapse_patient=["a", "b"], relapse_day=[5, 5])
    assert same.relapse_offsets.tolist() == [0, 1, 2]


NUMBERED = {
    "rising": [1, 2, 3],
    "falling": [3, 2, 1],
    "mixed": [2, 3, 1],
    "unsigned": np.array([3, 1, 2], np.uint8),
    "fractions": [2.5, 0.5, 1.5],
    "names": ["c", "a", "b"],
    "objects": np.array(["b", "c", "a"], dtype=object),
    "numbers as objects": np.array([3, 1, 2], dtype=object),
}


@pytest.mark.parametrize("names", NUMBERED.values(), ids=NUMBERED)
@pytest.mark.parametrize("together", [True, False])
def test_patients_keep_their_rows_and_relapses_however_they_are_named_and_ordered(names, together):
    """The first has a relapse at the worsening, the second has none, the third worsens at another day."""
    names = np.asarray(names)
    rows = [(who, day, score) for who in range(3) for day, score in RISE]
    rows = [(who, day + (7 if who == 2 and day else 0), score) for who, day, score in rows]
    rows = rows if together else sorted(rows, key=lambda row: row[1])
    who, day, score = (np.array(column) for column in zip(*rows, strict=True))

    cohort = Cohort.from_columns(names[who], day, score, relapse_patient=names[[2, 0]], relapse_day=[700, 100])

    found = detect_cohort(cohort, CLASSED)
    seen = [found.of(cohort.index_of(name)) for name in names]
    assert list(cohort.patients) == sorted(names)
    assert [event.cdw_type for (event,) in seen] == ["RAW", "PIRA", "PIRA"]
    assert [event.date.toordinal() for (event,) in seen] == [100, 100, 107]


def test_steps_are_those_of_the_score_where_all_scores_are_whole():
    """A fall from 2.0 counts, one from 1.0 would not."""
    cohort = cohort_of({"a": ((0, 2.0), (100, 0.0), (190, 0.0))})
    table = {"worsening": [[0, 1.0]], "improvement": [[0, "inf"], [2, 0.5]]}

    found = detect_cohort(cohort, Definition.from_mapping({"event": "firstCDI", "steps": table}))

    assert [event.type for event in found.of(0)] == ["CDI"]


def test_a_relapse_of_nobody_in_the_cohort_is_nobodys():
    cohort = cohort_of({"b": RISE, "c": RISE}, {"a": (90,), "b": (), "z": (90,)})

    found = detect_cohort(cohort, CLASSED)
    assert [found.of(index)[0].cdw_type for index in (0, 1)] == ["PIRA", "PIRA"]


def test_a_cohort_names_those_whose_relapses_were_not_collected():
    days = [at(days).toordinal() for days, _ in RISE]
    cohort = Cohort.from_columns(
        [1] * 4 + [2] * 4, days * 2, [score for _, score in RISE] * 2,
        relapse_patient=[], relapse_day=[], not_collected=[2],
    )  # fmt: skip
    found = detect_cohort(cohort, CLASSED)

    assert [found.of(index)[0].cdw_type for index in (0, 1)] == ["PIRA", "not classifiable"]
    for nobody in (0, 1.5, 3):
        with pytest.raises(KeyError):
            cohort.index_of(nobody)
