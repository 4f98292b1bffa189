"""An installation as it stands in production, and the one of `make run`, each with whoever starts again what died."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from celery import Celery

from edss_tracker import folder_queue, processes
from tests.processes.clinic import Person
from tests.processes.installation import Installation, eventually
from tools.servers import SAFE, CannotRun, Server, own_postgresql, own_redis

HOST = "registry.example.org"
PRODUCTION = {
    "EDSS_ENV": "production",
    "SECRET_KEY": "a-long-text-for-this-test-only-0123456789-abcdefghijklmnopqrstuvwxyz",
    "ALLOWED_HOSTS": HOST,
    "CSRF_TRUSTED_ORIGINS": f"https://{HOST}",
}
PASSWORD = "correct-horse-battery"
PEOPLE = """
from tests.factories import course, make_centre, make_patient, make_user
centre = make_centre()
people = [make_user(f"writer{{number}}", centre=centre) for number in range({writers})]
for number in range({patients}):
    patient = make_patient(centre, people[0], local_number=str(number))
    if number % 2:
        course(patient, people[0], "2019-03-04", "2019-03-05")
    print(patient.pk, patient.code)
"""
PAUSE = 0.5  # seconds before what died is started again
TASK = "outcomes.refresh_trajectories"


class Keeper(threading.Thread):
    """Starts again whatever ends, and ends what that left behind: what the restart policy of a container does."""

    def __init__(self, here: Installation, services: dict[str, tuple[str, ...]], environ: dict[str, str]):
        super().__init__(daemon=True)
        self.here, self.services, self.environ = here, services, environ
        self.running: dict[str, subprocess.Popen] = {}
        self.left_alone: set[str] = set()
        self.stopping, self.lock = threading.Event(), threading.Lock()

    def run(self) -> None:
        while not self.stopping.wait(0.1):
            for name, arguments in self.services.items():
                child = self.running.get(name)
                if child is None or child.poll() is not None:
                    if child is not None:
                        kill_group(child.pid)
                        time.sleep(PAUSE)
                    with self.lock:
                        if not self.stopping.is_set() and name not in self.left_alone:
                            self.running[name] = self.here.start_edss(*arguments, **self.environ)

    def end(self, name: str) -> None:
        """End this service and do not start it again."""
        with self.lock:
            self.left_alone.add(name)
            kill_group(self.running[name].pid)

    def close(self) -> None:
        self.stopping.set()
        with self.lock:
            for child in self.running.values():
                kill_group(child.pid)


def kill_group(pid: int, number: int = signal.SIGKILL) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


class Registry:
    """What writers and faults need of an installation, whatever its shape."""

    def __init__(self, here: Installation, keeper: Keeper, host: str = ""):
        self.here, self.keeper, self.host = here, keeper, host
        self.patients: dict[str, int] = {}
        self.due: list[tuple[float, Callable[[], object]]] = []
        self.queue: Celery

    def populate(self, *, writers: int, patients: int) -> None:
        made = self.here.python(PEOPLE.format(writers=writers, patients=patients), EDSS_HINTS="off")
        self.patients = {code: int(pk) for pk, code in map(str.split, made.splitlines())}

    def person(self, number: int) -> Person:
        address = f"http://127.0.0.1:{self.here.port}"
        return Person(address, f"writer{number}@example.org", PASSWORD, host=self.host)

    def stale(self) -> int | None:
        """How many trajectories wait, by the health page; None while nothing answers."""
        status, text = processes.health("127.0.0.1", self.here.port, header=self.host)
        return json.loads(text)["stale"] if status == 200 else None

    def answers(self) -> bool:
        return self.stale() is not None

    def pids(self, words: str, *, below: str = "") -> list[int]:
        """Processes by their command; those `below` another one have a parent with that command."""
        found = self.here.processes(words)
        parents = set(self.here.processes(below)) if below else set()
        return [pid for pid in found if not below or parent(pid) in parents]

    def end_sweep(self) -> None:
        self.keeper.end("sweep")

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        self.due.append((time.monotonic() + seconds, action))

    def tick(self, *, all_now: bool = False) -> None:
        """Do what is due: a frozen server goes on, a stopped one is started."""
        ready = [entry for entry in self.due if all_now or entry[0] <= time.monotonic()]
        self.due = [entry for entry in self.due if entry not in ready]
        for _, action in ready:
            action()

    def hint(self, patient_ids: list) -> None:
        """Publish as the web server does, whatever may be wrong with the queue just now."""
        with suppress(Exception):
            self.queue.send_task(TASK, args=[patient_ids], queue="saves", retry=False, ignore_result=True)


class Production(Registry):
    """PostgreSQL that survives a crash, Redis that keeps nothing, several web processes, a worker with children."""

    def __init__(self, folder: Path, postgresql: Server, redis: Server):
        self.postgresql, self.redis = postgresql, redis
        here = Installation(folder, {"DATABASE_URL": postgresql.url, "REDIS_URL": redis.url})
        services = {"web": ("web",), "worker": ("worker",), "sweep": ("sweep", "--loop")}
        super().__init__(here, Keeper(here, services, PRODUCTION), HOST)
        self.queue = Celery(broker=redis.url, set_as_current=False)
        self.queue.conf.broker_transport_options = {"socket_timeout": 1, "socket_connect_timeout": 1}


class Embedded(Registry):
    """SQLite and a folder of files, one process that looks after the others: `edss-tracker run`."""

    def __init__(self, folder: Path):
        here = Installation(folder)
        super().__init__(here, Keeper(here, {"run": ("run", "--no-demo")}, {}))
        self.place = folder / "data" / "queue"
        self.small_disk = mount_small_disk(self.place)
        self.queue = Celery(broker=f"{folder_queue.SCHEME}://localhost", set_as_current=False)
        self.queue.conf.broker_transport_options = {"folder": str(self.place)}

    def end_sweep(self) -> None:
        """Its parent would start it again, so it stands still instead."""
        for pid in self.pids("sweep --loop"):
            os.kill(pid, signal.SIGSTOP)


def entered(servers: ExitStack, server: AbstractContextManager[Server]) -> Server:
    """The server, started; without its program the test is left out, but not in CI."""
    try:
        return servers.enter_context(server)
    except CannotRun as problem:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(problem))


@contextmanager
def production(folder: Path, *, writers: int, patients: int):
    with ExitStack() as servers:
        postgresql, redis = entered(servers, own_postgresql(SAFE)), entered(servers, own_redis())
        yield from started(Production(folder, postgresql, redis), writers, patients)


@contextmanager
def embedded(folder: Path, *, writers: int, patients: int):
    registry = Embedded(folder)
    try:
        yield from started(registry, writers, patients)
    finally:
        if registry.small_disk:
            subprocess.run(["umount", "-l", registry.place], capture_output=True, check=False)


def started(registry: Registry, writers: int, patients: int):
    """The registry once it answers; everything of it is gone at the end."""
    made = registry.here.edss("migrate", **registry.keeper.environ)
    assert made.returncode == 0, made.stderr
    registry.populate(writers=writers, patients=patients)
    registry.keeper.start()
    try:
        eventually(registry.answers, registry.here.said)
        yield registry
    finally:
        registry.keeper.close()
        registry.tick(all_now=True)
        registry.here.close()


def mount_small_disk(folder: Path) -> bool:
    """A disk of 256 KiB at this folder, where mounting is allowed."""
    folder.mkdir(parents=True)
    with suppress(OSError):
        command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    return False


def parent(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])
