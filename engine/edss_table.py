"""The arithmetic of the EDSS: seven raw grades and an ambulation code to a step, for one assessment or a million.

One decision table (`ROWS`) feeds everything; scalar and array callers look up the same arrays made from it.
Source: docs/engine.md, "EDSS from the functional systems".
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from functools import lru_cache
from itertools import product
from operator import getitem
from typing import Any, Final, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from engine.walking import SCHEMES, Level

ALGORITHM_VERSION: Final = "edss-1.0"

SYSTEMS: Final = ("visual", "brainstem", "pyramidal", "cerebellar", "sensory", "bowel_bladder", "cerebral")
GRADE_MAX: Final[Mapping[str, int]] = dict(zip(SYSTEMS, (6, 5, 6, 5, 6, 6, 5), strict=True))
CONVERSIONS: Final[Mapping[str, tuple[int, ...]]] = {
    "visual": (0, 1, 2, 2, 3, 3, 4),
    "bowel_bladder": (0, 1, 2, 3, 3, 4, 5),
}
# The 20 legal steps by twice their value; 0.5 does not exist.
STEP_OF_HALVES: Final = {halves: Decimal(5 * halves).scaleb(-1) for halves in (0, *range(2, 21))}
EDSS_STEPS: Final = tuple(STEP_OF_HALVES.values())

IntArray = npt.NDArray[np.integer[Any]]
Halves = npt.NDArray[np.int16]


class PolicyError(ValueError):
    """A policy that does not exist, or a value it cannot take; `field` names the policy."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


@dataclass(frozen=True)
class Policies:
    """What to do where the sources differ; kept with every calculated value. First value: our default.

    Raises PolicyError for any other value. Source: docs/engine.md, "Where sources differ".
    """

    cerebral_grade1: Literal["count", "ignore"] = "count"
    four_with_twos: Literal["4.5", "4.0"] = "4.5"
    four_with_threes: Literal["5.0", "4.5"] = "5.0"
    legacy_code1: Literal["4.0", "2.0"] = "4.0"

    def __post_init__(self) -> None:
        for name, choices in POLICY_CHOICES.items():
            if getattr(self, name) not in choices:
                raise PolicyError(name, f"{getattr(self, name)!r} is not one of {', '.join(choices)}")

    def as_mapping(self) -> dict[str, str]:
        return asdict(self)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> "Policies":
        """Policies as stored; a policy left out has its default, an unknown name raises PolicyError."""
        for name in mapping:
            if name not in POLICY_CHOICES:
                raise PolicyError(name, "no such policy")
        return cls(**mapping)


POLICY_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {each.name: get_args(each.type) for each in fields(Policies)}


@dataclass(frozen=True)
class Row:
    """One row of the decision table: it matches when each grade in `needs` occurs (at least, at most) so often.

    Grade 5 stands for 5 and 6. `policy`: name of the policy that may set another step; `edss` is its default.
    """

    number: int
    needs: Mapping[int, tuple[int, int]]
    edss: Decimal
    text: str
    policy: str = ""


def _rows(*rows: tuple[Mapping[int, tuple[int, int]], str, str, str]) -> tuple[Row, ...]:
    return tuple(Row(number, needs, Decimal(edss), *rest) for number, (needs, edss, *rest) in enumerate(rows, start=1))


# First match wins, top down: what a row does not name, the rows above it have excluded or does not matter.
ROWS: Final = _rows(
    ({5: (1, 7)}, "5.0", "one or more at grade 5 or 6", ""),
    ({4: (2, 7)}, "5.0", "two or more at grade 4", ""),
    ({4: (1, 1), 3: (3, 7)}, "5.0", "one at grade 4, with three or more at 3", "four_with_threes"),
    ({4: (1, 1), 3: (1, 2)}, "4.5", "one at grade 4, with one or two at 3", ""),
    ({4: (1, 1), 2: (1, 7)}, "4.5", "one at grade 4, none at 3, with one or more at 2", "four_with_twos"),
    ({4: (1, 1)}, "4.0", "one at grade 4, the rest 0 or 1", ""),
    ({3: (6, 7)}, "5.0", "six or seven at grade 3", ""),
    ({3: (5, 5)}, "4.5", "five at grade 3", ""),
    ({3: (3, 4)}, "4.0", "three or four at grade 3", ""),
    ({3: (2, 2), 2: (1, 7)}, "4.0", "two at grade 3, with one or more at 2", ""),
    ({3: (2, 2)}, "3.5", "two at grade 3, the rest 0 or 1", ""),
    ({3: (1, 1), 2: (3, 7)}, "4.0", "one at grade 3, with three or more at 2", ""),
    ({3: (1, 1), 2: (1, 2)}, "3.5", "one at grade 3, with one or two at 2", ""),
    ({3: (1, 1)}, "3.0", "one at grade 3, the rest 0 or 1", ""),
    ({2: (6, 7)}, "4.0", "six or seven at grade 2", ""),
    ({2: (5, 5)}, "3.5", "five at grade 2", ""),
    ({2: (3, 4)}, "3.0", "three or four at grade 2", ""),
    ({2: (2, 2)}, "2.5", "two at grade 2, the rest 0 or 1", ""),
    ({2: (1, 1)}, "2.0", "one at grade 2, the rest 0 or 1", ""),
    ({1: (2, 7)}, "1.5", "two or more at grade 1, the rest 0", ""),
    ({1: (1, 1)}, "1.0", "one at grade 1, the rest 0", ""),
    ({}, "0.0", "all at grade 0", ""),
)


