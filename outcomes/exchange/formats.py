"""The two forms of an exported cohort: blocks of people into parts of a text."""

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from engine import VERSION
from engine.history import HISTORY, PRESET
from engine.status import RULE_NAME
from outcomes.exchange.cohort_columns import COHORT
from outcomes.exchange.cohort_rows import Person
from outcomes.exchange.columns import cells, in_csv, in_json, said_moment
from outcomes.exchange.dictionary import as_json
from outcomes.exchange.writing import csv_writer
from outcomes.snapshot import Snapshot

NAMES = [column.name for column in COHORT]


def csv_parts(blocks: Iterable[list[Person]], snapshot: Snapshot, about: dict[str, Any]) -> Iterator[str]:
    """A header, then a part a block. `about` has no place in a CSV; what a row needs stands in its columns."""
    of = cells(COHORT, in_csv, "")
    yield written([NAMES])
    for people in blocks:
        if people:
            yield written(map(of, people))


def written(rows: Iterable[list[str]]) -> str:
    file = io.StringIO(newline="")
    csv_writer(file).writerows(rows)
    return file.getvalue()


def json_parts(blocks: Iterable[list[Person]], snapshot: Snapshot, about: dict[str, Any]) -> Iterator[str]:
    """One object: what the file is, the dictionary, the patients, and their number last, so that a torn file shows."""
    head = {
        "about": {
            "table": "cohort",
            "snapshot_at": said_moment(snapshot.at),
            "engine_version": VERSION,
            "status_rule": RULE_NAME,
            "event_definition": {
                "name": PRESET.name,
                "hash": HISTORY.content_hash,
                "options": HISTORY.as_mapping(),
                "sentence": replace(PRESET, definitions=(HISTORY,)).sentences[0],
            },
            "purpose": "Change after Lemtrada, not its effect. For research and registry use.",
            **about,
        },
        "dictionary": as_json(),
    }
    of, number = cells(COHORT, in_json, None), 0
    yield json.dumps(head, ensure_ascii=False, allow_nan=False)[:-1] + ', "patients": ['
    for people in blocks:
        rows = [json.dumps(dict(zip(NAMES, of(p), strict=True)), ensure_ascii=False, allow_nan=False) for p in people]
        if rows:
            yield (",\n" if number else "\n") + ",\n".join(rows)
        number += len(rows)
    yield f'\n], "rows": {number}}}\n'


FORMATS = {"csv": ("CSV", "text/csv; charset=utf-8", csv_parts), "json": ("JSON", "application/json", json_parts)}
