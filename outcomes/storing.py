"""Derived rows written in bulk, in place of those stored before; whoever calls holds the lock on their patients.

On PostgreSQL everything goes in one statement that carries the rows as JSON: `bulk_create`, which says the same on any
database, costs more there than the computation itself, since each value is prepared and quoted in Python.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection, models
from django.db.models import OuterRef, Subquery

from outcomes.models import DisabilityEvent, Trajectory
from patients.models import Freshness

AS_TEXT = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
WITH_DATES = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=str).encode


@dataclass(slots=True)
class Derived:
    """What is stored of one patient: the columns of the trajectory but the record, that, and those of each event.

    The record becomes text as soon as it is there: with those of many patients at once it would be twice as slow.
    """

    values: dict[str, Any]  # completed when it is stored, by when and from which version it was made
    record: str
    events: list[dict[str, Any]]

    @property
    def patient_id(self) -> int:
        return self.values["patient_id"]

    @property
    def trajectory(self) -> Trajectory:
        """The same as unsaved rows."""
        made = Trajectory(**self.values, record=self.record)
        made.events = [DisabilityEvent(**event) for event in self.events]
        return made


def replace(derived: Sequence[Derived], kind: str) -> None:
    """Store these, complete with the version they were made from, and settle the freshness of their patients."""
    if connection.vendor == "postgresql":
        in_one_statement(derived, kind)
        return
    rows = [one.trajectory for one in derived]
    ids = [row.patient_id for row in rows]
    upsert(rows, ["patient"])
    DisabilityEvent.objects.filter(patient__in=ids).delete()
    upsert([event for row in rows for event in row.events], ["patient", "number"])
    made_from = Trajectory.objects.filter(patient=OuterRef("patient"))
    Freshness.objects.filter(kind=kind, patient__in=ids).update(
        computed_version=Subquery(made_from.values("data_version")),
        computed_engine=Subquery(made_from.values("engine_version")),
        attempts=0,
        not_before=None,
    )


def upsert(rows: Sequence[models.Model], unique: Sequence[str]) -> None:
    """Insert rows of one model, or replace those that are the same by these fields."""
    if rows:
        fields = [f.name for f in type(rows[0])._meta.concrete_fields if not f.primary_key and f.name not in unique]
        manager = type(rows[0])._default_manager
        manager.bulk_create(rows, update_conflicts=True, unique_fields=unique, update_fields=fields)


def in_one_statement(derived: Sequence[Derived], kind: str) -> None:
    rows = [f'{WITH_DATES(one.values)[:-1]},"record":{one.record}}}' for one in derived]
    values: dict[str, Any] = {
        "trajectories": f"[{','.join(rows)}]",
        "events": WITH_DATES([event for one in derived for event in one.events]),
        "patients": [one.patient_id for one in derived],
        "kind": kind,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement(), values)


@cache
def statement() -> str:
    """A record that is nested in the JSON becomes the text of its column as it stands there.

    Patients are named wherever rows are sought: how many rows are new is a guess of the planner.
    """
    return f"""
WITH new AS (SELECT * FROM json_populate_recordset(NULL::{Trajectory._meta.db_table}, %(trajectories)s::json)),
new_event AS (SELECT * FROM json_populate_recordset(NULL::{DisabilityEvent._meta.db_table}, %(events)s::json)),
stored AS ({inserted(Trajectory, "new", ["patient_id"])}),
kept AS ({inserted(DisabilityEvent, "new_event", ["patient_id", "number"])}),
gone AS (
    DELETE FROM {DisabilityEvent._meta.db_table} old WHERE patient_id = ANY(%(patients)s) AND NOT EXISTS
    (SELECT FROM new_event WHERE new_event.patient_id = old.patient_id AND new_event.number = old.number)
)
UPDATE {Freshness._meta.db_table} settled
SET computed_version = new.data_version, computed_engine = new.engine_version, attempts = 0, not_before = NULL
FROM new
WHERE settled.kind = %(kind)s AND settled.patient_id = new.patient_id AND settled.patient_id = ANY(%(patients)s)
"""  # noqa: S608


def inserted(model: type[models.Model], source: str, unique: Sequence[str]) -> str:
    """SQL: the rows of this source, or where they are there already by these columns, all others of theirs."""
    columns = [f'"{f.column}"' for f in model._meta.concrete_fields if not f.primary_key]
    names, found = ", ".join(columns), ", ".join(f'"{name}"' for name in unique)
    changed = ", ".join(f"{name} = EXCLUDED.{name}" for name in columns if name.strip('"') not in unique)
    return (
        f"INSERT INTO {model._meta.db_table} ({names}) SELECT {names} FROM {source} "  # noqa: S608
        f"ON CONFLICT ({found}) DO UPDATE SET {changed}"
    )
