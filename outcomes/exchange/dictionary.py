"""The data dictionary of the cohort export: made from the columns, as CSV, as JSON and as a page of the documents."""

import io
from collections.abc import Iterator
from typing import Any

from outcomes.exchange.cohort_columns import COHORT
from outcomes.exchange.columns import FORMS, Column
from outcomes.exchange.writing import csv_writer, no_formula

INTRODUCTION = """# Data dictionary of the cohort export

Made from the columns themselves by `edss-tracker export --dictionary docs/data-dictionary.md`; do not edit it.

One row a patient: those who take part and whose latest decision about research use is yes. The file is UTF-8 without a
byte order mark, with one header row, a comma between cells, every cell in quotes, and lines ended by LF. An empty cell
means *not known* or *does not apply*. It reads as it is into R (`read.csv(file)`) and pandas (`pd.read_csv(file)`). The
JSON variant holds the same values without the apostrophes, with this dictionary and the definitions beside them.

Dates of visits and infusions known to the month or year stand as the first day they may be; the column of precision, or
the one that counts the imprecise ones, says so.
"""


def csv_text() -> str:
    """One row a permitted value, and one for a column without such: so labels can be joined to codes by a program."""
    file = io.StringIO()
    writer = csv_writer(file)
    writer.writerow(["name", "description", "type", "form", "unit", "value", "label"])
    for column in COHORT:
        says = [column.name, column.says, column.type, FORMS[column.type], column.unit]
        for value, label in column.values.items() or [("", "")]:
            writer.writerow([no_formula(cell) for cell in (*says, value, label)])
    return file.getvalue()


def as_json() -> list[dict[str, Any]]:
    return [
        {
            "name": column.name,
            "description": column.says,
            "type": column.type,
            "unit": column.unit or None,
            "values": dict(column.values) or None,
        }
        for column in COHORT
    ]


def markdown() -> str:
    return "\n".join([INTRODUCTION, *types(), "", *table(), "", *value_lists(), ""])


def types() -> Iterator[str]:
    yield from ("| type | written |", "|---|---|")
    yield from (f"| {name} | {form} |" for name, form in FORMS.items())


def table() -> Iterator[str]:
    yield from ("## Columns", "", "| column | says | type | unit |", "|---|---|---|---|")
    for column in COHORT:
        yield f"| `{column.name}` | {column.says} | {column.type} | {column.unit} |"


def value_lists() -> Iterator[str]:
    """Each list of permitted values once, with the columns that share it."""
    shared: dict[tuple[tuple[str, str], ...], list[Column]] = {}
    for column in COHORT:
        if column.values:
            shared.setdefault(tuple(column.values.items()), []).append(column)
    yield "## Permitted values"
    for values, columns in shared.items():
        yield from ("", ", ".join(f"`{column.name}`" for column in columns), "", "| value | means |", "|---|---|")
        yield from (f"| `{value}` | {label} |" for value, label in values)
