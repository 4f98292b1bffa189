"""Everything computed again, or compared: by an operator, in pieces, beside people who save."""

import sys
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from edss_tracker import cli
from edss_tracker.progress import progress
from engine import VERSION
from outcomes import recompute, trajectory
from outcomes.models import Trajectory
from patients.models import Freshness
from tests.factories import course, make_patient, visit

pytestmark = pytest.mark.django_db


@pytest.fixture
def three(centre, clinician, monkeypatch):
    """Three patients with a visit each, two in a lock."""
    monkeypatch.setattr(recompute, "CHUNK", 2)
    patients = [make_patient(centre, clinician, family_name=name) for name in ("Eins", "Zwei", "Drei")]
    for patient in patients:
        visit(patient, clinician, "2022-01-01", 3)
    return patients


def run(**options):
    return recompute.recompute(every=options.pop("every", False), processes=1, **options)


def poison(monkeypatch, bad):
    real = trajectory.derive

    def poisoned(rows):
        if any(row.patient_id == bad.pk for row in rows):
            raise ValueError("poison")
        return real(rows)

    monkeypatch.setattr(trajectory, "derive", poisoned)


def test_what_is_out_of_date_is_computed_and_nothing_else(three, clinician):
    trajectory.refresh([three[0].pk])
    before = Trajectory.objects.get().computed_at

    assert run().computed == 2

    assert Trajectory.objects.get(patient=three[0]).computed_at == before
    assert not Freshness.objects.stale().exists()
    assert run().computed == 0


def test_everybody_is_computed_again_even_who_failed_before(three):
    run()
    Trajectory.objects.update(since_status="stable", overall_status="improved")  # wrong
    failed = Freshness.objects.filter(patient=three[1])
    failed.update(computed_version=-1, attempts=5, not_before=timezone.now() + timedelta(hours=1))

    assert run(every=True).computed == 3

    assert trajectory.check() == []
    for row in Freshness.objects.all():
        assert (row.computed_version, row.computed_engine) == (row.data_version, VERSION)
        assert (row.attempts, row.not_before) == (0, None)


def test_who_is_leased_is_left_to_whoever_has_the_lease(three):
    trajectory.claim([three[1].pk])

    assert run().computed == 2
    assert list(Freshness.objects.stale().values_list("patient_id", flat=True)) == [three[1].pk]


def test_a_fresh_result_stays_readable_while_everybody_is_computed(three, monkeypatch):
    run()
    real, stale = trajectory.derive, []

    def watched(rows):
        stale.append(Freshness.objects.stale().count())
        return real(rows)

    monkeypatch.setattr(trajectory, "derive", watched)

    assert run(every=True).computed == 3
    assert stale == [0, 0]


def test_the_version_stored_is_the_one_under_the_lock(three, clinician):
    visit(three[2], clinician, "2023-01-01", 4)
    run(every=True)

    for patient in three:
        row = Freshness.objects.get(patient=patient)
        stored = Trajectory.objects.get(patient=patient).data_version
        assert stored == row.computed_version == row.data_version


def test_one_bad_patient_fails_alone_and_is_named(three, monkeypatch, capsys):
    run()
    poison(monkeypatch, three[0])
    monkeypatch.setattr(recompute, "PROCESSES", 1)

    assert cli.main(["recompute", "--all"]) == 1

    said = capsys.readouterr().out
    assert said.startswith("2 trajectories computed")
    assert f"Failed: patient {three[0].pk}." in said
    assert list(Freshness.objects.stale().values_list("patient_id", "attempts")) == [(three[0].pk, 1)]
    assert trajectory.sweep_once() == 0  # leased, as after any failed attempt


def test_a_patient_that_hangs_is_stopped(three, monkeypatch):
    monkeypatch.setattr(trajectory, "SECONDS", 1)
    monkeypatch.setattr(trajectory, "derive", lambda rows: time.sleep(30))

    assert recompute.compute([three[0].pk], every=True).failed == (three[0].pk,)


def test_the_check_names_what_differs_up_to_a_limit_and_counts_the_rest(three, monkeypatch, capsys):
    run()
    assert cli.main(["recompute", "--check"]) == 0
    right = dict(Trajectory.objects.values_list("patient_id", "last_edss"))
    Trajectory.objects.update(last_edss=9)
    monkeypatch.setattr(cli, "NAMED", 2)
    capsys.readouterr()

    assert cli.main(["recompute", "--all", "--check"]) == 1

    said = capsys.readouterr().out.splitlines()
    assert said[:3] == [
        f"patient {three[0].pk}: last_edss is stored otherwise than it is recomputed",
        f"patient {three[1].pk}: last_edss is stored otherwise than it is recomputed",
        "... and 1 more.",
    ]
    assert said[3].startswith("3 differences; 0 trajectories wait")
    assert set(Trajectory.objects.values_list("last_edss", flat=True)) == {9}  # it changed nothing
    for pk, edss in right.items():
        Trajectory.objects.filter(patient=pk).update(last_edss=edss)


