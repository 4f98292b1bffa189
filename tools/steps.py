"""Commands one after the other or side by side, and what became of them: for `make test` and `make drill`."""

# ruff: noqa: S603

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "PORT")
NO_BYTE_CODE = "PYTHONDONTWRITEBYTECODE"  # with it each of the many processes would compile everything again, for 1 s
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PYTHON = [sys.executable, "-m"]
PYTEST = [*PYTHON, "pytest", "--durations=5"]


def print_now(text: str) -> None:
    print(text, end="", flush=True)


def strict() -> bool:
    """With CI=true what cannot run is a failure."""
    return os.environ.get("CI", "").lower() in ("true", "1")


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


def clean_environ(folder: Path) -> dict[str, str]:
    """The same settings on every machine: own data folder, hints recorded, nothing of the caller's installation."""
    (folder / "static").mkdir(parents=True)  # whitenoise warns about a missing folder
    others = (*OURS, NO_BYTE_CODE)
    kept = {key: value for key, value in os.environ.items() if key not in others and not key.startswith("EDSS_")}
    return kept | {
        "EDSS_DATA_DIR": str(folder),
        "EDSS_HINTS": "record",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPYCACHEPREFIX": str(folder.parent / "bytecode"),
    }


def chromium() -> str | None:
    named = os.environ.get("CHROMIUM")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, CHROMIUMS)), None)
