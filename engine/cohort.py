"""Visits and relapses of many patients as columns, cleaned: docs/engine.md, "Cleaning"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from engine.types import Interval

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Scale = Literal["edss", "edss_any", "any"]

DENIALS = ("0", "false", "no", "n", "f")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?")
EPOCH = 719_163  # proleptic ordinal of 1 January 1970
_REASONS = {
    "no_patient": "has no patient",
    "no_date": "has no date",
    "bad_date": "has a date that cannot be read: write it as 2019-12-31",
    "no_score": "has no score",
    "same_day": "another row of the same day comes later and is used",
    "off_grid": "is not a step of the scale (0.0, 1.0, 1.5 to 10.0)",
    "off_scale": "is not on the scale from 0 to 10",
    "no_number": "has no number as score",
    "no_usable_visit": "has no usable visit",
    "relapse_no_date": "has no date",
    "relapse_bad_date": "has a date that cannot be read: write it as 2019-12-31",
    "relapse_unknown": "is not used: the patient has no row",
    "relapse_last": "has a last possible day before its first: the first is used",
    "relapse_bad_last": "has a last possible day that cannot be read: the first is used",
    "relapse_bad_end": "has an end that cannot be read: it is not used",
    "relapse_end": "ends before it begins: its end is not used",
}


@dataclass(frozen=True, slots=True)
class CohortFinding:
    """Why a row, or a patient, was set aside. `row`: the index among the rows, or the relapses, as given; or None."""

    patient: object
    row: int | None
    kind: str

    @property
    def sentence(self) -> str:
        kind = "Relapse" if self.kind.startswith("relapse") else "Row"
        who = "The patient" if self.row is None else f"{kind} {self.row + 1}"
        return (
            f"{who} {_REASONS[self.kind]}." if self.kind != "same_day" else f"{who} is not used: {_REASONS[self.kind]}."
        )


@dataclass(frozen=True)
class Cohort:
    """Usable visits and relapses, sorted by patient and day. Arrays are read-only by agreement.

    `offsets[i]` to `offsets[i + 1] - 1` are the visits of `patients[i]`; the same for relapses. `day`: proleptic
    ordinals as floats. `row`: index of a visit among the rows as given.
    """

    patients: npt.NDArray[Any]
    offsets: Ints
    day: Floats
    score: Floats
    may_confirm: Bools
    row: Ints
    relapse_offsets: Ints
    relapse_first: Floats
    relapse_last: Floats
    relapse_end: Floats
    collected: Bools
    findings: tuple[CohortFinding, ...] = ()

    @classmethod
    def from_columns(
        cls,
        patient: npt.ArrayLike,
        day: npt.ArrayLike,
        score: npt.ArrayLike,
        *,
        may_confirm: npt.ArrayLike | None = None,
        relapse_patient: npt.ArrayLike | None = None,
        relapse_day: npt.ArrayLike | None = None,
        relapse_last: npt.ArrayLike | None = None,
        relapse_end: npt.ArrayLike | None = None,
        not_collected: Sequence[Any] = (),
        scale: Scale = "edss",
    ) -> Cohort:
        """Clean the rows of many patients.

        `patient` (N,): any values that can be compared; `day` (N,): datetime64, or proleptic ordinals; `score` (N,):
        NaN where none was recorded; `may_confirm` (N,) booleans. Relapses (M,): patient, first possible onset and, if
        wanted, last possible onset and last day. Without `relapse_patient` no patient's relapses count as collected;
        `not_collected` names those of whom none were asked for. `scale`: "edss" rejects scores off the steps,
        "edss_any" those outside 0 to 10, "any" none. A row that cannot be used is a finding. ValueError when columns
        differ in length, and when ids cannot be put in order.
        """
        who, days, scores = np.asarray(patient), _ordinals(day), _numbers(score) + 0.0  # no -0.0
        confirms = np.ones(len(who), bool) if may_confirm is None else _flags(may_confirm)
        if not len(who) == len(days) == len(scores) == len(confirms):
            raise ValueError("patient, day, score and may_confirm must be of one length")
        names, codes = _codes(who)
        findings: list[CohortFinding] = []
        rows = _usable_rows(who, codes, days, scores, findings)
        rows = _sorted(rows, codes, days)
        rows = _one_a_day(rows, who, codes, days, findings)
        rows = _on_scale(rows, who, scores, scale, findings)
        offsets = np.searchsorted(codes[rows], np.arange(len(names) + 1))
        empty = np.flatnonzero(np.diff(offsets) == 0)
        findings.extend(CohortFinding(names[index], None, "no_usable_visit") for index in empty)
        relapses = _relapses(names, relapse_patient, relapse_day, relapse_last, relapse_end, findings)
        collected = np.full(len(names), relapse_patient is not None)
        collected &= ~np.isin(names, np.asarray(list(not_collected)) if len(not_collected) else names[:0])
        return cls(
            names, offsets.astype(np.int64), days[rows], scores[rows], confirms[rows], rows, *relapses, collected,
            tuple(findings),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.patients)

    @cached_property
    def steps(self) -> dict[Any, tuple[Floats, Floats]]:
        """Steps at each visit that were looked up before, by table; kept with the cohort, read-only by agreement."""
        return {}

    @cached_property
    def halves(self) -> npt.NDArray[np.intp] | None:
        """Scores in half points, or None where some are not on the grid of 0 to 10."""
        doubled = self.score * 2
        found = doubled.astype(np.intp)
        on_grid = bool((found == doubled).all() and (found >= 0).all() and (found <= 20).all())
        return found if on_grid else None

    def index_of(self, patient: object) -> int:
        """Where a patient stands. KeyError when there is none."""
        found = np.flatnonzero(self.patients == patient)
        if not len(found):
            raise KeyError(patient)
        return int(found[0])

    def followup_days(self) -> Floats:
        """Days from first to last usable visit of each patient; NaN without one."""
        first, last = self.offsets[:-1], self.offsets[1:] - 1
        seen = last >= first
        found = np.full(len(self), np.nan)
        found[seen] = self.day[last[seen]] - self.day[first[seen]]
        return found


def number_of(score: Any) -> float:
    """NaN where none was recorded; what is no number becomes one that no scale has, so that the row is a finding."""
    try:
        return np.nan if score is None else float(score)
    except (TypeError, ValueError, OverflowError):
        return np.nan if type(score).__name__ == "NAType" else np.inf  # pandas' NA answers no comparison


def _numbers(score: npt.ArrayLike) -> Floats:
    try:
        return np.asarray(score, dtype=np.float64)
    except (TypeError, ValueError):
        return np.array([number_of(one) for one in np.asarray(score, dtype=object).tolist()], dtype=np.float64)


def may(flag: Any) -> bool:
    """Whether a visit may confirm: yes unless it is denied, in a word too; a missing value denies nothing."""
    if isinstance(flag, str):
        return flag.strip().casefold() not in DENIALS
    return flag is None or type(flag).__name__ == "NAType" or bool(flag)


def _flags(flags: npt.ArrayLike) -> Bools:
    found = np.asarray(flags)
    return found.astype(bool) if found.dtype.kind in "biuf" else np.array([may(one) for one in found.tolist()], bool)


def ordinal_of(day: Any) -> float:
    """A calendar day, or as ISO text; of a date-time its own day. NaN for none, infinite for a text that is no day."""
    if isinstance(day, str):
        return _written_day(day)
    if isinstance(day, np.datetime64):
        day = day.astype("datetime64[D]").item()
    if isinstance(day, Interval):
        day = day.first if day.exact else None
    if not isinstance(day, date) or day != day:  # pandas' NaT is a date that is not equal to itself
        return np.nan
    return float((day.date() if isinstance(day, datetime) else day).toordinal())


def _ordinals(day: npt.ArrayLike) -> Floats:
    """Whole calendar days as floats; NaN for a missing one. A time of the day is cut off."""
    days = np.asarray(day)
    if days.dtype.kind in "US" or (days.dtype.kind == "O" and any(isinstance(one, date | str) for one in days)):
        return np.array([ordinal_of(one) for one in days.tolist()], dtype=np.float64)
    if days.dtype.kind == "M":
        whole = days.astype("datetime64[D]")
        found = whole.astype(np.int64).astype(np.float64) + EPOCH
        found[np.isnat(whole)] = np.nan
        return found
    return np.floor(days.astype(np.float64))


def _written_day(text: str) -> float:
    """A day as ISO writes it, NaN for nothing, else infinite: another way may mean another day, or a month."""
    if not text.strip():
        return np.nan
    try:
        return float(date.fromisoformat(text[:10]).toordinal()) if _ISO.fullmatch(text) else np.inf
    except ValueError:
        return np.inf


def _codes(who: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Ints]:
    """Distinct patients in ascending order, and the place of each row's patient among them; -1 for none."""
    if not len(who):
        return who, np.zeros(0, np.int64)
    missing = np.array([name is None or name != name or name == "" for name in who]) if who.dtype == object else None
    if who.dtype.kind == "f":
        missing = np.isnan(who)
    if who.dtype.kind in "US":
        missing = who == who.dtype.type("")
    if missing is not None and missing.any():
        codes = np.full(len(who), -1, np.int64)
        names, codes[~missing] = np.unique(who[~missing], return_inverse=True)
        return names, codes
    if who.dtype.kind in "iu" and (who[1:] >= who[:-1]).all():  # in order already: the usual case, and ten times faster
        starts = np.flatnonzero(np.concatenate(([True], who[1:] != who[:-1])))
        return who[starts], np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(who))))
    try:
        names, codes = np.unique(who, return_inverse=True)
    except TypeError:
        raise ValueError("patient: ids must all be text, or all be numbers") from None
    return names, codes.astype(np.int64)


