"""What is stored of a status gives back the same status, and the same words."""

import json
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.records import pack, unpack
from engine.status import classify
from engine.types import Interval, Visit
from tests.engine.test_status_properties import histories

DAY = date(2020, 3, 2)


def stored(result):
    return json.loads(json.dumps(pack(result), allow_nan=False))


@st.composite
def imprecise(draw, days):
    """Some of these days known only to the month or year."""
    return [Interval.of(day, draw(st.sampled_from(["day", "day", "day", "month", "year"]))) for day in days]


@settings(max_examples=400)
@given(histories(), st.data())
def test_a_record_gives_back_the_verdicts_and_all_their_words(history, data):
    visits, relapses, courses, death, as_of = history
    days = data.draw(imprecise([day for day, _ in visits]))
    rows = [Visit(day, edss, number) for number, (day, (_, edss)) in enumerate(zip(days, visits, strict=True))]
    known = data.draw(imprecise(relapses)), data.draw(imprecise(courses))
    result = classify(rows, *known, death and Interval.of(death, "month"), as_of)

    again = unpack(stored(result))

    assert again.as_mapping() == result.as_mapping()
    assert again.evidence_mapping() == result.evidence_mapping()
    assert (again.since_lemtrada, again.overall) == (result.since_lemtrada, result.overall)
    assert pack(again) == pack(result)


def test_words_come_from_what_was_stored_not_from_a_new_decision():
    result = classify(
        [(DAY, 4.0), (DAY + timedelta(200), 2.0), (DAY + timedelta(400), 2.0)], [], [DAY], None, DAY + timedelta(900)
    )
    record = stored(result)
    assert record["since_lemtrada"]["roles"] == "a--"

    record["since_lemtrada"]["roles"] = "a++"
    words = [row.words for row in unpack(record).since_lemtrada.evidence]

    assert words == ["baseline, on the first day of course 1", "worse, onset", "worse, confirms it"]


def test_a_score_that_is_missing_is_none_in_the_record():
    record = stored(classify([(DAY, 3.0), (DAY + timedelta(9), float("nan"))], [], [], None, DAY + timedelta(90)))

    assert [edss for _, edss, _ in record["visits"]] == [3.0, None]


def test_a_record_of_fifteen_visits_is_small():
    visits = [
        Visit(Interval.of(DAY + timedelta(180 * number)), 3.0 + number % 3, 10**6 + number) for number in range(15)
    ]
    result = classify(visits, [DAY + timedelta(400)], [DAY], None, DAY + timedelta(4000))

    assert len(json.dumps(pack(result))) < 1500
    assert len(json.dumps(result.evidence_mapping())) > 8000
