"""Counts and hashes of the rows of every table: equal if and only if the same rows are there, in whatever order.

A row's hash is a number, a table's the sum of them. The database itself is asked what tables it has, so that an older
or newer version than this one can be compared too.
"""

import hashlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

BITS = 128


@dataclass(frozen=True)
class Table:
    rows: int
    hash: str


Tables = dict[str, Table]


def of_sqlite(path: Path) -> Tables:
    """Of a database file that nobody writes."""
    file = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    file.text_factory = bytes
    try:
        names = file.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
        )
        found = {}
        for (name,) in names.fetchall():
            quoted = name.decode().replace('"', '""')
            number = total = 0
            for row in file.execute(f'SELECT * FROM "{quoted}"'):  # noqa: S608 - a name of the file itself
                digest = hashlib.blake2b(repr(row).encode(), digest_size=BITS // 8).digest()
                number, total = number + 1, total + int.from_bytes(digest, "big")
            found[name.decode()] = Table(number, f"{total % 2**BITS:032x}")
        return found
    finally:
        file.close()


# how values look as text: the same whoever asks
AS_TEXT = (
    "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres'; "
    "SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'"
)
OF_TABLE = """
SELECT count(*), coalesce(sum(('x' || substr(h, 1, 16))::bit(64)::bigint::numeric), 0),
    coalesce(sum(('x' || substr(h, 17, 16))::bit(64)::bigint::numeric), 0)
FROM (SELECT encode(sha256(convert_to(t::text, 'UTF8')), 'hex') AS h FROM {table} t) AS hashes
"""


def of_postgresql() -> Tables:
    """Of the current schema, inside a transaction that the caller has opened."""
    found = {}
    with connection.cursor() as cursor:
        cursor.execute(AS_TEXT)
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1")
        for (name,) in cursor.fetchall():
            cursor.execute(OF_TABLE.format(table=connection.ops.quote_name(name)))
            number, high, low = cursor.fetchone()
            found[name] = Table(int(number), f"{int(high) % 2**64:016x}{int(low) % 2**64:016x}")
    return found


def differing(one: Tables, other: Tables) -> list[str]:
    """The tables that are not the same in both."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
