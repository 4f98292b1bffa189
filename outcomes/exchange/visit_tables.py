"""Tables of visits, relapses and infusions of any size to columns: for the commands that need no database.

Strict where guessing would change a result: every wrong date or number is a fault with the line of the file, and with
one fault nothing is computed. What is merely empty is left to the engine, which says what it did not use.
"""

import itertools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path

from outcomes.exchange.progress import Progress
from outcomes.exchange.reading import DELIMITERS, FileError, Row, checked_header, records, shown, text_lines

FAULTS_SHOWN = 20

BOM = "\ufeff"


@dataclass
class Faults:
    """What is wrong with the files, one sentence each; the first ones are kept, all are counted."""

    sentences: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, file: str, line: int | None, sentence: str, column: str = "") -> None:
        self.count += 1
        if self.count <= FAULTS_SHOWN:
            where = f"{file}: Line {line}" if line else file
            self.sentences.append(f"{where}, {column}: {sentence}" if column else f"{where}: {sentence}")


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
    names: Mapping[str, str]  # of the columns, as the user calls them
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
            places = _places(header, layout)
            numbers, cells = _picked(path.name, rows, places, len(header), faults)
            return Records(path.name, numbers, cells, layout.columns, decimal_comma=name != ",")
        finally:
            progress.clear()


def _picked(
    file: str,
    rows: Iterator[tuple[int, list[str]]],
    places: dict[str, int],
    width: int,
    faults: Faults,
) -> tuple[list[int], dict[str, tuple[str, ...]]]:
    """The line of each row, and the wanted cells of all rows by column."""
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
    return lines, dict(zip(places, columns, strict=True))


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
