"""The status from each course to the next."""

from datetime import date

from engine.courses import classify_courses
from engine.status import classify
from engine.types import Interval

FIRST, SECOND = date(2016, 3, 1), date(2017, 3, 1)
VISITS = [
    (date(2016, 2, 20), 4.0),
    (date(2016, 8, 1), 3.0),
    (date(2017, 2, 20), 3.0),
    (date(2017, 9, 1), 4.0),
    (date(2018, 3, 1), 4.0),
    (date(2018, 9, 1), 4.0),
]
AS_OF = date(2019, 1, 1)


def test_each_course_has_its_own_baseline_and_ends_where_the_next_begins():
    first, second = classify_courses(VISITS, [], [SECOND, FIRST], None, AS_OF)

    assert (first.number, first.first_infusion, first.until) == (1, Interval(FIRST, FIRST), SECOND)
    assert (first.verdict.status, first.verdict.baseline.edss) == ("improved", 4.0)
    assert (second.number, second.until) == (2, None)
    assert (second.verdict.status, second.verdict.baseline.edss) == ("progressed", 3.0)


def test_the_last_course_is_the_status_since_lemtrada_with_that_course_alone():
    second = classify_courses(VISITS, [], [FIRST, SECOND], None, AS_OF)[1]

    assert second.verdict == classify(VISITS, [], [SECOND], None, AS_OF).since_lemtrada


def test_a_visit_on_the_first_day_of_the_next_course_still_counts():
    visits = [*VISITS[:2], (SECOND, 3.0)]

    assert classify_courses(visits, [], [FIRST, SECOND], None, AS_OF)[0].verdict.status == "improved"


def test_a_change_that_was_pending_when_the_next_course_began_is_said_so():
    visits = [VISITS[0], (date(2016, 8, 1), 4.0), (date(2017, 2, 20), 3.0), *VISITS[3:]]
    first = classify_courses(visits, [], [FIRST, SECOND], None, AS_OF)[0]

    assert first.verdict.status == "stable"
    assert first.note == "Better since 20 Feb 2017, not confirmed before the next course began."


def test_a_course_that_lies_ahead_is_left_out_and_does_not_end_the_one_before():
    found = classify_courses(VISITS, [], [FIRST, date(2020, 1, 1)], None, AS_OF)

    assert [(course.number, course.until) for course in found] == [(1, None)]


def test_an_imprecise_next_course_ends_the_one_before_on_its_first_possible_day():
    found = classify_courses(VISITS, [], [FIRST, Interval.of(date(2017, 1, 1), "year")], None, AS_OF)

    assert found[0].until == date(2017, 1, 1)
    assert found[1].verdict.reason == "course_date_imprecise"


def test_without_a_course_there_is_nothing():
    assert classify_courses(VISITS, [], [], None, AS_OF) == []


def test_the_example_of_the_documents():
    visits = [
        (date(2016, 3, 1), 3.5), (date(2016, 9, 5), 3.0), (date(2017, 3, 10), 2.5), (date(2017, 9, 12), 2.5),
        (date(2018, 3, 13), 2.0),
    ]  # fmt: skip
    first = classify_courses(visits, [], [FIRST, date(2017, 4, 3)], None, AS_OF)[0]

    assert (first.verdict.status, first.verdict.baseline.edss) == ("stable", 3.5)
    assert first.note == "Better since 10 Mar 2017, not confirmed before the next course began."
