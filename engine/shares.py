"""Shares of a group with their uncertainty."""

from math import sqrt
from statistics import NormalDist


def wilson(count: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share, without continuity correction; (0, 1) when there is nobody.

    count, total: whole numbers of people. ValueError when they are not, when count is not within total, or on a
    confidence outside 0 to 1. Source: Wilson 1927, 10.1080/01621459.1927.10502953; docs/engine.md, "Cohort outcomes".
    """
    if not (0 <= count <= total and float(count).is_integer() and float(total).is_integer()):
        raise ValueError(f"{count} of {total} is no share")
    if not 0 < confidence < 1:
        raise ValueError(f"{confidence} is no confidence between 0 and 1")
    if total == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, scale = count / total, 1 + z * z / total
    middle = (share + z * z / (2 * total)) / scale
    half = z * sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / scale
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return 0.0 if count == 0 else low, 1.0 if count == total else high  # exact at the ends, where rounding is not
