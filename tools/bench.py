"""Speed and memory: `make bench`. The search for events beside pymsprog on one seeded cohort, then each bench_*.py.

    python tools/bench.py

Ours is the median of several runs after the first, which loads or compiles; the peer, which takes seconds, runs once.
Every figure is of this machine and this run. Memory is the highest that a process of its own reached, with its imports.
"""

# ruff: noqa: S603

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from servers import CannotRun, own_postgresql

from engine import compiling
from engine.progression import Cohort, Definition, detect, detect_cohort
from engine.types import day_of

ROOT = Path(__file__).resolve().parents[1]
PEER = ROOT / ".venv-peers" / "bin" / "python"
SEED, VISITS, BESIDE_PEER, GROWTH = 20_260, 15, 2_000, (1_000, 10_000, 100_000)
FIRST_DAY = 735_000
DEFINITIONS: dict[str, dict[str, Any]] = {
    "its defaults": {},
    "multiple, roving, RAW and PIRA": {"event": "multiple", "baseline": "roving", "RAW_PIRA": True},
}


def columns(patients: int) -> dict[str, Any]:
    """A cohort of invented patients: a visit about every three months, scores that wander, two relapses each."""
    rng = np.random.default_rng(SEED)
    rows = patients * VISITS
    first = FIRST_DAY + rng.integers(0, 1_000, patients)
    since = np.tile(np.arange(VISITS) * 91, patients) + rng.integers(0, 30, rows)
    walk = np.cumsum(rng.choice([-1, 0, 0, 0, 1], (patients, VISITS)), axis=1)
    halves = np.clip(rng.integers(2, 13, patients)[:, None] + walk, 2, 19)
    relapses = np.repeat(first, 2) + rng.integers(-200, 91 * VISITS, 2 * patients)
    return {
        "patient": np.repeat(np.arange(patients), VISITS),
        "day": np.repeat(first, VISITS) + since,
        "score": halves.ravel() / 2,
        "relapse_patient": np.repeat(np.arange(patients), 2),
        "relapse_day": relapses,
    }


def seconds(run: Callable[[], object], times: int = 31) -> float:
    """Median time of a run, after one that does not count; for a second at least, as a machine has bad moments."""
    run()
    found: list[float] = []
    while len(found) < times or sum(found) < 1:
        began = time.perf_counter()
        run()
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def peak_mib() -> float:
    """The highest resident memory of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (1024 * 1024 if sys.platform == "darwin" else 1024)


# Each measurement has a process of its own, so that the memory of one is not that of another


def measure_ours(name: str, compiled: bool) -> dict[str, float]:
    cohort = Cohort.from_columns(**columns(BESIDE_PEER))
    definition = Definition.from_mapping(DEFINITIONS[name] | {"compat": "pymsprog"})
    search = partial(detect_cohort, cohort, definition, compiled=compiled)
    return {"seconds": seconds(search), "mib": peak_mib(), "events": len(search())}


def measure_growth(patients: int) -> dict[str, float]:
    table = columns(patients)
    began = time.perf_counter()
    cohort = Cohort.from_columns(**table)
    loaded = time.perf_counter() - began
    found = {"load": loaded}
    for name, options in DEFINITIONS.items():
        definition = Definition.from_mapping(options)
        found[name] = seconds(partial(detect_cohort, cohort, definition, compiled=True))
    return found | {"mib": peak_mib()}


def apart(*arguments: object) -> dict[str, float]:
    """Run one measurement of ours in a process of its own."""
    return measured([sys.executable, "tools/bench.py", json.dumps(arguments)])


def measure_peer(name: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "cohort.npz")
        np.savez(path, **columns(BESIDE_PEER))
        return measured([str(PEER), "tools/peer_bench.py", str(path), json.dumps(DEFINITIONS[name])])


def measured(command: list[str]) -> dict[str, float]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"bench: a measurement failed: {done.stderr.strip()[-500:]}")
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer


def beside_peer() -> None:
    print(f"\nEvents of {BESIDE_PEER:,} patients with {VISITS} visits (seed {SEED})\n")
    print(f"{'definition':<32} {'run':<12} {'seconds':>10} {'times faster':>13} {'peak MiB':>9} {'events':>7}")
    for name in DEFINITIONS:
        runs = {"pymsprog": measure_peer(name)} if PEER.exists() else {}
        if compiling.available():
            runs["compiled"] = apart("ours", name, True)
        runs["interpreted"] = apart("ours", name, False)
        for run, found in runs.items():
            times = f"{runs['pymsprog']['seconds'] / found['seconds']:,.0f}" if "pymsprog" in runs else "-"
            line = f"{run:<12} {found['seconds']:>10.4f} {times:>13} {found['mib']:>9.0f} {found['events']:>7.0f}"
            print(f"{name:<32} {line}", flush=True)
        if len({found["events"] for found in runs.values()}) > 1:
            sys.exit("bench: the runs disagree on the number of events")
    if not PEER.exists():
        print("pymsprog did not run: make peers installs it")


def growth() -> None:
    if not compiling.available():
        print("\nThe compiled search did not run: the optional extra `speed` is not installed")
        return
    print(f"\nGrowth, compiled, {VISITS} visits a patient, without loading\n")
    print(f"{'patients':>9} {'definition':<32} {'seconds':>9} {'us a patient':>13} {'loading s':>10} {'peak MiB':>9}")
    for patients in GROWTH:
        found = apart("growth", patients)
        for name in DEFINITIONS:
            each = f"{found[name]:>9.4f} {found[name] / patients * 1e6:>13.2f}"
            print(f"{patients:>9,} {name:<32} {each} {found['load']:>10.3f} {found['mib']:>9.0f}", flush=True)


def one_patient() -> None:
    table = columns(1)
    visits = list(zip(map(day_of, table["day"].tolist()), table["score"].tolist(), strict=True))
    relapses = [day_of(day) for day in table["relapse_day"].tolist()]
    print(f"\nOne patient with {VISITS} visits through detect()\n")
    for name, options in DEFINITIONS.items():
        definition = Definition.from_mapping(options)
        took = seconds(partial(detect, visits, relapses, definition), 200)
        print(f"{name:<32} {took * 1e3:.3f} ms")


def main() -> None:
    python = f"Python {platform.python_version()}, numpy {np.__version__}"
    print(f"{platform.machine()}, {os.cpu_count()} cores (load {os.getloadavg()[0]:.1f}), {python}")
    beside_peer()
    growth()
    one_patient()
    failed = 0
    with database() as environ:
        for script in sorted((ROOT / "tools").glob("bench_*.py")):
            print(f"\n== {script.name}", flush=True)
            failed += subprocess.run([sys.executable, str(script)], cwd=ROOT, env=environ, check=False).returncode != 0
    sys.exit(1 if failed else 0)


@contextmanager
def database() -> Iterator[dict[str, str]]:
    """The environment with a PostgreSQL in it: the one named, a throw-away one as the tests have it, or none."""
    if os.environ.get("DATABASE_URL"):
        yield dict(os.environ)
        return
    with ExitStack() as stack:
        try:
            server = stack.enter_context(own_postgresql())
        except CannotRun as problem:
            print(f"\nOn SQLite, in one process: {problem}.")
            yield dict(os.environ)
        else:
            yield os.environ | {"DATABASE_URL": server.url}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        kind, *rest = json.loads(sys.argv[1])
        print(json.dumps(measure_ours(*rest) if kind == "ours" else measure_growth(*rest)))
    else:
        main()
