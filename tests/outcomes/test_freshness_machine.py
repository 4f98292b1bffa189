"""Clean implies equal: whatever the order of saves, crashes and the steps of two workers, on a real PostgreSQL.

The workers run the real `trajectory.refresh` in threads of their own and stop before each of its steps; between any
two of them somebody may save, and a worker may die. Who counts as up to date must have a stored trajectory that equals
a new computation. Three designs that look right and are not are put in the place of the real one: the machine must find
each.
"""

import threading
from contextlib import contextmanager
from datetime import date, timedelta

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.db.models import F
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from hypothesis.strategies import integers, sampled_from

from assessments.models import Assessment
from assessments.services import void_assessment
from engine import VERSION
from outcomes import storing, trajectory
from outcomes.models import DisabilityEvent
from patients.models import Freshness
from tests.factories import course, make_patient, visit

pytestmark = pytest.mark.django_db(transaction=True)
SEVERAL = settings(
    max_examples=15, stateful_step_count=30, deadline=None, database=None, derandomize=True,
    suppress_health_check=list(HealthCheck), print_blob=False, report_multiple_bugs=False, phases=[Phase.generate],
)  # fmt: skip
WORKERS = ("worker", "worker", "worker", "sweep")  # mostly one; two of them meet now and then


class Killed(BaseException):
    """The process is gone: what it had not committed never was."""


class Worker:
    """A thread that refreshes and stops before each step until it is told to go on, or to die."""

    def __init__(self, patient_id: int):
        self.patient_id = patient_id
        self.go, self.stopped = threading.Semaphore(0), threading.Semaphore(0)
        self.dying = self.done = self.locking = False
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()
        self.wait()

    def work(self) -> None:
        STOPPING.worker = self
        try:
            before("refresh")
            trajectory.refresh([self.patient_id])
        except Killed:
            pass
        finally:
            connections.close_all()
            self.locking, self.done = False, True
            self.stopped.release()

    def wait(self) -> None:
        assert self.stopped.acquire(timeout=30), "a worker neither stops nor ends"

    def step(self, *, die: bool = False) -> None:
        self.dying = die
        self.go.release()
        self.wait()


STOPPING = threading.local()


def before(step: str) -> None:
    """Where a worker stops; nothing in any other thread."""
    worker = getattr(STOPPING, "worker", None)
    if worker is not None:
        worker.locking = connection.in_atomic_block  # this thread's own connection
        worker.stopped.release()
        worker.go.acquire()
        if worker.dying:
            raise Killed


def stopping(name: str):
    real = getattr(trajectory, name)

    def stopped(*arguments, **options):
        before(name)
        return real(*arguments, **options)

    return stopped


# Designs that are wrong ----------------------------------------------------------------------------------------------


def mark(patient_ids, version) -> None:
    rows = Freshness.objects.filter(patient__in=patient_ids)
    rows.update(computed_version=version, computed_engine=VERSION, attempts=0, not_before=None)


def written(made) -> None:
    """The derived rows, without a word on how fresh they are."""
    rows = [one.trajectory for one in made]
    storing.upsert(rows, ["patient"])
    DisabilityEvent.objects.filter(patient__in=[row.patient_id for row in rows]).delete()
    storing.upsert([event for row in rows for event in row.events], ["patient", "number"])


def completed(made, version: int):
    for one in made:
        one.values.update(data_version=version, engine_version=VERSION, computed_at=trajectory.timezone.now())
    return made


def boolean_dirty(patient_ids, **_) -> int:
    """`dirty` is cleared after the computation, whatever happened meanwhile."""
    made = completed(trajectory.derive(trajectory.read_rows(patient_ids)), 0)
    before("store")
    with transaction.atomic():
        written(made)
    before("clear")
    for pk in patient_ids:
        mark([pk], Freshness.objects.get(patient=pk).data_version)
    return len(made)


