"""`edss-tracker run` and `make run` start, keep and stop every process; what cannot start says so in a sentence."""

import os
import shutil
import signal
import socket
import sys
import time

import pytest

from edss_tracker.processes import STOP_SECONDS
from tests.processes.installation import eventually

READY = "EDSS Tracker is ready"
EVERYBODY = ("gunicorn", "celery", "sweep --loop")


def started(here, *arguments):
    """A running installation, each of whose processes is there."""
    parent = here.start_edss("run", "--no-demo", *arguments)
    here.wait_for(READY)
    eventually(lambda: all(here.processes(words) for words in EVERYBODY), here.said)
    return parent


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, *(pytest.param(n, marks=pytest.mark.drill) for n in (signal.SIGINT, signal.SIGHUP))]
)
def test_a_stopped_installation_leaves_nothing_behind(installation, number):
    parent = started(installation)
    assert installation.page("/") == 200
    assert installation.page("/health/") == 200

    parent.send_signal(number)

    assert parent.wait(20) == 0
    assert installation.processes() == []


def test_a_second_ctrl_c_stops_at_once_and_leaves_nothing_behind(bare):
    parent = started(bare)
    for pid in bare.processes("celery"):
        os.kill(pid, signal.SIGSTOP)  # would hold up the stop until it is killed

    parent.send_signal(signal.SIGINT)
    time.sleep(0.5)
    began = time.monotonic()
    parent.send_signal(signal.SIGINT)

    assert parent.wait(20) == 0
    assert time.monotonic() - began < STOP_SECONDS - 2
    assert bare.processes() == []


