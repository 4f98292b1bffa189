"""The options of `edss-tracker events`: help for a data manager, and what was asked for, or why it cannot be meant."""

import argparse
import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.definitions import Definition
from engine.presets import PRESETS, Preset
from outcomes.exchange.cells import ORDERS
from outcomes.exchange.event_input import Sources
from outcomes.exchange.reading import DELIMITERS
from outcomes.exchange.visit_tables import Layout
from outcomes.exchange.writing import OutputError

ANCHORED = [name for name, preset in PRESETS.items() if preset.anchor != "none"]


def help_text() -> tuple[str, str]:
    """What stands above and below the list of options."""
    above = textwrap.dedent("""\
        Find confirmed worsening (CDW) and improvement (CDI) of the EDSS in a table of visits.

        VISITS.csv has one row a visit with the columns patient, date and edss; rows may be in any order. A column
        may_confirm (1 or 0) says which visits may confirm a change, for example only scheduled ones. The file is CSV,
        UTF-8, with commas, semicolons or tabs between columns. Dates are written 2019-12-31.

        The relapse table has one row a relapse: patient, date of onset, and its end, the last day, if it is to count
        (option relapse_end). A relapse known only to the month (2019-12) or the year (2019) counts as near as it may
        have been. Without a relapse table relapses count as never asked for; only msprog_default takes it, as pymsprog
        does, for nobody having had one.

        The answer has one row an event, with the day of its onset, its baseline and the visits that confirm it, one
        column a time of confirmation; who has no event is listed once, with the days of follow-up. A file carries no
        deaths, so an EDSS of 10 is taken as it is. The exit code is 0 when everything was written. In CSV, text that a
        spreadsheet would run as a formula (it begins with = + - @) gets an apostrophe before it; JSON has it as it is.

        A row that cannot be used (no date, a score that is not a step of the EDSS) is named and set aside. A wrong
        date or number stops the command before anything is written, with exit code 2.""")
    presets = [f"  {name}: {preset.title}" + _sentences(preset) for name, preset in PRESETS.items()]
    below = textwrap.dedent("""\
        examples:
          edss-tracker events visits.csv --relapses relapses.csv --preset pira_2023 --output events.csv
          edss-tracker events visits.csv --no-relapses --preset msprog_default --format json
          edss-tracker events visits.csv --relapses relapses.csv --infusions first_infusions.csv
          edss-tracker events visits.csv --definition mine.json --explain P042
          edss-tracker events export.csv --patient-column id --date-column visit_date --edss-column score \\
            --date-order dmy --preset msbase --no-relapses

        A definition file holds options under the names of msprog, such as
          {"event": "multiple", "baseline": "roving", "RAW_PIRA": true, "conf_days": [84, 168], "steps": "msoutcomes"}
        What is left out has its default; docs/engine.md, chapter Options, lists them all.

        presets:
        """)
    return above, below + "\n".join(presets)


def _sentences(preset: Preset) -> str:
    lines = [line for words in preset.sentences for line in textwrap.wrap(words, 106)]
    return "".join(f"\n      {line}" for line in [*lines, f"Source: {preset.citation}"])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description, parser.epilog = help_text()
    parser.add_argument("visits", type=Path, metavar="VISITS.csv", help="the table of visits")
    relapses = parser.add_mutually_exclusive_group()
    relapses.add_argument("--relapses", type=Path, metavar="FILE", help="the table of relapses")
    relapses.add_argument("--no-relapses", action="store_true", help="relapses were asked for, and nobody had one")
    parser.add_argument("--infusions", type=Path, metavar="FILE", help=f"patient and date of the first infusion of a "
                        f"Lemtrada course; needed by {' and '.join(ANCHORED)}")  # fmt: skip
    rule = parser.add_mutually_exclusive_group()
    rule.add_argument("--preset", choices=list(PRESETS), metavar="NAME", help="a published definition, listed below; "
                      f"with --infusions {ANCHORED[0]} unless another is named")  # fmt: skip
    rule.add_argument("--definition", type=Path, metavar="FILE", help="a definition of your own (JSON)")
    parser.add_argument("--format", choices=["csv", "json"], default="csv", help="csv (default) or json")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write here instead of to the terminal")
    parser.add_argument("--unconfirmed", type=Path, metavar="FILE", help="write the changes not confirmed here (CSV)")
    parser.add_argument("--explain", metavar="PATIENT", help="print the evidence for one patient as text instead")
    written = parser.add_argument_group("how the files are written")
    for table, keys in COLUMNS.items():
        for option, key in keys.items():
            written.add_argument(f"--{option}", default=key, metavar="NAME", help=f"column of {table} (default {key})")
    written.add_argument("--separator", choices=list(DELIMITERS), default="", help="between columns (default: found)")
    written.add_argument("--date-order", choices=list(ORDERS), default="iso", help="; ".join(
        f"{name}: {example}" for name, example in ORDERS.items()))  # fmt: skip


