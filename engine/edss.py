"""Functional systems and walking to the EDSS step, with the reasons.

`score` explains one assessment, `score_many` scores arrays; both look up the table in `edss_table`.
Source: docs/engine.md, "EDSS from the functional systems".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from operator import getitem, le
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.edss_grades import Grade, GradeError, Mark, all_plain, counted_grade, is_whole, parse_grade
from engine.edss_table import (
    ALGORITHM_VERSION,
    CONVERSIONS,
    EDSS_STEPS,
    GRADE_MAX,
    POLICY_CHOICES,
    ROWS,
    STEP_OF_HALVES,
    SYSTEMS,
    Halves,
    IntArray,
    Places,
    Policies,
    PolicyError,
    Row,
    conversions,
    found,
    lists,
    look_up,
    step_under,
)
from engine.walking import SCHEMES, Level, Scheme

__all__ = [
    "ALGORITHM_VERSION",
    "CONVERSIONS",
    "EDSS_STEPS",
    "GRADE_MAX",
    "POLICY_CHOICES",
    "ROWS",
    "SYSTEMS",
    "Grade",
    "GradeError",
    "Mark",
    "Policies",
    "PolicyError",
    "Problem",
    "Row",
    "Score",
    "ScoringError",
    "counted_grade",
    "parse_grade",
    "score",
    "score_many",
]

# Cells on which the sources differ; legacy_code1 is settled once per file, when its scheme is declared.
CONTESTED: Final = ("cerebral_grade1", "four_with_twos", "four_with_threes")
# Per scheme the highest number of each of the eight.
_TOPS: Final = {name: (*GRADE_MAX.values(), scheme.death_code) for name, scheme in SCHEMES.items()}


@dataclass(frozen=True)
class Problem:
    """Why one field stops the calculation."""

    field: str
    message: str


class ScoringError(ValueError):
    """No EDSS can be calculated; `problems` names every field at fault."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{problem.field}: {problem.message}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class Score:
    """A calculated EDSS and how it came about.

    `fs_step`: the step of the systems alone; `floor`: the least the walking permits; `fixed_by_walking`: the code
    alone decides. `row`, `row_text`, `drivers`: the row of the table the systems match and which systems matched it,
    also when walking decides. `converted`: the seven grades as they enter the table. `contested`: policies whose
    other value would change this EDSS; `alternatives`: that other EDSS by policy.
    """

    edss: Decimal
    fs_step: Decimal
    floor: Decimal
    fixed_by_walking: bool
    row: int
    row_text: str
    drivers: tuple[str, ...]
    converted: Mapping[str, int]
    alternatives: Mapping[str, Decimal]
    ambulation: int
    scheme: str
    policies: Policies
    algorithm_version: str = ALGORITHM_VERSION

    @property
    def contested(self) -> tuple[str, ...]:
        return tuple(self.alternatives)

    def explain(self) -> tuple[tuple[str, Decimal], ...]:
        """Lines of (words, EDSS), the result last."""
        systems = (f"Systems: {self.row_text}", self.fs_step)
        if self.fixed_by_walking:
            walking, result = f"Walking: code {self.ambulation} gives", "Walking alone decides"
        else:
            walking, result = f"Walking: code {self.ambulation} permits no less than", "The higher of the two"
        return systems, (walking, self.floor), (result, self.edss)


def score(
    grades: Mapping[str, Grade | int | None],
    ambulation: int | None,
    policies: Policies = Policies(),  # noqa: B008 - frozen
    scheme: str = "neurostatus",
) -> Score:
    """The EDSS of one assessment. Raises ScoringError naming every field that is missing or cannot be.

    `grades`: raw, by the names in `SYSTEMS`; `ambulation`: a code of `scheme`. Nothing missing is taken for 0,
    not even a system that walking would overrule. Source: docs/engine.md, "EDSS from the functional systems".
    """
    raw, code = _usual(grades, ambulation, scheme) or _checked(grades, ambulation, scheme)
    plan = _plan(policies, scheme)
    halves, number = found(plan.places, raw, code)
    row = ROWS[number - 1]
    converted = dict(zip(SYSTEMS, map(getitem, plan.converted, raw), strict=True))
    return Score(
        edss=STEP_OF_HALVES[halves],
        fs_step=plan.steps[number],
        floor=plan.floors[code],
        fixed_by_walking=plan.levels[code].fixed,
        row=number,
        row_text=row.text,
        drivers=tuple([system for system, grade in converted.items() if (grade if grade < 5 else 5) in row.needs]),
        converted=converted,
        alternatives=_alternatives(halves, raw, code, plan),
        ambulation=code,
        scheme=scheme,
        policies=policies,
    )


