"""From a saved row to a stored trajectory: fresh, stale, never wrong."""

from datetime import date

import pytest
from django.db import OperationalError

from assessments.models import Assessment
from assessments.services import void_assessment
from engine import VERSION
from engine.types import Interval
from outcomes import trajectory
from outcomes.models import DisabilityEvent, Trajectory
from patients.models import Freshness
from tests.factories import course, make_patient, relapse, visit
from treatments.models import Course, Drug, Infusion, Treatment
from treatments.services import given_courses, record_course, record_treatments

pytestmark = pytest.mark.django_db


@pytest.fixture
def improved(patient, clinician):
    """Improved since Lemtrada: 4.0 before, 3.0 or less for more than 168 days."""
    course(patient, clinician, "2020-03-02", "2020-03-03", "2020-03-04", "2020-03-05", "2020-03-06")
    for day, edss in (("2020-02-01", 4), ("2020-09-01", 3), ("2021-03-01", 3), ("2021-09-01", "2.5")):
        visit(patient, clinician, day, edss)
    return patient


def version(patient):
    return Freshness.objects.get(patient=patient, kind="trajectory").data_version


def test_a_saved_visit_makes_the_trajectory_stale_and_refresh_makes_it_current(improved, clinician):
    assert trajectory.current([improved])[improved.pk].stored is False

    assert trajectory.refresh([improved.pk]) == 1

    stored = trajectory.current([improved])[improved.pk]
    assert stored.stored
    assert stored.trajectory.since_status == "improved"
    assert stored.trajectory.data_version == version(improved)
    assert stored.trajectory.engine_version == VERSION


def test_in_memory_and_stored_results_are_the_same(improved):
    before = trajectory.current([improved])[improved.pk].trajectory
    trajectory.refresh([improved.pk])
    after = trajectory.current([improved])[improved.pk].trajectory

    for field in trajectory.COMPARED:
        assert trajectory.plain(getattr(before, field)) == trajectory.plain(getattr(after, field))


def test_refresh_twice_stores_once(improved):
    assert [trajectory.refresh([improved.pk]), trajectory.refresh([improved.pk])] == [1, 0]


def test_a_relapse_entered_later_takes_the_anchor_away(improved, clinician):
    trajectory.refresh([improved.pk])
    relapse(improved, clinician, "2020-01-15")

    now = trajectory.current([improved])[improved.pk]

    assert now.stored is False
    assert now.trajectory.since_status == "insufficient"
    assert now.trajectory.since_reason == "baseline_near_relapse"


def test_another_engine_version_makes_everything_stale(improved, monkeypatch):
    trajectory.refresh([improved.pk])
    Freshness.objects.update(computed_engine="0.0.1")

    assert trajectory.current([improved])[improved.pk].stored is False
    assert trajectory.sweep_once() == 1


def test_a_leased_patient_is_left_alone_until_the_lease_is_over(improved):
    assert trajectory.claim([improved.pk]) == [improved.pk]
    assert trajectory.claim([improved.pk]) == []
    assert trajectory.refresh([improved.pk]) == 0


def test_a_save_clears_the_lease(improved, clinician):
    trajectory.claim([improved.pk])
    visit(improved, clinician, "2022-01-01", 3)

    assert trajectory.refresh([improved.pk]) == 1


def test_one_bad_patient_stops_no_other_and_is_put_aside_after_five_tries(improved, centre, clinician, monkeypatch):

    bad = make_patient(centre, clinician, family_name="Bad")
    real = trajectory.derive

    def poisoned(rows):
        if any(row.patient_id == bad.pk for row in rows):
            raise ValueError("poison")
        return real(rows)

    monkeypatch.setattr(trajectory, "derive", poisoned)
    for _ in range(8):
        trajectory.sweep_once()
        Freshness.objects.filter(attempts__lt=5).update(not_before=None)  # the waits are over

    assert Trajectory.objects.filter(patient=improved).exists()
    assert list(Freshness.objects.quarantined().values_list("patient_id", flat=True)) == [bad.pk]
    monkeypatch.undo()
    visit(bad, clinician, "2022-01-01", 3)
    assert trajectory.refresh([bad.pk]) == 1


