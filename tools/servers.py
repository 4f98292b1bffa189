"""Throw-away PostgreSQL and Redis from the programs on this machine: for `make test`, for the drill and its faults.

Each lives in a temporary folder and is gone at the end of its block, or when the thread that started it ends. Nothing
here ever touches a server that was there before.
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
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LOCAL = "127.0.0.1"
PATIENCE = 60  # seconds for a server to answer
PR_SET_PDEATHSIG = 1
POSTGRESQL_FOLDERS = ("/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql@*/bin", "/usr/pgsql-*/bin")
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")  # forgets when it crashes
SAFE = ("fsync=on", "synchronous_commit=on", "full_page_writes=on")  # as in production


class CannotRun(Exception):
    """Something this machine lacks; the text says what."""


class Server:
    """A server as a child: it can be stopped, killed, frozen and started again on the same port and folder.

    On Linux the kernel ends it when the thread that started it is gone.
    """

    def __init__(self, name: str, command: Sequence[str | Path], folder: Path, port: int, account: dict[str, Any]):
        self.name, self.command, self.folder, self.port, self.account = name, command, folder, port, account
        self.url = ""
        self.child: subprocess.Popen[bytes] | None = None
        self.ready: Callable[[], bool] = lambda: answers(port)

    def start(self) -> None:
        with (self.folder / "log").open("a") as log:
            self.child = child = subprocess.Popen(
                self.command,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=end_with_parent(signal.SIGINT),
                **self.account,
            )
        wait_for(lambda: child.poll() is None and self.ready(), self.name, self.folder)

    def alive(self) -> bool:
        return self.child is not None and self.child.poll() is None

    def send(self, number: int) -> None:
        if self.child is not None and self.alive():
            self.child.send_signal(number)

    def stop(self, number: int = signal.SIGINT) -> None:
        """End it by this signal; by force when it takes longer than 20 s."""
        self.send(signal.SIGCONT)
        self.send(number)
        if self.child is None:
            return
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def restart(self, number: int = signal.SIGINT) -> None:
        self.stop(number)
        self.start()


@contextmanager
def running(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextmanager
def own_postgresql(options: Sequence[str] = QUICK) -> Iterator[Server]:
    """A new PostgreSQL in a temporary folder. It refuses to run as root, so root lends an account."""
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
        said = [word for setting in (*options, f"listen_addresses={LOCAL}") for word in ("-c", setting)]
        command = [str(programs / "postgres"), "-D", str(data), "-p", str(port), "-k", str(folder), *said]
        server = Server("PostgreSQL", command, folder, port, account)
        address = ["-h", LOCAL, "-p", str(port), "-U", "edss"]
        server.ready = lambda: succeeds([programs / "pg_isready", *address])
        with running(server):
            subprocess.run([programs / "createdb", *address, "edss"], check=True)
            server.url = f"postgres://edss@{LOCAL}:{port}/edss"
            yield server


@contextmanager
def own_redis() -> Iterator[Server]:
    """A new Redis that keeps nothing on disk."""
    program = shutil.which("redis-server")
    if not program:
        raise CannotRun("no Redis: install redis-server, or set REDIS_URL")
    port = free_port()
    with server_folder("edss-redis-") as (folder, account):
        options = ["--port", str(port), "--bind", LOCAL, "--dir", str(folder), "--save", "", "--appendonly", "no"]
        server = Server("Redis", [program, *options], folder, port, account)
        server.url = f"redis://{LOCAL}:{port}/0"
        with running(server):
            yield server


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
