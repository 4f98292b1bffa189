"""Copying a SQLite registry while people save, and putting another file in its place."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from edss_tracker.checks import Refusal
from edss_tracker.keeping.archive import sync_folder

WAIT = 20  # seconds


def path_of_database() -> Path:
    return Path(str(connection.settings_dict["NAME"]))


def copy(target: Path) -> None:
    """The database as of one moment, by SQLite's own backup; whoever saves meanwhile is not held up."""
    source = path_of_database()
    if not source.exists():
        raise Refusal("There is no database yet, so there is nothing to back up.")
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    old = sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True, timeout=WAIT)
    new = sqlite3.connect(target)
    try:
        old.backup(new)
        new.execute("PRAGMA journal_mode = DELETE")  # one file, without others beside it
    except sqlite3.Error as problem:
        raise Refusal(f"The database could not be copied ({problem}).") from None
    finally:
        old.close()
        new.close()


def check_file(path: Path) -> None:
    """Refuse a file whose pages do not fit together."""
    file = sqlite3.connect(path)
    try:
        file.execute("PRAGMA ignore_check_constraints = ON")  # they call functions that only Django brings
        said = file.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.Error as problem:
        said = str(problem)
    finally:
        file.close()
    if said != "ok":
        raise Refusal(f"The database in the backup is damaged ({said.splitlines()[0]}): nothing was changed.")


@contextmanager
def using(path: Path) -> Iterator[None]:
    """Everything that asks the database asks this file instead; afterwards it is one file and on the disk."""
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = path
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before
        make_one_file(path)


def make_one_file(path: Path) -> None:
    """Fold what stands in files beside it into a database file that nobody uses. Raises sqlite3.Error."""
    file = sqlite3.connect(path, timeout=0)
    try:
        file.execute("PRAGMA journal_mode = DELETE")
    finally:
        file.close()


def put_in_place(new: Path, aside: Path) -> None:
    """Make a file the database; what was there keeps living under the name `aside`. At no moment is there none."""
    place = path_of_database()
    connection.close()
    if place.exists():
        try:
            make_one_file(place)
        except sqlite3.OperationalError:
            raise Refusal("Another program has the database open: close it, then restore again.") from None
        except sqlite3.DatabaseError:
            pass  # it is none, which is why somebody restores
        aside.hardlink_to(place)
        aside.chmod(0o600)
    for beside in ("-wal", "-shm", "-journal"):  # of a file that could not be opened
        place.with_name(place.name + beside).unlink(missing_ok=True)
    handle = os.open(new, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
    new.replace(place)
    sync_folder(place.parent)
