"""How long `edss-tracker recompute --all` takes, how much memory, what those who save meanwhile feel, and one patient.

    python tools/bench_recompute.py [PATIENTS ...]     (1,000, 10,000 and 100,000 when none are named)

With DATABASE_URL naming a PostgreSQL server it makes a database of its own there for each size and drops it; without,
it uses SQLite in a temporary folder. Nothing that exists is touched. One patient has 15 visits.
"""

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parent.parent
SIZES = (1_000, 10_000, 100_000)
EVERY = 0.1  # seconds between saves
ALONE = 200  # patients that are computed one by one
LIMITS = "limits for 100,000: 30 s, 1024 MiB, 500 ms; one patient: 10 ms"


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        one(int(sys.argv[2]))
        return
    print(" patients  seconds  a second   CPU s    MiB  saves   median  longest  one patient")
    for patients in [int(word) for word in sys.argv[1:]] or SIZES:
        with database() as environment:
            part = [sys.executable, __file__, "--one", str(patients)]
            subprocess.run(part, env=environment, cwd=ROOT, check=True)  # noqa: S603
    print(f"({LIMITS}; CPU s: of the command's processes, without the database server)")


@contextmanager
def database() -> Iterator[dict[str, str]]:
    """The environment of an empty database that lasts as long as this block."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"EDSS_DATA_DIR": folder, "EDSS_HINTS": "off", "EDSS_ENV": "local"}
        environment["DJANGO_SETTINGS_MODULE"] = "edss_tracker.settings"
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installation starts from byte code
        environment["PYTHONPYCACHEPREFIX"] = f"{folder}/bytecode"
        address = urlsplit(os.environ.get("DATABASE_URL", ""))
        if not address.scheme.startswith("postgres"):
            environment.pop("DATABASE_URL", None)
            yield environment
            return
        import psycopg

        name = f"edss_bench_{os.getpid()}"
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
            server.execute(f"CREATE DATABASE {name}")
            try:
                yield environment | {"DATABASE_URL": urlunsplit(address._replace(path=f"/{name}"))}
            finally:
                server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def one(patients: int) -> None:
    """Fill, recompute everything beside somebody who saves, and print a line."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tools")]
    import django

    django.setup()
    import invented_registry
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    user = invented_registry.fill(patients)
    saver = Saver(user, patients)
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = subprocess.Popen([sys.executable, "-m", "edss_tracker.cli", "recompute", "--all"], stdout=subprocess.PIPE)
    saver.start()
    peak = 0
    while command.poll() is None:
        peak = max(peak, memory(command.pid))
        time.sleep(0.1)
    seconds, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    saver.stop()
    if command.returncode:
        raise SystemExit(f"recompute ended with {command.returncode}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    saves = saver.seconds or [0.0]
    print(
        f"{patients:>9,} {seconds:>8.1f} {patients / seconds:>9,.0f} {cpu:>7.1f} {peak / 2**20:>6.0f} "
        f"{len(saver.seconds):>6} {1000 * median(saves):>5.0f} ms {1000 * max(saves):>5.0f} ms "
        f"{1000 * alone(patients):>9.1f} ms",
        flush=True,
    )


def alone(patients: int) -> float:
    """Median seconds to load, compute and store a single patient, spread over the table."""
    from outcomes import trajectory

    took = []
    for number in range(ALONE):
        begin = time.monotonic()
        stored = trajectory.compute([number * patients // ALONE + 1], fresh_too=True)
        took.append(time.monotonic() - begin)
        if stored != 1:
            raise SystemExit(f"patient {number * patients // ALONE + 1} was not stored")
    return median(took)


def memory(root: int) -> int:
    """Bytes that a process and all below it hold now, shared pages counted in each."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended meanwhile
            continue
    family = {root}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(map(resident, family))


def resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


class Saver(threading.Thread):
    """Saves an assessment through the service every tenth of a second, every other one into the chunk in work."""

    def __init__(self, user, patients: int):
        super().__init__(daemon=True)
        self.user, self.patients, self.over = user, patients, threading.Event()
        self.seconds: list[float] = []

    def stop(self) -> None:
        self.over.set()
        self.join()

    def run(self) -> None:
        from assessments.models import Assessment
        from assessments.services import record_assessments
        from patients.models import Patient

        number = 0
        while not self.over.wait(EVERY):
            number += 1
            patient = Patient.objects.get(pk=self.in_work() if number % 2 else number * 7919 % self.patients + 1)
            day = date(2025, 1, 1) + timedelta(days=number)
            row = Assessment(patient=patient, day=day, edss_rater=3, rater_reason="measured", rater=self.user)
            begin = time.monotonic()
            record_assessments([row], by=self.user, confirm_because="benchmark", action="assessment.add")
            self.seconds.append(time.monotonic() - begin)

    def in_work(self) -> int:
        """A patient who is computed about now: results are stored in order of patients."""
        from outcomes.models import Trajectory

        last = Trajectory.objects.order_by("-pk").values_list("patient_id", flat=True).first() or 0
        return min(last + 50 + 7 * len(self.seconds) % 300, self.patients)


if __name__ == "__main__":
    main()
