"""Functional systems and walking that give a wanted EDSS, for invented visits.

Everything here is invented: plausible in shape, taken from no patient. A pool of scored examples is drawn once for
each step; a visit takes the example nearest to the grades of the visit before, so that a person keeps a profile.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.edss import GRADE_MAX, SYSTEMS, score_many

POOL_SIZE: Final = 300
_DRAWS: Final = 6_000
_WEIGHTS: Final = np.array([0.55, 0.5, 1.05, 0.9, 0.9, 0.7, 0.6])  # how much each system follows the whole
_TOPS: Final = np.array([GRADE_MAX[system] for system in SYSTEMS])
_PYRAMIDAL, _CEREBELLAR, _SENSORY = (SYSTEMS.index(name) for name in ("pyramidal", "cerebellar", "sensory"))
# Walking codes that occur with each step, in half points.
_CODES: Final[dict[int, tuple[int, ...]]] = {
    **dict.fromkeys((0, 2, 3), (0,)),
    **dict.fromkeys((4, 5, 6, 7, 8), (0, 1)),
    9: (1, 2),
    **{halves: (halves - 7,) for halves in (10, 11)},  # 200 to 299 m, 100 to 199 m
    12: (5, 6, 7),
    13: (8, 9),
    **{halves: (halves - 4,) for halves in range(14, 20)},
}
# code: (aid, fewest metres, most metres); None where no distance is recorded
_WALKS: Final[dict[int, tuple[str, int, int] | tuple[str, None, None]]] = {
    0: ("none", None, None),
    1: ("none", 500, 2500),
    2: ("none", 300, 499),
    3: ("none", 200, 299),
    4: ("none", 100, 199),
    5: ("none", 20, 99),
    6: ("one_side", 50, 300),
    7: ("both_sides", 120, 400),
    8: ("one_side", 10, 49),
    9: ("both_sides", 10, 119),
    **dict.fromkeys((10, 11), ("wheelchair", None, None)),
    **dict.fromkeys((12, 13, 14, 15), ("bed", None, None)),
}

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Examination:
    """Seven raw grades in the order of `SYSTEMS`, and the walking that goes with them."""

    grades: tuple[int, ...]
    ambulation: int
    distance_m: int | None
    unlimited: bool
    aid: str


@lru_cache(maxsize=32)
def pool(halves: int) -> tuple[Integers, Integers]:
    """Grades (n, 7) and walking codes (n,) that all score to this step. Always the same for the same step."""
    rng = np.random.default_rng(halves)
    severity = np.array([0.32 * halves]) if halves < 10 else np.array([2.9 + 0.12 * (halves - 10)])
    drawn = rng.normal(severity * _WEIGHTS - 0.25, 0.85, size=(_DRAWS, len(SYSTEMS)))
    grades = np.clip(np.rint(drawn), 0, np.minimum(_TOPS, 2 if halves < 6 else 3 if halves < 8 else 5)).astype(np.int64)
    codes = rng.choice(np.array(_CODES[halves]), size=_DRAWS)
    scored, _ = score_many(grades, codes)
    fits = (scored == halves) & _plausible(grades, codes)
    unique, first = np.unique(np.column_stack([grades, codes])[fits], axis=0, return_index=True)
    kept = unique[np.argsort(first)][:POOL_SIZE]
    return kept[:, :-1], kept[:, -1]


def _plausible(grades: Integers, codes: Integers) -> npt.NDArray[np.bool_]:
    """Without the contradictions that a rater would be asked about."""
    motor = np.maximum(grades[:, _PYRAMIDAL], grades[:, _CEREBELLAR])
    walks_well = codes <= 1
    severe = (motor >= 4) | (grades[:, _SENSORY] >= 5)
    fits: npt.NDArray[np.bool_] = ~(((codes >= 1) & (motor < 2)) | (walks_well & severe))
    return fits


def examination(halves: int, before: tuple[int, ...] | None, rng: np.random.Generator) -> Examination:
    """Grades and walking that score to this step, near to the grades of the visit before."""
    grades, codes = pool(halves)
    wanted = np.array(before) if before else grades[rng.integers(len(grades))]
    distance = np.abs(grades - wanted).sum(axis=1) + rng.gamma(1.0, 0.6, size=len(grades))
    at = int(np.argmin(distance))
    code = int(codes[at])
    aid, least, most = _WALKS[code]
    metres = None if least is None or most is None else int(rng.integers(least, most + 1))
    if metres is not None and metres >= 100:
        metres -= metres % 10
    return Examination(tuple(int(grade) for grade in grades[at]), code, metres, code == 0, aid)
