"""Trajectories by API: as of the rows now stored, or said to wait; never an older one as the current."""

from datetime import timedelta

import pytest
from django.utils import timezone

from engine import VERSION
from outcomes import trajectory
from outcomes.models import Trajectory
from patients.models import Freshness
from tests.calling import Caller, fields
from tests.factories import course, make_patient, visit

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(clinician):
    return Caller(clinician)


def story(patient, by, *edss):
    """Baseline 3.0 before Lemtrada, then one visit a year."""
    visit(patient, by, "2019-01-10", 3)
    course(patient, by, "2019-03-04", "2019-03-05", "2019-03-06", "2019-03-07", "2019-03-08")
    return [visit(patient, by, f"{2020 + number}-01-10", value) for number, value in enumerate(edss)]


def shown(api, patient):
    response = api.get(f"/trajectories/{patient.code}/")
    assert response.status_code == 200, response.content
    return response.json()


def test_a_stored_trajectory_says_status_reason_evidence_events_and_what_it_rests_on(api, patient, clinician):
    visits = story(patient, clinician, 4.5, 4.5)
    trajectory.refresh([patient.pk])

    body = shown(api, patient)

    stored = Trajectory.objects.get()
    assert (body["patient"], body["state"]) == (patient.code, "stored")
    assert (body["engine_version"], body["data_version"]) == (VERSION, stored.data_version)
    verdict = body["since_lemtrada"]
    assert (verdict["status"], verdict["since"], verdict["reason"]) == ("progressed", "2020-01-10", None)
    assert verdict["sentence"] == stored.result["since_lemtrada"]["sentence"]
    assert [row["assessment"] for row in verdict["evidence"] if row["in_run"]] == [one.pk for one in visits]
    [event] = body["events"]
    assert (event["kind"], event["onset"], event["assessments"]["onset"]) == ("CDW", "2020-01-10", visits[0].pk)
    assert "not its effect" in body["purpose"]


def test_the_label_of_an_anniversary_waits_for_it(api, patient, clinician):
    """A visit nearer to it may still come."""
    today = timezone.localdate()
    visit(patient, clinician, today - timedelta(days=400), 3)
    course(patient, clinician, str(today - timedelta(days=350)))
    visit(patient, clinician, today - timedelta(days=20), 1)
    trajectory.refresh([patient.pk])

    one = Trajectory.objects.get()
    assert shown(api, patient)["landmarks"] == {}
    assert one.landmarks(today + timedelta(days=20)) == [(1, "improved")]


def test_events_are_those_that_are_stored(api, patient, clinician):
    story(patient, clinician, 4.5, 4.5, 2, 2)
    trajectory.refresh([patient.pk])

    for told, event in zip(shown(api, patient)["events"], patient.disability_events.all(), strict=True):
        assert told["number"] == event.number
        assert (told["kind"], told["label"], told["onset"]) == (event.kind, event.label, event.onset.isoformat())
        assert (told["edss"], told["assessments"]) == (float(event.edss), event.evidence)


def test_a_stale_one_is_computed_for_the_answer_and_not_stored(api, patient, clinician):
    story(patient, clinician, 4.5, 4.5)
    trajectory.refresh([patient.pk])
    visit(patient, clinician, "2022-06-10", 3)
    before = Trajectory.objects.values().get()

    body = shown(api, patient)

    assert (body["state"], body["since_lemtrada"]["status"]) == ("computed", "stable")
    assert body["data_version"] == Freshness.objects.get(patient=patient).data_version
    assert Trajectory.objects.values().get() == before
    [row] = api.get("/trajectories/").json()["results"]
    assert row | {"computed_at": ""} == body | {"computed_at": ""}


def test_one_that_cannot_be_computed_now_waits_and_shows_nothing_old(api, patient, clinician, settings):
    story(patient, clinician, 4.5, 4.5)
    trajectory.refresh([patient.pk])
    visit(patient, clinician, "2022-06-10", 3)
    settings.COMPUTE_ON_READ = False

    body = shown(api, patient)

    assert (body["state"], body["since_lemtrada"], body["overall"], body["events"]) == ("waiting", None, None, [])
    listed = api.get("/trajectories/").json()
    assert (listed["waiting"], listed["results"][0]["state"]) == (1, "waiting")
    assert api.get("/trajectories/?status=progressed").json()["count"] == 0


def test_a_reader_hints_the_worker_of_a_stale_one(api, patient, clinician, hints_are_recorded):
    story(patient, clinician, 4.5)
    hints_are_recorded.clear()

    shown(api, patient)

    assert hints_are_recorded == [[patient.pk]]


def test_the_list_filters_by_status_as_it_is_now(api, patient, clinician, centre):
    other = make_patient(centre, clinician, local_number="2", family_name="Other")
    story(patient, clinician, 4.5, 4.5)
    story(other, clinician, 4.5, 4.5)
    trajectory.refresh([patient.pk, other.pk])
    visit(other, clinician, "2022-06-10", 3)  # now stable, and stale

    def codes(query):
        return [row["patient"] for row in api.get(f"/trajectories/{query}").json()["results"]]

    assert codes("?status=progressed") == [patient.code]
    assert codes("?status=stable") == [other.code]
    assert codes(f"?patient={other.code}") == [other.code]
    assert codes(f"?patient={other.code}&status=progressed") == []
    assert codes("") == sorted([patient.code, other.code])
    assert codes("?page_size=1&page=2") == sorted([patient.code, other.code])[1:]
    assert codes("?ordering=better") == [other.code, patient.code]


@pytest.mark.parametrize("query", ["status=x", "ordering=-code", "colour=1", "page=0", "centre=x", "pending=1"])
def test_a_filter_that_means_nothing_is_refused_by_name(api, patient, query):
    assert fields(api.get(f"/trajectories/?{query}")) == {query.split("=")[0]}


@pytest.mark.parametrize("fresh", [True, False])
def test_a_list_asks_as_much_for_many_as_for_one(
    api, patient, clinician, centre, django_assert_num_queries, django_assert_max_num_queries, fresh
):
    people = [patient, *(make_patient(centre, clinician, local_number=str(n), family_name=f"P{n}") for n in range(4))]
    for person in people:
        story(person, clinician, 4.5, 4.5)
    if fresh:
        trajectory.refresh([person.pk for person in people])

    with django_assert_max_num_queries(20) as one:
        assert len(api.get("/trajectories/?page_size=1").json()["results"]) == 1
    with django_assert_num_queries(len(one)):
        assert len(api.get("/trajectories/").json()["results"]) == 5


def test_nothing_is_written_here(api, patient):
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        response = api(method, f"/trajectories/{patient.code}/", {})
        assert (response.status_code, response["Allow"]) == (405, "GET")
