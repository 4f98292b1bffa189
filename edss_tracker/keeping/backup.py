"""`edss-tracker backup`: the registry in one file, as of one moment, while people go on working."""

import argparse
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import connection

from edss_tracker.checks import Refusal
from edss_tracker.keeping import archive, postgresql, rows, sqlite
from edss_tracker.keeping.archive import Manifest
from engine import VERSION

PRODUCT = "EDSS Tracker"


@dataclass(frozen=True)
class Made:
    """A backup that is on the disk."""

    manifest: Manifest
    seconds: float

    def __str__(self) -> str:
        return f"{described(self.manifest.tables)}, {self.manifest.size:,} bytes of database, in {self.seconds:.1f} s"


def described(tables: rows.Tables) -> str:
    """The size of a registry in words."""

    def count(table: str, one: str, many: str) -> str:
        number = tables[table].rows if table in tables else 0
        return f"{number:,} {one if number == 1 else many}"

    return (
        f"{count('patients_patient', 'patient', 'patients')}, "
        f"{count('assessments_assessment', 'assessment', 'assessments')}, "
        f"{count('patients_user', 'account', 'accounts')}"
    )


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument("file", help="the file to write, for example /backup/edss-2026-11-25.edss; - for standard output")
    one.add_argument("--force", action="store_true", help="replace the file if it is there")


def check_target(name: str, *, force: bool) -> None:
    if name == "-":
        if os.isatty(1):
            raise Refusal("A backup is no text for a terminal: redirect it into a file or a pipe.")
        return
    path = Path(name)
    if path.is_dir():
        raise Refusal(f"{name} is a folder: name a file in it.")
    if path.exists() and not force:
        raise Refusal(f"{name} is there already: name another file, or add --force to replace it.")
    if not path.parent.is_dir():
        raise Refusal(f"The folder {path.parent} does not exist: make it, or name a file elsewhere.")


def make(target: str) -> Made:
    """Write the backup. Raises Refusal; then no file of that name was made or touched."""
    began = time.monotonic()
    folder = Path(settings.DATA_DIR) if target == "-" else Path(target).absolute().parent
    with archive.workplace(folder) as place:
        payload = place / archive.PAYLOADS[vendor()]
        try:
            manifest = from_sqlite(payload) if connection.vendor == "sqlite" else from_postgresql(payload)
        except OSError as problem:
            raise Refusal(f"The backup could not be written ({problem.strerror}): nothing is left of it.") from None
        archive.write(target, payload, manifest, place)
    return Made(manifest, time.monotonic() - began)


def vendor() -> str:
    if connection.vendor not in archive.PAYLOADS:
        raise Refusal(f"A backup of {connection.vendor} is not known: use SQLite or PostgreSQL.")
    return connection.vendor


def from_sqlite(payload: Path) -> Manifest:
    import sqlite3

    sqlite.copy(payload)
    with sqlite.using(payload):
        steps = migrations()
    return manifest_of(payload, rows.of_sqlite(payload), steps, sqlite3.sqlite_version, "main")


def from_postgresql(payload: Path) -> Manifest:
    """Rows are counted in the same snapshot that is dumped."""
    with postgresql.snapshot() as moment:
        steps, tables, name = migrations(), rows.of_postgresql(), postgresql.schema()
        postgresql.dump(payload, moment)
    return manifest_of(payload, tables, steps, str(postgresql.server_version()), name)


def migrations() -> list[str]:
    """The steps that made the tables, as the database names them; none where there are no tables yet."""
    if "django_migrations" not in connection.introspection.table_names():
        raise Refusal("The database has no tables yet, so there is nothing to back up.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations ORDER BY app, name")
        return [f"{app}.{name}" for app, name in cursor.fetchall()]


def manifest_of(payload: Path, tables: rows.Tables, steps: list[str], server: str, schema: str) -> Manifest:
    return Manifest(
        format=archive.FORMAT,
        product=PRODUCT,
        engine=VERSION,
        vendor=connection.vendor,
        server=server,
        schema=schema,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        migrations=steps,
        tables=tables,
        size=payload.stat().st_size,
        sha256=archive.checksum(payload),
    )
