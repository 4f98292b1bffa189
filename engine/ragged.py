"""Many patients in one array: the values one patient after another, and the offsets where each begins."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def whole_days(days: ArrayLike, name: str = "days") -> NDArray[np.int64]:
    """Days as whole numbers (proleptic ordinals, or counted from any day). ValueError on anything else."""
    found = np.asarray(days)
    if found.size == 0:
        return found.astype(np.int64)
    if not np.issubdtype(found.dtype, np.integer):
        raise ValueError(f"{name} must be whole numbers")
    return found.astype(np.int64)


def owners(offsets: ArrayLike | None, size: int) -> tuple[NDArray[np.int64], int]:
    """Which patient each of `size` values belongs to, and how many patients there are.

    offsets (patients + 1,): the values of patient i are those from offsets[i] up to, not including, offsets[i + 1].
    None means that all values are one patient's. ValueError when the offsets do not cover the values exactly.
    """
    if offsets is None:
        return np.zeros(size, dtype=np.int64), 1
    ends = whole_days(offsets, "offsets")
    if ends.ndim != 1 or len(ends) == 0 or ends[0] != 0 or ends[-1] != size or np.any(np.diff(ends) < 0):
        raise ValueError(f"offsets must rise from 0 to the number of values, {size}")
    return np.repeat(np.arange(len(ends) - 1), np.diff(ends)), len(ends) - 1
