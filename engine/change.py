"""How far the EDSS went: mean change of a group, and the area under each patient's EDSS-time curve."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from engine.ragged import owners, whole_days
from engine.types import DAYS_PER_YEAR, Refused

Floats = NDArray[np.float64]


class MeanChange(NamedTuple):
    """A mean with its interval; one patient has no interval (None)."""

    patients: int
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, eq=False)
class EdssArea:
    """Of each patient (patients,): EDSS-years from the first to the last visit, and what follows from them.

    A patient with one visit has an area of 0 and neither mean nor change (nan); without a visit all are nan.
    """

    area: Floats  # EDSS-years
    years: Floats  # of follow-up
    mean: Floats  # area / years, in EDSS points
    mean_change: Floats  # mean minus the first EDSS


def mean_change(changes: ArrayLike, confidence: float = 0.95) -> MeanChange | Refused:
    """Mean change in EDSS points with Student's t interval.

    changes (n,): the later minus the earlier EDSS of each patient, only of those who have both; nothing is carried
    forward. When all changes are equal the interval has no width. Refused for nobody; ValueError on what is not a
    number. Source: Student 1908, 10.1093/biomet/6.1.1; docs/engine.md, "Change and area".
    """
    found = np.asarray(changes, dtype=np.float64)
    if found.ndim != 1 or not np.all(np.isfinite(found)):
        raise ValueError("changes must be a list of finite numbers")
    if not 0 < confidence < 1:
        raise ValueError(f"{confidence} is no confidence between 0 and 1")
    if len(found) == 0:
        return Refused("There is nobody with both assessments.")
    mean = float(found.mean())
    if len(found) == 1:
        return MeanChange(1, mean, None, None)
    half = float(stdtrit(len(found) - 1, (1 + confidence) / 2) * found.std(ddof=1) / np.sqrt(len(found)))
    return MeanChange(len(found), mean, mean - half, mean + half)


def edss_area(days: ArrayLike, edss: ArrayLike, offsets: ArrayLike | None = None) -> EdssArea:
    """Area under the EDSS-time curve by trapezoids, its mean over the follow-up, and that minus the first EDSS.

    days (n,): whole numbers, rising within a patient, from the anchor visit to the last, those near a relapse
    included; edss (n,): 0 to 10; offsets (patients + 1,): where each patient's visits begin, None for one patient.
    ValueError on anything else. Source: docs/engine.md, "Change and area".
    """
    when, scores = whole_days(days), np.asarray(edss, dtype=np.float64)
    if when.ndim != 1 or when.shape != scores.shape:
        raise ValueError(f"days {when.shape} and scores {scores.shape} are not two lists of one length")
    if not np.all((scores >= 0) & (scores <= 10)):
        raise ValueError("an EDSS lies between 0 and 10")
    patient, patients = owners(offsets, len(when))
    together = patient[1:] == patient[:-1]
    width = np.diff(when)[together] / DAYS_PER_YEAR
    if np.any(width <= 0):
        raise ValueError("the days of a patient's visits must rise")
    height = ((scores[1:] + scores[:-1]) / 2)[together]
    later = patient[1:][together]
    years = np.bincount(later, weights=width, minlength=patients).astype(np.float64)
    area = np.bincount(later, weights=width * height, minlength=patients).astype(np.float64)
    visits = np.bincount(patient, minlength=patients)
    first = np.full(patients, np.nan)
    first[visits > 0] = scores[np.flatnonzero(np.append(True, ~together))] if len(when) else []
    area[visits == 0] = years[visits == 0] = np.nan
    mean = np.full(patients, np.nan)
    np.divide(area, years, out=mean, where=years > 0)
    return EdssArea(area, years, mean, mean - first)
