"""The commands that keep a registry: backup, restore, erase. Django is loaded when one of them runs."""

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from edss_tracker import checks, running
from edss_tracker.checks import Refusal


def backup_arguments(one: argparse.ArgumentParser) -> None:
    checks.start_django()
    from edss_tracker.keeping import backup

    backup.add_arguments(one)


def backup(options: argparse.Namespace) -> int:
    """Write the backup and say what is in it, on standard error where the backup itself is the output."""
    from edss_tracker.keeping import backup as making
    from patients import erasing

    checks.data_folder()
    checks.database()
    checks.finished_restore()
    making.check_target(options.file, force=options.force)
    with stopping():
        made = making.make(options.file)
    if checks.is_up_to_date():
        erasing.keep_list()
    print(f"Backed up {made}.", file=sys.stderr if options.file == "-" else sys.stdout, flush=True)
    if options.file != "-":
        say(f"It holds names in plain text: keep {options.file} where only administrators come, or encrypt it.")
    return 0


def restore_arguments(one: argparse.ArgumentParser) -> None:
    checks.start_django()
    from edss_tracker.keeping import restore

    restore.add_arguments(one)


def restore(options: argparse.Namespace) -> int:
    """Alone with the installation, put a backup in the place of what is there."""
    from django.conf import settings
    from django.db import connection

    from edss_tracker.keeping import restore as restoring

    checks.data_folder()
    if connection.vendor != "sqlite":  # a file that is no database is a reason to restore
        checks.database()
    with running.alone(settings.DATA_DIR), stopping():
        return restoring.run(options, say)


def erase_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument("code", help="the registry code, like MS-7KQ2M4XA")
    one.add_argument("--reason", required=True, help="why; kept on the list of erasures, so name nobody in it")


def erase(options: argparse.Namespace) -> int:
    """Erase the identity of one patient, as the page does."""
    checks.start_django()
    from django.conf import settings
    from django.core.exceptions import ValidationError

    from patients import services
    from patients.models import Patient

    checks.data_folder()
    running.hold(settings.DATA_DIR)
    checks.database()
    checks.prepared_database()
    patient = Patient.objects.filter(code__iexact=options.code).first()
    if patient is None:
        raise Refusal(f"No patient has the code {options.code}: give it as the patient's page shows it.")
    try:
        services.erase_identity(patient, by=None, reason=options.reason)
    except ValidationError as problem:
        raise Refusal(" ".join(problem.messages)) from None
    say(f"The identity of {patient.code} is erased: name, local number, and every free text with its history.")
    return 0


@contextmanager
def stopping() -> Iterator[None]:
    """SIGTERM as Ctrl-C: what was begun is cleared away."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def say(text: str) -> None:
    print(text, flush=True)
