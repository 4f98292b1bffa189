"""The file of a backup: a zip of the database as its own tools write it, and a manifest that says what it must be.

Whole or not there: it is written beside its name, put on the disk, then renamed. Only its owner reads it. What is read
is trusted in nothing: its parts, their lengths and the checksum must be as declared, and declared is what fits.
"""

import hashlib
import json
import os
import secrets
import shutil
import stat
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from edss_tracker.checks import Refusal
from edss_tracker.keeping.rows import Table, Tables

FORMAT = 1
MANIFEST = "manifest.json"
PAYLOADS = {"sqlite": "database.sqlite3", "postgresql": "database.dump"}
LARGEST_MANIFEST = 4_000_000
BLOCK = 1 << 20
PART = ".edss-backup-"
FORGOTTEN_SECONDS = 86_400
SPARE = 50_000_000  # bytes left free on the disk


@dataclass(frozen=True)
class Manifest:
    """What the backup holds, and from what it was made. Counts and hashes, no record."""

    format: int
    product: str
    engine: str
    vendor: str
    server: str
    schema: str
    made_at: str
    migrations: list[str]
    tables: Tables
    size: int
    sha256: str

    @property
    def payload(self) -> str:
        return PAYLOADS[self.vendor]

    @classmethod
    def read(cls, text: bytes) -> "Manifest":
        """Raises ValueError, TypeError, KeyError for what is no manifest."""
        facts = json.loads(text)
        tables = facts["tables"].items()
        facts["tables"] = {name: Table(int(table["rows"]), str(table["hash"])) for name, table in tables}
        made = cls(**facts)
        wanted = {"format": int, "size": int, "migrations": list} | dict.fromkeys(
            ("product", "engine", "vendor", "server", "schema", "made_at", "sha256"), str
        )
        if any(type(getattr(made, name)) is not kind for name, kind in wanted.items()) or made.size < 0:
            raise TypeError
        if made.vendor not in PAYLOADS or not all(isinstance(step, str) for step in made.migrations):
            raise ValueError
        return made


@contextmanager
def workplace(folder: Path) -> Iterator[Path]:
    """A folder beside the file that only its owner enters, gone at the end; those of killed processes, after a day."""
    try:
        for old in folder.glob(f"{PART}*"):
            if time.time() - old.stat().st_mtime > FORGOTTEN_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
        place = folder / f"{PART}{secrets.token_hex(8)}"
        place.mkdir(mode=0o700)
    except OSError as problem:
        raise Refusal(f"The folder {folder} cannot be written ({problem.strerror}): name a file elsewhere.") from None
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(target: str, payload: Path, manifest: Manifest, place: Path) -> None:
    """Zip the payload and the manifest in the workplace, then give it its name; `-` is standard output."""
    part = place / "whole"
    try:
        with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "w+b") as file:
            with zipfile.ZipFile(file, "w", allowZip64=True) as made:
                made.writestr(MANIFEST, json.dumps(asdict(manifest), indent=1))
                squeeze = zipfile.ZIP_DEFLATED if manifest.vendor == "sqlite" else zipfile.ZIP_STORED
                made.write(payload, manifest.payload, compress_type=squeeze, compresslevel=3)
            file.flush()
            os.fsync(file.fileno())
            if target == "-":
                file.seek(0)
                shutil.copyfileobj(file, sys.stdout.buffer, BLOCK)
                sys.stdout.buffer.flush()
                return
        part.rename(target)
        sync_folder(Path(target).parent)
    except OSError as problem:
        raise Refusal(f"The backup could not be written ({problem.strerror}): nothing is left of it.") from None


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Archive:
    """A backup that is read. Nothing is unpacked before its manifest was looked at."""

    def __init__(self, name: str, file: IO[bytes]) -> None:
        self.name = name
        try:
            self.zip = zipfile.ZipFile(file)
            parts = {part.filename: part for part in self.zip.infolist()}
            if MANIFEST not in parts or len(self.zip.infolist()) != 2 or parts[MANIFEST].file_size > LARGEST_MANIFEST:
                raise ValueError("it has other parts")
            self.manifest = Manifest.read(self.limited(MANIFEST, LARGEST_MANIFEST))
            if self.manifest.payload not in parts or parts[self.manifest.payload].file_size != self.manifest.size:
                raise ValueError("its database has another length")
        except (OSError, ValueError, TypeError, KeyError, AttributeError, EOFError, RecursionError) as problem:
            raise self.damaged(problem) from None
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as problem:
            raise self.damaged(problem) from None
        if self.manifest.format > FORMAT:
            raise Refusal(f"{name} was made by a newer version of EDSS Tracker: install that version.")

    def limited(self, part: str, most: int) -> bytes:
        with self.zip.open(part) as file:
            return file.read(most + 1)[:most]

    def damaged(self, problem: Exception | str) -> Refusal:
        why = f" ({problem})" if isinstance(problem, (ValueError, str)) and str(problem) else ""
        return Refusal(f"{self.name} is no backup of EDSS Tracker, or it is damaged{why}: nothing was changed.")

    def unpack(self, place: Path) -> Path:
        """The database of the backup as a file in this folder, checked against its checksum."""
        path, size = place / self.manifest.payload, self.manifest.size
        free = shutil.disk_usage(place).free
        if size + SPARE > free:
            raise Refusal(f"The database of {self.name} needs {size:,} bytes, but {free:,} are free at {place.parent}.")
        found, left = hashlib.sha256(), size
        try:
            with (
                self.zip.open(self.manifest.payload) as source,
                os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file,
            ):
                while block := source.read(min(BLOCK, left + 1)):
                    left -= len(block)
                    if left < 0:
                        raise self.damaged("its database is longer than declared")
                    found.update(block)
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
        except OSError as problem:
            raise Refusal(f"The backup could not be unpacked ({problem.strerror}): nothing was changed.") from None
        except Exception as problem:  # whatever zlib and zipfile say of a broken stream
            raise problem if isinstance(problem, Refusal) else self.damaged("") from None
        if left or found.hexdigest() != self.manifest.sha256:
            raise self.damaged("the checksum is another one")
        return path


@contextmanager
def opened(name: str, place: Path) -> Iterator[Archive]:
    """The backup of this name; `-` is standard input, which is kept in the workplace meanwhile."""
    try:
        if name == "-":
            spool = place / "input"
            with os.fdopen(os.open(spool, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file, BLOCK)
            source: Any = spool.open("rb")
        else:
            source = Path(name).open("rb")  # noqa: SIM115 - closed below
            if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
                source.close()
                raise Refusal(f"{name} is not a file: name the file of a backup, or - for standard input.")
    except IsADirectoryError:
        raise Refusal(f"{name} is a folder: name the file of a backup.") from None
    except OSError as problem:
        raise Refusal(f"{name} cannot be read ({problem.strerror}).") from None
    with source:
        yield Archive("The backup" if name == "-" else name, source)
