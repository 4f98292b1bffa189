"""Which relapses count, and in which period of a patient's time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.ragged import owners, whole_days

Counts = NDArray[np.int64]

SAME_RELAPSE_DAYS = 30  # an onset this long or less after the last counted one is not counted
BEFORE_DAYS = 730  # they end with the first infusion day


@dataclass(frozen=True, slots=True, eq=False)
class RelapsePeriods:
    """Counted relapses and days of each patient (patients,), before and since the first infusion.

    `before_known` is False where the day of disease onset is not known: nothing is counted before then.
    """

    before_relapses: Counts
    before_days: Counts
    since_relapses: Counts
    since_days: Counts
    before_known: NDArray[np.bool_]


def thin_relapses(onsets: ArrayLike, offsets: ArrayLike | None = None) -> NDArray[np.bool_]:
    """Which onsets count (n,): not those 30 days or less after the last onset that counts.

    onsets (n,): days as whole numbers, in any order within a patient; offsets (patients + 1,): where each patient's
    onsets begin, None for one patient. Give the whole history: what counts depends on what came before.
    Source: a project's choice, marked [R]; docs/engine.md, "Relapse rates".
    """
    days = whole_days(onsets, "onsets")
    if days.ndim != 1:
        raise ValueError("onsets must be one list")
    patient, patients = owners(offsets, len(days))
    order = np.lexsort((days, patient))
    counted = np.zeros(len(days), dtype=bool)
    if len(days) == 0:
        return counted
    apart = int(days.max() - days.min()) + SAME_RELAPSE_DAYS + 1  # more than any two onsets of one patient
    line = patient[order] * apart + days[order] - days.min()
    following = np.searchsorted(line, line + SAME_RELAPSE_DAYS, side="right")
    owner = np.append(patient[order], patients)  # one more, for an end that nobody owns
    current = np.searchsorted(owner[:-1], np.unique(patient))
    while len(current):  # each round is the next counted onset of every patient who has one
        counted[order[current]] = True
        later = following[current]
        current = later[owner[later] == owner[current]]
    return counted


def relapses_between(
    onsets: ArrayLike, after: ArrayLike, until: ArrayLike, offsets: ArrayLike | None = None
) -> tuple[Counts, Counts]:
    """Counted relapses and days of each patient (patients,) from the day after `after` up to and including `until`.

    after, until (patients,), or one day for all: whole numbers; a period that ends before it begins has 0 days.
    onsets and offsets as in `thin_relapses`. Source: docs/engine.md, "Relapse rates".
    """
    days = whole_days(onsets, "onsets")
    patient, patients = owners(offsets, len(days))
    return _between(days, thin_relapses(days, offsets), patient, _each(after, patients), _each(until, patients))


def relapse_periods(
    onsets: ArrayLike,
    first_infusion: ArrayLike,
    last_visit: ArrayLike,
    disease_onset: ArrayLike,
    offsets: ArrayLike | None = None,
) -> RelapsePeriods:
    """Counted relapses and days before and since the first infusion, so that no day is in both.

    Before: the 730 days that end with the first infusion day, without those up to and including disease onset. Since:
    from the day after the first infusion day to the last visit; a later relapse is not counted.
    onsets (n,) and offsets (patients + 1,) as in `thin_relapses`; first_infusion, last_visit (patients,), or one day
    for all: whole numbers on the same count; disease_onset likewise, nan where it is not known. The years of a rate
    are days / 365.25. ValueError on anything else. Source: docs/engine.md, "Relapse rates".
    """
    days = whole_days(onsets, "onsets")
    patient, patients = owners(offsets, len(days))
    counted = thin_relapses(days, offsets)
    infusion, visit = _each(first_infusion, patients), _each(last_visit, patients)
    disease = np.broadcast_to(np.asarray(disease_onset, dtype=np.float64), (patients,))
    known = ~np.isnan(disease)
    if np.any(disease[known] != np.floor(disease[known])):
        raise ValueError("the day of disease onset must be a whole number, or nan")
    start = np.maximum(infusion - BEFORE_DAYS, np.where(known, disease, infusion)).astype(np.int64)
    before = _between(days, counted, patient, start, infusion)
    since = _between(days, counted, patient, infusion, visit)
    return RelapsePeriods(*before, *since, before_known=known)


def _each(days: ArrayLike, patients: int) -> Counts:
    return np.broadcast_to(whole_days(days), (patients,))


def _between(
    days: Counts, counted: NDArray[np.bool_], patient: Counts, after: Counts, until: Counts
) -> tuple[Counts, Counts]:
    inside = counted & (days > after[patient]) & (days <= until[patient])
    relapses = np.bincount(patient[inside], minlength=len(after)).astype(np.int64)
    return relapses, np.maximum(until - after, 0)
