"""The health page says what works, from rows that only a living process writes, and holds nothing of a patient."""

import socket
import time
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.utils import timezone

from edss_tracker import health
from outcomes.tasks import answer_probe
from patients import hints, pulse
from patients.models import Freshness, Pulse
from tests.factories import visit

pytestmark = pytest.mark.django_db


@pytest.fixture
def living(settings, tmp_path):
    """Worker and sweep have just given a sign of life, and the queue is a folder."""
    settings.REDIS_URL, settings.QUEUE_DIR = "", tmp_path
    pulse.beat(pulse.SWEEP)
    answer_probe(time.time() - 0.5)


def ask(client):
    response = client.get("/health/")
    return response.status_code, response.json()


def age(name, seconds):
    Pulse.objects.filter(name=name).update(at=timezone.now() - timedelta(seconds=seconds))


def test_everything_works(client, living):
    status, found = ask(client)

    assert status == 200
    assert 0.5 <= found.pop("queue_seconds") < 5
    assert 0 <= found.pop("worker_seconds") <= found.pop("sweep_seconds") < 30
    assert found == {
        "status": "ok", "engine": health.VERSION, "database": "ok", "broker": "ok", "worker": "ok", "sweep": "ok",
        "stale": 0, "quarantined": 0,
    }  # fmt: skip


@pytest.mark.parametrize(("name", "fine", "late"), [("worker", 100, 125), ("sweep", 40, 65)])
def test_who_gives_no_sign_of_life_is_missed(client, living, name, fine, late):
    age(name, fine)
    assert ask(client)[1]["status"] == "ok"
    age(name, late)

    status, found = ask(client)

    assert status == 200
    assert found["status"] == "degraded"
    assert found[name] == "no answer"
    assert late <= found[f"{name}_seconds"] < late + 30


def test_before_the_first_sign_of_life_it_is_not_well(client):
    status, found = ask(client)
    assert (status, found["status"], found["worker"]) == (200, "degraded", "no sign of life yet")


def test_what_waits_and_what_failed_is_counted(client, living, patient, clinician):
    visit(patient, clinician, "2020-01-01", 3)
    assert ask(client)[1]["stale"] == 1
    assert ask(client)[1]["status"] == "ok"
    Freshness.objects.update(attempts=5)

    _, found = ask(client)

    assert (found["quarantined"], found["status"]) == (1, "degraded")
    assert patient.code not in str(found)


def test_without_a_database_nobody_can_work(client, living, monkeypatch, clinician):
    client.force_login(clinician)

    def gone():
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(pulse, "last", gone)
    monkeypatch.setattr(health.connection, "close", lambda: None)
    status, found = ask(client)

    assert (status, found["status"], found["database"]) == (503, "down", "no answer")
    assert health.in_words(found)[0] == "Nobody can work: the database does not answer."
    assert Session.objects.exists()


def test_a_queue_that_cannot_be_written_is_named(client, living, settings, tmp_path):
    settings.QUEUE_DIR = tmp_path / "gone"
    _, found = ask(client)
    assert found["broker"] == "the folder cannot be written"
    assert found["status"] == "degraded"


def test_a_broker_that_accepts_and_says_nothing_holds_up_no_page(client, living, settings, monkeypatch):
    monkeypatch.setattr(health, "broker", health.Broker())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        took = []
        for _ in range(20):
            began = time.monotonic()
            _, found = ask(client)
            took.append(time.monotonic() - began)
    assert found["broker"] == "no answer"
    assert sorted(took)[10] < 0.25  # 25 ms of it for the broker


def test_without_hints_neither_broker_nor_worker_is_expected(client, settings):
    settings.HINTS = "off"
    pulse.beat(pulse.SWEEP)
    _, found = ask(client)
    assert (found["status"], found["broker"], found["worker"]) == ("ok", "not used", "not used")


def test_the_sweep_asks_again_only_when_answered_or_after_a_while(settings, monkeypatch):
    sent = []
    monkeypatch.setattr(hints, "probe", sent.append)
    question = health.Question()

    question.ask()
    question.ask()
    assert len(sent) == 1  # nobody has answered yet
    answer_probe(sent[0])
    question.ask()
    assert len(sent) == 2
    question.asked -= health.ASK_AGAIN + 1
    question.ask()
    assert len(sent) == 3
    assert Pulse.objects.get(name="sweep").at > timezone.now() - timedelta(seconds=5)


@pytest.mark.parametrize("sent", ["yesterday", None, [1], {"a": 1}, True])
def test_a_forged_question_is_only_a_sign_of_life(sent):
    answer_probe(sent)
    assert Pulse.objects.get(name="worker").delay == 0


def test_nobody_has_to_sign_in_and_nothing_is_kept_of_it(client, living, django_assert_max_num_queries):
    with django_assert_max_num_queries(3):
        response = client.get("/health/")
    assert response["Cache-Control"] == "no-store"
    assert not response.cookies
