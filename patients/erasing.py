"""Erasing who a patient is, and the list of erasures that outlives a restored backup.

What is written twice is kept twice: in the table `Erasure`, and in a file of the data folder, because a restore puts an
older table in the place of the present one.
"""

import fcntl
import json
import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from patients import audit
from patients.freshness import ERASABLE, ERASED, NO_TEXTS
from patients.models import AccessKind, ClinicalRecord, Erasure, Identity, Patient, Phenotype, Submission, User
from patients.writing import lock, tell

log = logging.getLogger(__name__)
FILE = "erasures.jsonl"
WHY = "identity erased"
# Models whose `free_text` goes with the identity. The apps above, which know their records, register here.
RECORDS: list[type[ClinicalRecord]] = [Phenotype]


class ListUnreadable(Exception):
    """A list of erasures cannot be trusted to be whole; its text is a sentence."""


@dataclass(frozen=True)
class Entry:
    """One erasure, as a line of the file."""

    code: str
    at: str
    reason: str
    by: int | None


def is_erased(patient: Patient) -> bool:
    return Erasure.objects.filter(code=patient.code).exists()


def forget(patient: Patient, by: User | None) -> None:
    """Delete the identity and erase every free text, in the records and in their history. Inside a transaction.

    The history takes this only from a patient who is on the list: its triggers look.
    """
    Identity.objects.filter(patient=patient).delete()
    erase_histories(patient)
    erase_answers(patient)
    for model in RECORDS:
        for row in model._default_manager.filter(patient=patient).order_by("pk"):
            if erase_texts(row):
                row.row_version += 1
                audit.stamp(row, by, WHY).save()
    audit.note(by, AccessKind.IDENTITY, patient=patient, detail="erased")
    tell([patient.pk])


def erase_texts(row: ClinicalRecord) -> bool:
    """Put the marker where this row has free text; whether it had any."""
    found = False
    for name in row.free_text:
        value = getattr(row, name)
        new: object = ERASED if value else value
        if isinstance(value, list):
            new = [{**entry, "reason": ERASED} if entry.get("reason") else entry for entry in value]
        found |= new != value
        setattr(row, name, new)
    return found


def erase_answers(patient: Patient) -> None:
    """The same in the answers of the API that are kept for a retry: they repeat the record."""
    texts = {name for model in RECORDS for name in model.free_text}
    for kept in Submission.objects.filter(answer__startswith="{", answer__contains=patient.code):
        answer = json.loads(kept.answer)
        for name in texts & set(answer):
            value = answer[name]
            answer[name] = [{**one, "reason": ERASED} for one in value] if isinstance(value, list) else value and ERASED
        kept.answer = json.dumps(answer)
        kept.save(update_fields=["answer"])


def erase_histories(patient: Patient) -> None:
    """The same in the append-only histories. A list of reasons becomes empty there: the record keeps what it is of."""
    with connection.cursor() as cursor:
        for table, (owner, texts) in ERASABLE.items():
            changes = ", ".join(f"{name} = {erased(name)}" for name in texts)
            cursor.execute(f"UPDATE {table} SET {changes} WHERE {owner} = %s", [patient.pk])  # noqa: S608 - constants


def erased(column: str) -> str:
    """SQL: what becomes of a column of a history."""
    if column == "confirmed_warnings":
        return f"'{NO_TEXTS}'"
    return f"CASE WHEN {column} <> '' THEN '{ERASED}' ELSE {column} END"


def replay(entries: Iterable[Entry]) -> int:
    """Erase again what a restored backup brought back; how many patients that were. Codes it never had are kept."""
    done = 0
    known = set(Erasure.objects.values_list("code", flat=True))
    for entry in {entry.code: entry for entry in entries if entry.code not in known}.values():
        with transaction.atomic():
            by = User.objects.filter(pk=entry.by).first() if entry.by else None
            Erasure.objects.create(code=entry.code, at=moment(entry.at), by=by, reason=entry.reason[:200])
            patient = Patient.objects.filter(code=entry.code).first()
            if patient is not None:
                forget(lock([patient.pk])[patient.pk], by)
                done += 1
    return done


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text) if text else timezone.now()


# The file ------------------------------------------------------------------------------------------------------------


def stored() -> list[Entry]:
    """The list as the database has it."""
    rows = Erasure.objects.values_list("code", "at", "reason", "by_id")
    return [Entry(code, at.isoformat(), reason, by) for code, at, reason, by in rows]


def keep_list() -> None:
    """Bring the file up to date with the table: what is missing is appended and on the disk when this returns."""
    path = Path(settings.DATA_DIR) / FILE
    entries = stored()
    if not entries:
        return
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        text = file.read()
        whole = text.rfind(b"\n") + 1  # a line that was cut off, by a full disk or a power cut, is written again
        known = {entry.code for entry in parse(text[:whole], path)}
        missing = [entry for entry in entries if entry.code not in known]
        if not missing:
            return
        file.seek(whole)
        file.truncate()
        file.write("".join(json.dumps(asdict(entry)) + "\n" for entry in missing).encode())
        file.flush()
        os.fsync(file.fileno())


def after_erasure() -> None:
    """What follows a committed erasure: the list on the disk, and on SQLite no older page beside the database."""
    keep_list_soon()
    if connection.vendor == "sqlite":
        with suppress(DatabaseError), connection.cursor() as cursor:  # somebody reads: later pages take their place
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def keep_list_soon() -> None:
    """For after a commit: the erasure stands, and the sweep tries again where the disk refused the file."""
    try:
        keep_list()
    except (OSError, ListUnreadable) as problem:
        log.error("the list of erasures could not be written to %s: %s", FILE, type(problem).__name__)


def read_list(path: Path) -> list[Entry]:
    """The erasures of a file. Raises ListUnreadable rather than to miss one."""
    try:
        text = path.read_bytes()
    except OSError as problem:
        raise ListUnreadable(f"The list of erasures {path} cannot be read ({problem.strerror}).") from None
    return parse(text[: text.rfind(b"\n") + 1], path)


def parse(text: bytes, path: Path) -> list[Entry]:
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            entry = Entry(**json.loads(line))
            if not isinstance(entry.code, str) or not isinstance(entry.reason, str):
                raise TypeError
            moment(entry.at)
        except (ValueError, TypeError):
            raise ListUnreadable(f"Line {number} of the list of erasures {path} is no erasure: correct it.") from None
        found.append(entry)
    return found
