"""One state of the registry to read from for as long as a file streams, while others go on saving.

It has a connection of its own (settings.SNAPSHOT_DATABASE): REPEATABLE READ on PostgreSQL, DEFERRED on SQLite. Inside
`reading` every query of this thread goes there, so that the code that reads for a page reads for a file as well.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connections, transaction
from django.utils import timezone

_alias: ContextVar[str | None] = ContextVar("snapshot", default=None)


class Router:
    """Sends the reads inside a snapshot to its connection; everything else goes where it always goes."""

    def db_for_read(self, model, **hints):
        return _alias.get()

    def allow_relation(self, obj1, obj2, **hints):
        return True  # it is one database

    def allow_migrate(self, db, app_label, **hints):
        return None if db != settings.SNAPSHOT_DATABASE or db == "default" else False


@dataclass(frozen=True)
class Snapshot:
    """A state of the registry, and the moment it is of."""

    at: datetime
    alias: str

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Queries made in this block see the snapshot. Never keep it open across a `yield`: the caller's would too."""
        before = _alias.set(self.alias)
        try:
            yield
        finally:
            _alias.reset(before)


@contextmanager
def taken() -> Iterator[Snapshot]:
    """A snapshot of now, until the block ends. Its connection is closed then, however the block ends."""
    alias = settings.SNAPSHOT_DATABASE
    connection = connections[alias]
    try:
        with transaction.atomic(using=alias):
            at = timezone.now()
            with connection.cursor() as cursor:  # neither database fixes the state before it is first read
                cursor.execute("SELECT id FROM patients_centre ORDER BY id LIMIT 1")
                cursor.fetchall()
            yield Snapshot(at, alias)
    finally:
        if not connection.in_atomic_block:  # a test may hold a transaction around all this
            connection.close()
