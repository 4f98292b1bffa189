"""What must be true before anything starts. Each failure is one sentence that says what to do."""

import errno
import os
import socket
import tempfile


class Refusal(Exception):
    """The command cannot do what was asked; its text is a sentence for the person who asked."""


def port_number(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise Refusal(f"The port {text!r} is not a number from 1 to 65535: set PORT, for example PORT=8001.")
    return int(text)


def free_port(host: str, port: int) -> None:
    """Refuse when the web server could not listen there."""
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

    try:
        django.setup()
    except ImproperlyConfigured as problem:
        raise Refusal(f"{first_line(problem)}.") from None
    except OSError as problem:
        raise unwritable(problem) from None


def data_folder() -> None:
    """Refuse when the data folder cannot be written."""
    from django.conf import settings

    try:
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


def up_to_date_database(verbosity: int = 0) -> None:
    """Bring the tables up to date where they are not.

    An ordinary start leaves them alone: every run of Django's migrate takes the triggers off for a moment, and another
    process may be saving.
    """
    from django.core.management import call_command

    try:
        if not is_up_to_date():
            call_command("migrate", verbosity=verbosity, interactive=False)
    except Exception as problem:
        raise Refusal(
            f"The database could not be brought up to date ({type(problem).__name__}: {first_line(problem)}): "
            "nothing was started; run `edss-tracker migrate` to see the step that fails, or restore the last backup."
        ) from None


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
