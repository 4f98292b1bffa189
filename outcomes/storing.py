"""Derived rows written in bulk: made or replaced in one statement, with no pass over each field of each row.

`bulk_create` says the same on any database. On PostgreSQL it costs more than the computation itself, since each value
is prepared and quoted in Python; there the rows travel as one JSON text.
"""

import json
from collections.abc import Sequence

from django.db import connection, models


def upsert(rows: Sequence[models.Model], unique: Sequence[str], update: Sequence[str]) -> None:
    """Insert rows of one model; where the `unique` fields are there already, set the fields of `update`."""
    if not rows:
        return
    model = type(rows[0])
    if connection.vendor != "postgresql":
        manager = model._default_manager
        manager.bulk_create(rows, update_conflicts=True, unique_fields=unique, update_fields=update)
        return
    quote, fields = connection.ops.quote_name, [f for f in model._meta.concrete_fields if not f.primary_key]
    columns = {f.name: f.column or "" for f in fields}
    values = [(f.column, f.attname) for f in fields]
    text = json.dumps(
        [{column: getattr(row, name) for column, name in values} for row in rows],
        default=str,
        allow_nan=False,
        separators=(",", ":"),
    )
    table, names = quote(model._meta.db_table), ", ".join(map(quote, columns.values()))
    found, changed = ", ".join(quote(columns[name]) for name in unique), (quote(columns[name]) for name in update)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM json_populate_recordset(NULL::{table}, %s::json) "  # noqa: S608
            f"ON CONFLICT ({found}) DO UPDATE SET {', '.join(f'{name} = EXCLUDED.{name}' for name in changed)}",
            [text],
        )
