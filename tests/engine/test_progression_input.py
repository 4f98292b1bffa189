"""What goes in: rows that are set aside and why, relapses as they are known, other measures, and what is looked for."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from engine.progression import PRESETS, Cohort, Definition, detect, detect_cohort
from engine.types import Interval
from tests.engine.histories import CLASSED, DAY, PLAIN, RISE, at, rows, run


def cdw_type(relapses, visits=RISE, **options):
    (event,) = run(visits, relapses, RAW_PIRA=True, **options).events
    return event.cdw_type


# Rows


def test_a_row_without_a_score_is_no_visit_and_no_finding():
    found = run(((0, 2.0), (50, None), (100, 3.0), (150, None), (190, 3.0)))

    assert [event.date for event in found.events] == [at(100)]
    assert found.findings == ()
    assert (found.events[0].onset_row, found.events[0].confirmed_rows, found.events[0].held_row) == (2, (4,), 4)


def test_a_row_without_a_date_is_a_finding():
    found = detect([(None, 5.0), *rows(*RISE)], [], PLAIN)

    assert [event.date for event in found.events] == [at(100)]
    assert [(finding.row, finding.kind) for finding in found.findings] == [(0, "no_date")]
    assert found.findings[0].sentence == "Row 1 has no date."


@pytest.mark.parametrize("relapse", [None, float("nan"), (None, None), [None], ()])
def test_a_relapse_without_a_date_is_a_finding(relapse):
    found = detect(rows(*RISE), [at(5), relapse], CLASSED)

    assert [(finding.row, finding.kind) for finding in found.findings] == [(1, "relapse_no_date")]
    assert found.findings[0].sentence == "Relapse 2 has no date."
    assert [event.cdw_type for event in found.events] == ["PIRA"]


def test_a_relapse_may_be_a_list_of_onset_and_end():
    assert detect(rows(*RISE), [[at(95), at(99)]], CLASSED).events[0].cdw_type == "RAW"


def test_a_visit_that_does_not_say_whether_it_may_confirm_may():
    assert len(detect([(day, score, None) for day, score in rows(*RISE)], [], PLAIN).events) == 1


def test_a_name_that_begins_like_another_is_another_patient():
    cohort = Cohort.from_columns(
        ["P01"] * 3, [1.0, 100.0, 200.0], [2, 3, 3], relapse_patient=[], relapse_day=[], not_collected=["P011"]
    )

    assert cohort.collected.tolist() == [True]


def test_a_day_that_never_comes_is_a_finding():
    cohort = Cohort.from_columns([1, 1], [float("inf"), 100.0], [2, 3])

    assert [(finding.row, finding.kind) for finding in cohort.findings] == [(0, "bad_date")]


def test_minus_zero_is_zero():
    found, other = (detect([(at(0), zero), (at(9), 1.5)], [], PLAIN) for zero in (0.0, -0.0))

    assert found.content_hash == other.content_hash


def test_a_number_that_no_scale_can_hold_is_a_finding():
    assert [finding.kind for finding in run((*RISE, (150, 10**400))).findings] == ["off_grid"]


@pytest.mark.parametrize("score", [0.5, 2.25, 10.5, -1, 99])
def test_a_score_off_the_grid_is_a_finding_and_leaves_the_others(score):
    found = run((*RISE, (150, score)))

    assert [event.date for event in found.events] == [at(100)]
    assert [finding.sentence for finding in found.findings] == [
        "Row 5 is not a step of the scale (0.0, 1.0, 1.5 to 10.0)."
    ]


def test_of_two_rows_of_a_day_the_last_one_given_counts():
    found = run(((0, 2.0), (100, 2.0), (100, 3.0), (190, 3.0)))

    assert [event.onset_row for event in found.events] == [2]
    assert [finding.sentence for finding in found.findings] == [
        "Row 2 is not used: another row of the same day comes later and is used."
    ]


def test_rows_in_any_order_are_sorted_and_keep_their_numbers():
    found = run(((190, 3.0), (0, 2.0), (280, 3.0), (100, 3.0)))

    (event,) = found.events
    assert (event.date, event.onset_row, event.baseline_row, event.confirmed_rows, event.held_row) == (
        at(100), 3, 1, (0,), 2,
    )  # fmt: skip


def test_a_date_time_counts_as_its_own_calendar_day():
    times = [datetime.combine(at(days), datetime.max.time(), UTC) for days, _ in RISE]
    found = detect(zip(times, [score for _, score in RISE], strict=True), [datetime(2020, 4, 9, 23, 59)], CLASSED)  # noqa: DTZ001

    (event,) = found.events
    assert (event.date, event.cdw_type, event.confirmed) == (at(100), "RAW", {"84": at(190)})
    assert found.total_followup_days == 280


def test_a_column_of_date_times_counts_by_calendar_days():
    days = np.array(["2020-01-01T23:59", "2020-04-10T00:01", "2020-07-09T12:00", "NaT"], dtype="datetime64[m]")
    cohort = Cohort.from_columns([1, 1, 1, 1], days, [2, 3, 3, 3])

    (event,) = detect_cohort(cohort, PLAIN).of(0)
    assert (event.date, event.confirmed["84"]) == (at(100), at(190))
    assert [finding.kind for finding in cohort.findings] == ["no_date"]


@pytest.mark.parametrize("visits", [(), ((0, None),), ((0, 99.0),)])
def test_a_patient_without_a_usable_visit_has_no_events_and_no_followup(visits):
    found = run(visits, [10])

    assert (found.events, found.unconfirmed, found.total_followup_days) == ((), (), None)


def test_a_single_visit_has_a_followup_of_no_days():
    assert run(((0, 2.0),)).total_followup_days == 0


# Relapses


def test_relapses_that_were_never_collected_leave_a_worsening_unclassified():
    assert cdw_type(None) == "not classifiable"
    assert cdw_type(()) == "PIRA"
    assert cdw_type(None, compat="pymsprog") == "PIRA"
    assert run(RISE, None, event="firstPIRA").events == ()
    assert run(RISE, (), event="firstPIRA").events != ()


@pytest.mark.parametrize(
    ("relapse", "expected"),
    [(9, "PIRA"), (10, "RAW"), (100, "RAW"), (101, "undefined"), (130, "undefined"), (220, "undefined"), (221, "PIRA")],
)
def test_the_ends_of_the_windows_belong_to_them(relapse, expected):
    """Onset on day 100: RAW from 90 days before it, PIRA without a relapse 90 days before to 30 days after."""
    visits = ((0, 2.0), (100, 3.0), (190, 3.0))

    assert cdw_type((relapse,), visits, relapse_to_conf=0) == expected


def test_a_relapse_known_as_an_interval_is_as_near_as_it_may_have_been():
    def label(first, last):
        definition = Definition(RAW_PIRA=True, relapse_to_bl=0, relapse_to_conf=0)
        (event,) = detect(rows(*RISE), [Interval(at(first), at(last))], definition).events
        return event.cdw_type

    assert label(-60, 9) == "PIRA"
    assert label(-60, 10) == "RAW"
    assert label(-60, 300) == "RAW"
    assert label(131, 280) == "undefined"

    near = detect(rows(*RISE[:3]), [Interval(at(150), at(165))], PLAIN)
    assert near.events == ()
    assert near.unconfirmed[0].reason == "near_relapse"
    assert detect(rows(*RISE[:3]), [Interval(at(150), at(160))], PLAIN).events != ()


def test_a_baseline_moves_while_a_relapse_may_be_near_it():
    (event,) = detect(rows((0, 2.0), (25, 2.0), (100, 3.0), (190, 3.0)), [Interval(at(-40), at(-10))], PLAIN).events

    assert event.baseline_date == at(25)


def test_the_end_of_a_relapse_replaces_the_days_after_its_onset():
    def found(relapses, **options):
        return detect(rows(*RISE), relapses, Definition(RAW_PIRA=True, relapse_end=True, **options)).events[0]

    assert found([(at(90), at(95))]).cdw_type == "undefined"  # over by onset, but within the window of PIRA
    assert found([(at(90), at(100))]).cdw_type == "RAW"
    assert found([(at(-5), at(-1))]).baseline_date == DAY  # over before the baseline
    assert detect(rows(*RISE), [(at(-5), at(20))], Definition(relapse_end=True)).events == ()
    assert found([(at(90), None)]).cdw_type == "RAW"  # no end known: by the onset as usual
    assert found([(at(100), None)], relapse_assoc=0).cdw_type == "RAW"  # on the very day
    assert found([(at(99), None)], relapse_assoc=0).cdw_type == "undefined"
    assert found([]).cdw_type == "PIRA"
    assert found([(at(180), at(185))]).confirmed == {"84": at(190)}
    assert found([(at(180), at(200))]).confirmed == {"84": at(280)}


def test_relapses_in_any_order_and_twice_are_one_list():
    visits = ((0, 2.0), (100, 3.0), (190, 3.0), (280, 3.0), (400, 4.0), (500, 4.0))
    options = {"event": "multiple", "baseline": "roving", "RAW_PIRA": True, "relapse_rebl": True}

    one = run(visits, (350, 90), **options)
    other = run(visits, (90, 350, 90), **options)

    assert one.as_mapping() == other.as_mapping()


@pytest.mark.parametrize("compat", ["none", "pymsprog"])
@pytest.mark.parametrize(
    ("first", "options"), [(3.0, {}), (2.5, {"sub_threshold_rebl": "event"})], ids=["a step", "less than a step"]
)
@pytest.mark.parametrize("before", [(), ((50, 2.0),)], ids=["even row", "odd row"])
def test_a_baseline_that_has_moved_moves_on_after_a_relapse(first, options, compat, before):
    """The score of 300 days, after the relapse, is the baseline: only from there is it a step down to the last ones."""
    visits = ((0, 2.0), *before, (100, first), (190, first))
    visits = (*visits, (300, first + 0.5), (400, first - 0.5), (500, first - 0.5))
    options = {"event": "multiple", "baseline": "roving", "relapse_rebl": True, "compat": compat, **options}

    better = run(visits, (200,), **options).events[-1]

    assert (better.type, better.date, better.baseline_date) == ("CDI", at(400), at(300))


@pytest.mark.parametrize("compat", ["none", "pymsprog"])
def test_events_are_in_order_of_onset_even_where_an_earlier_one_is_found_later(compat):
    """After the relapse the baseline is 3.5, and from there day 110 is a step down that it was not from 3.0."""
    visits = ((0, 3.0), (105, 3.5), (110, 2.5), (160, 2.0), (240, 2.0), (300, 2.0))
    options = {"event": "multiple", "relapse_rebl": True, "relapse_to_bl": 0, "relapse_to_conf": 0, "compat": compat}

    found = run(visits, (100,), **options).events[:2]

    assert [(event.date, event.baseline_date) for event in found] == [(at(110), at(105)), (at(160), DAY)]
    assert [event.number for event in found] == [1, 2]
    assert [event.date for event in run(visits, (100,), **options | {"event": "first"}).events] == [at(110)]


def test_a_relapse_on_the_day_of_a_visit_is_no_days_before_it_and_after_it():
    assert run(RISE[:3], (190,), relapse_to_conf=[0, 1]).events == ()
    assert run(RISE[:3], (190,), relapse_to_conf=[1, 0]).events == ()
    assert run(RISE[:3], (190,), relapse_to_conf=0).events != ()
    assert run(RISE[:3], (191,), relapse_to_conf=[0, 1]).events != ()
    assert run(RISE[:3], (191,), relapse_to_conf=[0, 2]).events == ()
    assert run(RISE[:3], (189,), relapse_to_conf=[1, 0]).events != ()


# Other measures


@pytest.mark.parametrize("name", ["nhpt", "t25fw"])
def test_a_time_that_rises_by_a_fifth_is_worse(name):
    visits = ((0, 20.0), (100, 24.0), (190, 24.1), (300, 16.0), (400, 16.0))
    options = {"steps": name, "event": "multiple"}

    worse, better = run(visits, **options).events

    assert (worse.type, worse.value, worse.baseline_value) == ("CDW", 24.0, 20.0)
    assert (better.type, better.value) == ("CDI", 16.0)
    assert run(((0, 20.0), (100, 23.9), (190, 23.9)), **options).events == ()


def test_where_lower_is_worse_four_points_down_are_a_worsening():
    visits = ((0, 50.0), (100, 46.0), (190, 45.0), (300, 54.0), (400, 55.0))
    options = {"steps": "sdmt", "worsening": "decrease", "event": "multiple"}

    worse, better = run(visits, **options).events

    assert (worse.type, worse.value, worse.baseline_value, worse.last_delta_value) == ("CDW", 46.0, 50.0, 50.0)
    assert (better.type, better.value, better.baseline_value) == ("CDI", 54.0, 50.0)
    assert run(((0, 50.0), (100, 46.5), (190, 46.5)), **options).events == ()
    assert run(((0, 10.0), (100, 8.0), (190, 8.0)), **options).events[0].type == "CDW"
    assert run(((0, 50.0), (100, 46.0)), **options).unconfirmed[0].baseline_value == 50.0


def test_of_a_scale_that_falls_no_fraction_is_lost():
    visits = ((0, 6.5), (100, 5.0), (190, 5.5), (300, 5.5))
    table = {"worsening": [[0, 1.0]], "improvement": [[0, 1.0]]}

    (event,) = run(visits, steps=table, worsening="decrease", check_intermediate=True).events

    assert (event.type, event.value, event.baseline_value) == ("CDW", 5.0, 6.5)


def test_steps_can_be_taken_at_another_score():
    """Half a point counts from 6.0 on: the relapse-independent score may be low while the real one is high."""
    days = [at(days).toordinal() for days in (0, 100, 190)]
    cohort = Cohort.from_columns([1, 1, 1], days, [3.0, 3.5, 3.5])

    assert detect_cohort(cohort, PLAIN).of(0) == ()
    (event,) = detect_cohort(cohort, PLAIN, delta_score=[6.0, 6.5, 6.5]).of(0)
    assert (event.value, event.baseline_value) == (3.5, 3.0)


# Where we leave the peers: D1 to D8 of the specification


def test_d1_one_uninterrupted_worsening_is_one_event():
    visits = ((0, 2.0), (100, 3.0), (190, 3.0), (280, 3.0), (370, 3.0), (460, 3.0))

    assert len(run(visits, event="multiple").events) == 1
    assert len(run(visits, event="multiple", count_continuations=True).events) == 2
    assert len(run(visits, event="multiple", compat="pymsprog").events) == 2


def test_d1_a_run_that_came_back_in_between_counts_again():
    visits = ((0, 2.0), (100, 3.0), (190, 3.0), (280, 2.0), (370, 3.0), (460, 3.0))

    assert [event.date for event in run(visits, event="multiple").events] == [at(100), at(370)]


def test_d1_a_change_the_other_way_is_no_part_of_the_run():
    """Only the confirming visit is looked at, so that one run may be seen to go on across a visit of the other."""
    visits = ((0, 4.0), (50, 3.0), (120, 5.0), (140, 3.0), (200, 5.0), (300, 5.0))
    options = {"check_intermediate": False, "proceed_from": "event"}

    assert [event.date for event in run(visits, **options).events] == [at(120)]
    both = run(visits, event="multiple", **options).events
    assert [(event.type, event.date) for event in both] == [("CDI", at(50)), ("CDW", at(120))]


def test_d2_a_relapse_long_before_the_first_visit_is_kept():
    visits = ((0, 2.0), (20, 3.0), (110, 3.0))

    assert cdw_type((-60,), visits) == "RAW"
    assert cdw_type((-60,), visits, relapse_history="peer") == "PIRA"
    assert cdw_type((-60,), visits, compat="pymsprog") == "PIRA"


def test_d3_the_order_of_the_days_of_confirmation_does_not_matter():
    visits = ((0, 2.0), (100, 3.0), (200, 3.0), (300, 4.0), (400, 4.0), (500, 4.0))
    options = {"event": "multiple", "baseline": "roving", "conf_tol_days": 40}

    up = run(visits, conf_days=[84, 168], **options)
    down = run(visits, conf_days=[168, 84], **options)
    peer = run(visits, conf_days=[168, 84], compat="pymsprog", **options)

    assert up.as_mapping() == down.as_mapping()
    assert [event.date for event in down.events] == [at(100), at(300)]
    assert [event.date for event in peer.events] == [at(100)]


def test_d4_a_smaller_change_does_not_jump_over_a_real_step():
    visits = ((0, 3.0), (100, 3.5), (190, 4.0), (280, 4.0))
    options = {"baseline": "roving", "sub_threshold_rebl": "event"}

    (event,) = run(visits, **options).events

    assert (event.date, event.baseline_date, event.baseline_value) == (at(190), DAY, 3.0)
    assert run(visits, compat="pymsprog", **options).events == ()


def test_d4_a_smaller_change_still_moves_the_baseline_where_there_is_no_step():
    visits = ((0, 3.0), (100, 3.5), (190, 3.5), (280, 4.5), (370, 4.5))

    (event,) = run(visits, baseline="roving", sub_threshold_rebl="worsening").events
    assert (event.date, event.baseline_date) == (at(280), at(190))

    (event,) = run(visits, baseline="roving", sub_threshold_rebl="improvement").events
    assert (event.date, event.baseline_date) == (at(280), DAY)


def test_d5_relapses_need_not_be_in_order():
    visits = ((0, 2.0), (100, 3.0), (190, 3.0), (300, 4.0), (400, 4.0), (500, 4.0))
    options = {"event": "multiple", "relapse_rebl": True, "RAW_PIRA": True}

    assert run(visits, (250, 50), **options).as_mapping() == run(visits, (50, 250), **options).as_mapping()


@pytest.mark.parametrize("compat", ["none", "pymsprog"])
def test_d6_where_the_peer_fails_there_is_a_result(compat):
    flat = ((0, 2.0), (100, 2.0))
    once = ((0, 4.0), (100, 3.0), (190, 3.0), (230, 4.0), (300, 4.0))

    assert run(flat, include_stable=False, compat=compat).events == ()
    assert run((), (), compat=compat).events == ()
    assert run(RISE, (), RAW_PIRA=True, compat=compat).events[0].cdw_type == "PIRA"
    (event,) = run(once, event="firstCDI", conf_days=[84, 168], conf_tol_days=[7, 30], compat=compat).events
    assert event.confirmed == {"84": at(190), "168": None}


def test_d7_an_onset_late_in_the_day_stays_on_its_day():
    late = [(datetime.combine(at(days), datetime.max.time()), score) for days, score in RISE]

    assert detect(late, [], PLAIN).events[0].date == at(100)


def test_d8_by_option_an_improvement_does_not_hide_a_first_worsening():
    visits = ((0, 3.0), (100, 2.0), (120, 4.0), (190, 2.0), (200, 4.0))
    options = {"check_intermediate": False}

    assert run(visits, **options).events == ()
    assert [event.date for event in run(visits, own_direction=True, **options).events] == [at(120)]
    mirrored = [(days, 6.0 - score) for days, score in visits]
    options |= {"event": "firstCDI"}
    assert run(mirrored, **options).events == ()
    assert [event.date for event in run(mirrored, own_direction=True, **options).events] == [at(120)]


# What is looked for


def test_a_window_without_a_visit_has_no_row():
    (event,) = run(RISE, conf_days=[84, 365]).events

    assert event.confirmed == {"84": at(190), "365": None}
    assert event.confirmed_rows == (2, None)
    assert not event.imputed


def test_a_whole_score_has_its_own_step_and_not_that_of_another():
    """From 3.0 a point counts, from 4.5 only two."""
    visits = ((0, 3.0), (100, 4.0), (190, 4.0))
    table = {"worsening": [[0, 1.0], [4.5, 2.0]], "improvement": [[0, 1.0]]}

    assert [event.type for event in run(visits, steps=table).events] == ["CDW"]


def test_where_relapses_were_not_collected_no_worsening_is_the_first_relapse_associated_one():
    assert run(RISE, [95], event="firstRAW").events != ()
    assert run(RISE, None, event="firstRAW").events == ()


def test_an_imputation_by_chance_depends_on_the_patient_and_the_seed_alone():
    visits = rows((0, 2.0), (100, 3.0))

    def kept(seed, chance=0.5):
        definition = Definition(impute_last_visit=chance, impute_seed=seed)
        return [len(detect(visits, [], definition, patient=who).events) for who in range(200)]

    assert kept(1) == kept(1)
    assert kept(1) != kept(2)
    assert 60 < sum(kept(1)) < 140
    assert 0 < sum(kept(1, 0.1)) < 50


def test_two_days_within_which_a_worsening_is_kept_are_days_and_no_always():
    assert run(((0, 2.0), (3, 3.0)), impute_last_visit=2, relapse_to_bl=0).events == ()
    assert run(((0, 2.0), (2, 3.0)), impute_last_visit=2, relapse_to_bl=0).events != ()


def test_an_imputation_within_days_counts_from_the_first_visit():
    assert len(run(((0, 2.0), (100, 3.0)), impute_last_visit=100).events) == 1
    assert len(run(((0, 2.0), (100, 3.0)), impute_last_visit=99).events) == 0
    assert run(((0, 2.0), (100, 1.0)), impute_last_visit=1, event="firstCDI").events == ()


def test_the_lowest_score_within_the_confirmation_becomes_the_baseline():
    visits = ((0, 2.0), (100, 4.0), (150, 3.0), (200, 4.0), (300, 4.0), (400, 4.0))
    options = {"baseline": "roving", "event": "multiple"}

    first, second = run(visits, rebaseline_value="min_in_confirmation", **options).events

    assert (first.date, second.date, second.baseline_date, second.baseline_value) == (at(100), at(300), at(200), 3.0)
    assert len(run(visits, **options).events) == 1


def test_the_hash_of_a_result_changes_with_the_input_and_the_definition():
    base = run(RISE, (90,))

    same = run(reversed(RISE), (90, 90))
    others = [
        run(RISE), run(RISE[:3], (90,)), run(RISE, (91,)), run(RISE, (90,), conf_days=90), run(RISE, None),
        run(((0, 2.0), (100, 3.0), (190, 3.0), (280, 3.5)), (90,)),
        run(((0, 2.0), (100, 3.0), (190, 3.0), (280, 3.0, False)), (90,)),
        detect(rows(*RISE), [Interval(at(90), at(91))], PLAIN), detect(rows(*RISE), [(at(90), at(91))], PLAIN),
    ]  # fmt: skip

    assert same.content_hash == base.content_hash
    assert len({found.content_hash for found in (base, *others)}) == len(others) + 1
    assert base.as_mapping()["content_hash"] == base.content_hash
    assert base.as_mapping()["definition"] == PLAIN.as_mapping()


def test_presets_run_on_a_patient():
    visits = rows(*RISE, (500, 3.0), (700, 1.0), (1000, 1.0))

    found = {
        name: [(event.type, event.cdw_type, event.date) for one in preset.definitions
               for event in detect(visits, [], one).events]
        for name, preset in PRESETS.items()
    }  # fmt: skip

    worse, better, pira = ("CDW", None, at(100)), ("CDI", None, at(700)), ("CDW", "PIRA", at(100))
    assert found == {
        "carems_6m": [worse, better],
        "carems_3m": [worse, better],
        "msbase": [],  # the worsening did not last to the end
        "pira_2023": [pira],
        "pira_2025": [pira],
        "pira_portaccio": [pira],
        "msprog_default": [worse],
    }


def test_a_peer_that_counts_in_one_order_and_picks_in_another_is_followed_only_in_compatible_mode():
    """After a relapse an earlier onset may be found later; pymsprog then answers a search for a first CDW by a CDI."""
    first = date(2018, 1, 1)
    scores = ((0, 4.0), (105, 3.5), (120, 4.5), (150, 3.0), (200, 4.5), (240, 3.0), (300, 4.0))
    visits = [(first + timedelta(days=days), score) for days, score in scores]
    asked = Definition(relapse_rebl=True, relapse_to_bl=(0, 0), check_intermediate=False)
    relapses = [first + timedelta(days=100)]

    [ours] = detect(visits, relapses, asked).events
    [peer] = detect(visits, relapses, asked.changed(compat="pymsprog")).events

    assert (ours.type, ours.date) == ("CDW", first + timedelta(days=120))
    assert (peer.type, peer.date) == ("CDI", first + timedelta(days=150))
    for before in (1, 2, 3):  # wherever the patient stands in a table
        who, rows = ["a"] * before + ["b"] * len(scores), [(DAY, 1.0)] * before + visits
        days = [(day + timedelta(row)).toordinal() for row, (day, _) in enumerate(rows[:before])]
        days += [day.toordinal() for day, _ in visits]
        cohort = Cohort.from_columns(
            who, days, [score for _, score in rows], relapse_patient=["b"], relapse_day=[relapses[0].toordinal()]
        )
        [there] = detect_cohort(cohort, asked.changed(compat="pymsprog")).of(1)
        assert there.as_mapping() == peer.as_mapping()


@pytest.mark.parametrize("bad", [None, 736_000, Interval(date(2018, 3, 1), date(2018, 3, 31))])
def test_what_is_no_day_is_a_finding_and_leaves_the_others(bad):
    rows = [(date(2018, 1, 10), 2.0), (bad, 2.5), (date(2018, 7, 11), 3.0), (date(2018, 10, 10), 3.0)]
    found = detect(rows, [], Definition())

    assert [(finding.row, finding.kind) for finding in found.findings] == [(1, "no_date")]
    assert [event.onset_row for event in found.events] == [2]


@pytest.mark.parametrize("bad", ["2.5 or 3", "", float("inf"), object()])
def test_what_is_no_score_is_a_finding_and_leaves_the_others(bad):
    rows = [(date(2018, 1, 10), 2.0), (date(2018, 3, 1), bad), (date(2018, 7, 11), 3.0), (date(2018, 10, 10), 3.0)]
    for steps in ("msprog", "nhpt"):
        found = detect(rows, [], Definition(steps=steps))

        assert [finding.row for finding in found.findings] == [1]
        assert [event.onset_row for event in found.events] == [2]


def test_a_day_of_numpy_is_a_day():
    rows = [(np.datetime64("2018-01-10"), 2.0), (np.datetime64("2018-07-11T09:30"), 3.0), (date(2018, 10, 10), 3.0)]

    assert [event.date for event in detect(rows, [], Definition()).events] == [date(2018, 7, 11)]


# Rows of other programs


class Missing:
    """Answers no comparison, as pandas' NA does."""

    def __eq__(self, other):
        raise TypeError("boolean value of NA is ambiguous")

    __ne__ = __eq__
    __hash__ = object.__hash__


