"""The bytes of a CSV file to numbered rows, with its limits tried before anything is parsed.

Strict on purpose: Python's reader alone swallows the rows after an open quote, keeps the last of two columns of one
name, and makes a byte order mark part of the first name, each without a word.
"""

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

MAX_BYTES = 10_000_000
MAX_ROWS = 20_000
MAX_COLUMNS = 100
MAX_CHARACTERS = 10_000  # in one cell
MAX_LINE = 1_000_000  # bytes of one line, in a file that is read as it comes
NUL = "There is a NUL byte. This is no CSV text; save it as CSV, UTF-8."
NOT_UTF8 = "This is not UTF-8. Save the file as CSV, UTF-8."
DELIMITERS = {",": ",", ";": ";", "tab": "\t"}


class FileError(ValueError):
    """Why a whole file is refused. `line` is that of the file, counted from 1, where one is to blame."""

    def __init__(self, sentence: str, line: int | None = None) -> None:
        super().__init__(f"Line {line}: {sentence}" if line else sentence)
        self.line = line


@dataclass(frozen=True, slots=True)
class Row:
    """One record and the line of the file on which it begins."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A file as read: the names of its columns, its records, and the hash that tells it from every other file."""

    name: str
    sha256: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def position(self, column: str) -> int:
        return self.columns.index(column)


def read_table(content: bytes, *, name: str, delimiter: str = ",") -> Table:
    """All records of a CSV file. Raises FileError for what cannot be read without guessing."""
    text = decoded(content)
    records = list(read_records(text, DELIMITERS[delimiter]))
    if not records:
        raise FileError("The file is empty. Its first line must name the columns.")
    header, *rows = records
    columns = checked_header(header, delimiter)
    if not rows:
        raise FileError("The file has a header and no rows.")
    for row in rows:
        check_row(row, columns)
    return Table(name, hashlib.sha256(content).hexdigest(), columns, tuple(rows))


def decoded(content: bytes) -> str:
    """UTF-8 text, its byte order mark taken off. Raises FileError."""
    if len(content) > MAX_BYTES:
        raise FileError(f"The file has {len(content):,} bytes; {MAX_BYTES:,} is the limit. Split it.")
    if b"\x00" in content:
        raise FileError(NUL, line_at(content, content.index(b"\x00")))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise FileError(NOT_UTF8, line_at(content, problem.start)) from None


def line_at(content: bytes, place: int) -> int:
    """The line of a byte, whichever of the three line ends the file has."""
    before = content[:place].replace(b"\r\n", b"\n")
    return before.count(b"\n") + before.count(b"\r") + 1


def read_records(text: str, delimiter: str) -> Iterator[Row]:
    """The records with the lines on which they begin; empty lines at the end are dropped. Raises FileError."""
    for count, (begins, cells) in enumerate(records(io.StringIO(text, newline=""), delimiter)):
        if count > MAX_ROWS:
            raise FileError(f"The file has more than {MAX_ROWS:,} rows. Split it.", begins)
        yield Row(begins, tuple(cells))


def records(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The line on which each record begins, and its cells, as they come; however long the file is. Raises FileError."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    empty, begins = 0, 1
    try:
        for cells in reader:
            if not cells:
                empty = empty or begins
            elif empty:
                raise FileError("The line is empty, and rows follow it.", empty)
            else:
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as problem:
        raise FileError(said(problem), begins) from None


def text_lines(file: BinaryIO, read: Callable[[int], object]) -> Iterator[str]:
    """The lines of a long file, decoded one by one. `read` is told the bytes of each. Raises FileError."""
    for line, content in enumerate(iter(partial(file.readline, MAX_LINE), b""), start=1):
        if b"\x00" in content:
            raise FileError(NUL, line)
        if len(content) == MAX_LINE:
            raise FileError(f"The line has more than {MAX_LINE:,} bytes. Is this a CSV file?", line)
        read(len(content))
        try:
            yield content.decode()
        except UnicodeDecodeError:
            raise FileError(NOT_UTF8, line) from None


def said(problem: csv.Error) -> str:
    """What Python's reader found, in words."""
    text = str(problem)
    if "end of data" in text:
        return 'A quote (") is opened here and never closed. Close it, or write "" for a quote inside a cell.'
    if "expected after" in text:
        return 'Text follows a closing quote ("). Write "" for a quote inside a quoted cell.'
    if "field larger" in text:
        return f"A cell has more than {MAX_CHARACTERS:,} characters. Is a quote never closed?"
    if "new-line character" in text:
        return "The lines end as on an old Mac (CR alone). Save the file as CSV with today's line ends."
    return f"This row cannot be read ({text})."


def checked_header(header: Row, delimiter: str) -> tuple[str, ...]:
    """The names of the columns, each there once and written plainly. Raises FileError."""
    if len(header.cells) > MAX_COLUMNS:
        raise FileError(f"There are {len(header.cells)} columns; {MAX_COLUMNS} is the limit.", header.line)
    seen: dict[str, int] = {}
    for number, name in enumerate(header.cells, start=1):
        if not name.strip():
            raise FileError(f"Column {number} has no name. Name it, or remove it if it is empty.", header.line)
        if name != name.strip():
            raise FileError(f"The name of column {number}, {shown(name)}, has a space around it.", header.line)
        if not name.isprintable() or len(name) > 100:
            raise FileError(f"The name of column {number}, {shown(name)}, is not plain text.", header.line)
        if name.casefold() in seen:
            other = seen[name.casefold()]
            raise FileError(f"Columns {other} and {number} have the same name, {shown(name)}.", header.line)
        seen[name.casefold()] = number
    if len(header.cells) == 1:
        likely = next((name for name, mark in DELIMITERS.items() if name != delimiter and mark in header.cells[0]), "")
        advice = (
            f' It looks separated by "{likely}": say delimiter = "{likely}" in a mapping, or --separator "{likely}".'
        )
        hint = advice if likely else ""
        raise FileError(f'There is one column only, with "{delimiter}" between columns.{hint}', header.line)
    return header.cells


def check_row(row: Row, columns: tuple[str, ...]) -> None:
    """As many cells as columns, none of them huge. Raises FileError."""
    if len(row.cells) != len(columns):
        raise FileError(f"The row has {len(row.cells)} cells, the header {len(columns)}.", row.line)
    for name, cell in zip(columns, row.cells, strict=True):
        if len(cell) > MAX_CHARACTERS:
            raise FileError(f"{name} has {len(cell):,} characters; {MAX_CHARACTERS:,} is the limit.", row.line)


def shown(text: str, limit: int = 40) -> str:
    """A value of the file inside a message: in quotes, short, and with nothing unprintable."""
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    return f'"{short}"' if short.isprintable() else '"' + "".join(c if c.isprintable() else "·" for c in short) + '"'
