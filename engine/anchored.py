"""Cases that were cleaned for the status, cut at an anchor, as the search for events reads them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain

import numpy as np

from engine.cohort import Cohort
from engine.status import Case


def cohort_from(anchored: Sequence[tuple[Case, int | None]], *, collected: bool = True) -> Cohort:
    """One row of a cohort for each case: its usable visits from the anchor on (an index into the case; None: none).

    Every relapse is kept, once. `collected` False: relapses were never asked for. The visits are clean and in order.
    """
    visits = [
        (case.days[at:], case.halves[at:], case.rows[at:]) if at is not None else ([], [], []) for case, at in anchored
    ]
    relapses = [sorted(set(case.relapses)) for case, _ in anchored]
    days, halves, rows = ([*chain.from_iterable(v[part] for v in visits)] for part in range(3))
    onsets = np.array([*chain.from_iterable(relapses)], dtype=np.float64).reshape(-1, 2)
    size = len(anchored)
    return Cohort(
        patients=np.arange(size),
        offsets=_offsets([len(v[0]) for v in visits]),
        day=np.array(days, dtype=np.float64),
        score=np.array(halves, dtype=np.float64) / 2,
        may_confirm=np.ones(len(days), bool),
        row=np.array(rows, dtype=np.int64),
        relapse_offsets=_offsets([len(r) for r in relapses]),
        relapse_first=onsets[:, 0].copy(),
        relapse_last=onsets[:, 1].copy(),
        relapse_end=np.full(len(onsets), np.nan),
        collected=np.full(size, collected),
    )


def _offsets(lengths: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([0, *accumulate(lengths)], dtype=np.int64)