Missing.__name__ = "NAType"


class NoTime(datetime):
    """A date that is not equal to itself, as pandas' NaT is."""

    def __eq__(self, other):
        return False

    def __ne__(self, other):
        return True

    __hash__ = datetime.__hash__

    def toordinal(self):
        raise ValueError("NaTType does not support toordinal")


STEADY = [(date(2015, 1, 5), 2), (date(2015, 4, 15), 3), (date(2015, 7, 24), 3)]
NEVER = NoTime(1900, 1, 1)


@pytest.mark.parametrize(
    ("row", "kinds"),
    [
        ((date(2015, 9, 1),), []),  # nothing was scored
        ((date(2015, 9, 1), Missing()), []),
        ((date(2015, 9, 1), float("nan")), []),
        (5, ["no_date"]),
        ("2015-09-01", ["bad_date"]),
        ((), ["no_date"]),
        ((NEVER, 3), ["no_date"]),
        ((np.datetime64("NaT"), 3), ["no_date"]),
        ((date(2015, 9, 1), "three"), ["off_grid"]),
        ((date(2015, 9, 1), [3]), ["off_grid"]),
    ],
)
def test_a_bad_row_is_a_finding_of_its_patient_and_changes_nothing(row, kinds):
    found = detect([*STEADY, row], [], Definition(), patient="P7")

    assert [(one.patient, one.row, one.kind) for one in found.findings] == [("P7", 3, kind) for kind in kinds]
    assert found.events == detect(STEADY, [], Definition()).events != ()


