"""Writers and the worker at the same rows at the same time."""

import threading
import uuid
from datetime import date, timedelta

import pytest
from django.db import connection

from assessments.models import Assessment
from outcomes import trajectory
from patients import writing
from patients.models import Freshness
from tests.factories import make_patient, visit

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
