"""Everything a change must pass: `make test`, here and in CI.

    python tools/test.py [checks] [sqlite] [postgresql]      (no name: all three)

checks      ruff, mypy, import contracts, migrations
sqlite      the suite on SQLite, nothing else needed
postgresql  the suite with real PostgreSQL, Redis, worker processes and Chromium, and what is too long to run twice

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
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
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
ONLY_WITH_SERVERS = ("slow", "matrix", "browser", "processes")


class CannotRun(Exception):
    """Something this machine lacks; the text says what."""


@dataclass
class Report:
    """What ran, for how long, and what could not run here."""

    lines: list[str] = field(default_factory=list)
    failed: int = 0
    missing: list[str] = field(default_factory=list)

    def run(self, name: str, command: list[str], environ: dict[str, str]) -> None:
        print(f"\n== {name}", flush=True)
        began = time.monotonic()
        code, last = follow(command, environ)
        self.failed += code != 0
        result = "passed" if code == 0 else f"FAILED ({code})"
        self.lines.append(f"{name:<18} {result:<12} {time.monotonic() - began:7.1f} s   {last}")

    def close(self) -> int:
        print("\n== summary", *self.lines, sep="\n")
        for what in self.missing:
            print(f"DID NOT RUN: {what}")
        strict = os.environ.get("CI", "").lower() in ("true", "1")
        if self.missing and strict:
            print("With CI=true everything must run.")
        ok = not self.failed and not (self.missing and strict)
        print("All passed." if ok and not self.missing else "All that ran passed." if ok else "NOT passed.", flush=True)
        return 0 if ok else 1


def main(wanted: list[str]) -> int:
    parts = {"checks": checks, "sqlite": sqlite, "postgresql": postgresql}
    if unknown := set(wanted) - set(parts):
        sys.exit(f"No part is called {', '.join(sorted(unknown))}; there are {', '.join(parts)}.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    report = Report()
    with tempfile.TemporaryDirectory(prefix="edss-test-") as folder:
        environ = clean_environ(Path(folder))
        for name in wanted or parts:
            parts[name](report, environ)
    return report.close()


def clean_environ(folder: Path) -> dict[str, str]:
    """The same settings on every machine: own data folder, hints recorded, nothing of the caller's installation."""
    (folder / "data" / "static").mkdir(parents=True)  # whitenoise warns about a missing folder
    kept = {key: value for key, value in os.environ.items() if key not in OURS and not key.startswith("EDSS_")}
    return kept | {"EDSS_DATA_DIR": str(folder / "data"), "EDSS_HINTS": "record", "PYTHONUNBUFFERED": "1"}


def checks(report: Report, environ: dict[str, str]) -> None:
    for name, command in CHECKS.items():
        report.run(name, command, environ)


def sqlite(report: Report, environ: dict[str, str]) -> None:
    marks = " and ".join(f"not {mark}" for mark in ONLY_WITH_SERVERS)
    report.run("suite, SQLite", [*PYTHON, "pytest", "-m", marks, "--durations=5"], environ)


def postgresql(report: Report, environ: dict[str, str]) -> None:
    marks = []
    environ = dict(environ)
    if browser := chromium():
        environ["CHROMIUM"] = browser
    else:
        report.missing.append("the tests in a browser (no Chromium: install it, or set CHROMIUM to its path)")
        marks = ["-m", "not browser"]
    with ExitStack() as servers:
        try:
            environ["DATABASE_URL"] = os.environ.get("DATABASE_URL") or servers.enter_context(own_postgresql())
            environ["REDIS_URL"] = os.environ.get("REDIS_URL") or servers.enter_context(own_redis())
        except CannotRun as problem:
            report.missing.append(f"the suite on PostgreSQL and Redis ({problem})")
            return
        report.run("suite, PostgreSQL", [*PYTHON, "pytest", *marks, "--durations=10"], environ)


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


def follow(command: list[str], environ: dict[str, str]) -> tuple[int, str]:
    """Run a command and show what it says as it says it; its code and its last line."""
    last = ""
    with subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as child:
        try:
            for line in child.stdout or ():
                print(line, end="", flush=True)
                last = line.strip() or last
        except BaseException:
            child.terminate()
            raise
    return child.returncode, last[:90]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