def test_relapses_come_in_an_array_too_and_a_missing_one_is_a_finding():
    onsets = np.array(["2015-03-20", "2015-04-01"], "datetime64[D]")
    [event] = detect(STEADY, onsets, Definition(RAW_PIRA=True)).events
    assert event.cdw_type == "RAW"
    assert detect(STEADY, np.array([], "datetime64[D]"), Definition()).findings == ()
    for missing in (None, NEVER, " "):
        [finding] = detect(STEADY, [missing], Definition()).findings
        assert finding.sentence == "Relapse 1 has no date."


def test_a_missing_word_on_confirming_is_no_denial():
    visits = [(day, score, Missing()) for day, score in STEADY]

    assert detect(visits, [], Definition()).events == detect(STEADY, [], Definition()).events


@pytest.mark.parametrize(("flag", "confirms"), [
    (True, True), (1, True), (np.True_, True), ("yes", True), ("1", True), ("", True), (None, True),
    (False, False), (0, False), (0.0, False), (np.False_, False), ("no", False), (" No ", False), ("0", False),
])  # fmt: skip
def test_a_visit_may_confirm_unless_it_is_denied_in_a_word_too(flag, confirms):
    visits = [(*row, flag) for row in STEADY]
    days = [day.toordinal() for day, _ in STEADY]
    cohort = Cohort.from_columns(["a"] * 3, days, [2, 3, 3], may_confirm=[flag] * 3)

    assert bool(detect(visits, [], Definition()).events) is confirms
    assert cohort.may_confirm.tolist() == [confirms] * 3


