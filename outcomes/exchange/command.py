"""`edss-tracker import assessments FILE --mapping FILE --by EMAIL [--apply]`: for a data manager at a terminal."""

import argparse
import sys
from pathlib import Path
from typing import Any

from django.core.exceptions import PermissionDenied

from outcomes import trajectory
from outcomes.exchange import importing
from outcomes.exchange.checking import check
from outcomes.exchange.mapping import MappingError, read_mapping
from outcomes.exchange.reading import MAX_BYTES, FileError, read_table
from outcomes.exchange.report import Report, count_lines, say_fit, warning_lines
from patients.models import User

LINES_SHOWN = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=["assessments"], help="what the file holds")
    parser.add_argument("file", type=Path, help="the CSV file")
    parser.add_argument("--mapping", type=Path, required=True, help="what its columns and values mean (TOML)")
    parser.add_argument("--by", required=True, metavar="EMAIL", help="the account, an admin, that imports")
    parser.add_argument("--apply", action="store_true", help="write; without it the file is only checked")
    parser.add_argument("--all-lines", action="store_true", help=f"print every listed row, not the first {LINES_SHOWN}")


def run(options: argparse.Namespace) -> int:
    """0: clean. 2: nothing was written, because rows are listed or the file is refused."""
    try:
        return import_file(options)
    except MappingError as error:
        for fault in error.faults:
            complain(f"{options.mapping.name}: {fault}")
    except FileError as error:
        complain(f"{options.file.name}: {error}")
    except PermissionDenied as error:
        complain(str(error))
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}.")
    return 2


def import_file(options: argparse.Namespace) -> int:
    mapping = read_mapping(limited(options.mapping))
    table = read_table(limited(options.file), name=options.file.name, delimiter=mapping.delimiter)
    by = User.objects.filter(email__iexact=options.by, is_active=True).first()
    if by is None:
        complain(f"There is no active account {options.by}.")
        return 2
    batch = None
    if options.apply:
        report, batch = importing.run(table, mapping, by=by)
    else:
        report = check(table, mapping, by=by)
    show(report, lines=None if options.all_lines else LINES_SHOWN)
    if report.clean and batch:
        # This process ends before a hint would reach the worker: compute now. Running twice is harmless.
        rows: list[Any] = [*report.assessments, *report.relapses]
        computed = trajectory.refresh({row.patient.pk for row in rows})
        print(f"Imported as {batch.id}. {computed} trajectories computed.")
    elif report.clean and report.nothing_new:
        print("Everything in this file is stored already. Nothing was changed.")
    elif report.clean:
        print("The file is clean. Nothing was written; add --apply to write it.")
    else:
        print("Nothing was written: every listed row must be corrected, or set aside by a rule of the mapping.")
    return 0 if report.clean else 2


def limited(path: Path) -> bytes:
    """The bytes of a file, one more than are allowed at most: what is too large is refused without being read whole."""
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def show(report: Report, *, lines: int | None) -> None:
    counts = report.counts()
    print(f"{report.file_name} for {report.centre}")
    for words, number in count_lines(counts):
        print(f"{number:>8,}  {words}")
    for id, words, number in warning_lines(counts):
        print(f"{number:>8,}  {id}, confirmed by the file's reason: {words}")
    if report.fit:
        print(f"The walking codes agree with the EDSS {say_fit(report.fit)}.")
    if report.unlike:
        print(f"LOOK AGAIN: the mapping declares the {report.mapping.ambulation_scheme} scheme, the other fits better.")
    for one in report.listed[:lines]:
        print(one)
    if lines is not None and len(report.listed) > lines:
        print(f"... and {len(report.listed) - lines:,} more; --all-lines prints them.")


def complain(sentence: str) -> None:
    print(f"edss-tracker import: {sentence}", file=sys.stderr)
