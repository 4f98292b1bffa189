"""Celery's queue as a folder: one file for a message, whole before it can be seen, taken by one reader.

kombu's own file-system transport shows a file before it is written, ends the worker on a broken one, lists the folder
anew for every message, and leaves files of a killed reader in the system's temporary folder. Here `messages` holds what
waits; `aside` holds what is being written, what is being read, and for a day what could not be read.
"""

import json
import logging
import time
import uuid
from collections import deque
from pathlib import Path
from queue import Empty
from stat import S_ISREG

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, virtual

from edss_tracker import messages

log = logging.getLogger(__name__)
SCHEME = "folder"
LARGEST = 1_000_000  # bytes; a hint of 500 patients has five thousand
KEPT_SECONDS = 86_400  # a hint that old is worth nothing: the sweep has been there


def make_folders(place: Path) -> tuple[Path, Path]:
    """Where messages wait, and the place beside it from and to which they are renamed."""
    folders = place / "messages", place / "aside"
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    return folders


def purge(place: Path) -> None:
    """Remove what nobody fetched or could read for a day, so that a folder without a worker does not grow for ever."""
    for path in place.glob("*/*"):
        try:
            if time.time() - path.lstat().st_mtime > KEPT_SECONDS:
                path.unlink()
        except OSError:
            continue  # fetched meanwhile, or not a file


class Channel(virtual.Channel):
    """Puts and gets messages. Order is that of writing; the name tells the queue."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.place = Path(self.connection.client.transport_options["folder"])
        self.messages, self.aside = make_folders(self.place)
        self.seen: dict[str, deque[str]] = {}  # of each queue, as of the last look into the folder

    def _put(self, queue: str, message: dict, **_: object) -> None:
        name = f"{time.time_ns():020}-{uuid.uuid4()}.{queue}.msg"
        part = self.aside / name
        try:
            make_folders(self.place)
            part.write_text(json.dumps(message))
            part.rename(self.messages / name)
        except OSError as problem:
            part.unlink(missing_ok=True)
            raise ChannelError(f"The queue's folder cannot be written: {problem.strerror}") from problem

    def _get(self, queue: str, timeout: float | None = None) -> dict:
        seen = self.seen.get(queue)
        if not seen:
            seen = self.seen[queue] = deque(self.waiting(queue))
        while seen:
            message = self.take(seen.popleft())
            if message is not None:
                return message
        raise Empty

    def waiting(self, queue: str) -> list[str]:
        folder, _ = make_folders(self.place)
        return sorted(path.name for path in folder.iterdir() if path.name.partition(".")[2] == f"{queue}.msg")

    def take(self, name: str) -> dict | None:
        """The message of this file, which is gone then; None where another reader was first or it is no message."""
        path = self.aside / name
        try:
            (self.messages / name).rename(path)
        except OSError:
            return None
        try:
            message = self.read(path)
        except Exception as problem:  # whatever is in there, the worker goes on
            log.warning("a file in the queue is no message and was set aside: %s", type(problem).__name__)
            return None
        path.unlink(missing_ok=True)
        return message

    def read(self, path: Path) -> dict:
        """The message in this file; raises where there is none."""
        state = path.lstat()
        if not S_ISREG(state.st_mode) or state.st_size > LARGEST:
            raise ValueError("not a file of ours")
        return messages.checked(json.loads(path.read_bytes()), self)

    def _size(self, queue: str) -> int:
        return len(self.waiting(queue))

    def _purge(self, queue: str) -> int:
        names = self.waiting(queue)
        for name in names:
            (self.messages / name).unlink(missing_ok=True)
        return len(names)


class Transport(virtual.Transport):
    """Who writes to a queue declares it first, so the bindings need not be on disk."""

    Channel = Channel
    bindings = virtual.BrokerState()
    driver_type = driver_name = SCHEME

    def __init__(self, client, **kwargs) -> None:
        super().__init__(client, **kwargs)
        self.state = self.bindings

    def driver_version(self) -> str:
        return "1"


TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"