def test_a_relapse_that_ends_before_it_begins_has_no_end():
    rule = Definition(RAW_PIRA=True, relapse_end=True)
    onset = date(2015, 3, 20)
    found = detect(STEADY, [(onset, date(2015, 3, 1))], rule)

    assert [one.sentence for one in found.findings] == ["Relapse 1 ends before it begins: its end is not used."]
    assert detect(STEADY, [(onset, onset)], rule).findings == ()
    assert found.events == detect(STEADY, [onset], rule).events


@pytest.mark.parametrize("definition", ["msbase", {"event": "first"}, None])
def test_what_is_no_definition_is_refused_with_what_to_write(definition):
    with pytest.raises(TypeError, match=r"definition: this is a .*; write "):
        detect(STEADY, [], definition)
    with pytest.raises(TypeError, match="definition: this is a"):
        detect_cohort(Cohort.from_columns([1], [735000], [2]), definition)


# Columns


@pytest.mark.parametrize("ids", [[1], ["p "], ["q"]])
def test_relapses_of_somebody_unknown_are_findings(ids):
    days = [day.toordinal() for day, _ in STEADY]
    cohort = Cohort.from_columns(["1"] * 3, days, [2, 3, 3], relapse_patient=ids, relapse_day=[days[1] - 5])

    [finding] = cohort.findings
    assert (finding.patient, finding.row) == (ids[0], 0)
    assert finding.sentence == "Relapse 1 is not used: the patient has no row."


