"""Many new records at once, with their history, in the shortest time under the lock.

The ORM's bulk insert spends most of its time on making SQL, row after row, while everybody else's saves wait: for
20,000 assessments longer than SQLite lets them. So values are made ready before the transaction, inserted with one
statement, and the history is copied from the rows in the database with another. A test compares it with the history
that django-simple-history writes.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.utils import timezone

from patients.models import User
from patients.writing import named_errors


class Load:
    """Checked, unsaved records of one model and one import; only the ids of their patients may still be missing.

    `sentences`: what a refusal of the database means, by the name of the constraint.
    """

    def __init__(self, model: Any, records: Sequence[Any], sentences: dict[str, tuple[str, str]]) -> None:
        self.model, self.records, self.sentences = model, records, sentences
        self.fields = [field for field in model._meta.concrete_fields if not field.primary_key]
        self.rows = self.values()

    def values(self) -> list[list]:
        here = connections[DEFAULT_DB_ALIAS]  # looked up once, not by the proxy a million times
        found = []
        for record in self.records:
            have = record.__dict__
            found.append(
                [
                    None if have[field.attname] is None else field.get_db_prep_save(have[field.attname], here)
                    for field in self.fields
                ]
            )
        return found

    def write(self, import_id: UUID, *, by: User, reason: str) -> None:
        """Insert the rows and their history, inside the caller's transaction. Raises ValidationError."""
        if not self.rows:
            return
        names = [field.name for field in self.fields]
        if "patient" in names:
            place = names.index("patient")
            for row, record in zip(self.rows, self.records, strict=True):
                row[place] = record.patient.pk
        with named_errors(self.model, self.sentences), connection.cursor() as cursor:
            cursor.executemany(self.insert(), self.rows)
            if hasattr(self.model, "history"):
                cursor.execute(self.copy(), self.copied(import_id, by, reason))

    def insert(self) -> str:
        names = columns(self.fields)
        marks = ", ".join(["%s"] * len(self.fields))
        return f"INSERT INTO {quoted(self.model._meta.db_table)} ({names}) VALUES ({marks})"  # noqa: S608 - own names

    def copy(self) -> str:
        """Every column of a record stands under the same name in its history, beside who, when and why."""
        history = self.model.history.model._meta
        names = columns(self.model._meta.concrete_fields)
        added = columns(history.get_field(f"history_{part}") for part in ("date", "type", "user", "change_reason"))
        return (
            f"INSERT INTO {quoted(history.db_table)} ({names}, {added}) SELECT {names}, %s, %s, %s, %s "  # noqa: S608
            f"FROM {quoted(self.model._meta.db_table)} WHERE {quoted('import_id')} = %s ORDER BY {quoted('id')}"
        )

    def copied(self, import_id: UUID, by: User, reason: str) -> list:
        history = self.model.history.model._meta
        own = {"date": timezone.now(), "type": "+", "user": by.pk, "change_reason": reason}
        made = [history.get_field(f"history_{part}").get_db_prep_save(own[part], connection) for part in own]
        return [*made, self.model._meta.get_field("import_id").get_db_prep_save(import_id, connection)]


def quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def columns(fields) -> str:
    return ", ".join(quoted(field.column) for field in fields)