def _usable_rows(
    who: npt.NDArray[Any], codes: Ints, days: Floats, scores: Floats, findings: list[CohortFinding]
) -> Ints:
    """Rows with a patient, a date and a score. A row without a score is no finding: nothing was scored."""
    usable = (codes >= 0) & np.isfinite(days) & ~np.isnan(scores)
    findings.extend(
        CohortFinding(who[row], int(row), "no_patient" if codes[row] < 0 else f"{_no_day(days[row])}_date")
        for row in np.flatnonzero((codes < 0) | ~np.isfinite(days))
    )
    return np.flatnonzero(usable)


def _no_day(day: float) -> str:
    return "bad" if np.isinf(day) else "no"


def _sorted(rows: Ints, codes: Ints, days: Floats) -> Ints:
    """In order of patient and day; rows of one day stay in the order given."""
    who, day = codes[rows], days[rows]
    if ((who[1:] > who[:-1]) | ((who[1:] == who[:-1]) & (day[1:] >= day[:-1]))).all():
        return rows
    return rows[np.lexsort((day, who))]


def _one_a_day(rows: Ints, who: npt.NDArray[Any], codes: Ints, days: Floats, findings: list[CohortFinding]) -> Ints:
    """Of several rows of one day the last one given."""
    same = (codes[rows[1:]] == codes[rows[:-1]]) & (days[rows[1:]] == days[rows[:-1]])
    findings.extend(CohortFinding(who[row], int(row), "same_day") for row in rows[:-1][same])
    return rows[np.append(~same, True)] if len(rows) else rows