WAYS = {
    "dates": list,
    "text": lambda days: [day.isoformat() for day in days],
    "an array of dates": np.array,
    "date-times": lambda days: [datetime.fromisoformat(f"{day}T10:00") for day in days],
    "datetime64": lambda days: np.array(days, "datetime64[D]"),
}


@pytest.mark.parametrize("write", WAYS.values(), ids=WAYS)
def test_days_of_a_column_may_be_written_in_many_ways(write):
    days = [day for day, _ in STEADY]
    cohort = Cohort.from_columns(["a"] * 3, write(days), [2, 3, 3])

    assert cohort.day.tolist() == [day.toordinal() for day in days]


@pytest.mark.parametrize("missing", [None, float("nan"), NEVER, "", " "])
def test_a_day_that_is_missing_in_a_column_is_a_finding(missing):
    days = [day for day, _ in STEADY]
    cohort = Cohort.from_columns(["a"] * 3, np.array([*days[:2], missing], dtype=object), [2, 3, 3])

    assert [(one.row, one.kind) for one in cohort.findings] == [(2, "no_date")]
    assert cohort.day.tolist() == [day.toordinal() for day in days[:2]]


def test_a_date_time_with_an_offset_has_its_own_day():
    late = datetime.fromisoformat("2015-01-05T23:30:00-05:00")

    assert Cohort.from_columns([1], [late], [2]).day.tolist() == [date(2015, 1, 5).toordinal()]
    assert Cohort.from_columns([1], [late.isoformat()], [2]).day.tolist() == [date(2015, 1, 5).toordinal()]