def _row(counts: Mapping[int, int]) -> int:
    """Number of the first row that matches how many systems stand at each grade 1 to 5."""
    return next(
        row.number for row in ROWS if all(least <= counts[grade] <= most for grade, (least, most) in row.needs.items())
    )


def _rows_by_key() -> npt.NDArray[np.int16]:
    """Row number by key: the count of each grade as one octal digit, grade 1 the lowest."""
    by_key = np.zeros(8**5, dtype=np.int16)
    for digits in product(range(8), repeat=5):
        if sum(digits) <= len(SYSTEMS):
            by_key[sum(count * 8**place for place, count in enumerate(digits))] = _row(dict(enumerate(digits, start=1)))
    return by_key


_ROW_OF_KEY: Final = _rows_by_key()


def converted_grade(system: str, raw: int, policies: Policies) -> int:
    """The grade as it enters the table: visual, bowel and bladder converted, cerebral 1 by policy."""
    if system == "cerebral" and raw == 1 and policies.cerebral_grade1 == "ignore":
        return 0
    return CONVERSIONS[system][raw] if system in CONVERSIONS else raw


@lru_cache(maxsize=64)
def conversions(policies: Policies) -> tuple[tuple[int, ...], ...]:
    """Every raw grade of each system, in order, as it enters the table."""
    return tuple(
        tuple(converted_grade(system, raw, policies) for raw in range(GRADE_MAX[system] + 1)) for system in SYSTEMS
    )


@lru_cache(maxsize=64)
def _digits(policies: Policies) -> npt.NDArray[np.int64]:
    """What one system at one raw grade adds to the key; shape (7 systems, 7 raw grades)."""
    digits = np.zeros((len(SYSTEMS), 7), dtype=np.int64)
    for place, grades in enumerate(conversions(policies)):
        for raw, grade in enumerate(grades):
            digits[place, raw] = 8 ** (min(grade, 5) - 1) if grade else 0
    return digits


@lru_cache(maxsize=64)
def answers(policies: Policies, scheme: str) -> Halves:
    """Twice the EDSS by row number (0 unused) and ambulation code; shape (23, codes of the scheme).

    The higher of FS step and walking. Where walking alone decides it is 5.0 or more, which no FS step exceeds.
    """
    steps = [0, *(_halves(row, policies) for row in ROWS)]
    walking = [_halves(level, policies) for level in SCHEMES[scheme].levels]
    table = np.maximum.outer(np.array(steps, dtype=np.int16), np.array(walking, dtype=np.int16))
    table.flags.writeable = False
    return table


def _halves(item: Row | Level, policies: Policies) -> int:
    return int(2 * step_under(item, policies))


def step_under(item: Row | Level, policies: Policies) -> Decimal:
    """The EDSS a row of the table, or a level of walking, stands for under these policies."""
    return Decimal(getattr(policies, item.policy)) if item.policy else item.edss


class Places(NamedTuple):
    """Where to look up: `digits[system][raw]`, `rows[key]`, and twice the EDSS at `halves[row * codes + code]`.

    All three are arrays to look up many, or lists to look up one: the quicker of the two by far.
    """

    digits: Any
    rows: Any
    halves: Any
    codes: int


@lru_cache(maxsize=64)
def _arrays(policies: Policies, scheme: str) -> Places:
    halves = answers(policies, scheme)
    return Places(_digits(policies), _ROW_OF_KEY, halves.ravel(), halves.shape[1])


def lists(policies: Policies, scheme: str) -> Places:
    """For `found`, to look up one assessment at a time."""
    digits, rows, halves, codes = _arrays(policies, scheme)
    return Places(digits.tolist(), rows.tolist(), halves.tolist(), codes)


def found(places: Places, grades: Iterable[Any], code: Any) -> tuple[Any, Any]:
    """Twice the EDSS and the row of seven grades and a code: each a number, or each an array of many.

    Trusts them to be in range.
    """
    row = places.rows[sum(map(getitem, places.digits, grades))]
    return places.halves[row * places.codes + code], row


def look_up(
    grades: IntArray, ambulation: IntArray, policies: Policies, scheme: str
) -> tuple[Halves, npt.NDArray[np.int16]]:
    """Twice the EDSS and the row, shapes (n,), of raw grades (n, 7) and codes (n,); -1 where any of the eight is -1.

    Trusts its input to be in range.
    """
    # A missing grade picks the last column, a missing code the place before: legal places, overwritten below.
    halves, rows = found(_arrays(policies, scheme), grades.T, ambulation.astype(np.intp))
    missing = (grades < 0).any(axis=1) | (ambulation < 0)
    return np.where(missing, np.int16(-1), halves), np.where(missing, np.int16(-1), rows)
