"""A save reaches its stored trajectory: by the worker alone, and by the sweep alone."""

import signal
import subprocess
import time

import pytest

from tests.processes.installation import eventually

PRODUCTION = {
    "EDSS_ENV": "production",
    "SECRET_KEY": "for-this-test-only-and-used-nowhere-else-in-the-world",
    "ALLOWED_HOSTS": "registry.example.org",
    "CSRF_TRUSTED_ORIGINS": "https://registry.example.org",
}

SAVE = """
from tests.factories import course, make_centre, make_patient, make_user, visit
centre = make_centre()
clinician = make_user("clinician", centre=centre)
patient = make_patient(centre, clinician)
course(patient, clinician, "2019-03-04", "2019-03-05")
for day, edss in (("2019-02-01", "2.0"), ("2020-02-03", "3.5"), ("2020-09-07", "3.5")):
    visit(patient, clinician, day, edss)
"""
WAIT = """
import time
from patients.models import Freshness
until = time.monotonic() + 40
while Freshness.objects.stale().exists() and time.monotonic() < until:
    time.sleep(0.1)
"""
STALE = "from patients.models import Freshness; print(Freshness.objects.stale().count())"
STATUS = "from outcomes.models import Trajectory; print(*Trajectory.objects.values_list('since_status', flat=True))"


def test_the_worker_alone_computes_what_was_saved(installation):
    installation.start_edss("worker")

    installation.python(SAVE + WAIT)

    assert installation.python(STALE) == "0"
    assert installation.python(STATUS) == "progressed"


def test_the_sweep_alone_computes_what_was_saved(installation):
    installation.python(SAVE, EDSS_HINTS="off")
    assert installation.python(STALE) == "1"

    done = installation.edss("sweep")

    assert done.stdout == "1 trajectories computed.\n"
    assert installation.python(STALE) == "0"
    assert installation.python(STATUS) == "progressed"


def test_the_looping_sweep_finds_later_saves_and_stops_when_told(installation):
    loop = installation.start_edss("sweep", "--loop")
    time.sleep(1)

    installation.python(SAVE + WAIT, EDSS_HINTS="off")
    loop.send_signal(signal.SIGTERM)

    assert installation.python(STALE) == "0"
    assert loop.wait(20) == 0


def test_a_stored_trajectory_that_is_wrong_is_found_and_mended(installation):
    installation.python(SAVE, EDSS_HINTS="off")
    installation.edss("sweep")
    assert installation.edss("recompute", "--check").returncode == 0

    installation.python("from outcomes.models import Trajectory; Trajectory.objects.update(since_status='stable')")
    found = installation.edss("recompute", "--check")

    assert found.returncode == 1
    assert "since_status" in found.stdout
    assert installation.edss("recompute", "--all").returncode == 0
    assert installation.edss("recompute", "--check").returncode == 0


def test_a_missing_trigger_is_found_and_put_back(installation):
    lift = "from patients import freshness; freshness.drop()"
    installation.python(lift)

    found = installation.edss("recompute", "--check")

    assert found.returncode == 1
    assert "trigger" in found.stdout
    installation.edss("migrate")
    assert installation.edss("recompute", "--check").returncode == 0


def test_production_has_several_workers(servers, tmp_path):
    with servers(tmp_path) as here:
        worker = here.start_edss("worker", **PRODUCTION)

        eventually(lambda: len(here.processes("celery")) >= 3, here.said)  # the parent and at least two children
        worker.terminate()

        try:
            assert worker.wait(20) == 0
        except subprocess.TimeoutExpired:
            worker.send_signal(signal.SIGUSR1)  # Celery then writes what each of its threads is doing
            time.sleep(1)
            pytest.fail(f"the worker did not stop:\n{here.said()}")
        here.wait_until_empty()
        here.close()


def test_production_does_not_start_on_the_demo_registry(servers, tmp_path):
    with servers(tmp_path) as here:
        here.python(
            "from patients.models import User; User.objects.create_user('a@demo.example', name='A', is_demo=True)"
        )
        refused = here.edss("worker", **PRODUCTION)
        assert refused.returncode == 2
        assert "demo registry" in refused.stderr
        here.close()


def test_production_answers_behind_its_proxy(servers, tmp_path):
    with servers(tmp_path) as here:
        assert here.edss("migrate", **PRODUCTION).returncode == 0  # static files too
        here.start_edss("web", **PRODUCTION)

        eventually(lambda: here.edss("health", **PRODUCTION).returncode == 0, here.said)
        here.close()


MANY = """
from tests.factories import make_centre, make_patient, make_user, visit
from outcomes import recompute
from patients.models import Freshness
centre = make_centre("Many"); by = make_user("many", centre=centre)
for number in range(12): visit(make_patient(centre, by, family_name=str(number)), by, "2024-01-01", 3)
recompute.CHUNK = recompute.WORTH = 1
"""
COMPUTE = "done = recompute.recompute(every=True, processes=2); print(done.computed, Freshness.objects.stale().count())"


def test_several_processes_compute_everybody_once(installation):
    assert installation.python(MANY + COMPUTE, EDSS_HINTS="off") == "12 0"
    assert installation.edss("recompute", "--check").returncode == 0


def test_a_killed_process_of_a_recomputation_is_reported(servers, tmp_path):
    code = (
        "import os, signal\n"
        "from outcomes import recompute\n"
        "recompute.CHUNK = recompute.WORTH = 1\n"
        "def kill(ids): os.kill(os.getpid(), signal.SIGKILL)\n"
        "try: list(recompute.chunks(kill, [1, 2, 3], 2, lambda *_: None))\n"
        "except recompute.Interrupted: print('interrupted')"
    )
    with servers(tmp_path) as here:
        assert here.python(code) == "interrupted"
        here.close()
