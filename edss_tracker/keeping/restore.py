"""`edss-tracker restore`: a backup in the place of what is there, which proves itself before anybody works with it."""

import argparse
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from edss_tracker import checks
from edss_tracker.checks import Refusal, first_line
from edss_tracker.keeping import archive, backup, postgresql, rows, sqlite
from edss_tracker.keeping.archive import Archive, Manifest
from edss_tracker.keeping.rows import Tables
from outcomes import recompute
from patients import erasing, freshness
from patients.erasing import Entry
from patients.models import AccountLink, ApiToken, Freshness

Say = Callable[[str], None]
SHOWN = 20
# what a restore itself changes; everything else must be as it was
ENDED = {"django_session", "usersessions_usersession", "patients_accountlink", "patients_apitoken"}
BY_ERASURE = {
    "patients_erasure", "patients_identity", "patients_accessevent", "patients_freshness", "patients_submission",
    "sqlite_sequence",
    *freshness.INPUTS, "patients_phenotype", *freshness.ERASABLE,
}  # fmt: skip


class Different(Exception):
    """The restored registry is not what the backup says; each line says what differs."""


@dataclass
class Clock:
    """How long each step took, for the last line."""

    began: float = field(default_factory=time.monotonic)
    steps: list[str] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.steps.append(f"{name} {time.monotonic() - began:.1f} s")

    def __str__(self) -> str:
        return f"{', '.join(self.steps)}; together {time.monotonic() - self.began:.1f} s"


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument("file", nargs="?", help="the file of a backup; - for standard input")
    one.add_argument("--replace", action="store_true", help="put it in the place of a registry that is not empty")
    one.add_argument("--erasures", metavar="FILE", help="a list of erasures, to be erased beside those known here")
    one.add_argument("--undo", action="store_true", help="after an interrupted restore: bring back what was before")


def run(options: argparse.Namespace, say: Say) -> int:
    """Restore, alone with the installation; 1 when what was restored is not what the backup says."""
    if options.undo:
        return undo(say)
    if not options.file:
        raise Refusal("Name the file of a backup: edss-tracker restore FILE.")
    clock, folder = Clock(), Path(settings.DATA_DIR)
    try:
        with archive.workplace(folder) as place, archive.opened(options.file, place) as source:
            restore(source, options, place, clock, say)
    except Different as problem:
        raise Failed(f"{problem}\nThe registry is as it was before.") from None
    say(f"It took: {clock}.")
    say(
        "Accounts are as they were when the backup was made, also of who was deactivated since: look through the users."
    )
    return 0


class Failed(Refusal):
    """A refusal with exit code 1: the work was done and its result is not right."""

    code = 1


def undo(say: Say) -> int:
    if not postgresql.is_unfinished():
        raise Refusal("No restore was interrupted in this database, so there is nothing to undo.")
    postgresql.undo(postgresql.schema() or "public")
    say("The registry is as it was before the restore.")
    return 0


def restore(source: Archive, options: argparse.Namespace, place: Path, clock: Clock, say: Say) -> None:
    manifest = source.manifest
    fits(manifest, source.name)
    if postgresql.is_unfinished():
        undo(say)
    now = what_is_here()
    if now and not options.replace:
        raise Refusal(
            f"This registry is not empty ({now}): add --replace to put the backup in its place; it is kept beside."
        )
    erased = erasures(options.erasures)
    with clock.step("read"):
        payload = source.unpack(place)
    say(f"The backup of {manifest.made_at} holds {backup.described(manifest.tables)}.")
    if connection.vendor == "sqlite":
        into_sqlite(payload, manifest, erased, now, clock, say)
    else:
        into_postgresql(payload, manifest, erased, now, place, clock, say)
    erasing.keep_list()


def fits(manifest: Manifest, name: str) -> None:
    """Refuse another kind of database, and tables that a newer version made."""
    if manifest.vendor != connection.vendor:
        words = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
        there, here = words[manifest.vendor], words[connection.vendor]
        raise Refusal(f"{name} holds a registry of {there}, and DATABASE_URL names {here}: restore it into {there}.")
    known = MigrationLoader(None).disk_migrations
    ours = {app for app, _ in known}
    for step in manifest.migrations:
        app, _, migration = step.partition(".")
        if app in ours and (app, migration) not in known:
            raise Refusal(f"{name} was made by a newer version of EDSS Tracker ({step}): install that version.")


def what_is_here() -> str:
    """The present registry in words; empty when nobody and nothing is in it."""
    try:
        tables = connection.introspection.table_names()
        counts: Tables = {}
        with connection.cursor() as cursor:
            for table in ("patients_patient", "patients_user", "assessments_assessment"):
                if table in tables:
                    cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - constants
                    counts[table] = rows.Table(int(cursor.fetchone()[0]), "")
    except DatabaseError as problem:
        connection.close()
        return f"it cannot be read: {first_line(problem)}"
    return backup.described(counts) if any(table.rows for table in counts.values()) else ""


