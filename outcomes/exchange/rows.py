"""The rows of a table, read by a mapping: typed values, or the line and the reason why not."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from assessments.models import Assessment, Mode, VisitType
from engine.edss import SYSTEMS
from engine.walking import SCHEMES
from outcomes.exchange.mapping import Mapping
from outcomes.exchange.reading import FileError, Row, Table, shown
from outcomes.exchange.report import Listed, say_fit
from outcomes.exchange.tables import BY_KEY, CellError, check_converted
from patients.dates import FIRST_DAY
from patients.models import Patient

NO_EDSS = "No EDSS in the file."


@dataclass(frozen=True, slots=True)
class Parsed:
    """One row whose every cell could be read. `values`: our key to its value; an empty cell is not there."""

    line: int
    number: str
    day: date
    precision: str
    values: dict[str, Any]

    @property
    def complete(self) -> bool:
        return all(key in self.values for key in (*SYSTEMS, "ambulation"))

    @property
    def onset(self) -> date:
        """The relapse that the days point back to. Raises CellError when that is no day we can keep."""
        if self.precision != "day":
            raise CellError("Days since a relapse need a date to the day.")
        days = abs(self.values["days_since_relapse"])
        if days > (self.day - FIRST_DAY).days:
            raise CellError(f"{days} days before the assessment lies before {FIRST_DAY.year}.")
        return self.day - timedelta(days=days)


def check_columns(table: Table, mapping: Mapping) -> None:
    """Every column of the mapping is in the file, and the other way round. Raises FileError."""
    named = {*mapping.columns.values(), *mapping.ignore_columns}
    absent = [shown(name) for name in sorted(named - set(table.columns))]
    unknown = [shown(name) for name in table.columns if name not in named]
    if absent:
        raise FileError(f"The mapping names columns that the file has not: {', '.join(absent)}.", 1)
    if unknown:
        hint = "Name them under [columns] or in ignore_columns."
        raise FileError(f"The mapping does not say what these columns are: {', '.join(unknown)}. {hint}", 1)


def read_rows(table: Table, mapping: Mapping) -> tuple[list[Parsed], list[Listed]]:
    """Every row, either parsed or listed with each of its cells that cannot be read."""
    places = [(key, table.position(name), name) for key, name in mapping.columns.items()]
    reader = CellReader(mapping)
    parsed, listed = [], []
    for row in table.rows:
        values, faults = reader.read(row, places)
        if faults:
            listed += faults
            continue
        day, precision = values.pop("date")
        parsed.append(Parsed(row.line, values.pop("patient"), day, precision, values))
    return parsed, listed


class CellReader:
    """Reads cells, and remembers: a file has few different ones."""

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping
        self.known: dict[tuple[str, str], Any] = {}

    def read(self, row: Row, places: Iterable[tuple[str, int, str]]) -> tuple[dict[str, Any], list[Listed]]:
        values, faults = {}, []
        for key, place, name in places:
            text = row.cells[place]
            if not text.strip():
                if key in ("patient", "date"):
                    faults.append(Listed(row.line, name, "The cell is empty."))
                continue
            if (key, text) not in self.known:
                self.known[key, text] = self.value_of(key, text)
            value = self.known[key, text]
            if isinstance(value, CellError):
                faults.append(Listed(row.line, name, str(value)))
            else:
                values[key] = value
        return values, faults

    def value_of(self, key: str, text: str) -> Any:
        try:
            value = BY_KEY[key].read(self.mapping.words.get(key, {}).get(text, text))
            self.check(key, value)
        except CellError as error:
            return error
        return value

    def check(self, key: str, value: Any) -> None:
        """What only the mapping knows: the scheme of the codes, the sign of the days, converted grades."""
        if key == "ambulation":
            top = SCHEMES[self.mapping.ambulation_scheme].death_code
            if not 0 <= value <= top:
                raise CellError(
                    f"{value} is no walking code of the {self.mapping.ambulation_scheme} scheme, 0 to {top}."
                )
        elif key == "days_since_relapse" and self.mapping.days_sign:
            if value * (-1 if self.mapping.days_sign == "negative" else 1) < 0:
                raise CellError(f"{value} is not zero or {self.mapping.days_sign}, as the mapping declares.")
        elif key in self.mapping.converted:
            check_converted(key, value)


def check_scheme(table: Table, mapping: Mapping) -> dict[str, tuple[int, int]]:
    """How well the walking codes agree with the EDSS under each scheme. Raises FileError when none is declared."""
    if "ambulation" not in mapping.columns:
        return {}
    fit = scheme_fit(table, mapping)
    if not mapping.ambulation_scheme:
        best = max(fit, key=lambda scheme: fit[scheme][0])
        agree, of = fit[best]
        others = max(found for scheme, (found, _) in fit.items() if scheme != best)
        verdict = f"That speaks for {best}" if of and agree >= 0.9 * of and agree > others else "That settles nothing"
        raise FileError(
            f"ambulation_scheme is not declared in the mapping. The walking codes agree with the EDSS {say_fit(fit)}. "
            f"{verdict}; ask who made the file, and declare it."
        )
    return fit


def scheme_fit(table: Table, mapping: Mapping) -> dict[str, tuple[int, int]]:
    """Scheme to (rows that agree, rows with a code above 0 and an EDSS). Code 0 means the same in both."""
    if "edss" not in mapping.columns:
        return dict.fromkeys(SCHEMES, (0, 0))
    code_at, edss_at = (table.position(mapping.columns[key]) for key in ("ambulation", "edss"))
    pairs = []
    for row in table.rows:
        try:
            code, edss = BY_KEY["ambulation"].read(row.cells[code_at]), BY_KEY["edss"].read(row.cells[edss_at])
        except CellError:
            continue
        if code > 0:
            pairs.append((code, edss))
    found = {}
    for name, scheme in SCHEMES.items():
        agree = 0
        for code, edss in pairs:
            level = scheme.levels[code] if code <= scheme.death_code else None
            agree += level is not None and (edss == level.edss if level.fixed else level.edss <= edss <= 5)
        found[name] = (agree, len(pairs))
    return found


def as_assessment(row: Parsed, patient: Patient, mapping: Mapping) -> Assessment:
    """The unsaved assessment of a row. Converted grades stay out: only raw ones are kept."""
    values = row.values
    grades: dict[str, Any] = {}
    for system in SYSTEMS:
        if system in values and system not in mapping.converted:
            grades[system], grades[f"{system}_mark"] = values[system].value, values[system].mark
    edss = values.get("edss")
    return Assessment(
        patient=patient,
        day=row.day,
        day_precision=row.precision,
        visit_type=values.get("visit_type", VisitType.UNKNOWN.value),
        mode=values.get("mode", Mode.UNKNOWN.value),
        rater_name=values.get("rater", ""),
        note=values.get("note", ""),
        ambulation=values.get("ambulation"),
        ambulation_scheme=mapping.ambulation_scheme or "neurostatus",
        policies=mapping.policies,
        edss_rater=edss,
        rater_reason=mapping.rater_reason if edss is not None else "",
        incomplete_reason=NO_EDSS if edss is None and not (row.complete and not mapping.converted) else "",
        import_row=row.line,
        **grades,
    )
