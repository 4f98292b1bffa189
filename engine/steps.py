"""The smallest changes of a score that count: docs/engine.md, "Steps".

A table is a list of pieces in order of the baseline score: from this score on, a number of points, or a share of the
score with an upper limit. Worsening and improvement have a table each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, nextafter
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
MOST = 1_000_000  # points or baseline; more is a slip of the pen


@dataclass(frozen=True, slots=True)
class Piece:
    """From a baseline of `first` on: `points`, or `share` of the baseline but no more than `limit`."""

    first: float
    points: float = 0.0
    share: float = 0.0
    limit: float = inf

    def at(self, baseline: float) -> float:
        return min(baseline * self.share, self.limit) if self.share else self.points


@dataclass(frozen=True, slots=True)
class Steps:
    """Tables of worsening and of improvement, by their name or given by the caller."""

    name: str
    worsening: tuple[Piece, ...]
    improvement: tuple[Piece, ...]
    source: str = ""

    def columns(self, scores: Floats, single: str = "") -> tuple[Floats, Floats]:
        """Smallest rise and fall from each score, in points; infinity where none counts.

        `single`: the name of one table that is to serve both directions, as in the peers.
        """
        up = _column(self.improvement if single == "improvement" else self.worsening, scores)
        down = _column(self.worsening if single == "worsening" else self.improvement, scores)
        return up, down

    def as_mapping(self) -> str | dict[str, list[list[float | str]]]:
        if self.name:
            return self.name
        return {
            "worsening": [_written(piece) for piece in self.worsening],
            "improvement": [_written(piece) for piece in self.improvement],
        }


def _column(pieces: Sequence[Piece], scores: Floats) -> Floats:
    found = np.full(scores.shape, inf)
    for piece in pieces:
        reached = scores >= piece.first
        value = np.minimum(scores * piece.share, piece.limit) if piece.share else piece.points
        found = np.where(reached, value, found)
    return found


def _written(piece: Piece) -> list[float | str]:
    if piece.share:
        raise ValueError("steps: a table by shares has no written form but its name")
    return [piece.first, "inf" if piece.points == inf else piece.points]


def _points(*pairs: tuple[float, float]) -> tuple[Piece, ...]:
    return tuple(Piece(first, points) for first, points in pairs)


# on any number, as the peer has it for scores off the grid: 1.5 at 0, 1.0 up to 5.0, 0.5 above
_MSPROG = _points((0.0, 1.5), (nextafter(0.0, 1.0), 1.0), (nextafter(5.0, 6.0), 0.5))
_OPERA = _points((0.0, 1.0), (6.0, 0.5))
_TWENTY_PER_CENT = (Piece(0.0, share=0.2),)

STEPS: Mapping[str, Steps] = MappingProxyType(
    {
        steps.name: steps
        for steps in (
            Steps("msprog", _MSPROG, _MSPROG, "Montobbio 2024, 10.1177/13524585241243157"),
            Steps(
                "msoutcomes",
                _points((0.0, 1.5), (0.5, 1.0), (6.0, 0.5)),
                _points((0.0, 1.5), (2.0, 1.0), (6.5, 0.5)),
                "MSoutcomes 0.2.1; Kalincik 2015, 10.1093/brain/awv258",
            ),
            Steps(
                "carems",
                _points((0.0, 1.5), (0.5, 1.0)),
                _points((0.0, inf), (2.0, 1.0)),
                "Havrdova 2017, 10.1212/WNL.0000000000004313; Hunter 2021, 10.1007/s40120-021-00262-3",
            ),
            Steps("opera", _OPERA, _OPERA, "Wolinsky 2018, Ann Neurol 84:527-536; Hauser 2017, 10.1056/NEJMoa1601277"),
            Steps("nhpt", _TWENTY_PER_CENT, _TWENTY_PER_CENT, "pymsprog 1.0.7"),
            Steps("t25fw", _TWENTY_PER_CENT, _TWENTY_PER_CENT, "pymsprog 1.0.7"),
            Steps("sdmt", (Piece(0.0, share=0.2, limit=4.0),), (Piece(0.0, share=0.2, limit=4.0),), "pymsprog 1.0.7"),
        )
    }
)
EDSS_STEPS = ("msprog", "msoutcomes", "carems", "opera")


def steps_of(value: Any) -> Steps:
    """A table by name, or from {"worsening": [[from, points], ...], "improvement": [...]}; ValueError else."""
    if isinstance(value, Steps):
        return value
    if isinstance(value, str):
        if value not in STEPS:
            raise ValueError(f"steps: {value!r} is not one of {', '.join(STEPS)}")
        return STEPS[value]
    if not isinstance(value, Mapping) or set(value) != {"worsening", "improvement"}:
        raise ValueError("steps: must be a name, or a table with the keys worsening and improvement")
    return Steps("", _pieces(value["worsening"], "worsening"), _pieces(value["improvement"], "improvement"))


def _pieces(rows: Any, name: str) -> tuple[Piece, ...]:
    if isinstance(rows, str) or not isinstance(rows, Sequence) or not rows:
        raise ValueError(f"steps: {name} must be a list of [from, points]")
    found = []
    for row in rows:
        if isinstance(row, str) or not isinstance(row, Sequence) or len(row) != 2:
            raise ValueError(f"steps: {name} must be a list of [from, points], not {row!r}")
        first, points = (inf if item == "inf" else item for item in row)
        if any(isinstance(item, bool) or not isinstance(item, int | float) or item != item for item in (first, points)):
            raise ValueError(f"steps: {name} must hold numbers, not {row!r}")
        if any(item != inf and abs(item) > MOST for item in (first, points)):
            raise ValueError(f"steps: {name} must hold numbers up to {MOST:,}")
        if points <= 0:
            raise ValueError(f"steps: {name} must hold positive points, not {points!r}")
        found.append(Piece(float(first), float(points)))
    if [piece.first for piece in found] != sorted({piece.first for piece in found}):
        raise ValueError(f"steps: {name} must be in ascending order of the baseline")
    return tuple(found)