def erasures(named: str | None) -> list[Entry]:
    """Everybody who must not come back: of the present table, the file in the data folder, and the file named."""
    found: list[Entry] = []
    with suppress(DatabaseError):
        if freshness.ERASURES in connection.introspection.table_names():
            found += erasing.stored()
    kept = Path(settings.DATA_DIR) / erasing.FILE
    try:
        for path in ([kept] if kept.exists() else []) + ([Path(named)] if named else []):
            found += erasing.read_list(path)
    except erasing.ListUnreadable as problem:
        raise Refusal(f"{problem} Nothing was changed.") from None
    return found


def stamp() -> str:
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


# Into place ----------------------------------------------------------------------------------------------------------


def into_sqlite(payload: Path, manifest: Manifest, erased: list[Entry], now: str, clock: Clock, say: Say) -> None:
    """Everything is done to a file beside, which becomes the database by one renaming at the end."""
    sqlite.check_file(payload)
    same(rows.of_sqlite(payload), manifest)
    with sqlite.using(payload):
        finish(manifest, erased, clock, say, lambda: rows.of_sqlite(payload))
    aside = sqlite.path_of_database().with_name(f"registry.before-restore-{stamp()}.sqlite3")
    sqlite.put_in_place(payload, aside)
    if now:
        say(f"Replaced: {now}. It is kept as {aside}.")
    else:
        aside.unlink(missing_ok=True)


def into_postgresql(
    payload: Path, manifest: Manifest, erased: list[Entry], now: str, place: Path, clock: Clock, say: Say
) -> None:
    """The old tables wait in a schema beside until everything is proved; whatever goes wrong brings them back."""
    name = postgresql.schema()
    if name != manifest.schema:
        raise Refusal(f"The backup is of the schema {manifest.schema}, and this database works in {name or 'none'}.")
    if others := postgresql.others():
        sessions = "other session uses" if others == 1 else "other sessions use"
        raise Refusal(f"{others} {sessions} this database: stop every process of EDSS Tracker, and psql.")
    if now:
        aside = Path(settings.DATA_DIR) / f"before-restore-{stamp()}.edss"
        with clock.step("keep the old one"):
            backup.make(str(aside))
        say(f"Replaces: {now}. It is kept as {aside}.")
    with clock.step("load"):
        postgresql.load(payload, place, name)
    try:
        with transaction.atomic():
            same(rows.of_postgresql(), manifest)
        finish(manifest, erased, clock, say, counted)
    except BaseException:
        postgresql.undo(name)
        raise
    postgresql.finish()


def counted() -> Tables:
    with transaction.atomic():
        return rows.of_postgresql()


# Proof ---------------------------------------------------------------------------------------------------------------


def same(found: Tables, manifest: Manifest) -> None:
    """The rows that were loaded are the rows of the backup."""
    wrong = rows.differing(found, manifest.tables)
    if wrong:
        raise Different(f"These tables are not as the backup declares them: {', '.join(wrong[:SHOWN])}.")


def finish(manifest: Manifest, erased: list[Entry], clock: Clock, say: Say, count: Callable[[], Tables]) -> None:
    """Tables of now, erasures, no sessions; then the proof that nothing else has changed and everything computes."""
    older = not checks.is_up_to_date()
    if older:
        with clock.step("bring up to date"):
            call_command("migrate", verbosity=0, interactive=False)
        say("The tables were brought up to date with this version.")
    with clock.step("erase"):
        again = erasing.replay(erased)
    if again:
        say(f"Erased again: {again} {'identity' if again == 1 else 'identities'}.")
    end_sessions()
    with clock.step("check"):
        wrong = [] if older else unexpected(rows.differing(count(), manifest.tables), bool(erased))
        missing = freshness.expected(connection.introspection.table_names()) - freshness.existing(connection)
        wrong += [f"The trigger {name} is missing." for name in sorted(missing)]
        wrong += [f"{line[0].upper()}{line[1:]}." for line in recompute.check()]
    if wrong:
        more = [f"... and {len(wrong) - SHOWN} more."] if len(wrong) > SHOWN else []
        raise Different("\n".join([*wrong[:SHOWN], *more]))
    waiting = Freshness.objects.stale().count()
    late = f"; {waiting:,} wait to be computed, which the sweep does" if waiting else ""
    say(f"Every row is as in the backup, and every stored trajectory equals its recomputation{late}.")


def unexpected(changed: list[str], erased: bool) -> list[str]:
    allowed = ENDED | (BY_ERASURE if erased else set())
    return [f"The table {name} is not as in the backup." for name in changed if name not in allowed]


def end_sessions() -> None:
    """Nobody is signed in; links and tokens that were open then are closed: used or revoked since, they are no good."""
    with transaction.atomic():
        UserSession.objects.all().delete()
        Session.objects.all().delete()
        now = timezone.now()
        AccountLink.objects.filter(used_at=None, expires_at__gt=now).update(expires_at=now)
        ApiToken.objects.filter(revoked_at=None).update(revoked_at=now)
