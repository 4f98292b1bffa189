"""Everything a change must pass: `make test`, here and in CI.

    python tools/test.py [checks] [sqlite] [postgresql] [processes]      (no name: all four)

checks      ruff, mypy, import contracts, migrations
sqlite      the suite on SQLite, nothing else needed
postgresql  the suite on PostgreSQL and Redis, and what is too long to run twice
processes   web server, worker and sweep as a clinic starts them, and a real browser

The checks come first, then the three others at the same time.
DATABASE_URL and REDIS_URL name servers to use. Without them throw-away ones are started from the programs on this
machine, in a temporary folder, and are gone at the end. What could not run is named in the last lines; with CI=true
that is a failure.
"""

# ruff: noqa: S603

import ctypes
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCAL = "127.0.0.1"
PATIENCE = 60  # seconds for a server to answer
PR_SET_PDEATHSIG = 1
OURS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "PORT")
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
POSTGRESQL_FOLDERS = ("/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql@*/bin", "/usr/pgsql-*/bin")
PYTHON = [sys.executable, "-m"]
CHECKS = {
    "ruff check": [*PYTHON, "ruff", "check", "."],
    "ruff format": [*PYTHON, "ruff", "format", "--check", "."],
    "mypy": [*PYTHON, "mypy", "."],
    "import contracts": [str(Path(sys.executable).with_name("lint-imports"))],
    "migrations": [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"],
}
PYTEST = [*PYTHON, "pytest", "--durations=5"]
PARTS = ("checks", "sqlite", "postgresql", "processes")


def print_now(text: str) -> None:
    print(text, end="", flush=True)


def strict() -> bool:
    """With CI=true what cannot run is a failure."""
    return os.environ.get("CI", "").lower() in ("true", "1")


class CannotRun(Exception):
    """Something this machine lacks; the text says what."""


@dataclass(frozen=True)
class Step:
    """A command of a part, and what it needs in its environment."""

    name: str
    command: list[str]
    environ: dict[str, str]


@dataclass
class Report:
    """What ran, for how long, and what could not run here."""

    lines: list[str] = field(default_factory=list)
    failed: int = 0
    missing: list[str] = field(default_factory=list)
    running: set[subprocess.Popen[str]] = field(default_factory=set)

    def run(self, steps: Sequence[Step], show: Callable[[str], object] = print_now) -> None:
        """One step after the other, whatever the result."""
        for step in steps:
            show(f"\n== {step.name}\n")
            began = time.monotonic()
            code, last = self.follow(step, show)
            self.failed += code != 0
            result = "passed" if code == 0 else f"FAILED ({code})"
            self.lines.append(f"{step.name:<24} {result:<12} {time.monotonic() - began:7.1f} s   {last}")

    def run_beside(self, rows: Sequence[Sequence[Step]]) -> None:
        """Rows of steps at the same time; what all but the first say comes when everything is through."""
        shown, *kept = [row for row in rows if row] or [[]]
        said: list[list[str]] = [[] for _ in kept]
        beside = [
            threading.Thread(target=self.run, args=(row, words.append), daemon=True)
            for row, words in zip(kept, said, strict=True)
        ]
        for thread in beside:
            thread.start()
        self.run(shown)
        for thread, words in zip(beside, said, strict=True):
            thread.join()
            print_now("".join(words))

    def follow(self, step: Step, show: Callable[[str], object]) -> tuple[int, str]:
        """Run a step and show what it says as it says it; its code and its last line."""
        last = ""
        with subprocess.Popen(
            step.command,
            cwd=ROOT,
            env=step.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as child:
            self.running.add(child)
            try:
                for line in child.stdout or ():
                    show(line)
                    last = line.strip() or last
            except BaseException:  # we are told to stop: so is the child, which closes what it opened
                child.send_signal(signal.SIGINT)
                raise
        self.running.discard(child)
        return child.returncode, last[:90]

    def stop(self) -> None:
        """End what still runs, and give it time to close what it opened."""
        for child in list(self.running):
            child.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                child.wait(20)

    def close(self) -> int:
        print("\n== summary", *self.lines, sep="\n")
        for what in self.missing:
            print(f"DID NOT RUN: {what}")
        if self.missing and strict():
            print("With CI=true everything must run.")
        ok = not self.failed and not (self.missing and strict())
        print("All passed." if ok and not self.missing else "All that ran passed." if ok else "NOT passed.", flush=True)
        return 0 if ok else 1


def main(names: list[str]) -> int:
    if unknown := set(names) - set(PARTS):
        sys.exit(f"No part is called {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}.")
    wanted = set(names or PARTS)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    report = Report()
    with tempfile.TemporaryDirectory(prefix="edss-test-") as folder, ExitStack() as servers:
        environs = [clean_environ(Path(folder, name)) for name in ("sqlite", "postgresql", "processes")]
        report.run(checks(environs[0]) if "checks" in wanted else [])
        rows: list[list[Step]] = [sqlite(environs[0]) if "sqlite" in wanted else []]
        if wanted & {"postgresql", "processes"}:
            try:
                addresses = server_addresses(servers)
            except CannotRun as problem:
                report.missing.append(f"the suite on PostgreSQL and Redis, the processes, the browser ({problem})")
            else:
                rows.append(postgresql(environs[1] | addresses, report) if "postgresql" in wanted else [])
                rows.append(processes(environs[2] | addresses, report) if "processes" in wanted else [])
        try:
            report.run_beside(rows)
        finally:
            report.stop()
    return report.close()


def clean_environ(folder: Path) -> dict[str, str]:
    """The same settings on every machine: own data folder, hints recorded, nothing of the caller's installation."""
    (folder / "static").mkdir(parents=True)  # whitenoise warns about a missing folder
    kept = {key: value for key, value in os.environ.items() if key not in OURS and not key.startswith("EDSS_")}
    return kept | {"EDSS_DATA_DIR": str(folder), "EDSS_HINTS": "record", "PYTHONUNBUFFERED": "1"}


def checks(environ: dict[str, str]) -> list[Step]:
    return [Step(name, command, environ) for name, command in CHECKS.items()]


def sqlite(environ: dict[str, str]) -> list[Step]:
    marks = " and ".join(f"not {mark}" for mark in ("slow", "peer", "matrix", "browser", "processes"))
    return [Step("suite, SQLite", [*PYTEST, "-m", marks], environ)]


def postgresql(environ: dict[str, str], report: Report) -> list[Step]:
    """The engine knows no database: of its tests only those are left that the first run had no time for."""
    peer = (ROOT / ".venv-peers" / "installed").exists()
    if not peer and not strict():
        report.missing.append("the comparison with pymsprog (make peers installs it)")
    marks = "slow or peer" if peer or strict() else "slow"
    return [
        *([Step("peer's environment", [sys.executable, "tools/peers.py"], environ)] if strict() and not peer else []),
        Step("engine, exhaustive", [*PYTEST, "tests/engine", "-m", marks], environ),
        Step(
            "suite, PostgreSQL",
            [*PYTEST, "--ignore=tests/engine", "-m", "not browser and not processes"],
            environ,
        ),
    ]


def processes(environ: dict[str, str], report: Report) -> list[Step]:
    """What starts real processes, most of which wait."""
    browser = chromium()
    if browser:
        return [Step("processes and browser", [*PYTEST, "-m", "processes or browser"], environ | {"CHROMIUM": browser})]
    report.missing.append("the tests in a browser (no Chromium: install it, or set CHROMIUM to its path)")
    return [Step("processes", [*PYTEST, "-m", "processes and not browser"], environ)]


def server_addresses(servers: ExitStack) -> dict[str, str]:
    """DATABASE_URL and REDIS_URL: those given, or of servers that end with the stack."""
    return {
        "DATABASE_URL": os.environ.get("DATABASE_URL") or servers.enter_context(own_postgresql()),
        "REDIS_URL": os.environ.get("REDIS_URL") or servers.enter_context(own_redis()),
    }


# Servers -------------------------------------------------------------------------------------------------------------


@contextmanager
def own_postgresql() -> Iterator[str]:
    """The address of a new PostgreSQL in a temporary folder. It refuses to run as root, so root lends an account."""
    programs = postgresql_folder()
    with server_folder("edss-postgresql-") as (folder, account):
        data = folder / "data"
        make = [str(programs / "initdb"), "-D", str(data), "-U", "edss", "--auth=trust", "--encoding=UTF8", "--no-sync"]
        made = subprocess.run(
            [*make, *locale_options()], cwd=folder, capture_output=True, text=True, check=False, **account
        )
        if made.returncode:
            raise CannotRun(f"initdb failed: {made.stderr.strip().splitlines()[-1:]}")
        port = free_port()
        quick = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")
        options = [word for setting in (*quick, f"listen_addresses={LOCAL}") for word in ("-c", setting)]
        command = [str(programs / "postgres"), "-D", str(data), "-p", str(port), "-k", str(folder), *options]
        with server("PostgreSQL", command, folder, port, signal.SIGINT, account):
            address = ["-h", LOCAL, "-p", str(port), "-U", "edss"]
            wait_for(lambda: succeeds([programs / "pg_isready", *address]), "PostgreSQL", folder)
            subprocess.run([programs / "createdb", *address, "edss"], check=True)
            yield f"postgres://edss@{LOCAL}:{port}/edss"


@contextmanager
def own_redis() -> Iterator[str]:
    program = shutil.which("redis-server")
    if not program:
        raise CannotRun("no Redis: install redis-server, or set REDIS_URL")
    port = free_port()
    with server_folder("edss-redis-") as (folder, account):
        options = ["--port", str(port), "--bind", LOCAL, "--dir", str(folder), "--save", "", "--appendonly", "no"]
        with server("Redis", [program, *options], folder, port, signal.SIGTERM, account):
            yield f"redis://{LOCAL}:{port}/0"


@contextmanager
def server(
    name: str, command: Sequence[str | Path], folder: Path, port: int, stop: int, account: dict[str, Any]
) -> Iterator[None]:
    """A server as a child that ends with this block, or with this process however that ends."""
    with (folder / "log").open("w") as log:
        child = subprocess.Popen(
            command,
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=end_with_parent(stop),
            **account,
        )
        try:
            wait_for(lambda: child.poll() is None and answers(port), name, folder)
            yield
        finally:
            child.send_signal(stop)
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


@contextmanager
def server_folder(prefix: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A temporary folder, and under which account its server runs: root uses `postgres` or `nobody`."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))  # short: a socket's path has a limit
    account: dict[str, Any] = {}
    if os.geteuid() == 0:
        entry = first_account("postgres", "nobody")
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    try:
        yield folder, account
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def first_account(*names: str) -> pwd.struct_passwd:
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in names:
        if name in known:
            return known[name]
    raise CannotRun(f"no account {' or '.join(names)}, and PostgreSQL does not run as root")


def end_with_parent(number: int) -> Callable[[], object] | None:
    """For a child on Linux: the kernel sends it this signal when the parent is gone."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(PR_SET_PDEATHSIG, number)


def postgresql_folder() -> Path:
    """Where initdb and postgres are; of several versions the newest."""
    found = sorted((Path(name) for pattern in POSTGRESQL_FOLDERS for name in glob.glob(pattern)), key=version)
    on_path = shutil.which("initdb")
    for folder in [Path(on_path).resolve().parent] if on_path else reversed(found):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise CannotRun("no PostgreSQL: install postgresql, or set DATABASE_URL")


def version(folder: Path) -> int:
    digits = "".join(c for c in str(folder) if c.isdigit())
    return int(digits or 0)


def locale_options() -> list[str]:
    return ["--locale=C.UTF-8"] if sys.platform == "linux" else ["--no-locale"]


def chromium() -> str | None:
    named = os.environ.get("CHROMIUM")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, CHROMIUMS)), None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOCAL, 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOCAL, port)) == 0


def wait_for(condition: Callable[[], bool], name: str, folder: Path) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            raise CannotRun(f"{name} did not start: {(folder / 'log').read_text()[-500:]}")
        time.sleep(0.1)


def succeeds(command: Sequence[str | Path]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