def test_the_check_compares_the_evidence_too(three):
    run()
    one = Trajectory.objects.get(patient=three[0])
    Trajectory.objects.filter(pk=one.pk).update(record=one.record.replace('"roles":"a"', '"roles":"."'))
    found = trajectory.check()
    Trajectory.objects.filter(pk=one.pk).update(record=one.record)

    assert found == [f"patient {three[0].pk}: record is stored otherwise than it is recomputed"]


LOSSES = {
    "the result": lambda pk: Trajectory.objects.filter(patient=pk).delete(),
    "its version": lambda pk: Trajectory.objects.filter(patient=pk).update(engine_version="0.0.1"),
    "of which rows it is": lambda pk: Trajectory.objects.filter(patient=pk).update(data_version=0),
    "how fresh it is": lambda pk: Freshness.objects.filter(patient=pk).delete(),
}


@pytest.mark.parametrize("what", LOSSES)
def test_what_was_lost_by_hand_is_found_and_made_anew(three, what, capsys):
    run()
    LOSSES[what](three[1].pk)

    assert cli.main(["recompute", "--check"]) == 1
    assert f"patient {three[1].pk}: its trajectory is lost; recompute --all makes it anew" in capsys.readouterr().out
    assert run(every=True).computed == 3
    assert recompute.check(processes=1) == []
    assert [current.stored for current in trajectory.current(three).values()] == [True] * 3


def test_a_version_goes_on_where_the_row_that_held_it_was_lost(three):
    run()
    before = Trajectory.objects.get(patient=three[1]).data_version
    Freshness.objects.filter(patient=three[1]).delete()

    run(every=True)

    assert Trajectory.objects.get(patient=three[1]).data_version == before + 1


def test_a_save_between_the_two_readings_of_the_check_is_no_difference(three, clinician, monkeypatch):
    run()
    real, saved = trajectory.read_rows, []

    def after_a_save(ids):
        if not saved:  # the stored rows are read; now somebody saves
            saved.append(visit(three[0], clinician, "2024-01-01", 6))
        return real(ids)

    monkeypatch.setattr(trajectory, "read_rows", after_a_save)

    assert trajectory.check() == []
    assert saved


def test_a_patient_that_cannot_be_recomputed_is_a_difference(three, monkeypatch):
    run()
    poison(monkeypatch, three[1])
    found = trajectory.check()
    monkeypatch.undo()

    assert found == [f"patient {three[1].pk}: it cannot be recomputed"]


def test_rows_that_travel_as_text_are_those_that_django_would_store(three, clinician):
    course(three[0], clinician, "2021-05-03", "2021-05-04")
    visit(three[0], clinician, "2021-05-01", "4.5")
    run()
    kept = {t.patient_id: [getattr(t, field) for field in trajectory.COMPARED] for t in Trajectory.objects.all()}
    Trajectory.objects.all().delete()

    made = trajectory.derive(trajectory.read_rows(sorted(kept)))
    Trajectory.objects.bulk_create([stamped(one.trajectory) for one in made])

    for one in Trajectory.objects.all():
        assert kept[one.patient_id] == [getattr(one, field) for field in trajectory.COMPARED]


def stamped(made):
    made.data_version, made.engine_version = Freshness.objects.get(patient=made.patient_id).data_version, VERSION
    return made


def test_one_lock_asks_the_same_number_of_times_for_one_patient_and_for_three(three, django_assert_num_queries):
    writings = 1 if connection.vendor == "postgresql" else 3  # and the events, where there are some
    for patients in (three[:1], three):
        with django_assert_num_queries(4 + writings):
            recompute.compute([patient.pk for patient in patients], every=True)


def test_progress_is_told_to_the_end_and_drawn_on_a_terminal_only(three, monkeypatch, capsys):
    told = []
    run(progress=lambda done, of: told.append((done, of)))
    assert told == [(2, 3), (3, 3)]

    with progress("recompute") as step:
        step(3, 3)
    assert capsys.readouterr().err == ""

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress("recompute") as step:
        step(3, 3)
    assert "3/3" in capsys.readouterr().err
