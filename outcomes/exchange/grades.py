"""A row of a table of grades to its EDSS with row, contested policies and warnings. The rules are the engine's.

The cells of one row decide everything about it, so what was scored before is remembered: tables repeat themselves.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from typing import Any, Final

from engine.edss import (
    EDSS_STEPS,
    GRADE_MAX,
    POLICY_CHOICES,
    SYSTEMS,
    Grade,
    GradeError,
    Policies,
    PolicyError,
    Score,
    ScoringError,
    parse_grade,
    score,
)
from engine.edss_checks import AssessmentFacts, warnings
from outcomes.exchange.reading import shown

NEEDED: Final = (*SYSTEMS, "ambulation")
SCHEME: Final = "ambulation_scheme"
RATER: Final = "rater_assigned"
OPTIONAL: Final = (*POLICY_CHOICES, SCHEME, RATER)
ADDED: Final = ("calculated_edss", "matched_row", "contested", "warnings")
REMEMBERED: Final = 20_000  # combinations: some 40 MB
_WHOLE: Final = {str(number): number for number in range(100)}
_STEPS: Final = {text: step for step in EDSS_STEPS for text in (str(step), str(step).removesuffix(".0"))}
_SOME_DAY: Final = date(2000, 1, 1)  # a row is looked at by itself: no warning about it knows the day


class CellError(ValueError):
    """Why one cell cannot be taken; the text is a sentence without the name of the column."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What is added to a row. `faults`: (column, why) of every cell that cannot be; `missing`: empty needed cells."""

    cells: tuple[str, str, str, str]
    faults: tuple[tuple[str, str], ...] = ()
    missing: bool = False


def scorer(columns: Sequence[str], policies: Policies, scheme: str) -> Callable[[tuple[str, ...]], Scored]:
    """What scores the cells of these columns (of NEEDED and OPTIONAL), with the policies of cells that are empty."""
    return lru_cache(maxsize=REMEMBERED)(partial(_scored, tuple(columns), policies, scheme))


def _scored(columns: tuple[str, ...], policies: Policies, scheme: str, cells: tuple[str, ...]) -> Scored:
    read, faults = _read(columns, cells)
    if SCHEME in read:
        scheme = read[SCHEME]
    try:
        policies = _of_row(policies, read)
    except PolicyError as error:
        faults[error.field] = f"{shown(read[error.field])} is not one of {', '.join(POLICY_CHOICES[error.field])}."
    grades: dict[str, Grade | int | None] = {system: read.get(system) for system in SYSTEMS}
    code = read.get("ambulation")
    result: Score | None = None
    missing: list[str] = []
    try:
        result = score(grades, code, policies, scheme)
    except ScoringError as error:
        missing = [column for column in NEEDED if column not in read and column not in faults]
        for problem in error.problems:
            if problem.field not in missing:
                faults.setdefault(problem.field, f"{problem.message}.")
    if faults:
        said = " | ".join(f"error: {column}: {why}" for column, why in faults.items())
        return Scored(("", "", "", said), tuple(faults.items()))
    facts = AssessmentFacts(
        day=_SOME_DAY, grades=grades, ambulation=code, scheme=scheme, rater_assigned=read.get(RATER)
    )
    said = " | ".join([f"{finding.id}: {finding.sentence}" for finding in warnings(facts, result)])
    if result is None:
        said = f"not scored, missing: {', '.join(missing)}{' | ' if said else ''}{said}"
        return Scored(("", "", "", said), missing=True)
    return Scored((str(result.edss), str(result.row), " ".join(result.contested), said))


def _read(columns: tuple[str, ...], cells: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, str]]:
    """The value of every cell that is not empty, and why a cell has none."""
    read: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for column, cell in zip(columns, cells, strict=True):
        if cell:
            try:
                read[column] = _READERS[column](cell)
            except CellError as error:
                faults[column] = str(error)
    return read, faults


def _of_row(policies: Policies, read: Mapping[str, Any]) -> Policies:
    own = {name: read[name] for name in POLICY_CHOICES if name in read}
    return Policies.from_mapping(policies.as_mapping() | own) if own else policies


def _grade(top: int, text: str) -> Grade | int:
    try:
        return _read_grade(text)
    except GradeError:
        sentence = f"{shown(text)} is not a grade: 0 to {top}, with X or P after it if marked, or empty."
        raise CellError(sentence) from None


@lru_cache(maxsize=64)
def _read_grade(text: str) -> Grade | int:
    """A grade without a mark as the number alone."""
    grade = parse_grade(text)
    return grade if grade.mark or grade.value is None else grade.value


def _code(text: str) -> int:
    if (code := _WHOLE.get(text)) is None:
        raise CellError(f"{shown(text)} is no walking code: a whole number, or empty.")
    return code


def _step(text: str) -> Any:
    if (step := _STEPS.get(text)) is None:
        raise CellError(f"{shown(text)} is not a step of the EDSS: 0, then 1.0 to 10.0 by 0.5, or empty.")
    return step


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    **{system: partial(_grade, top) for system, top in GRADE_MAX.items()},
    "ambulation": _code,
    **dict.fromkeys((*POLICY_CHOICES, SCHEME), str),
    RATER: _step,
}