def test_the_others_of_a_failed_chunk_are_computed_at_once(improved, centre, clinician, monkeypatch):
    bad = make_patient(centre, clinician, family_name="Bad")
    real, tried = trajectory.derive, []

    def poisoned(rows):
        tried.append([row.patient_id for row in rows])
        if any(row.patient_id == bad.pk for row in rows):
            raise ValueError("poison")
        return real(rows)

    monkeypatch.setattr(trajectory, "derive", poisoned)

    assert trajectory.refresh([improved.pk, bad.pk]) == 1

    assert tried == [[improved.pk, bad.pk], [improved.pk], [bad.pk]]
    assert Trajectory.objects.get().patient_id == improved.pk
    assert dict(Freshness.objects.values_list("patient_id", "attempts")) == {improved.pk: 0, bad.pk: 2}


@pytest.mark.parametrize("attempts", [0, 5])
def test_a_bad_patient_spoils_no_page_of_others(client, improved, centre, clinician, monkeypatch, attempts):
    bad = make_patient(centre, clinician, family_name="Bad")
    trajectory.refresh([bad.pk])
    visit(bad, clinician, "2022-01-01", 3)  # what is stored is old now, and must not be counted
    Freshness.objects.filter(patient=bad).update(attempts=attempts)
    real, tried = trajectory.derive, []

    def poisoned(rows):
        tried.extend(row.patient_id for row in rows)
        if any(row.patient_id == bad.pk for row in rows):
            raise ValueError("poison")
        return real(rows)

    monkeypatch.setattr(trajectory, "derive", poisoned)
    client.force_login(clinician)

    listed = client.get("/patients/").content.decode()
    assert improved.code in listed
    assert bad.code in listed
    assert bad.code not in client.get("/patients/?status=insufficient").content.decode()
    assert improved.code in client.get("/patients/?status=improved").content.decode()
    assert client.get("/cohort/").context["waiting"] == 1
    for page in ("", "print/", "history/"):
        assert client.get(f"/patients/{bad.code}/{page}").status_code == 200
    assert (bad.pk in tried) == (attempts == 0)  # who is put aside is not computed by pages: it may hang


def test_a_computation_that_hangs_is_stopped(improved, monkeypatch):
    monkeypatch.setattr(trajectory, "SECONDS", 1)
    monkeypatch.setattr(trajectory, "derive", lambda rows: __import__("time").sleep(30))

    assert trajectory.refresh([improved.pk]) == 0
    assert Freshness.objects.get(patient=improved).attempts == 1


def test_the_check_finds_a_stored_row_that_is_wrong(improved):
    trajectory.refresh([improved.pk])
    Trajectory.objects.update(since_status="stable")
    found = trajectory.check()
    Trajectory.objects.update(since_status="improved")

    assert len(found) == 1
    assert "since_status" in found[0]


def test_a_hint_is_sent_after_the_commit(improved, clinician, hints_are_recorded, django_capture_on_commit_callbacks):
    hints_are_recorded.clear()
    with django_capture_on_commit_callbacks(execute=True):
        visit(improved, clinician, "2022-02-01", 3)

    assert hints_are_recorded == [[improved.pk]]