def _on_scale(rows: Ints, who: npt.NDArray[Any], scores: Floats, scale: Scale, findings: list[CohortFinding]) -> Ints:
    score = scores[rows]
    right = np.isfinite(score) if scale == "any" else (score >= 0) & (score <= 10)
    if scale == "edss":
        right &= (score * 2 == np.floor(score * 2)) & (score != 0.5)
    kind = {"edss": "off_grid", "edss_any": "off_scale", "any": "no_number"}[scale]
    findings.extend(CohortFinding(who[row], int(row), kind) for row in rows[~right])
    return rows[right]


def _relapses(
    names: npt.NDArray[Any],
    patient: npt.ArrayLike | None,
    first: npt.ArrayLike | None,
    last: npt.ArrayLike | None,
    end: npt.ArrayLike | None,
    findings: list[CohortFinding],
) -> tuple[Ints, Floats, Floats, Floats]:
    """Offsets and columns of the relapses of these patients, in order of onset, equal ones once."""
    if patient is not None and first is None and len(np.asarray(patient)):
        raise ValueError("relapse_patient needs relapse_day")
    if patient is None or first is None or not len(names):
        nothing = np.zeros(0)
        return np.zeros(len(names) + 1, np.int64), nothing, nothing, nothing
    who, begin = np.asarray(patient), _ordinals(first)
    latest = begin if last is None else _ordinals(last)
    over = np.full(len(begin), np.nan) if end is None else _ordinals(end)
    if not len(who) == len(begin) == len(latest) == len(over):
        raise ValueError("the columns of relapses must be of one length")
    try:
        codes = np.searchsorted(names, who.astype(names.dtype)) if len(who) else np.zeros(0, np.int64)
    except (TypeError, ValueError):
        raise ValueError("relapse_patient: ids must be of the kind of those in patient") from None
    codes = np.minimum(codes, len(names) - 1)
    ours = names[codes] == who if len(who) else np.zeros(0, bool)
    kept = ours & np.isfinite(begin)
    findings.extend(CohortFinding(who[row], int(row), "relapse_unknown") for row in np.flatnonzero(~ours))
    findings.extend(
        CohortFinding(who[row], int(row), f"relapse_{_no_day(begin[row])}_date") for row in np.flatnonzero(ours & ~kept)
    )
    turned, early = latest < begin, over < begin
    for kind, wrong in (
        ("last", turned), ("bad_last", np.isinf(latest)), ("end", early), ("bad_end", np.isinf(over)),
    ):  # fmt: skip
        rows = np.flatnonzero(kept & wrong)
        findings.extend(CohortFinding(who[row], int(row), f"relapse_{kind}") for row in rows)
    latest = np.where(turned | ~np.isfinite(latest), begin, latest)
    over = np.where(early | np.isinf(over), np.nan, over)
    codes, begin, latest, over = codes[kept], begin[kept], latest[kept], over[kept]
    order = np.lexsort((over, latest, begin, codes))
    codes, begin, latest, over = codes[order], begin[order], latest[order], over[order]
    fresh = np.ones(len(codes), bool)
    fresh[1:] = (
        (codes[1:] != codes[:-1])
        | (begin[1:] != begin[:-1])
        | (latest[1:] != latest[:-1])
        | ~((over[1:] == over[:-1]) | (np.isnan(over[1:]) & np.isnan(over[:-1])))
    )
    codes, begin, latest, over = codes[fresh], begin[fresh], latest[fresh], over[fresh]
    return np.searchsorted(codes, np.arange(len(names) + 1)).astype(np.int64), begin, latest, over
