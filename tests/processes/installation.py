"""An installation of its own for a test: data folder, database, port, and the real processes."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = int(os.environ.get("EDSS_PATIENCE", "150"))  # seconds; generous, since the machine may be busy
OURS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS", "PORT", "COVERAGE_PROCESS_START")


class Installation:
    """Commands run here see only this installation. `servers`: variables that name PostgreSQL and Redis, or nothing."""

    def __init__(self, folder: Path, servers: dict[str, str] | None = None):
        self.folder = folder
        self.port = free_port()
        self.environ = {k: v for k, v in os.environ.items() if k not in OURS and not k.startswith("EDSS_")}
        self.environ |= {"EDSS_DATA_DIR": str(folder / "data"), "PORT": str(self.port), **(servers or {})}
        self.log = folder / "log"
        self.started: list[subprocess.Popen] = []

    def edss(self, *arguments, **environ) -> subprocess.CompletedProcess:
        """Run `edss-tracker` to its end."""
        command = [sys.executable, "-m", "edss_tracker.cli", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environ | environ, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    def start(self, *command, **environ) -> subprocess.Popen:
        """Start a command in the background; what it says goes to the log."""
        with self.log.open("a") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=self.environ | environ, stdout=log, stderr=log, start_new_session=True
            )
        self.started.append(process)
        return process

    def start_edss(self, *arguments, **environ) -> subprocess.Popen:
        return self.start(sys.executable, "-m", "edss_tracker.cli", *arguments, **environ)

    def python(self, code: str, *, patience: int = PATIENCE, **environ) -> str:
        """What this code prints, with Django loaded."""
        script = f"import django\ndjango.setup()\n{code}"
        environ = self.environ | {"DJANGO_SETTINGS_MODULE": "edss_tracker.settings", **environ}
        command = [sys.executable, "-c", script]
        done = subprocess.run(
            command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=patience, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def wait_for(self, words: str) -> None:
        eventually(lambda: words in self.said(), lambda: f"{words!r} was never said:\n{self.said()}")

    def page(self, address: str) -> int:
        """The status of a page, as a browser that follows redirects sees it."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.port}{address}", timeout=10) as response:
            return response.status

    def processes(self, words: str = "") -> list[int]:
        """Every living process of this installation, whoever its parent is, whose command line holds these words."""
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            try:
                environ, command = (place / "environ").read_bytes(), (place / "cmdline").read_bytes()
            except OSError:
                continue
            ours = f"EDSS_DATA_DIR={self.folder / 'data'}".encode() in environ.split(b"\0")
            if ours and re.search(words.encode(), command.replace(b"\0", b" ")):
                found.append(int(place.name))
        return sorted(found)

    def wait_until_empty(self) -> None:
        eventually(lambda: not self.processes(), lambda: f"still there: {self.processes()}\n{self.said()}")

    def close(self) -> None:
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        for process in self.started:
            process.wait(PATIENCE)


def eventually(condition, complaint) -> None:
    """Ask again until it holds; the longer a question takes, the rarer, so that asking is not what keeps it waiting."""
    until = time.monotonic() + PATIENCE
    asked = time.monotonic()
    while not condition():
        now = time.monotonic()
        assert now < until, complaint()
        time.sleep(max(0.1, 2 * (now - asked)))
        asked = time.monotonic()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
