"""CSV as every export writes it: all cells quoted, and no text that a spreadsheet would run as a formula.

A file that is named appears whole or not at all; what goes to standard output waits until it is known to be whole.
"""

import csv
import os
import re
import secrets
import shutil
import stat
import sys
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, Final, TextIO

# No formula begins with one of these: most cells need no further look.
_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_PLAIN_OR_EMPTY: Final = _PLAIN | {""}
_FIRST: Final = itemgetter(slice(1))
_NUMBER: Final = re.compile(r"[-+]?[0-9]+([.,][0-9]+)?([eE][-+]?[0-9]+)?")
_STARTS: Final = frozenset("=+-@\u2212")  # the true minus too: what is folded from other scripts may be that one
_QUOTES: Final = frozenset("\"'`\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a")
_BLANK: Final = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # letters and signs that draw nothing


class OutputError(ValueError):
    """Why nothing can be written there; the text is a sentence."""


def no_formula(text: str) -> str:
    """The text, with an apostrophe before it if a spreadsheet could take it for a formula.

    Looked at is the first visible character, in whatever width or style it is written, quotes left aside. A text that
    begins with an apostrophe is one already, so that a file of ours can be written again.
    """
    return "'" + text if text and text[0] not in _PLAIN and text[0] != "'" and _may_run(text) else text


def _may_run(text: str) -> bool:
    for character in unicodedata.normalize("NFKC", text):
        kind = unicodedata.category(character)
        if character in _STARTS or kind == "Cc":
            return True
        if not (character.isspace() or kind[0] in "CMZ" or character in _QUOTES or character in _BLANK):
            return False
    return False


def guarded(text: str) -> str:
    """The same for a table that is not ours and has no types: what is a plain number stays one."""
    return text if _NUMBER.fullmatch(text) else no_formula(text)


def guarded_row(cells: list[str]) -> list[str]:
    if _PLAIN_OR_EMPTY.issuperset(map(_FIRST, cells)):  # as nearly always: then no cell need be looked at by itself
        return cells
    return [cell if cell[:1] in _PLAIN else guarded(cell) for cell in cells]


def csv_writer(file: TextIO, delimiter: str = ",") -> Any:
    """A writer with all cells quoted and lines ended by LF. Text goes through `no_formula` or `guarded` first."""
    return csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n")


def csv_lines(rows: Iterable[list[str]], delimiter: str = ",") -> Iterator[str]:
    """What `csv_writer` writes, line by line; several times quicker where cells are long."""
    between = f'"{delimiter}"'
    for cells in rows:
        body = between.join(cells)
        if body.count('"') > 2 * len(cells) - 2:  # a quote inside a cell
            body = between.join([cell.replace('"', '""') for cell in cells])
        yield f'"{body}"\n'


@contextmanager
def whole_file(path: Path | None) -> Iterator[TextIO]:
    """A text file that becomes `path`, or the standard output for None, once the block ends without an error."""
    if path is None:
        with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as spool:
            yield spool
            copy_to_output(spool)
        return
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise OutputError(f"There is no folder {target.parent}.")
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(target.stat().st_mode):
            raise OutputError(f"{path} is no ordinary file: name another one.")
    part = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        with open(part, "x", encoding="utf-8", newline="", opener=for_the_owner) as file:
            yield file
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def for_the_owner(path: str, flags: int) -> int:
    """What is written tells of patients: nobody else on this machine reads it."""
    return os.open(path, flags, 0o600)


def copy_to_output(spool: IO[str]) -> None:
    spool.flush()
    spool.buffer.seek(0)  # type: ignore[attr-defined]
    sys.stdout.flush()
    shutil.copyfileobj(spool.buffer, sys.stdout.buffer, 1 << 20)  # type: ignore[attr-defined]
    sys.stdout.flush()
