"""Tables of visits, relapses and infusions of any size to columns: for the commands that need no database.

Strict where guessing would change a result: every wrong date or number is a fault with the line of the file, and with
one fault nothing is computed. What is merely empty is left to the engine, which says what it did not use.
"""

import itertools
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from math import isfinite
from operator import itemgetter
from pathlib import Path
from typing import Any

from engine.types import Interval
from outcomes.exchange.progress import Progress
from outcomes.exchange.reading import DELIMITERS, FileError, Row, checked_header, records, shown, text_lines

FAULTS_SHOWN = 20
ORDERS = {"iso": "2019-12-31", "dmy": "31.12.2019 or 31/12/2019", "mdy": "12/31/2019"}
YES, NO = ("1", "true", "yes", "y", "t"), ("0", "false", "no", "n", "f")
YEARS = range(1900, 2200)

BOM = "\ufeff"


@dataclass
class Faults:
    """What is wrong with the files, one sentence each; the first ones are kept, all are counted."""

    sentences: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, file: str, line: int | None, sentence: str) -> None:
        self.count += 1
        if self.count <= FAULTS_SHOWN:
            self.sentences.append(f"{file}: Line {line}: {sentence}" if line else f"{file}: {sentence}")


@dataclass(frozen=True)
class Layout:
    """How a table is written: its columns by what they hold, the separator ("": found), the order within a date."""

    columns: Mapping[str, str]
    optional: frozenset[str] = frozenset()
    separator: str = ""
    dates: str = "iso"


@dataclass(frozen=True)
class Records:
    """The cells of the wanted columns, by column, and the line of the file on which each row begins."""

    file: str
    lines: list[int]
    cells: dict[str, tuple[str, ...]]
    decimal_comma: bool


def read_columns(path: Path, layout: Layout, faults: Faults) -> Records:
    """The wanted columns of a CSV file; FileError or OSError when it cannot be read at all."""
    with path.open("rb") as file:
        progress = Progress(os.fstat(file.fileno()).st_size)
        try:
            lines = text_lines(file, progress.advance)
            first = next(lines, "").removeprefix(BOM)
            if not first.strip():
                raise FileError("The file is empty, or its first line is. The first line must name the columns.", 1)
            name = layout.separator or max(DELIMITERS, key=lambda name: first.count(DELIMITERS[name]))
            rows = records(itertools.chain([first], lines), DELIMITERS[name])
            header = checked_header(Row(1, tuple(next(rows)[1])), name)
            return _picked(path.name, rows, _places(header, layout), len(header), faults, decimal_comma=name != ",")
        finally:
            progress.clear()


def _picked(
    file: str,
    rows: Iterator[tuple[int, list[str]]],
    places: dict[str, int],
    width: int,
    faults: Faults,
    *,
    decimal_comma: bool,
) -> Records:
    """The wanted cells of all rows."""
    lines: list[int] = []
    found: list[tuple[str, ...]] = []
    pick = itemgetter(*places.values())
    for line, cells in rows:
        if len(cells) == width:
            lines.append(line)
            found.append(pick(cells))
        else:
            faults.add(file, line, f"The row has {len(cells)} cells, the header {width}.")
    columns = list(zip(*found, strict=True)) or [()] * len(places)
    return Records(file, lines, dict(zip(places, columns, strict=True)), decimal_comma)


def _places(header: tuple[str, ...], layout: Layout) -> dict[str, int]:
    """Where each wanted column stands. Upper and lower case are the same."""
    known = {name.casefold(): place for place, name in enumerate(header)}
    places: dict[str, int] = {}
    for key, name in layout.columns.items():
        place = known.get(name.casefold())
        if place is not None:
            places[key] = place
        elif key not in layout.optional:
            there = ", ".join(shown(one) for one in header[:12])
            raise FileError(f"There is no column {shown(name)}. There are {there}. Name yours with an option.", 1)
    return places


# Values


class Cells(dict[str, Any]):
    """Texts of one column to values; each distinct text is read once. `wrong`: those that cannot be read."""

    def __init__(self, read: Callable[[str], Any]) -> None:
        self.read = read
        self.wrong: dict[str, str] = {}

    def __missing__(self, text: str) -> Any:
        try:
            value = self.read(text.strip())
        except ValueError as problem:
            self.wrong[text] = str(problem)
            value = None
        self[text] = value
        return value


def column(records: Records, key: str, read: Callable[[str], Any], faults: Faults) -> list[Any]:
    """The values of one column; None for an empty cell or one that is a fault."""
    cells = Cells(read)
    texts = records.cells[key]
    values = [cells[text] for text in texts]
    if cells.wrong:
        for line, text in zip(records.lines, texts, strict=True):
            if text in cells.wrong:
                faults.add(records.file, line, cells.wrong[text])
    return values


def day_reader(order: str) -> Callable[[str], Interval | None]:
    """Reads a date, known to the day, the month ("2019-12") or the year ("2019"); a time of the day is cut off."""

    def read(text: str) -> Interval | None:
        if not text:
            return None
        try:
            found = _interval(text, order)
        except ValueError:
            found = None
        if found is None:
            raise ValueError(f"{shown(text)} is not a date such as {ORDERS[order]}.")
        if found.first.year not in YEARS:
            raise ValueError(f"{shown(text)} is not between {YEARS[0]} and {YEARS[-1]}.")
        return found

    return read


def _interval(text: str, order: str) -> Interval | None:
    if order == "iso":
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}([T ].+)?", text):
            return Interval.of(datetime.fromisoformat(text).date())
        if re.fullmatch(r"\d{4}-\d{2}", text):
            return Interval.of(date.fromisoformat(f"{text}-01"), "month")
        return Interval.of(date(int(text), 1, 1), "year") if re.fullmatch(r"\d{4}", text) else None
    parts = re.fullmatch(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})( .+)?", text)
    if parts is None:
        return None
    first, second, year = (int(part) for part in parts.groups()[:3])
    day, month = (first, second) if order == "dmy" else (second, first)
    return Interval.of(date(year, month, day))


def score_reader(decimal_comma: bool) -> Callable[[str], float | None]:
    def read(text: str) -> float | None:
        if not text:
            return None
        written = text.replace(",", ".") if decimal_comma else text
        if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", written) or not isfinite(float(written)):
            raise ValueError(f"{shown(text)} is not a number.")
        return float(written)

    return read


def read_flag(text: str) -> bool:
    """Whether a visit may confirm: yes unless it says no."""
    if not text or text.casefold() in YES:
        return True
    if text.casefold() in NO:
        return False
    raise ValueError(f"{shown(text)} is neither yes nor no (1 or 0, true or false).")
