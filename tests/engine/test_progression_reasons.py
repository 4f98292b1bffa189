"""Why a change was not confirmed: each reason, the visit it speaks of, from when a visit could, the sentence."""

from datetime import date, timedelta

import pytest

from engine.progression import Definition, detect

DAY = date(2020, 1, 1)


def at(days):
    return DAY + timedelta(days)


def run(*visits, relapses=(), **options):
    rows = [(at(days), *rest) for days, *rest in visits]
    return detect(rows, [at(days) for days in relapses], Definition.from_mapping(options))


def only(found):
    assert found.events == ()
    assert len(found.unconfirmed) == 1
    return found.unconfirmed[0]


def test_no_later_visit_waits_for_one_in_the_window():
    change = only(run((0, 2.0), (100, 3.0)))

    assert (change.direction, change.date, change.value) == ("worsening", at(100), 3.0)
    assert (change.baseline_date, change.baseline_value, change.onset_row) == (DAY, 2.0, 1)
    assert (change.reason, change.at, change.confirmable_from) == ("no_later_visit", None, at(177))
    assert change.sentence == (
        "Worsening to 3.0 on 10 Apr 2020, from 2.0: not confirmed, because there is no later visit. "
        "A visit from 26 Jun 2020 on could confirm it."
    )


def test_a_window_with_half_days_opens_on_the_next_whole_day():
    change = only(run((0, 2.0), (100, 3.0), conf_days=90.75, conf_tol_days=[0, "inf"]))

    assert change.confirmable_from == at(191)


def test_of_several_windows_the_first_that_is_still_open_counts():
    windows = {"conf_days": [84, 168], "conf_tol_days": 7}

    assert run((0, 2.0), (100, 3.0), (120, 3.0), **windows).unconfirmed[0].confirmable_from == at(177)
    assert run((0, 2.0), (100, 3.0), (200, 3.0), (230, 3.0), **windows).unconfirmed[0].confirmable_from == at(261)
    assert run((0, 2.0), (100, 3.0), (260, 3.0), **windows).unconfirmed[0].confirmable_from == at(261)
    assert run((0, 2.0), (100, 3.0), (280, 3.0), **windows).unconfirmed[0].confirmable_from is None


def test_visits_that_all_lie_before_the_window_still_wait():
    found = run((0, 2.0), (100, 3.0), (140, 3.0))

    change = found.unconfirmed[0]
    assert (change.reason, change.at, change.confirmable_from) == ("no_visit_in_window", None, at(177))
    assert "because no visit falls within the time of confirmation. A visit from" in change.sentence


def test_a_window_that_is_over_waits_no_more():
    change = run((0, 2.0), (100, 3.0), (300, 3.0), conf_tol_days=7).unconfirmed[0]

    assert (change.reason, change.at, change.confirmable_from) == ("no_visit_in_window", None, None)


def test_the_last_day_of_the_window_is_still_in_time():
    def waits(last):
        return run((0, 2.0), (100, 3.0), (last, 3.0, False), conf_tol_days=7).unconfirmed[0].confirmable_from

    assert waits(190) == at(191)
    assert waits(191) is None


def test_a_visit_too_near_a_relapse_is_named():
    change = run((0, 2.0), (100, 3.0), (190, 3.0), relapses=[180]).unconfirmed[0]

    assert (change.reason, change.at, change.confirmable_from) == ("near_relapse", at(190), at(210))
    assert change.sentence == (
        "Worsening to 3.0 on 10 Apr 2020, from 2.0: not confirmed, because the visit that could confirm it (9 Jul "
        "2020) is too near a relapse. A visit from 29 Jul 2020 on could confirm it."
    )


@pytest.mark.parametrize(
    ("day", "reason"),
    [(176, "no_visit_in_window"), (177, "may_not_confirm"), (191, "may_not_confirm"), (192, "no_visit_in_window")],
)
def test_the_first_and_the_last_day_of_a_window_belong_to_it(day, reason):
    change, later = run((0, 2.0), (100, 3.0), (day, 3.0, False), conf_days=84, conf_tol_days=[7, 7]).unconfirmed

    assert (change.date, change.reason, later.date) == (at(100), reason, at(day))


def test_a_visit_that_may_not_confirm_is_named():
    change = run((0, 2.0), (100, 3.0), (190, 3.0, False)).unconfirmed[0]

    assert (change.reason, change.at, change.confirmable_from) == ("may_not_confirm", at(190), at(191))
    assert "because the visit that could confirm it (9 Jul 2020) may not confirm." in change.sentence


def test_a_run_that_was_broken_names_the_visit_and_waits_for_nothing():
    change = only(run((0, 2.0), (100, 3.0), (150, 2.5), (190, 2.0)))

    assert (change.reason, change.at, change.confirmable_from) == ("run_broken", at(150), None)
    assert change.sentence == (
        "Worsening to 3.0 on 10 Apr 2020, from 2.0: not confirmed, because the visit of 30 May 2020 did not hold it."
    )


def test_a_run_broken_before_any_visit_could_confirm_is_broken_all_the_same():
    change = only(run((0, 2.0), (100, 3.0), (150, 2.0)))

    assert (change.reason, change.at, change.confirmable_from) == ("run_broken", at(150), None)


def test_without_the_visits_between_only_the_confirming_one_breaks_it():
    change = only(run((0, 2.0), (100, 3.0), (150, 2.0), (190, 2.0), check_intermediate=False))

    assert (change.reason, change.at) == ("run_broken", at(190))


def test_a_change_that_was_confirmed_but_did_not_last():
    found = run((0, 2.0), (100, 3.0), (190, 3.0), (250, 2.0), require_sust_days=200)

    change = found.unconfirmed[0]
    assert (change.reason, change.at, change.confirmable_from) == ("not_sustained", at(250), None)
    assert change.sentence.endswith("because it was confirmed but not sustained: it had ended by 7 Sep 2020.")


