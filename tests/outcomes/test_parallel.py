"""Writers and the worker at the same rows at the same time."""

import threading
import uuid
from datetime import date, timedelta

import pytest
from django.db import connection

from assessments.models import Assessment
from outcomes import trajectory
from outcomes.exchange.reading import FileError
from patients import writing
from patients.models import Freshness
from tests.factories import make_patient, visit
from tests.outcomes.import_files import imported, listed, toml

pytestmark = pytest.mark.django_db(transaction=True)
WRITERS, SAVES = 4, 15


@pytest.fixture(autouse=True)
def real_server():
    if connection.vendor == "sqlite":
        pytest.skip("the tests' SQLite lives in memory, where threads cannot wait for one another")


def in_threads(*jobs) -> list[BaseException]:
    errors: list[BaseException] = []

    def guarded(job):
        try:
            job()
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return errors


def test_saves_of_new_patients_and_the_worker_never_deadlock(centre, clinician):
    patients = [make_patient(centre, clinician, local_number=str(n)) for n in range(6)]
    busy = threading.Event()

    def write(first_day):
        for n in range(SAVES):
            for patient in patients:
                visit(patient, clinician, first_day + timedelta(days=n), 3)

    def work():
        while not busy.is_set():
            Freshness.objects.update(not_before=None)  # every round may compute, so that the two meet often
            trajectory.refresh([patient.pk for patient in patients])

    starts = [date(2010 + writer, 1, 1) for writer in range(WRITERS)]
    worker = threading.Thread(target=lambda: errors_of_worker.extend(in_threads(work)))
    errors_of_worker: list[BaseException] = []
    worker.start()
    errors = in_threads(*(lambda start=start: write(start) for start in starts))
    busy.set()
    worker.join(60)

    assert errors == []
    assert errors_of_worker == []
    assert Assessment.objects.count() == WRITERS * SAVES * len(patients)
    versions = set(Freshness.objects.values_list("data_version", flat=True))
    assert versions == {WRITERS * SAVES}
    Freshness.objects.update(not_before=None)
    trajectory.refresh([patient.pk for patient in patients])
    assert not Freshness.objects.stale().exists()


def test_one_form_sent_many_times_at_once_is_answered_alike(patient, clinician):
    key, answers = uuid.uuid4(), []

    def send():
        def work() -> str:
            return str(visit(patient, clinician, "2020-01-05", 3).pk)

        answers.append(writing.once(clinician, key, "the same", work))

    assert in_threads(*[send] * 12) == []
    assert answers == [str(Assessment.objects.get().pk)] * 12


def test_opposing_imports_and_saves_of_the_same_patients_never_deadlock(centre, clinician, admin):
    """Two files name the patients forwards and two backwards, each with days of its own; a person saves meanwhile."""
    numbers = [f"p{n:02}" for n in range(12)]
    patients = [make_patient(centre, clinician, local_number=number, family_name=number) for number in numbers]

    def load(year, order):
        lines = [f"{number},{year}-{month:02}-10,3" for month in range(1, 7) for number in order]
        while True:  # as a person would who is told that others change the same patients
            try:
                report, batch = imported("patient,date,edss\n" + "\n".join(lines), toml(), admin)
            except FileError as busy:
                if "Try again" not in str(busy):
                    raise
            else:
                assert batch is not None, listed(report)
                return

    def save(patient):
        for month in range(1, 7):
            visit(patient, clinician, f"2020-{month:02}-20", 3)

    errors = in_threads(
        lambda: load(2010, numbers),
        lambda: load(2012, numbers[::-1]),
        lambda: load(2014, numbers),
        lambda: load(2016, numbers[::-1]),
        lambda: save(patients[0]),
        lambda: save(patients[-1]),
    )

    assert errors == []
    assert Assessment.objects.count() == 4 * 6 * len(patients) + 2 * 6
    versions = dict(Freshness.objects.values_list("patient_id", "data_version"))
    assert versions[patients[5].pk] == 4 * 6
    assert versions[patients[0].pk] == versions[patients[-1].pk] == 5 * 6
