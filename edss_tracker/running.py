"""Who uses an installation now: its processes share a lock in the data folder, a restore takes it for itself.

The kernel gives the lock back when a process ends, however it ends, so nothing is left behind to be cleaned. It reaches
as far as the data folder is one: over the containers of one machine, not over machines.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edss_tracker.checks import Refusal, unwritable

NAME = "running"


def hold(folder: Path) -> None:
    """Say that this process, and the program that replaces it, uses the installation. Refuses during a restore."""
    handle = opened(folder)
    os.set_inheritable(handle, True)  # through exec: gunicorn and Celery keep what `web` and `worker` took
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Refusal("A restore is running with this data folder: start again when it is done.") from None


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else uses the installation for as long as this lasts, or a refusal."""
    handle = opened(folder)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Refusal(
            "EDSS Tracker is running with this data folder: stop its web server, worker and sweep first."
        ) from None
    finally:
        os.close(handle)


def opened(folder: Path) -> int:
    try:
        return os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as problem:
        raise unwritable(problem) from None