def test_a_smaller_change_counts_where_it_may_move_the_baseline():
    options = {"sub_threshold_rebl": "event", "baseline": "roving"}

    change = only(run((0, 2.0), (100, 2.5), (150, 2.0), **options))

    assert (change.reason, change.at, change.confirmable_from) == ("below_step", None, None)
    assert change.sentence.endswith("because it is less than a step.")
    assert run((0, 2.0), (100, 2.5), (190, 2.5), **options).unconfirmed == ()


def test_an_improvement_says_so():
    change = only(run((0, 4.0), (100, 3.0), event="firstCDI"))

    assert (change.direction, change.value, change.reason) == ("improvement", 3.0, "no_later_visit")
    assert change.sentence.startswith("Improvement to 3.0 on 10 Apr 2020, from 4.0:")


def test_the_mapping_is_what_json_can_hold():
    assert only(run((0, 2.0), (100, 3.0))).as_mapping() == {
        "direction": "worsening",
        "date": "2020-04-10",
        "value": 3.0,
        "baseline_date": "2020-01-01",
        "baseline_value": 2.0,
        "reason": "no_later_visit",
        "at": None,
        "confirmable_from": "2020-06-26",
    }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "Worsening: 3.0 on 10 Apr 2020, from 2.0 on 1 Jan 2020; confirmed on 9 Jul 2020 (84 days), held to "
             "the last visit."),
        ({"RAW_PIRA": True}, "Worsening, independent of relapses: 3.0 on"),
        ({"conf_days": [84, 168]}, "confirmed on 9 Jul 2020 (84 days), 27 Sep 2020 (168 days), held to"),
    ],
)  # fmt: skip
def test_an_event_says_what_happened(options, words):
    (event,) = run((0, 2.0), (100, 3.0), (190, 3.0), (270, 3.0), **options).events

    assert words in event.sentence


def test_an_event_says_for_how_long_it_held_and_its_class():
    (event,) = run((0, 3.0), (1100, 2.0), (1200, 2.0), (2300, 2.0), (2400, 4.0), event="firstCDI").events
    assert event.sentence.startswith("Improvement: 2.0 on")
    assert event.sentence.endswith("held for 1,200 days.")

    (raw,) = run((0, 2.0), (100, 3.0), (190, 3.0), relapses=[90], RAW_PIRA=True).events
    assert raw.sentence.startswith("Worsening, relapse-associated: 3.0")

    (other,) = run((0, 2.0), (100, 3.0), (190, 3.0), relapses=[120], RAW_PIRA=True).events
    assert other.sentence.startswith("Worsening, undefined: 3.0")

    (imputed,) = run((0, 2.0), (100, 3.0), impute_last_visit=1).events
    assert imputed.sentence.endswith("; not confirmed, kept because it is the last visit.")
    assert imputed.imputed
    assert imputed.confirmed == {"84": None}


def test_a_visit_after_the_end_of_a_relapse_may_confirm():
    rises = ((0, 2.0), (100, 3.0))
    rows = [(at(days), score) for days, score in rises]

    def of(end, *more):
        plain = Definition(relapse_end=True, conf_days=84, conf_tol_days=(7, 730.5))
        return detect([*rows, *more], [(at(110), end)], plain)

    assert of(at(250)).unconfirmed[0].confirmable_from == at(251)
    assert of(at(250), (at(250), 3.0)).events == ()
    assert len(of(at(250), (at(251), 3.0)).events) == 1
    assert of(None).unconfirmed[0].confirmable_from == at(177)
    assert of(at(120)).unconfirmed[0].confirmable_from == at(177)


def test_relapses_delay_nothing_where_no_distance_is_asked_for():
    change = only(run((0, 2.0), (100, 3.0), relapses=[300], relapse_to_conf=0))

    assert change.confirmable_from == at(177)


def test_a_visit_after_every_window_does_not_break_the_change():
    change = run((0, 2.0), (100, 3.0), (915, 2.0), conf_days=84, conf_tol_days=[7, 730.5]).unconfirmed[0]

    assert (change.reason, change.at, change.confirmable_from) == ("no_visit_in_window", None, None)
    broken = run((0, 2.0), (100, 3.0), (914, 2.0), conf_days=84, conf_tol_days=[7, 730.5]).unconfirmed[0]
    assert (broken.reason, broken.at) == ("run_broken", at(914))


@pytest.mark.parametrize("event", ["multiple", "firstCDW"])
def test_no_visit_confirms_what_goes_on_in_a_run_that_was_counted(event):
    """The improvement of day 180 has been found; the last visit only continues it."""
    found = run((0, 9.5), (180, 7.5), (270, 7.5), (360, 7.0), event=event)

    assert len(found.events) == (event == "multiple")
    (change,) = found.unconfirmed
    assert (change.reason, change.date, change.confirmable_from) == ("no_later_visit", at(360), None)


def test_each_step_that_was_only_partly_confirmed_is_listed():
    """Both falls to 2.5 are broken at 3.5; what is left of them moves the baseline, from the second on."""
    options = {"baseline": "roving", "proceed_from": "event", "sub_threshold_rebl": "event"}
    scores = (4.0, 4.0, 2.5, 2.5, 3.5, 3.0, 3.0, 3.0)
    visits = [(90 * number, score) for number, score in enumerate(scores)]

    found = run(*visits, event="multiple", conf_days=182, conf_tol_days=45, **options)

    assert found.events == ()
    assert [(change.reason, change.date) for change in found.unconfirmed] == [
        ("run_broken", at(180)), ("run_broken", at(270)),
    ]  # fmt: skip
