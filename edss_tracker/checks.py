"""What must be true before anything starts. Each failure is one sentence that says what to do."""

import errno
import os
import re
import socket
import tempfile

from edss_tracker import folder_queue


class Refusal(Exception):
    """The command cannot do what was asked; each line of its text is a sentence for the person who asked."""

    code = 2  # of the command


def port_number(text: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", text) or not 0 < int(text) < 65536:
        raise Refusal(f"The port {text[:20]!r} is not a number from 1 to 65535: set PORT, for example PORT=8001.")
    return int(text)


def free_port(host: str, port: int) -> None:
    """Refuse when the web server could not listen there."""
    if not host:
        raise Refusal("The host is empty, which would mean every address of this machine: give one with --host.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as problem:
            if problem.errno == errno.EADDRINUSE:
                raise Refusal(
                    f"Port {port} is taken: stop the program that uses it, or choose another one with PORT={port + 1}."
                ) from None
            raise Refusal(
                f"The server cannot listen on {host}:{port} ({problem.strerror}): set another PORT."
            ) from None


def start_django() -> None:
    """Read the settings and load the apps; a missing variable or folder becomes a sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "edss_tracker.settings")
    import django
    from django.core.exceptions import ImproperlyConfigured

    from edss_tracker.production import HalfConfigured

    try:
        django.setup()
    except HalfConfigured as problem:
        raise Refusal(str(problem)) from None
    except ImproperlyConfigured as problem:
        raise Refusal(f"{first_line(problem)}.") from None
    except OSError as problem:
        raise unwritable(problem) from None


def data_folder() -> None:
    """Refuse when the data folder cannot be written."""
    from django.conf import settings

    try:
        if not settings.REDIS_URL:
            folder_queue.make_folders(settings.QUEUE_DIR)
        with tempfile.TemporaryFile(dir=settings.DATA_DIR):
            pass
    except OSError as problem:
        raise unwritable(problem) from None


def unwritable(problem: OSError) -> Refusal:
    place = os.environ.get("EDSS_DATA_DIR") or problem.filename
    return Refusal(
        f"The data folder {place} cannot be written ({problem.strerror}): "
        "make it writable, or set EDSS_DATA_DIR to another folder."
    )


def database() -> None:
    """Refuse when the database does not answer."""
    from django.db import Error, connection

    try:
        connection.ensure_connection()
    except Error as problem:
        raise Refusal(
            f"The database does not answer ({first_line(problem)}): start it or correct DATABASE_URL."
        ) from None


def database_failed(problem: Exception) -> Refusal:
    """For what the database refused in the middle of a command, whose transaction it rolled back."""
    return Refusal(
        f"The database refused ({first_line(problem)}): see that the disk is not full, that this account may write, "
        "and that `edss-tracker migrate` has run."
    )


def known_migrations() -> None:
    """Refuse a database that a newer version of the program has changed."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    loader = MigrationExecutor(connection).loader
    known = {*loader.disk_migrations, *(old for step in loader.disk_migrations.values() for old in step.replaces)}
    ours = {app for app, _ in known}
    unknown = sorted(
        f"{app}.{name}" for app, name in loader.applied_migrations if app in ours and (app, name) not in known
    )
    if unknown:
        raise Refusal(
            f"The database was made by a newer version of EDSS Tracker ({unknown[-1]} is not known here): "
            "install that version, or set EDSS_DATA_DIR or DATABASE_URL to other data."
        )


def writable_database() -> None:
    """Refuse a database that can only be read."""
    from django.db import Error

    from patients.models import Freshness

    try:
        Freshness.objects.filter(pk=-1).update(attempts=0)
    except Error as problem:
        raise Refusal(
            f"The database cannot be written ({first_line(problem)}): give this account the right to write to it."
        ) from None


def up_to_date_database(verbosity: int = 0) -> None:
    """Bring the tables up to date where they are not.

    An ordinary start leaves them alone: every run of Django's migrate takes the triggers off for a moment, and another
    process may be saving.
    """
    from django.core.management import call_command

    known_migrations()
    finished_restore()
    try:
        if not is_up_to_date():
            call_command("migrate", verbosity=verbosity, interactive=False)
    except Exception as problem:
        raise Refusal(
            f"The database could not be brought up to date ({type(problem).__name__}: {first_line(problem)}): "
            "nothing was started; run `edss-tracker migrate` to see the step that fails, or restore the last backup."
        ) from None
    writable_database()


def prepared_database() -> None:
    """Refuse a database that this version cannot work with: not migrated, half restored, or in production a demo."""
    from django.conf import settings

    from patients.models import User

    known_migrations()
    finished_restore()
    if not is_up_to_date():
        raise Refusal("The database is not up to date with this version: run `edss-tracker migrate`, then start again.")
    if settings.PRODUCTION and User.objects.filter(is_demo=True, is_active=True).exists():
        raise Refusal(
            "The database holds the demo registry, whose passwords everybody knows, and production never does: "
            "name an empty database in DATABASE_URL."
        )


def finished_restore() -> None:
    """Refuse a database in which a restore was interrupted."""
    from edss_tracker.keeping import postgresql

    if postgresql.is_unfinished():
        raise Refusal(
            "A restore into this database was interrupted: run `edss-tracker restore` again with its file, or "
            "`edss-tracker restore --undo`, which brings back the registry of before."
        )


def is_up_to_date() -> bool:
    """True when no migration is pending and every trigger is in its place."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    from patients import freshness

    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return False
    return freshness.existing(connection) == freshness.expected(connection.introspection.table_names())


def first_line(problem: Exception) -> str:
    return (str(problem).strip() or type(problem).__name__).splitlines()[0].rstrip(".")
