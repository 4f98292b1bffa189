"""An uploaded file between its preview and its import: in the data folder, for its user only, for an hour at most."""

import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from django.conf import settings

KEPT_SECONDS = 3600
KEPT_FILES = 5  # of one user; the oldest goes first


@dataclass(frozen=True)
class Upload:
    """A file and the mapping it came with, as they were sent."""

    file_name: str
    content: bytes
    mapping: bytes


def folder() -> Path:
    path = Path(settings.DATA_DIR) / "uploads"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def path_of(pk: UUID, by) -> Path:
    """The user is part of the name: another one's upload cannot be found."""
    return folder() / f"{by.pk}-{pk}"


def keep(upload: Upload, *, by) -> UUID:
    """Store an upload and return the id by which this user finds it again."""
    purge()
    for old in sorted(mine(by), key=modified)[: -KEPT_FILES + 1 or None]:
        old.unlink(missing_ok=True)
    pk = uuid4()
    body = upload.mapping + upload.content
    head = {"name": upload.file_name, "mapping": len(upload.mapping), "sha256": hashlib.sha256(body).hexdigest()}
    path = path_of(pk, by)
    part = path.with_name(f"part-{pk}")
    with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(json.dumps(head).encode() + b"\n" + body)
    part.replace(path)  # whole or not at all, for every process
    return pk


def find(pk: UUID, *, by) -> Upload | None:
    """This user's upload, or None when there is none, or it is too old or damaged."""
    purge()
    try:
        head, _, body = path_of(pk, by).read_bytes().partition(b"\n")
        facts = json.loads(head)
        if hashlib.sha256(body).hexdigest() == facts["sha256"]:
            return Upload(facts["name"], body[facts["mapping"] :], body[: facts["mapping"]])
    except (OSError, ValueError, KeyError):
        pass
    return None


def drop(pk: UUID, *, by) -> None:
    path_of(pk, by).unlink(missing_ok=True)


def purge() -> None:
    """Delete what is older than an hour. Called by the sweep and on every visit of the import pages."""
    for path in folder().iterdir():
        if time.time() - modified(path) > KEPT_SECONDS:
            path.unlink(missing_ok=True)


def mine(by) -> Iterator[Path]:
    return folder().glob(f"{by.pk}-*")


def modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another process was faster
        return 0.0