def score_many(
    grades: npt.ArrayLike,
    ambulation: npt.ArrayLike,
    policies: Policies = Policies(),  # noqa: B008 - frozen
    scheme: str = "neurostatus",
) -> tuple[Halves, npt.NDArray[np.int16]]:
    """Twice the EDSS and the row of the table, shapes (n,), of many assessments.

    `grades`: raw whole numbers in the order of `SYSTEMS`, shape (n, 7), 0 for what is not due to MS; `ambulation`:
    codes of `scheme`, shape (n,). Missing is -1, and gives -1. Raises ScoringError naming each column at fault.
    """
    if (walking := _scheme_named(scheme)) is None:
        raise ScoringError((_unknown(scheme),))
    tops = _TOPS[walking.name]
    table, codes = np.asarray(grades), np.asarray(ambulation)
    if table.ndim != 2 or table.shape[1] != len(SYSTEMS) or codes.shape != table.shape[:1]:
        raise ScoringError((Problem("grades", f"shapes {table.shape} and {codes.shape}, not (n, 7) and (n,)"),))
    columns = zip((*SYSTEMS, "ambulation"), (*table.T, codes), tops, strict=True)
    problems = tuple(Problem(name, message) for name, column, top in columns if (message := _column_fault(column, top)))
    if problems:
        raise ScoringError(problems)
    return look_up(table, codes, policies, scheme)


def _fault(value: object, top: int) -> str:
    """What is wrong with a value that must be 0 to `top`, or nothing."""
    if type(value) is int or is_whole(value):
        return "" if 0 <= value <= top else f"{value} is not between 0 and {top}"
    return "missing" if value is None else f"{value!r} is not a whole number"


def _column_fault(column: IntArray, top: int) -> str:
    if column.dtype.kind not in "iu":
        return f"{column.dtype} is not a whole number"
    wrong = (column < -1) | (column > top)
    return f"{column[wrong][0]} is not between 0 and {top}, nor -1 for missing" if wrong.any() else ""


def _scheme_named(name: object) -> Scheme | None:
    return SCHEMES.get(name) if isinstance(name, str) else None


def _unknown(scheme: object) -> Problem:
    return Problem("ambulation_scheme", f"{scheme!r} is not one of {', '.join(SCHEMES)}")


def _usual(
    grades: Mapping[str, Grade | int | None], ambulation: int | None, scheme: str
) -> tuple[tuple[int, ...], int] | None:
    """What `_checked` gives when all eight are plain numbers in range, told at once; else None."""
    values: tuple[Any, ...] = (*map(grades.get, SYSTEMS), ambulation)
    tops = _TOPS.get(scheme) if isinstance(scheme, str) else None
    if tops is None or len(grades) != len(SYSTEMS) or not all_plain(values):
        return None
    return (values[:-1], values[-1]) if min(values) >= 0 and all(map(le, values, tops)) else None


def _checked(
    grades: Mapping[str, Grade | int | None], ambulation: int | None, scheme: str
) -> tuple[tuple[int, ...], int]:
    """Raw grades as they count, in the order of `SYSTEMS`, and the code: complete and in range."""
    problems = [Problem(str(name), "no such system") for name in grades if name not in GRADE_MAX]
    counted = []
    for name, top in GRADE_MAX.items():
        grade = grades.get(name)
        value, counts = (grade.value, counted_grade(grade)) if isinstance(grade, Grade) else (grade, grade)
        if fault := _fault(value, top):
            problems.append(Problem(name, fault))
        elif counts is not None:
            counted.append(counts)
    if (walking := _scheme_named(scheme)) is None:
        problems.append(_unknown(scheme))
    elif fault := _fault(ambulation, walking.death_code):
        problems.append(Problem("ambulation", fault))
    if problems or ambulation is None:
        raise ScoringError(tuple(problems))
    return tuple(counted), ambulation


class _Plan(NamedTuple):
    """What scoring under these policies looks up; `others`: the same under the other value of each contested policy."""

    places: Places
    others: tuple[tuple[str, Places], ...]
    converted: tuple[tuple[int, ...], ...]
    steps: tuple[Decimal, ...]  # by number of the row, 0 unused
    floors: tuple[Decimal, ...]  # by ambulation code
    levels: tuple[Level, ...]


@lru_cache(maxsize=64)
def _plan(policies: Policies, scheme: str) -> _Plan:
    levels = SCHEMES[scheme].levels
    return _Plan(
        places=lists(policies, scheme),
        others=tuple((name, lists(_flipped(policies, name), scheme)) for name in CONTESTED),
        converted=conversions(policies),
        steps=(Decimal(0), *(step_under(row, policies) for row in ROWS)),
        floors=tuple(step_under(level, policies) for level in levels),
        levels=levels,
    )


def _flipped(policies: Policies, name: str) -> Policies:
    """These policies with the other value of one."""
    [other] = (value for value in POLICY_CHOICES[name] if value != getattr(policies, name))
    return Policies.from_mapping(policies.as_mapping() | {name: other})


def _alternatives(halves: int, raw: tuple[int, ...], code: int, plan: _Plan) -> dict[str, Decimal]:
    """The EDSS under the other value of each contested policy, where it differs from this one."""
    alternatives = {}
    for name, places in plan.others:
        other, _ = found(places, raw, code)
        if other != halves:
            alternatives[name] = STEP_OF_HALVES[other]
    return alternatives
