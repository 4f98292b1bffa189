"""Files and mappings for the tests of the import: the public sample, and small ones made to order."""

import csv
from pathlib import Path

from outcomes.exchange import importing
from outcomes.exchange.checking import check
from outcomes.exchange.mapping import read_mapping
from outcomes.exchange.reading import read_table

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests/golden/msoutcomes-sampledata.csv"
EXAMPLE = ROOT / "docs/examples/msoutcomes.toml"
SYSTEM_COLUMNS = {
    "pyramidal": "FSpyr", "cerebellar": "FScrbl", "brainstem": "FSbstem", "sensory": "FSsens",
    "bowel_bladder": "FSsph", "visual": "FSvis", "cerebral": "FScereb",
}  # fmt: skip
PLAIN = {
    "centre": "Centre Nord",
    "new_patients": "create",
    "rows_without_edss": "incomplete",
    "edss_meaning": "rater",
    "rater_reason": "as in the file",
    "confirm_because": "old records",
}


def sample_rows() -> list[dict[str, str]]:
    """The sample by Python's plain reader, for counts that owe nothing to the import."""
    with SAMPLE.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def example(**changes) -> bytes:
    """The example mapping, with lines of it replaced; None takes a line out."""
    lines = []
    for line in EXAMPLE.read_text().splitlines():
        key = line.partition(" = ")[0]
        if key not in changes:
            lines.append(line)
        elif changes[key] is not None:
            lines.append(f"{key} = {changes[key]!r}".replace("'", '"'))
    return "\n".join(lines).encode()


def toml(columns: str = "patient date edss", *, words: str = "", **changes) -> bytes:
    """A small mapping whose columns bear our own names."""
    facts = {key: value for key, value in (PLAIN | changes).items() if value is not None}
    lines = [f'{key} = "{value}"' for key, value in facts.items()]
    lines += ["[columns]", *(f'{key} = "{key}"' for key in columns.split()), words]
    return "\n".join(lines).encode()


def table_of(text: str | bytes, delimiter=",", name="file.csv"):
    return read_table(text if isinstance(text, bytes) else text.encode(), name=name, delimiter=delimiter)


def checked(text, mapping: bytes, by):
    return check(table_of(text), read_mapping(mapping), by=by)


def imported(text, mapping: bytes, by):
    return importing.run(table_of(text), read_mapping(mapping), by=by)


def listed(report) -> list[tuple[int, str, str]]:
    return [(one.line, one.column, one.reason) for one in report.listed]
