"""What a column of an exported table is: its name, what it says, its type, and how a row gives its value.

One tuple of columns makes the CSV, the JSON and the data dictionary, so that none of them can say otherwise.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Generic, Literal, TypeVar

from outcomes.exchange.writing import no_formula

Row = TypeVar("Row")
Type = Literal["text", "code", "list", "integer", "decimal", "date", "moment", "boolean"]
BETWEEN = ";"  # between the parts of a list in one cell
FORMS: Mapping[Type, str] = {
    "text": "text; an apostrophe stands before a text that a spreadsheet would run as a formula",
    "code": "one of the permitted values",
    "list": f"codes with {BETWEEN} between them; in JSON an array",
    "integer": "whole number",
    "decimal": "number with a decimal point",
    "date": "day, YYYY-MM-DD",
    "moment": "moment in UTC, YYYY-MM-DDTHH:MM:SSZ",
    "boolean": "true or false",
}


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column. `values`: the permitted codes and what each means; `write` gives None for what is not known."""

    name: str
    says: str
    type: Type
    write: Callable[[Row], Any]
    unit: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


def in_csv(type: Type) -> Callable[[Any], str]:
    """How a value of this type is written in a cell; an empty cell means not known or not applicable."""
    ways: dict[Type, Callable[[Any], str]] = {
        "text": no_formula,
        "code": no_formula,
        "list": lambda parts: no_formula(BETWEEN.join(parts)),
        "integer": str,
        "decimal": "{:.1f}".format,
        "date": date.isoformat,
        "moment": said_moment,
        "boolean": lambda value: "true" if value else "false",
    }
    return ways[type]


def in_json(type: Type) -> Callable[[Any], Any]:
    """How a value of this type is written in JSON; null means not known or not applicable."""
    ways: dict[Type, Callable[[Any], Any]] = {
        "decimal": float,
        "date": date.isoformat,
        "moment": said_moment,
        "list": list,
        "boolean": bool,
    }
    return ways.get(type, lambda value: value)


def said_moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def cells(columns: Sequence[Column[Row]], form: Callable[[Type], Callable[[Any], Any]], none: Any):
    """A function that makes the cells of a row; `none` stands for a value that is not known."""
    pairs = [(column.write, form(column.type)) for column in columns]

    def of(row: Row) -> list[Any]:
        found = []
        for write, say in pairs:
            value = write(row)
            found.append(none if value is None else say(value))
        return found

    return of
