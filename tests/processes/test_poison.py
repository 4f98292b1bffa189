"""A patient whose computation kills, raises or hangs is given up after five tries, and nobody else waits for it."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from celery import Celery

from edss_tracker import folder_queue
from tests.faults.registry import PRODUCTION, TASK, Keeper
from tests.processes.installation import eventually
from tests.processes.poison import Poison, sql

PEOPLE = """
from tests.factories import make_centre, make_patient, make_user, visit
centre = make_centre()
by = make_user("writer", centre=centre)
for number in range(10):
    print(visit(make_patient(centre, by, local_number=str(number)), by, "2024-01-01", 3).patient_id)
"""
QUARANTINED = """
from outcomes import quarantine
from patients.models import Centre
print(*quarantine.quarantined(Centre.objects.values_list("pk", flat=True)).values_list("patient_id", flat=True))
"""
SAVE = """
from patients.models import Patient, User
from tests.factories import visit
for patient in Patient.objects.filter(pk__in={patients}):
    visit(patient, User.objects.get(), "2025-01-01", 3)
"""
TRIES = 5
ATTEMPTS = "SELECT patient_id, attempts FROM patients_freshness WHERE computed_version < data_version"


class Clinic:
    """Ten patients that wait to be computed; the second kills, the fourth raises, the sixth hangs.

    The eighth kills once, where a test says so.
    """

    def __init__(self, here, *, once: bool = False):
        self.here = here
        self.patients = [int(pk) for pk in here.python(PEOPLE, EDSS_HINTS="off").split()]
        self.bad = dict(zip(self.patients[1:6:2], ("kill", "raise", "hang"), strict=True))
        self.once = self.patients[7]
        self.once_attempts = 0
        self.poison = Poison(here.folder, self.bad | ({self.once: "kill once"} if once else {}))
        redis = here.environ.get("REDIS_URL")
        self.queue = Celery(broker=redis or f"{folder_queue.SCHEME}://localhost", set_as_current=False)
        if not redis:
            self.queue.conf.broker_transport_options = {"folder": str(here.folder / "data" / "queue")}

    def hint(self, *patients: int) -> None:
        self.queue.send_task(TASK, args=[list(patients)], queue="saves", retry=False, ignore_result=True)

    def waiting(self) -> dict[int, int]:
        """Attempts of everybody who is not up to date."""
        return dict(sql(self.here, ATTEMPTS))

    def end_waits(self) -> None:
        """Of the bad ones; the others have only what the product gives them."""
        bad = ", ".join(map(str, self.bad))
        sql(
            self.here,
            f"UPDATE patients_freshness SET not_before = NULL WHERE attempts < {TRIES} AND patient_id IN ({bad})",
        )

    def try_until_given_up(self, *, hints: bool) -> float:
        """How long the others took."""
        began, others = time.monotonic(), 0.0

        def given_up() -> bool:
            nonlocal others
            waiting = self.waiting()
            self.once_attempts = max(self.once_attempts, waiting.get(self.once, 0))
            if not others and not set(waiting) - set(self.bad) - {self.once}:
                others = time.monotonic() - began
            self.end_waits()
            for patient in self.bad if hints else ():
                self.hint(patient)
            time.sleep(0.5)
            return others > 0 and all(waiting.get(patient) == TRIES for patient in self.bad)

        eventually(given_up, lambda: f"{self.waiting()} {self.poison.tries()}\n{self.here.said()[-3000:]}")
        return others


def given_up_and_saved_again(clinic: Clinic, keeper: Keeper) -> None:
    """Nobody tries them again; an admin sees them; a save gives them five new tries."""
    tried = clinic.poison.tries()
    for patient in clinic.bad:
        clinic.hint(patient)
    time.sleep(2)
    keeper.close()
    assert clinic.poison.tries() == tried
    assert all(tried[patient] <= TRIES for patient in clinic.bad), tried
    assert sorted(map(int, clinic.here.python(QUARANTINED).split())) == sorted(clinic.bad)
    clinic.here.python(SAVE.format(patients=list(clinic.bad)), EDSS_HINTS="off")
    assert clinic.here.python(QUARANTINED) == ""
    assert clinic.here.edss("sweep").returncode == 0
    assert clinic.waiting() == {}
    assert clinic.here.edss("recompute", "--check").returncode == 0


@contextmanager
def kept(clinic: Clinic, services: dict[str, tuple[str, ...]], **environ: str):
    """These processes with the poison in them, started again whenever they end."""
    keeper = Keeper(clinic.here, services, clinic.poison.environ | environ)
    keeper.start()
    try:
        yield keeper
    finally:
        keeper.close()


def solo_worker(here) -> None:
    clinic = Clinic(here)
    with kept(clinic, {"worker": ("worker",)}) as keeper:
        for patient in clinic.patients:
            clinic.hint(patient)

        others = clinic.try_until_given_up(hints=True)

        print(f"solo worker: the others after {others:.1f} s, tried {clinic.poison.tries()}")
        assert others < 30
        given_up_and_saved_again(clinic, keeper)


def sweep(here) -> None:
    """Its loop would do nothing but wait for a test; so it is started again whenever it is through."""
    clinic = Clinic(here)
    with kept(clinic, {"sweep": ("sweep",)}) as keeper:
        others = clinic.try_until_given_up(hints=False)

        print(f"sweep: the others after {others:.1f} s, tried {clinic.poison.tries()}")
        assert others < 60  # all began in one chunk, whose process was killed: their lease has to run out
        given_up_and_saved_again(clinic, keeper)


def worker_with_children(here) -> None:
    """One more patient kills only once, in a burst of hints: it heals by itself, with one attempt counted."""
    clinic = Clinic(here, once=True)
    with kept(clinic, {"worker": ("worker",)}, **PRODUCTION) as keeper:
        for patient in clinic.patients:
            clinic.hint(patient)
        for _ in range(20):
            clinic.hint(clinic.once)

        others = clinic.try_until_given_up(hints=True)
        keeper.services = keeper.services | {"sweep": ("sweep", "--loop")}
        eventually(lambda: clinic.once not in clinic.waiting(), here.said)

        print(f"worker with children: the others after {others:.1f} s, tried {clinic.poison.tries()}")
        assert others < 30
        assert clinic.once_attempts == 1
        assert clinic.poison.tries()[clinic.once] == 2  # the kill, and the sweep after its lease
        given_up_and_saved_again(clinic, keeper)


@pytest.fixture(scope="module")
def running(embedded, servers, tmp_path_factory):
    """All at the same time, since they mostly wait."""

    def run(made, scenario) -> None:
        folder = tmp_path_factory.mktemp(scenario.__name__)
        with made(folder) as here:
            try:
                scenario(here)
            finally:
                here.close()

    with ThreadPoolExecutor() as pool:
        yield {
            scenario: pool.submit(run, made, scenario)
            for made, scenario in ((embedded, solo_worker), (embedded, sweep), (servers, worker_with_children))
        }


@pytest.mark.drill
@pytest.mark.parametrize("scenario", [solo_worker, sweep, worker_with_children])
def test_the_bad_ones_are_given_up_and_the_others_are_served(running, scenario):
    running[scenario].result()