def test_a_score_that_is_no_number_stops_no_other_row():
    cohort = Cohort.from_columns(["a"] * 4, [1, 2, 3, 4], [2, "x", None, 3])

    assert (cohort.score.tolist(), [one.row for one in cohort.findings]) == ([2, 3], [1])


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            {"patient": np.array([1, "a"], dtype=object), "day": [1, 2], "score": [2, 2]},
            "patient: ids must all be text, or all be numbers",
        ),
        (
            {"relapse_patient": ["x"], "relapse_day": [5]},
            "relapse_patient: ids must be of the kind of those in patient",
        ),
        ({"relapse_patient": [1]}, "relapse_patient needs relapse_day"),
        ({"relapse_patient": [1, 1], "relapse_day": [5]}, "the columns of relapses must be of one length"),
    ],
)
def test_columns_that_cannot_be_meant_are_named(columns, words):
    with pytest.raises(ValueError) as refused:
        Cohort.from_columns(**{"patient": [1], "day": [1], "score": [2]} | columns)

    assert str(refused.value) == words


@pytest.mark.parametrize("text", ["soon", "2019-01", "today", "737000", "2019-02-30", "31.12.2019", "NaT"])
def test_a_text_that_is_no_day_is_a_finding_and_stops_nobody(text):
    cohort = Cohort.from_columns(
        [1, 1, 1, 1], ["2015-01-05", text, "2015-04-15", "2015-07-24"], [2, 2, 3, 3],
        relapse_patient=[1, 1], relapse_day=["2015-04-10", text],
    )  # fmt: skip

    [event] = detect_cohort(cohort, Definition(RAW_PIRA=True)).of(0)
    assert (event.date, event.cdw_type) == (date(2015, 4, 15), "RAW")
    assert [(one.row, one.kind) for one in cohort.findings] == [(1, "bad_date"), (1, "relapse_bad_date")]
    assert cohort.findings[0].sentence == "Row 2 has a date that cannot be read: write it as 2019-12-31."
    alone = detect([(date(2015, 1, 5), 2.0), (text, 2.0)], [text], Definition())
    assert [one.kind for one in alone.findings] == ["bad_date", "relapse_bad_date"]


