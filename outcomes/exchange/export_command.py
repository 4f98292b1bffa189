"""`edss-tracker export FILE --reason TEXT`: the cohort as a file, for the operator at a terminal."""

import argparse
import sys
from pathlib import Path

from django.core.exceptions import PermissionDenied

from outcomes.cohorts import BANDS, MANY_COURSES, MANY_DRUGS, CohortFilter
from outcomes.exchange import dictionary, exporting
from outcomes.exchange.formats import FORMATS
from outcomes.exchange.writing import OutputError, whole_file
from outcomes.models import Status
from patients.models import Centre


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="where to write; a name that ends in .json makes JSON, else CSV")
    parser.add_argument("--reason", default="", metavar="TEXT", help="what the file is for; kept in the access log")
    parser.add_argument("--format", choices=sorted(FORMATS), help="csv or json, whatever the file is called")
    parser.add_argument("--centre", metavar="NAME", help="people of one centre")
    parser.add_argument("--courses", choices=numbers(MANY_COURSES), default="", help="Lemtrada courses received")
    parser.add_argument("--baseline", choices=sorted(BANDS), default="", help="EDSS before Lemtrada")
    parser.add_argument("--drugs", choices=numbers(MANY_DRUGS), default="", help="earlier drugs")
    parser.add_argument("--status", choices=Status.values, default="", help="status since Lemtrada")
    parser.add_argument("--dictionary", action="store_true", help="write what the columns mean (.csv, .md)")


def numbers(many: int) -> list[str]:
    """The last one stands for itself and more."""
    return [str(number) for number in range(many + 1)]


def run(options: argparse.Namespace) -> int:
    """0: written. 2: nothing was written, and why is said."""
    try:
        return write_dictionary(options.file) if options.dictionary else write_cohort(options)
    except (exporting.Refused, OutputError) as problem:
        complain(str(problem))
    except PermissionDenied:
        complain("There is no centre, and so nobody to export.")
    except OSError as problem:
        complain(f"{problem.filename or options.file}: {problem.strerror}.")
    return 2


def write_dictionary(path: Path) -> int:
    with whole_file(path) as file:
        file.write(dictionary.markdown() if path.suffix == ".md" else dictionary.csv_text())
    return 0


def write_cohort(options: argparse.Namespace) -> int:
    centre = None
    if options.centre is not None:
        centre = Centre.objects.filter(name=options.centre).values_list("pk", flat=True).first()
        if centre is None:
            raise exporting.Refused(f"There is no centre {options.centre}.")
    wanted = CohortFilter(
        centre, courses=options.courses, baseline=options.baseline, drugs=options.drugs, status=options.status
    )
    form = options.format or ("json" if options.file.suffix == ".json" else "csv")
    with whole_file(options.file) as file:
        stream = exporting.start(exporting.Order(wanted, form, options.reason, by=None))
        try:
            for part in stream:
                file.write(part.decode())
        finally:
            stream.close()
    print(f"{stream.rows} patients written to {options.file}, as of {stream.at}.")
    return 0


def complain(sentence: str) -> None:
    print(f"edss-tracker export: {sentence}", file=sys.stderr)