COLUMNS: dict[str, dict[str, str]] = {
    "visits": {
        "patient-column": "patient",
        "date-column": "date",
        "edss-column": "edss",
        "may-confirm-column": "may_confirm",
    },
    "relapses": {
        "relapse-patient-column": "patient",
        "relapse-date-column": "date",
        "relapse-end-column": "end",
    },
    "infusions": {"infusion-patient-column": "patient", "infusion-date-column": "date"},
}


OPTIONAL = ("may_confirm", "end")


# What was asked for


def chosen(options: argparse.Namespace) -> Preset:
    """The preset, or the definition of the user's own file as one."""
    if options.definition:
        if options.infusions:
            raise OutputError(f"--infusions goes with {' or '.join(ANCHORED)}, not with a definition of your own.")
        return Preset(options.definition.name, "", (definition_of(options.definition),), "")
    name = options.preset or (ANCHORED[0] if options.infusions else None)
    if name is None:
        raise OutputError(f"Say which rule counts: --definition FILE, or --preset with one of {', '.join(PRESETS)}.")
    preset = PRESETS[name]
    if preset.anchor != "none" and not options.infusions:
        raise OutputError(f"{name} counts from the visit before Lemtrada: give the first infusion days by --infusions.")
    if preset.anchor == "none" and options.infusions:
        raise OutputError(f"--infusions goes with {' or '.join(ANCHORED)}, not with {name}.")
    return preset


def definition_of(path: Path) -> Definition:
    try:
        mapping: Any = json.loads(path.read_text(encoding="utf-8-sig"))
        if not isinstance(mapping, Mapping):
            raise TypeError("a definition is one JSON object of options")
        return Definition.from_mapping(mapping)
    except json.JSONDecodeError as error:
        raise OutputError(f"{path.name}: Line {error.lineno}: this is no JSON ({error.msg}).") from None
    except UnicodeDecodeError:
        raise OutputError(f"{path.name}: this is not UTF-8.") from None
    except RecursionError:
        raise OutputError(f"{path.name}: this is nested too deeply for a definition.") from None
    except (ValueError, TypeError) as error:
        said = " ".join(str(error).split())
        raise OutputError(f"{path.name}: {said}{'' if said.endswith('?') else '.'}") from None


def same_file(path: Path, other: Path) -> bool:
    return path.exists() and other.exists() and path.samefile(other)


def named(options: argparse.Namespace) -> Sources:
    """The files and how they are written; no file is written over that is read."""
    inputs = [path for path in (options.visits, options.relapses, options.infusions, options.definition) if path]
    for path in (options.output, options.unconfirmed):
        if path and any(same_file(path, one) for one in inputs):
            raise OutputError(f"{path} is read: write somewhere else.")
        if path and not path.resolve().parent.is_dir():
            raise OutputError(f"{path}: there is no folder {path.parent}.")
    if options.output and options.unconfirmed and options.output.resolve() == options.unconfirmed.resolve():
        raise OutputError("--output and --unconfirmed name the same file.")

    def layout(table: str) -> Layout:
        columns = {default: getattr(options, option.replace("-", "_")) for option, default in COLUMNS[table].items()}
        optional = {key for key in OPTIONAL if columns.get(key) == key}  # one that is named must be there
        return Layout(columns, frozenset(optional), options.separator, options.date_order)

    return Sources(
        (options.visits, layout("visits")),
        (options.relapses, layout("relapses")) if options.relapses else None,
        options.no_relapses,
        (options.infusions, layout("infusions")) if options.infusions else None,
    )
