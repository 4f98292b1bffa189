"""Tables of visits, relapses and first infusions to a cohort of the engine, and what of them was not used."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import nan
from pathlib import Path
from sys import maxsize
from typing import Literal

import numpy as np

from engine.cohort import Cohort, CohortFinding, Scale
from engine.status import DEATH_EDSS
from engine.types import Day, Interval
from outcomes.exchange.cells import column, day_reader, read_flag, score_reader
from outcomes.exchange.reading import FileError, shown
from outcomes.exchange.visit_tables import Faults, Layout, Records, read_columns

Collected = Literal["of a table", "nobody had one", "never asked for"]
STRANGERS = (
    "None of its patients is in the table of visits: {theirs} here, {ours} there. If that is right, leave it out, "
    "relapses by --no-relapses."
)
NO_ENDS = "The definition counts a relapse until its end (relapse_end): the table needs a column for it, named end."


@dataclass(frozen=True)
class Sources:
    """The files as named by the user; `relapses` None: never collected, or nobody had one (`no_relapses`)."""

    visits: tuple[Path, Layout]
    relapses: tuple[Path, Layout] | None = None
    no_relapses: bool = False
    infusions: tuple[Path, Layout] | None = None


@dataclass(frozen=True)
class Note:
    """What is to be said of a row or a patient, mostly why it was set aside. `patient`: index, None for nobody."""

    file: str
    line: int
    patient: int | None
    sentence: str
    used: bool = False  # it was used, and may be a slip

    def __str__(self) -> str:
        return f"{self.file}: {self.sentence}"


@dataclass
class Loaded:
    """What the files hold. `names[i]` is the patient `i` of the cohort; `lines[row]` the line of a row of visits."""

    names: list[str]
    cohort: Cohort
    lines: list[int]
    infusions: dict[int, list[Day]]
    relapses: Collected
    notes: list[Note] = field(default_factory=list)


def load(sources: Sources, faults: Faults, scale: Scale, *, peer: bool, ends: bool = False) -> Loaded | None:
    """Read everything; None when there are faults, which are then in `faults`. `ends`: the end of relapses counts."""
    visits = _records(sources.visits, faults)
    relapses = _records(sources.relapses, faults)
    infusions = _records(sources.infusions, faults)
    if visits is None or faults.count:
        return None
    who, names = _patients(visits.cells["patient"])
    days = column(visits, "date", _exact(day_reader(sources.visits[1].dates)), faults)
    scores = column(visits, "edss", score_reader(visits.decimal_comma), faults)
    may = column(visits, "may_confirm", read_flag, faults) if "may_confirm" in visits.cells else [True] * len(who)
    codes = {name: code for code, name in enumerate(names)}
    notes: list[Note] = []
    asked = _collected(sources, peer) != "never asked for"
    onsets = _events(relapses, sources.relapses, codes, faults, notes, ends=ends) if asked else None
    given = [(code, day) for code, day, _ in _events(infusions, sources.infusions, codes, faults, notes)]
    if ends and relapses is not None and "end" not in relapses.cells:
        faults.add(relapses.file, None, NO_ENDS)
    if faults.count:
        return None
    cohort, lines = _cohort(visits, who, days, scores, may, onsets, scale, notes)
    first: dict[int, list[Day]] = {}
    for code, day in given:
        first.setdefault(code, []).append(day)
    notes.extend(_notes(cohort, visits, lines, days, who, names))
    notes.extend(_after_death(cohort, visits.file, lines) if scale != "any" else [])
    files = [source[0].name for source in (sources.visits, sources.relapses, sources.infusions) if source]
    notes.sort(key=lambda note: (files.index(note.file), note.line))
    return Loaded(names, replace(cohort, findings=()), lines, first, _collected(sources, peer), notes)


def _collected(sources: Sources, peer: bool) -> Collected:
    """What is known of relapses; the peers take a missing table for nobody having had one."""
    if sources.relapses is not None:
        return "of a table"
    return "nobody had one" if peer or sources.no_relapses else "never asked for"


def _records(source: tuple[Path, Layout] | None, faults: Faults) -> Records | None:
    if source is None:
        return None
    path, layout = source
    try:
        return read_columns(path, layout, faults)
    except FileError as error:
        faults.add(path.name, None, str(error))
    except OSError as error:
        faults.add(str(path), None, f"{error.strerror}.")
    return None


def _patients(cells: Sequence[str]) -> tuple[list[int], list[str]]:
    """The number of each row's patient, in order of first appearance; -1 for none."""
    numbers: dict[str, int] = {}
    for cell in cells:
        if cell not in numbers:
            numbers[cell] = len(numbers)
    codes: dict[str, int] = {"": -1}
    told = {cell: codes.setdefault(cell.strip(), len(codes) - 1) for cell in numbers}
    return [told[cell] for cell in cells], [name for name in codes if name]