@pytest.mark.parametrize(
    ("days", "first"),
    [
        ([("2016-03-01", "day"), *[("2016-03-01", "month")] * 4], ("2016-03-01", "2016-03-01")),
        ([*[("2016-03-01", "month")] * 4, ("2016-03-01", "day")], ("2016-03-01", "2016-03-01")),
        ([("2016-03-01", "month"), ("2016-03-08", "day"), ("2016-03-09", "day")], ("2016-03-01", "2016-03-08")),
        ([("2016-01-01", "year"), ("2016-03-01", "month")], ("2016-01-01", "2016-03-31")),
    ],
)
def test_the_first_day_of_a_course_is_known_by_all_its_infusions(patient, clinician, days, first):
    """Every possible day gives one result: then it does not matter which of them it was."""
    rows = [Infusion(day=date.fromisoformat(day), day_precision=precision) for day, precision in days]
    record_course(Course(patient=patient, state="complete"), rows, by=clinician)
    for day, edss in (("2016-02-20", "3.5"), ("2016-04-15", 3), ("2017-03-10", 2), ("2017-09-12", 2)):
        visit(patient, clinician, day, edss)

    (read,) = trajectory.read_rows([patient.pk])

    known = Interval(*map(date.fromisoformat, first))
    assert read.first_infusions == [known]
    assert [len(course) for course in read.infusions.values()] == [len(days)]
    (given,) = given_courses(Course.objects.all(), Infusion.objects.all())
    assert given.first == known
    if known.last <= date(2016, 3, 8):
        assert trajectory.current([patient])[patient.pk].trajectory.since_status == "improved"


def test_a_brand_name_beside_the_code_does_not_make_another_drug(improved, clinician):
    record_treatments(
        [
            Treatment(patient=improved, drug=Drug.NATALIZUMAB, drug_name="Tysabri", start=date(2010, 1, 1)),
            Treatment(patient=improved, drug=Drug.NATALIZUMAB, start=date(2013, 1, 1)),
            Treatment(patient=improved, drug=Drug.OTHER, drug_name="Trial 7", start=date(2014, 1, 1)),
            Treatment(patient=improved, drug=Drug.OTHER, drug_name=" trial 7", start=date(2015, 1, 1)),
            Treatment(patient=improved, drug=Drug.OTHER, drug_name="Trial 8", start=date(2016, 1, 1)),
        ],
        by=clinician,
    )

    assert trajectory.current([improved])[improved.pk].trajectory.prior_drugs == 3


@pytest.mark.parametrize(("taken_back", "left"), [("worse", [(1, "CDI")]), ("better", [(1, "CDW")])])
def test_events_that_are_none_any_more_go(improved, clinician, taken_back, left):
    rows = {"better": list(Assessment.objects.filter(day__gt=date(2020, 2, 1)))}
    rows["worse"] = [visit(improved, clinician, day, 6) for day in ("2022-03-01", "2022-10-01", "2023-03-01")]
    events = DisabilityEvent.objects.values_list("number", "kind")
    trajectory.refresh([improved.pk])
    assert list(events) == [(1, "CDI"), (2, "CDW")]

    for row in rows[taken_back]:
        void_assessment(row, by=clinician, reason="test", row_version=1)
    trajectory.refresh([improved.pk])

    assert list(events.all()) == left


def test_every_column_is_derived_and_no_other(improved):
    (made,) = trajectory.derive(trajectory.read_rows([improved.pk]))
    later = {"id", "record", "data_version", "engine_version", "computed_at"}

    assert set(made.values) == {f.attname for f in Trajectory._meta.concrete_fields} - later
    assert [set(event) for event in made.events] == [
        {f.attname for f in DisabilityEvent._meta.concrete_fields} - {"id"}
    ]


def test_a_patient_whose_rows_cannot_be_read_spoils_no_page_of_others(improved, centre, clinician, monkeypatch):
    bad, real = make_patient(centre, clinician, family_name="Bad"), trajectory.read_rows

    def unreadable(ids):
        if bad.pk in ids:
            raise ValueError("a date that is none")
        return real(ids)

    monkeypatch.setattr(trajectory, "read_rows", unreadable)

    assert list(trajectory.current([improved, bad])) == [improved.pk]


def test_a_database_that_fails_is_not_taken_for_a_bad_patient(improved, monkeypatch):
    def gone(ids):
        raise OperationalError

    monkeypatch.setattr(trajectory, "read_rows", gone)

    with pytest.raises(OperationalError):
        trajectory.current([improved])