def test_days_as_the_case_file_writes_them_are_read_as_days():
    visits = [["2015-01-05", 2.0], ["2015-04-15", 3.0], ["2015-07-24T08:00", 3.0]]
    known = [(date.fromisoformat(text[:10]), score) for text, score in visits]
    definition = Definition(RAW_PIRA=True)

    assert detect(visits, ["2015-04-10"], definition) == detect(known, [date(2015, 4, 10)], definition)
    assert detect(visits, [("2015-04-10", "2015-05-01")], definition).events[0].cdw_type == "RAW"


def test_an_end_of_a_relapse_that_cannot_be_read_is_not_used_and_a_finding():
    visits = [("2015-01-05", 2.0), ("2015-04-15", 3.0), ("2015-07-24", 3.0)]
    definition = Definition(RAW_PIRA=True, relapse_end=True)
    unread, unknown = (detect(visits, [("2014-06-01", end)], definition) for end in ("soon", None))

    assert unread.events == unknown.events != ()
    assert [one.kind for one in unread.findings] == ["relapse_bad_end"]
    assert unread.findings[0].sentence == "Relapse 1 has an end that cannot be read: it is not used."


@pytest.mark.parametrize(
    ("last", "kinds"), [(None, []), ("soon", ["relapse_bad_last"]), ("2014-01-01", ["relapse_last"])]
)
def test_a_last_possible_onset_that_is_missing_or_lies_before_the_first_is_the_first(last, kinds):
    columns = [1] * 3, ["2018-01-10", "2018-07-11", "2018-10-10"], [2, 3, 3]
    definition = Definition(RAW_PIRA=True)

    def found(day, **more):
        cohort = Cohort.from_columns(*columns, relapse_patient=[1, 1], relapse_day=["2016-05-01", day], **more)
        return detect_cohort(cohort, definition).of(0), [(one.row, one.kind) for one in cohort.findings]

    for day in ("2017-01-01", "2018-09-25", "2018-01-05", "2018-07-05"):
        events, findings = found(day, relapse_last=["2016-05-01", last])
        assert events == found(day)[0]
        assert findings == [(1, kind) for kind in kinds]
    nobody = Cohort.from_columns(*columns, relapse_patient=[2], relapse_day=["2016-05-01"], relapse_last=["2014-01-01"])
    assert [one.kind for one in nobody.findings] == ["relapse_unknown"]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("length", [2, 4])
