"""The events of one patient by a preset, from the since-Lemtrada anchor on."""

import json
from datetime import date

import pytest

from engine.preset_events import events_of, events_since, preset_events
from engine.presets import PRESETS
from engine.progression import Definition, Preset, detect
from engine.status import classify
from engine.types import Interval, Visit

FIRST = date(2016, 3, 1)
HISTORY = [
    (date(2015, 1, 5), 6.0),
    (date(2016, 3, 1), 3.5),
    (date(2016, 9, 5), 3.0),
    (date(2017, 3, 10), 2.5),
    (date(2017, 9, 12), 2.5),
    (date(2018, 3, 13), 2.0),
    (date(2018, 9, 11), 4.5),
    (date(2018, 12, 11), 4.5),
    (date(2019, 3, 19), 5.0),
]
CAREMS = PRESETS["carems_6m"]


def found(visits=HISTORY, relapses=(), infusions=(FIRST,), preset=CAREMS, **rest):
    return preset_events(visits, relapses, infusions, preset, **rest)


def short(events):
    return [(event.number, event.type, str(event.date), event.onset_row) for event in events]


def test_worsening_and_improvement_are_searched_apart_from_the_anchor_on():
    result = found()

    assert short(result.events) == [(1, "CDI", "2017-03-10", 3), (2, "CDW", "2018-09-11", 6)]
    assert {(event.baseline_date, event.baseline_value) for event in result.events} == {(FIRST, 3.5)}
    assert [event.days_from_start for event in result.events] == [374, 924]
    assert (result.anchor.day, result.anchor.edss, result.reason) == (FIRST, 3.5, None)
    assert result.sentence == "2 events."


def test_the_order_of_the_rows_changes_nothing_but_the_row_numbers():
    other = found(HISTORY[::-1])

    assert [event.as_mapping() for event in other.events] == [event.as_mapping() for event in found().events]
    assert [event.onset_row for event in other.events] == [5, 2]


def test_rows_point_at_the_visits_as_given_when_some_are_not_used():
    visits = [(date(2016, 5, 1), None), (Interval(date(2017, 1, 1), date(2017, 1, 31)), 9.0), *HISTORY]

    assert [visits[event.onset_row] for event in found(visits).events] == [HISTORY[3], HISTORY[6]]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"infusions": []}, "no_course"),
        ({"infusions": [date(2012, 1, 1)]}, "no_baseline"),
        ({"relapses": [date(2016, 2, 20)], "visits": HISTORY[:3]}, "baseline_near_relapse"),
        ({"infusions": [Interval(date(2016, 2, 1), date(2016, 12, 31))]}, "course_date_imprecise"),
        ({"infusions": [Interval(date(2016, 3, 1), date(2016, 3, 31))], "as_of": date(2016, 3, 10)},
         "course_date_imprecise"),
    ],
)  # fmt: skip
def test_without_an_anchor_there_is_no_event_but_the_reason(changed, reason):
    result = found(**changed)

    assert (result.reason, result.anchor, result.events, result.unconfirmed) == (reason, None, (), ())
    assert result.sentence.endswith(".")
    assert result.as_mapping()["reason"] == reason


def test_a_first_infusion_known_to_the_month_is_enough_when_every_day_gives_the_same_anchor():
    imprecise = found(infusions=[Interval(date(2016, 3, 1), date(2016, 3, 31))])

    assert short(imprecise.events) == short(found().events)


def test_a_visit_not_known_to_the_day_is_not_used():
    month = Interval(date(2016, 3, 1), date(2016, 3, 31))

    assert found([Visit(month, 3.5), *HISTORY[2:]], infusions=[FIRST]).reason == "no_baseline"


def test_a_relapse_not_known_to_the_day_is_as_near_as_it_may_be():
    exact = found(relapses=[date(2019, 2, 1)])
    month = found(relapses=[Interval(date(2019, 2, 1), date(2019, 2, 28))])

    assert [event.type for event in exact.events] == ["CDI", "CDW"]
    assert [event.type for event in month.events] == ["CDI"]
    assert (month.unconfirmed[0].reason, month.unconfirmed[0].at) == ("near_relapse", date(2019, 3, 19))


def test_relapses_before_the_anchor_are_kept():
    raw = Preset("own", "", tuple(one.changed(RAW_PIRA=True) for one in CAREMS.definitions), "", "since_lemtrada")
    visits = [(FIRST, 3.0), (date(2016, 4, 15), 4.0), (date(2016, 10, 30), 4.0)]

    [event] = found(visits, [date(2016, 1, 20)], preset=raw).events

    assert (event.cdw_type, event.days_from_start) == ("RAW", 45)


def test_relapses_that_were_never_asked_for_are_not_classified():
    preset = Preset("own", "", (Definition(RAW_PIRA=True),), "")
    visits = [(FIRST, 3.0), (date(2016, 9, 15), 4.0), (date(2017, 3, 30), 4.0)]
    cleaned = classify(visits, [], [], None, date(2020, 1, 1))

    assert [event.cdw_type for event in events_of(cleaned, preset).events] == ["PIRA"]
    assert [event.cdw_type for event in events_of(cleaned, preset, collected=False).events] == ["not classifiable"]


def test_what_comes_after_the_as_of_date_is_not_known():
    assert [event.type for event in found(as_of=date(2019, 3, 18)).events] == ["CDI"]


def test_edss_10_counts_only_with_a_death():
    visits = [(FIRST, 3.5), (date(2016, 9, 5), 10.0), (date(2017, 9, 5), 10.0)]

    assert found(visits).events == ()
    assert [event.type for event in found(visits, death=date(2017, 9, 5)).events] == ["CDW"]


@pytest.mark.parametrize("name", [name for name, preset in PRESETS.items() if preset.anchor == "none"])
def test_a_preset_without_an_anchor_looks_at_every_visit(name):
    preset = PRESETS[name]

    result = found(relapses=[date(2018, 3, 1), date(2015, 2, 1)], infusions=[], preset=preset)

    direct = detect(HISTORY, [date(2018, 3, 1), date(2015, 2, 1)], preset.definition)
    assert result.anchor is None
    assert result.events == direct.events
    assert result.detections[0].content_hash == direct.content_hash


def test_an_anchor_can_be_named_and_all_of_it_can_be_stored():
    cleaned = classify(HISTORY, [], [FIRST], None, date(2020, 1, 1))

    result = events_since(cleaned.case, 1, CAREMS)

    assert result == found(as_of=date(2020, 1, 1))
    assert json.loads(json.dumps(result.as_mapping())) == result.as_mapping()
    assert result.as_mapping()["anchor"] == {"date": "2016-03-01", "edss": 3.5}


def test_each_waiting_visit_is_listed_once_though_two_searches_meet_it():
    waiting = found(HISTORY[:8]).unconfirmed

    assert [(one.direction, str(one.date), str(one.confirmable_from)) for one in waiting] == [
        ("worsening", "2018-09-11", "2019-02-26"),
        ("worsening", "2018-12-11", "2019-05-28"),
    ]