def rows_before_the_version(patient_ids, **_) -> int:
    """All in one transaction and under the lock, but the rows are read before it is taken."""
    rows = trajectory.read_rows(patient_ids)
    before("lock")
    with transaction.atomic():
        locked = Freshness.objects.filter(patient__in=patient_ids).select_for_update(no_key=True)
        versions = dict(locked.values_list("patient_id", "data_version"))
        trajectory.store(trajectory.derive(rows), versions)
    return len(rows)


def version_of_the_moment(patient_ids, **_) -> int:
    """No lock; marks clean with F("data_version"), which is the version of the writing, not of the reading."""
    made = completed(trajectory.derive(trajectory.read_rows(patient_ids)), 0)
    before("store")
    with transaction.atomic():
        written(made)
        mark(patient_ids, F("data_version"))
    return len(made)


# The machine ---------------------------------------------------------------------------------------------------------


class Registry(RuleBasedStateMachine):
    """One patient, one person who saves, two processes that compute."""

    @initialize()
    def begin(self) -> None:
        self.patient = make_patient(self.centre, self.by)
        course(self.patient, self.by, "2015-01-01", "2015-01-02")
        self.workers: dict[str, Worker] = {}
        self.days = 0

    @rule(edss=integers(0, 6))
    def save(self, edss: int) -> None:
        self.days += 60
        with self.unless_locked():
            visit(self.patient, self.by, date(2014, 10, 1) + timedelta(days=self.days), edss or "1.5")

    @rule()
    def take_back(self) -> None:
        last = Assessment.objects.live().filter(patient=self.patient).order_by("day").last()
        if last:
            with self.unless_locked():
                void_assessment(last, by=self.by, reason="test", row_version=last.row_version)

    @rule(name=sampled_from(WORKERS), steps=integers(1, 3))
    def go_on(self, name: str, steps: int) -> None:
        """A process begins or goes on; one that waits for the other's lock stays where it is."""
        for _ in range(steps):
            worker = self.workers.get(name)
            if worker is None or worker.done:
                with self.unless_locked():
                    Freshness.objects.filter(patient=self.patient).update(not_before=None)  # the lease is over
                self.workers[name] = Worker(self.patient.pk)
            elif not any(other.locking for other in self.workers.values() if other is not worker):
                worker.step()

    @rule(name=sampled_from(WORKERS), luck=integers(0, 2))
    def crash(self, name: str, luck: int = 0) -> None:
        worker = None if luck else self.workers.pop(name, None)
        if worker and not worker.done:
            worker.step(die=True)
            worker.thread.join(30)

    @invariant()
    def clean_implies_equal(self) -> None:
        if not hasattr(self, "patient"):
            return
        wrong = trajectory.differences([self.patient.pk])
        assert not wrong, wrong

    def teardown(self) -> None:
        for name in list(getattr(self, "workers", ())):
            self.crash(name)
        if hasattr(self, "patient"):
            Freshness.objects.filter(patient=self.patient).update(computed_version=-1)  # a wrong design left it so

    @contextmanager
    def unless_locked(self):
        """Who saves waits for the lock of a worker; one that stands still here would be waited for too long."""
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL lock_timeout = '50ms'")
                yield
        except OperationalError as error:
            if "lock timeout" not in str(error):
                raise


def run(monkeypatch, by, centre, design=None) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("the tests' SQLite lives in memory, where threads cannot wait for one another")
    if design:
        monkeypatch.setattr(trajectory, "compute", design)
    for name in ("compute", "derive", "store"):  # after the claim, the reading, the engine
        monkeypatch.setattr(trajectory, name, stopping(name))
    Registry.centre, Registry.by = centre, by
    many = settings(SEVERAL, max_examples=100) if design else SEVERAL  # ends with the first that is found
    run_state_machine_as_test(Registry, settings=many)


def test_who_is_clean_has_what_a_new_computation_gives(monkeypatch, clinician, centre):
    run(monkeypatch, clinician, centre)


@pytest.mark.parametrize("design", [boolean_dirty, rows_before_the_version, version_of_the_moment])
def test_the_machine_finds_a_design_that_is_wrong(monkeypatch, clinician, centre, design):
    with pytest.raises(AssertionError, match="stored otherwise"):
        run(monkeypatch, clinician, centre, design)
