"""The invented cohort: always the same, never impossible, and every outcome in it."""

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest

from engine.edss import SYSTEMS, score
from engine.simulate import SHARES, cohort, legal
from engine.simulated_grades import examination
from engine.simulated_records import SimPatient
from engine.simulated_showcase import showcase
from engine.status import REASONS, classify
from engine.types import Interval
from engine.walking import ambulation_code

TODAY = date(2026, 11, 23)
STEPS = [0, *range(2, 20)]


def verdicts(person: SimPatient):
    return classify(
        [(Interval.of(v.day, v.precision), v.edss) for v in person.visits if not v.wrong],
        [Interval.of(r.onset, r.precision) for r in person.relapses],
        [Interval.of(c.days[0], c.precision) for c in person.courses if c.days],
        person.death,
        TODAY,
    )


@pytest.fixture(scope="module")
def people():
    return cohort(417, 120, TODAY)


def test_the_same_seed_gives_the_same_people_and_another_seed_others(people):
    assert cohort(417, 120, TODAY) == people
    assert cohort(418, 120, TODAY) != people


@pytest.mark.parametrize("number", [0, 1, 7, 40, 120, 333])
def test_as_many_people_as_asked_for(number):
    assert len(cohort(1, number, TODAY)) == number


@pytest.mark.parametrize("halves", STEPS)
def test_grades_and_walking_score_to_the_step_that_was_wanted(halves):
    rng = np.random.default_rng(5)
    before = None
    for _ in range(20):
        found = examination(halves, before, rng)
        before = found.grades

        assert float(score(dict(zip(SYSTEMS, found.grades, strict=True)), found.ambulation).edss) == halves / 2
        assert found.unlimited == (found.ambulation == 0)
        if found.distance_m is not None:
            assert ambulation_code(found.distance_m, found.aid).code == found.ambulation


def test_every_story_is_told_and_nothing_lies_ahead(people):
    latest = TODAY - timedelta(days=2)

    assert {person.story for person in people} == set(SHARES)
    for person in people:
        assert person.birth < person.onset <= person.diagnosis
        assert all(person.onset <= visit.day <= latest or visit.precision != "day" for visit in person.visits)
        assert all(relapse.onset <= latest for relapse in person.relapses)
        assert all(day <= latest for course in person.courses for day in course.days)
        if person.death:
            assert all(visit.day <= person.death for visit in person.visits)
            assert all(day <= person.death for course in person.courses for day in course.days)


@pytest.mark.parametrize("days", range(0, 360, 30))
def test_nobody_has_two_relapses_of_one_day_whatever_the_day_of_today(days):
    """A registry refuses the second one, and with it the demo of a first start."""
    for person in cohort(417, 120, TODAY + timedelta(days=days)):
        onsets = [relapse.onset for relapse in person.relapses]
        assert len(onsets) == len(set(onsets))


def test_courses_follow_one_another(people):
    for person in people:
        exact = [course.days for course in person.courses if course.days and course.precision == "day"]
        assert all(one[-1] < two[0] for one, two in pairwise(exact))
        assert sum(course.state == "planned" for course in person.courses) <= 1


def test_every_status_and_every_reason_occurs_in_plausible_shares(people):
    found = [verdicts(person).since_lemtrada for person in people]
    shares = Counter(verdict.status for verdict in found)
    classified = sum(shares[status] for status in ("improved", "stable", "progressed"))

    assert {verdict.reason for verdict in found} == {*REASONS, None}
    assert 0.25 < shares["improved"] / classified < 0.45
    assert 0.35 < shares["stable"] / classified < 0.6
    assert 0.1 < shares["progressed"] / classified < 0.3
    assert {verdict.pending.direction for verdict in found if verdict.pending} == {"worsening", "improvement"}


def test_the_showcase_is_improved_and_confirmed_with_a_pending_worsening_overall():
    found = verdicts(showcase(TODAY, 417))

    assert (found.since_lemtrada.status, found.since_lemtrada.certainty) == ("improved", "confirmed")
    assert found.since_lemtrada.baseline.edss == 4.0
    assert found.overall.pending.direction == "worsening"
    assert any(row.role == "not_used" for row in found.since_lemtrada.evidence)


@pytest.mark.parametrize(("halves", "step"), [(-3, 0), (0, 0), (1, 2), (2, 2), (7, 7)])
def test_a_half_is_no_step(halves, step):
    assert legal(halves) == step
