"""The processes of an installation: what each is started with, and a parent that keeps them running.

The web server and the worker are replaced by gunicorn and Celery themselves, so a container's first process is the real
one. `edss-tracker run` starts all of them as children, each in a process group of its own: Ctrl-C reaches the parent
only, which stops them in order, and a straggler is killed with everything it started.
"""

import ctypes
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEEP_ALIVE = 75  # seconds; longer than the pause of a proxy in front, else it meets closed connections
STOP_SECONDS = 8  # for all children together; then they are killed, which loses no saved row
FIRST_PAGE_SECONDS = 60
TICK = 0.2
LONGEST_PAUSE = 60
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def web_command(host: str, port: int, *, processes: int = 1, graceful_seconds: int = 30) -> list[str]:
    """gunicorn with threads. No access log: addresses name patients."""
    return [
        *(sys.executable, "-m", "gunicorn", "edss_tracker.wsgi"),
        *("--bind", f"{host}:{port}", "--worker-class", "gthread", "--threads", "4", "--workers", str(processes)),
        *("--keep-alive", str(KEEP_ALIVE), "--graceful-timeout", str(graceful_seconds), "--timeout", "60"),
        *("--log-level", "warning", "--no-control-socket"),
    ]


def worker_command(*, children: int = 0) -> list[str]:
    """A Celery worker for both queues: one process, or with `children` that many below it."""
    pool = ["--pool", "prefork", "--concurrency", str(children)] if children else ["--pool", "solo"]
    return [
        *(sys.executable, "-W", "ignore:You're running the worker with superuser", "-m", "celery"),
        *("--quiet", "-A", "edss_tracker.celery", "worker", "--loglevel", "WARNING", "-Q", "saves,bulk", *pool),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]


def sweep_command() -> list[str]:
    return [sys.executable, "-m", "edss_tracker.cli", "sweep", "--loop"]


def become(command: list[str]) -> int:
    """Replace this process by the command, in the project's folder."""
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606


def health(host: str, port: int, *, header: str = "") -> tuple[int, str]:
    """Status and text of the health page; status 0 when nothing answers."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        # Production answers plain requests by a redirect; the proxy in front says that the outside is https.
        headers = {"Host": header or f"{host}:{port}", "X-Forwarded-Proto": "https", "Connection": "close"}
        connection.request("GET", "/health/", headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    except (OSError, UnicodeError, http.client.HTTPException):  # a host name may be none
        return 0, ""
    finally:
        connection.close()


@dataclass
class Child:
    """One process below the parent. `vital`: without it nothing works, so its end is the end of all."""

    name: str
    command: list[str]
    vital: bool = False
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    due: float = 0.0  # when it is started again
    pause: int = 1

    def start(self) -> None:
        parent = os.getpid()
        self.process = subprocess.Popen(  # noqa: S603
            self.command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            process_group=0,
            preexec_fn=lambda: end_with(parent),
        )
        self.started = time.monotonic()

    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def restart_later(self) -> None:
        """The pause doubles while it keeps failing and is short again after a minute of work."""
        lived = time.monotonic() - self.started
        self.pause = 1 if lived > LONGEST_PAUSE else min(self.pause * 2, LONGEST_PAUSE)
        self.due = time.monotonic() + self.pause
        self.process = None

    def signal_group(self, number: int) -> None:
        if self.process is not None:
            try:
                os.killpg(self.process.pid, number)
            except (ProcessLookupError, PermissionError):
                return


def end_with(parent: int) -> None:
    """In a new child: on Linux the kernel sends it SIGTERM when the parent is gone, however that died."""
    if libc is None:
        return
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)


@dataclass
class Parent:
    """Keeps the children until it is told to stop or a vital one ends.

    The vital ones start first and have the machine to themselves until a page is answered.
    """

    children: list[Child]
    say: Callable[[str], None] = print
    asked: int = field(default=0, init=False)  # how often somebody asked to stop

    def run(self, is_ready: Callable[[], bool], when_ready: Callable[[], None]) -> int:
        """0 after a stop that was asked for, 1 when the installation cannot go on."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.ask)
        try:
            for child in self.children:
                if child.vital:
                    child.start()
            return self.watch(is_ready, when_ready)
        finally:
            self.stop()

    def ask(self, *_: object) -> None:
        self.asked += 1

    def watch(self, is_ready: Callable[[], bool], when_ready: Callable[[], None]) -> int:
        ready, began = False, time.monotonic()
        while not self.asked:
            if not self.keep(everybody=ready):
                return 1
            if not ready and is_ready():
                ready = True
                when_ready()
            if not ready and time.monotonic() - began > FIRST_PAGE_SECONDS:
                self.say(f"No page was answered within {FIRST_PAGE_SECONDS} s; see the messages above. Stopping.")
                return 1
            time.sleep(TICK)
        return 0

    def keep(self, *, everybody: bool) -> bool:
        """Start what is not there, or only look after what is; False when a vital child ended."""
        for child in self.children:
            if child.ended():
                code = child.process.returncode if child.process else 0
                if child.vital:
                    self.say(f"The {child.name} ended (code {code}); see the messages above. Stopping.")
                    return False
                child.signal_group(signal.SIGKILL)  # what it may have left behind
                child.restart_later()
                self.say(f"The {child.name} ended (code {code}); starting it again in {child.pause} s.")
            elif everybody and child.process is None and time.monotonic() >= child.due:
                child.start()
        return True

    def stop(self) -> None:
        """SIGTERM to all; SIGKILL to what is left after some seconds, or when asked a second time."""
        asked, until = self.asked, time.monotonic() + STOP_SECONDS
        running = [child for child in self.children if child.process is not None]
        for child in running:
            if not child.ended():
                child.process.terminate()  # type: ignore[union-attr]
        while time.monotonic() < until and self.asked <= max(asked, 1) and not all(child.ended() for child in running):
            time.sleep(TICK / 4)
        for child in running:
            child.signal_group(signal.SIGKILL)
            child.process.wait()  # type: ignore[union-attr]