def _exact(read: Callable[[str], Interval | None]) -> Callable[[str], float | Interval | None]:
    """A date known to the day as an ordinal, which is quicker; any other as it is known."""

    def ordinal(text: str) -> float | Interval | None:
        day = read(text)
        return float(day.first.toordinal()) if day and day.exact else day

    return ordinal


def _events(
    records: Records | None,
    source: tuple[Path, Layout] | None,
    codes: dict[str, int],
    faults: Faults,
    notes: list[Note],
    *,
    ends: bool = False,
) -> list[tuple[int, Interval, Interval | None]]:
    """Patient, date and, where `ends` count, end of each row of a table; at least one row must find its patient."""
    if records is None or source is None:
        return []
    found = []
    read = day_reader(source[1].dates)
    days = column(records, "date", read, faults)
    lasts = column(records, "end", read, faults) if ends and "end" in records.cells else [None] * len(days)
    cells = records.cells["patient"]
    known = [name for cell in cells if (name := cell.strip())]
    if known and codes.keys().isdisjoint(known):
        faults.add(records.file, None, STRANGERS.format(theirs=shown(known[0]), ours=shown(next(iter(codes), ""))))
    for line, cell, day, end in zip(records.lines, cells, days, lasts, strict=True):
        code = codes.get(cell.strip())
        if day is None:
            notes.append(Note(records.file, line, code, f"Line {line} has no date."))
        elif code is None:
            why = "has no patient." if not cell.strip() else "is not used: the patient has no row among the visits."
            notes.append(Note(records.file, line, None, f"Line {line} {why}"))
        else:
            if end is not None and end.last < day.first:
                faults.add(records.file, line, "The relapse ends before it begins.", records.names["end"])
            found.append((code, day, end))
    return found


def _cohort(
    visits: Records,
    who: list[int],
    days: Sequence[float | Interval | None],
    scores: Sequence[float | None],
    may: Sequence[bool],
    onsets: list[tuple[int, Interval, Interval | None]] | None,
    scale: Scale,
    notes: list[Note],
) -> tuple[Cohort, list[int]]:
    """The engine's cohort, and the line of each row in it: rows without a patient are left out."""
    day = np.array([one if isinstance(one, float) else nan for one in days], dtype=np.float64)
    score = np.array([nan if one is None else one for one in scores], dtype=np.float64)
    patient, lines, confirm = np.array(who, dtype=np.int64), visits.lines, np.array(may, dtype=bool)
    if (patient < 0).any():
        kept = patient >= 0
        strays = [lines[row] for row in np.flatnonzero(~kept)]
        notes.extend(Note(visits.file, line, None, f"Line {line} has no patient.") for line in strays)
        lines = [line for line, known in zip(lines, kept, strict=True) if known]
        patient, day, score, confirm = patient[kept], day[kept], score[kept], confirm[kept]
    cohort = Cohort.from_columns(
        patient,
        day,
        score,
        may_confirm=confirm,
        relapse_patient=None if onsets is None else np.array([code for code, _, _ in onsets], dtype=np.int64),
        relapse_day=np.array([one.first.toordinal() for _, one, _ in onsets or ()], dtype=np.float64),
        relapse_last=np.array([one.last.toordinal() for _, one, _ in onsets or ()], dtype=np.float64),
        relapse_end=np.array([end.last.toordinal() if end else nan for *_, end in onsets or ()], dtype=np.float64),
        scale=scale,
    )
    return cohort, lines


def _notes(
    cohort: Cohort,
    visits: Records,
    lines: list[int],
    days: Sequence[float | Interval | None],
    who: list[int],
    names: list[str],
) -> list[Note]:
    """The engine's findings, rows counted as in the file; a patient without any visit comes after them."""
    known = [day for day, code in zip(days, who, strict=True) if code >= 0] if cohort.findings else []
    found = []
    for one in cohort.findings:
        line = maxsize if one.row is None else lines[one.row]
        patient = int(one.patient)  # type: ignore[call-overload]
        found.append(Note(visits.file, line, patient, _sentence(one, line, known, names[patient])))
    return found


def _after_death(cohort: Cohort, file: str, lines: list[int]) -> list[Note]:
    """Rows with an EDSS of 10, death from MS, after which a patient was seen: often a comma that was lost."""
    owner = np.repeat(np.arange(len(cohort)), np.diff(cohort.offsets))
    dead = np.flatnonzero((cohort.score[:-1] == DEATH_EDSS) & (owner[1:] == owner[:-1]))
    where = [(lines[int(cohort.row[visit])], int(owner[visit])) for visit in dead]
    return [
        Note(file, line, patient, f"Line {line} is used: EDSS 10, and visits follow it.", used=True)
        for line, patient in where
    ]


def _sentence(one: CohortFinding, line: int, days: Sequence[float | Interval | None], name: str) -> str:
    if one.row is None:
        return f"Patient {name} has no usable visit."
    if one.kind == "no_date" and isinstance(day := days[one.row], Interval):
        return f"Line {line} is not used: its date is not known to the day ({day.words})."
    return replace(one, row=line - 1).sentence.replace("Row", "Line", 1)