def test_scores_for_the_steps_of_another_length_are_refused(compiled, length):
    cohort = Cohort.from_columns([1] * 3, [1, 101, 201], [5.0, 5.5, 5.5])

    with pytest.raises(ValueError, match="delta_score must have the 3 usable visits"):
        detect_cohort(cohort, Definition(), compiled=compiled, delta_score=[5.5] * length)


def test_the_hash_covers_scores_for_the_steps_and_what_chance_decided():
    cohort = Cohort.from_columns([1] * 3, [1, 101, 201], [5.0, 5.5, 5.5])
    hashes = {
        detect_cohort(cohort, Definition(), delta_score=d).content_hash_of(0) for d in (None, [5.5] * 3, [5.0] * 3)
    }
    assert len(hashes) == 3

    seen = [(date(2015, 1, 5), 2.0), (date(2015, 4, 15), 3.0)]
    chance = Definition(impute_last_visit=0.5, impute_seed=1)
    made = [detect(seen, [], chance, patient=name) for name in "abcdefgh"]
    assert len({(len(one.events), one.content_hash) for one in made}) == len({one.content_hash for one in made}) == 2


@pytest.mark.parametrize("event", ["multiple", "firstPIRA", "firstRAW"])
def test_without_a_table_of_relapses_the_peer_takes_nobody_to_have_had_one(event):
    definition = Definition.from_mapping({"event": event, "RAW_PIRA": True, "compat": "pymsprog"})
    days, scores = [date(2015, 1, 5), date(2015, 4, 15), date(2015, 7, 24)], [2.0, 3.0, 3.0]
    alone = detect(zip(days, scores, strict=True), None, definition)

    for more in ({}, {"relapse_patient": [], "relapse_day": [], "not_collected": [1]}):
        found = detect_cohort(Cohort.from_columns([1] * 3, days, scores, **more), definition)
        assert found.of(0) == alone.events
        assert [one.cdw_type for one in found.of(0)] == ([] if event == "firstRAW" else ["PIRA"])
