"""`edss-tracker score FILE`: a table of grades with the calculated EDSS beside them, without registry or database."""

import argparse
import itertools
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

from engine.edss import POLICY_CHOICES, Policies
from engine.walking import SCHEMES
from outcomes.exchange.grades import NEEDED, OPTIONAL
from outcomes.exchange.progress import Progress
from outcomes.exchange.reading import DELIMITERS, FileError, records, shown, text_lines
from outcomes.exchange.row_scorer import ADDED, RowScorer
from outcomes.exchange.scoring import Scored
from outcomes.exchange.writing import OutputError, csv_lines, guarded_row, whole_file

FAULTS_SHOWN = 20
KNOWN = (*NEEDED, *OPTIONAL)
BOM = "\ufeff"
ABOUT = f"""\
Adds the calculated EDSS to a table of grades, each row by itself. It needs no registry and no database.

The CSV file (UTF-8, first line: names of columns) needs the columns
  {", ".join(NEEDED[:4])},
  {", ".join(NEEDED[4:])}
with raw grades (not converted ones) and the walking code; a grade may carry X (hard to test) or P (not
due to MS). An empty cell is not known: that row gets no EDSS, and its warnings column says what is missing.
It may have these, which count for their row where they are not empty:
  {", ".join(OPTIONAL[:4])},
  {", ".join(OPTIONAL[4:])}
Every other column is passed through.
"""
MORE = """\
Added columns: calculated_edss; matched_row (the row of the table in docs/engine.md); contested (policies on which
sources differ, when that would change this EDSS); warnings (what a rater should look at again, as "W7: ...", with
" | " between them).

example:
  edss-tracker score grades.csv --output scored.csv

A cell that cannot be (a grade out of range, text for a number) is named on standard error with its line, the first
20 of them; nothing is written then, and the exit code is 2. With --keep-going the row stays, without an EDSS and
with "error: ..." in its warnings. The header is line 1. Output is UTF-8 CSV with the separator of the input and
every cell in quotes. Text that a spreadsheet would run as a formula (it begins with = + - @ and is no number) gets
an apostrophe before it; every other cell is as it was. The output appears whole or not at all.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description, parser.epilog = ABOUT, MORE
    parser.add_argument("file", metavar="FILE.csv", help="the table; - reads standard input")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write (default: standard output)")
    parser.add_argument("--keep-going", action="store_true", help="keep rows that cannot be scored, with the error")
    parser.add_argument("--separator", choices=list(DELIMITERS), help="between columns (default: found in the header)")
    parser.add_argument("--scheme", choices=list(SCHEMES), default="neurostatus",
                        help="what the walking codes mean: neurostatus 0 to 16 (default), legacy 0 to 13")  # fmt: skip
    for name, choices in POLICY_CHOICES.items():
        option = f"--{name.replace('_', '-')}"
        words = f"where sources differ (default {choices[0]}; docs/engine.md)"
        parser.add_argument(option, choices=choices, default=choices[0], help=words)


def run(options: argparse.Namespace) -> int:
    """0: written. 2: nothing was written, because of the file or a row of it. 141: nobody reads the output any more."""
    try:
        return score_file(options)
    except FileError as error:
        complain(f"{options.file}: {error}")
    except OutputError as error:
        complain(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its exit
        return 141
    except OSError as error:
        complain(f"{error.filename or options.output or 'output'}: {error.strerror}.")
    return 2


class Refused(Exception):
    """Rows are at fault: what was written so far is thrown away."""


def score_file(options: argparse.Namespace) -> int:
    with open(sys.stdin.fileno() if options.file == "-" else options.file, "rb") as source:
        if options.output and options.output.exists() and same(source, options.output):
            raise OutputError(f"{options.output} is the input: name another file, it is never overwritten.")
        progress = Progress(os.fstat(source.fileno()).st_size)
        tally = Tally(progress)
        try:
            with whole_file(options.output) as target:
                lines = text_lines(source, progress.advance)
                table = read_header(lines, options.separator)
                target.write(BOM if table.marked else "")
                header = guarded_row([*table.columns, *ADDED])
                rows = itertools.chain([header], scored_rows(table, options, tally))
                target.writelines(csv_lines(rows, table.separator))
                progress.clear()
                if tally.faults and not options.keep_going:
                    raise Refused
        except Refused:
            tally.say_rest()
            complain("Nothing was written. Correct these cells, or keep the rows without an EDSS by --keep-going.")
            return 2
        finally:
            progress.clear()
    tally.say_rest()
    complain(tally.summary(options.scheme))
    return 0


def same(source: BinaryIO, path: Path) -> bool:
    return os.path.samestat(os.fstat(source.fileno()), path.stat())


# The table -----------------------------------------------------------------------------------------------------------


@dataclass
class Table:
    """The header of a file and the lines after it. `marked`: it begins with a byte order mark, as Excel writes it."""

    columns: list[str]
    rows: Iterator[tuple[int, list[str]]]
    separator: str
    marked: bool


def read_header(lines: Iterator[str], separator: str | None) -> Table:
    """Raises FileError for a header without the needed columns, or with one of ours twice."""
    first = next(lines, "")
    marked = first.startswith(BOM)
    first = first.removeprefix(BOM)
    if not first.strip():
        raise FileError("The file is empty, or its first line is. The first line must name the columns.", 1)
    mark = DELIMITERS[separator] if separator else likely_separator(first)
    rows = records(itertools.chain([first], lines), mark)
    _, columns = next(rows)
    check_header(columns)
    return Table(columns, rows, mark, marked)


def likely_separator(line: str) -> str:
    """The separator by which most of the needed columns are found."""

    def known(mark: str) -> int:
        return len(set(NEEDED) & {name.strip('"') for name in line.strip().split(mark)})

    return max(DELIMITERS.values(), key=known)


def check_header(columns: list[str]) -> None:
    """A name that is almost one of ours is no other column: it would be passed through, and its cells not counted."""
    alike = {name: name.strip().casefold() for name in columns if name not in KNOWN}
    if missing := [column for column in NEEDED if column not in columns]:
        near = [name for name, plain in alike.items() if plain in missing]
        hint = f" There is {', '.join(map(shown, near))}: write it in small letters, without a space around it."
        word = "column is" if len(missing) == 1 else "columns are"
        raise FileError(f"The {word} missing: {', '.join(missing)}.{hint * bool(near)}", 1)
    if near := [shown(name) for name, plain in alike.items() if plain in KNOWN]:
        what = "almost the name of a column that counts: write it so, in small letters without a space, or rename it."
        raise FileError(f"There is {', '.join(near)}, {what}", 1)
    if taken := [column for column in ADDED if column in columns]:
        raise FileError(f"There is a column {', '.join(taken)} already: rename or remove it.", 1)
    if twice := [column for column in KNOWN if columns.count(column) > 1]:
        raise FileError(f"Several columns have the name {', '.join(twice)}.", 1)


# The rows ------------------------------------------------------------------------------------------------------------


def scored_rows(table: Table, options: argparse.Namespace, tally: "Tally") -> Iterator[list[str]]:
    """Every row with its four cells; after the first fault none, if that is the end of it. Raises FileError."""
    ours = [column for column in KNOWN if column in table.columns]
    pick = itemgetter(*map(table.columns.index, ours))
    policies = Policies.from_mapping({name: getattr(options, name) for name in POLICY_CHOICES})
    score = RowScorer(ours, policies, options.scheme)
    width = len(table.columns)
    for line, cells in table.rows:
        if len(cells) != width:
            raise FileError(f"The row has {len(cells)} cells, the header {width}.", line)
        scored = score(pick(cells))
        tally.add(line, scored)
        if not tally.faults or options.keep_going:
            cells += scored.cells
            yield guarded_row(cells)


@dataclass
class Tally:
    """What became of the rows; says the first faults as they come and counts the rest."""

    progress: Progress
    rows: int = 0
    missing: int = 0
    warned: int = 0
    faults: int = 0
    faulty_rows: int = 0
    contested: int = 0

    def add(self, line: int, scored: Scored) -> None:
        self.rows += 1
        if scored.faults:
            self.faulty_rows += 1
            self.say(line, scored)
        elif scored.missing:
            self.missing += 1
        elif scored.cells[3]:
            self.warned += 1
            self.contested += bool(scored.cells[2])

    def say(self, line: int, scored: Scored) -> None:
        for column, why in scored.faults:
            self.faults += 1
            if self.faults <= FAULTS_SHOWN:
                self.progress.clear()
                complain(f"Line {line}, {column}: {why}")

    def say_rest(self) -> None:
        if self.faults > FAULTS_SHOWN:
            complain(f"... and {self.faults - FAULTS_SHOWN:,} more such cells, in {self.faulty_rows:,} rows in all.")

    def summary(self, scheme: str) -> str:
        scored = self.rows - self.missing - self.faulty_rows
        parts = [f"{scored:,} of {self.rows:,} rows scored", f"{self.warned:,} of them with warnings"]
        parts += [f"{self.contested:,} contested", f"{self.missing:,} incomplete", f"{self.faulty_rows:,} with errors"]
        return f"{', '.join(parts)}. Walking codes read as {scheme}."


def complain(sentence: str) -> None:
    print(f"edss-tracker score: {sentence}", file=sys.stderr)
