"""The cells of a table of grades: what each may hold, and what is said of a cell that cannot be."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from engine.edss import EDSS_STEPS, GRADE_MAX, POLICY_CHOICES, SYSTEMS, Grade, ScoringError, score
from engine.edss_grades import GRADE_TEXTS
from outcomes.exchange.reading import shown

WALKING: Final = "ambulation"
NEEDED: Final = (*SYSTEMS, WALKING)
SCHEME: Final = "ambulation_scheme"
RATER: Final = "rater_assigned"
OPTIONAL: Final = (*POLICY_CHOICES, SCHEME, RATER)
STEPS: Final = {text: step for step in EDSS_STEPS for text in (str(step), str(step).removesuffix(".0"))}
_CODES: Final = {str(number): number for number in range(100)}
_VALUES: Final[Mapping[str, Mapping[str, Grade | int]]] = {**dict.fromkeys(SYSTEMS, GRADE_TEXTS), WALKING: _CODES}


def unreadable(column: str, text: str) -> str:
    """Why a cell of NEEDED that is not empty is no grade or code at all, whatever the range; else nothing."""
    if text in _VALUES[column]:
        return ""
    if column == WALKING:
        return f"{shown(text)} is no walking code: a whole number, or empty."
    return f"{shown(text)} is not a grade: 0 to {GRADE_MAX[column]}, with X or P after it if marked, or empty."


def no_step(text: str) -> str:
    """Why a cell of the rater's EDSS that is not empty is none; else nothing."""
    return "" if text in STEPS else f"{shown(text)} is not a step of the EDSS: 0, then 1.0 to 10.0 by 0.5, or empty."


def no_choice(policy: str, text: str) -> str:
    return f"{shown(text)} is not one of {', '.join(POLICY_CHOICES[policy])}."


@lru_cache(maxsize=1024)
def out_of_range(column: str, text: str, scheme: str) -> str:
    """What the engine has against a cell of NEEDED that can be read; else nothing."""
    cells: dict[str, Any] = {**dict.fromkeys(NEEDED, 0), column: _VALUES[column][text]}
    return _objections(cells, scheme).get(column, "")


@lru_cache(maxsize=1024)
def no_scheme(scheme: str) -> str:
    """Why there is no such scheme; else nothing."""
    return _objections(dict.fromkeys(NEEDED, 0), scheme).get(SCHEME, "")


def _objections(cells: dict[str, Any], scheme: str) -> dict[str, str]:
    try:
        score({system: cells[system] for system in SYSTEMS}, cells[WALKING], scheme=scheme)
    except ScoringError as error:
        return {problem.field: f"{problem.message}." for problem in error.problems}
    return {}