def test_a_browser_that_stays_connected_does_not_delay_the_stop(bare):
    parent = started(bare)
    with socket.create_connection(("127.0.0.1", bare.port)) as browser:
        browser.sendall(b"GET /health/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert browser.recv(12) == b"HTTP/1.1 200"

        parent.terminate()

        assert parent.wait(20) == 0


def test_a_killed_parent_takes_its_children_along(bare):
    parent = started(bare)

    parent.kill()

    bare.wait_until_empty()


@pytest.mark.parametrize(("words", "name"), [("celery", "worker"), ("sweep --loop", "sweep")])
def test_what_dies_is_started_again(bare, words, name):
    started(bare)
    before = bare.processes(words)

    for pid in before:
        os.kill(pid, signal.SIGKILL)

    bare.wait_for(f"The {name} ended (code -9); starting it again")
    eventually(lambda: bare.processes(words) and not set(bare.processes(words)) & set(before), bare.said)
    assert bare.page("/health/") == 200


def test_without_its_web_server_everything_stops(bare):
    parent = started(bare)

    for pid in bare.processes("gunicorn"):
        os.kill(pid, signal.SIGKILL)

    assert parent.wait(20) == 1
    assert "The web server ended" in bare.said()
    assert bare.processes() == []


def test_make_hands_the_stop_on(bare):
    make = bare.start("make", "-o", ".venv/installed", f"PYTHON={sys.executable}", "run")
    bare.wait_for(READY)
    assert bare.page("/") == 200
    assert "clinician@demo.example" in bare.said()

    make.terminate()

    make.wait(20)
    bare.wait_until_empty()


def test_the_second_start_keeps_what_is_there(bare):
    assert bare.edss("seed").returncode == 0
    before = bare.python("from patients.models import Patient; print(Patient.objects.count())")

    parent = bare.start_edss("run")
    bare.wait_for(READY)
    parent.terminate()
    parent.wait(20)

    assert bare.python("from patients.models import Patient; print(Patient.objects.count())") == before
    assert "Making a demo" not in bare.said()
    assert "clinician@demo.example" in bare.said()


# What cannot start ---------------------------------------------------------------------------------------------------


def refused(done) -> str:
    """The one sentence of a command that refused."""
    assert done.returncode not in (0, None)
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("edss-tracker: ")
    assert lines[0].endswith(".")
    return lines[0]


def test_a_taken_port_is_named(bare):
    with socket.create_server(("127.0.0.1", bare.port)):
        sentence = refused(bare.edss("run"))

    assert f"Port {bare.port} is taken" in sentence
    assert not (bare.folder / "data").exists()


@pytest.mark.parametrize("port", ["0", "65536", "-1", "eight", "", "99999", "²", "9" * 5000])
def test_a_port_that_is_none_is_refused(bare, port):
    assert "PORT" in refused(bare.edss("run", PORT=port))


def test_a_data_folder_that_cannot_be_made_is_named(bare):
    (bare.folder / "file").write_text("in the way")
    place = str(bare.folder / "file" / "data")

    assert place in refused(bare.edss("run", EDSS_DATA_DIR=place))


def test_a_database_that_is_none_is_refused(bare):
    assert bare.edss("migrate").returncode == 0
    (bare.folder / "data" / "registry.sqlite3").write_text("this is not a database " * 100)

    assert "database" in refused(bare.edss("run"))


def test_a_database_that_is_away_is_named(bare):
    assert "DATABASE_URL" in refused(bare.edss("run", DATABASE_URL="postgres://nobody@127.0.0.1:1/none"))


ADDRESSES = [
    ("DATABASE_URL", "garbage"),
    ("DATABASE_URL", "postgres://"),
    ("DATABASE_URL", "mysql://somebody:hush@host/name"),
    ("DATABASE_URL", "postgres://somebody:hush@host:port/name"),
    ("REDIS_URL", "garbage"),
    ("REDIS_URL", "amqp://somebody:hush@host"),
    ("REDIS_URL", "redis://:hush@host:port/0"),
    ("REDIS_URL", "redis://:hush@host/name"),
]


@pytest.mark.parametrize(("name", "value"), ADDRESSES)
def test_an_address_that_is_none_is_refused_without_its_password(bare, name, value):
    sentence = refused(bare.edss("run", **{name: value}))

    assert sentence.startswith(f"edss-tracker: {name}")
    assert "hush" not in sentence


def test_a_word_that_the_hints_do_not_know_is_refused(bare):
    assert "EDSS_HINTS" in refused(bare.edss("sweep", EDSS_HINTS="never"))


@pytest.mark.parametrize("value", ["ten", "0", "-1", "1e3"])
def test_a_limit_that_is_no_number_is_refused(bare, value):
    assert "EDSS_EXPORTS_AN_HOUR" in refused(bare.edss("sweep", EDSS_EXPORTS_AN_HOUR=value))


def test_an_empty_host_does_not_mean_every_address(bare):
    assert "--host" in refused(bare.edss("web", "--host", ""))


def test_health_of_a_host_that_is_none_is_no_answer(bare):
    done = bare.edss("health", "--host", "a..b")

    assert done.returncode == 1
    assert done.stdout.startswith("Nothing answers on a..b")
    assert done.stderr == ""


@pytest.mark.parametrize(
    "command",
    [
        "run", "migrate", pytest.param("seed", marks=pytest.mark.drill),
        pytest.param("admin somebody@example.org --name Somebody", marks=pytest.mark.drill),
    ],
)  # fmt: skip
def test_data_of_a_newer_version_are_left_alone(bare, command):
    assert bare.edss("migrate").returncode == 0
    bare.python(
        "from django.db.migrations.recorder import MigrationRecorder as R\n"
        "R.Migration.objects.create(app='patients', name='9999_from_the_future')"
    )

    assert "newer version" in refused(bare.edss(*command.split()))


def test_a_database_that_can_only_be_read_is_refused(servers, tmp_path):
    with servers(tmp_path) as here:
        read_only = here.environ["DATABASE_URL"] + "?options=-c%20default_transaction_read_only%3Don"

        sentence = refused(here.edss("run", "--no-demo", DATABASE_URL=read_only))

    assert "cannot be written" in sentence


@pytest.mark.parametrize("command", ["sweep", "recompute", "recompute --check"])
def test_a_database_without_tables_is_named(bare, command):
    assert "edss-tracker migrate" in refused(bare.edss(*command.split()))


def test_a_queue_that_cannot_be_made_is_named(bare):
    (bare.folder / "data").mkdir()
    (bare.folder / "data" / "queue").write_text("in the way")

    assert "data folder" in refused(bare.edss("run"))


def test_an_empty_secret_of_a_disk_that_was_full_is_made_again(bare):
    (bare.folder / "data").mkdir()
    secret = bare.folder / "data" / "secret"
    secret.touch()

    assert bare.edss("migrate").returncode == 0

    assert len(secret.read_text()) > 40
    assert secret.stat().st_mode & 0o777 == 0o600


def test_processes_that_start_together_have_one_secret(bare):
    ask = [sys.executable, "-c", "from edss_tracker import settings; print(settings.SECRET_KEY)"]
    for process in [bare.start(*ask) for _ in range(6)]:
        assert process.wait(60) == 0

    assert len(set(bare.said().split())) == 1


def test_production_names_what_it_lacks(bare):
    said = bare.edss("run", EDSS_ENV="production").stderr
    assert "DATABASE_URL" in said
    assert "SECRET_KEY" in said


PRODUCTION = {
    "EDSS_ENV": "production",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "SECRET_KEY": "for-this-test-only-and-used-nowhere-else-in-the-world",
    "ALLOWED_HOSTS": "registry.example.org",
    "CSRF_TRUSTED_ORIGINS": "https://registry.example.org",
}


@pytest.mark.parametrize("command", ["web", "worker", "sweep --loop"])
def test_a_process_does_not_start_on_a_database_without_tables(bare, command):
    assert "edss-tracker migrate" in refused(bare.edss(*command.split()))


@pytest.mark.parametrize("command", ["run", "seed"])
def test_production_refuses_invented_patients(bare, command):
    assert "production" in refused(bare.edss(command, **PRODUCTION))


def test_help_needs_no_installation(bare):
    place = shutil.copy(__file__, bare.folder / "file")

    done = bare.edss("--help", EDSS_DATA_DIR=f"{place}/data")

    assert done.returncode == 0
    assert "sweep" in done.stdout
