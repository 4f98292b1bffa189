"""Confirmed events and unconfirmed changes as values, with the field names that the peers use."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal

from engine.types import day_words, edss_words

EventType = Literal["CDW", "CDI"]
CdwType = Literal["RAW", "PIRA", "undefined", "not classifiable"]
Reason = Literal[
    "no_later_visit",
    "no_visit_in_window",
    "near_relapse",
    "may_not_confirm",
    "run_broken",
    "not_sustained",
    "below_step",
]


@dataclass(frozen=True, slots=True)
class Event:
    """One confirmed event. The date is that of the onset. Rows are indices among the visits as given.

    `confirmed` and `pira_confirmed`: days of confirmation asked for to the date of the earliest confirming visit.
    `cdw_type` None: not classified. `imputed`: a worsening first seen at the last visit, kept unconfirmed.
    """

    number: int  # of this patient, from 1
    type: EventType
    cdw_type: CdwType | None
    date: dt.date
    value: float
    baseline_date: dt.date
    baseline_value: float
    last_delta_date: dt.date
    last_delta_value: float
    days_from_start: int
    days_from_baseline: int
    sustained_days: int
    sustained_to_last: bool
    confirmed: dict[str, dt.date | None]
    pira_confirmed: dict[str, dt.date | None] | None
    imputed: bool
    onset_row: int
    baseline_row: int
    confirmed_rows: tuple[int | None, ...]
    held_row: int  # the last visit of the run

    def as_mapping(self) -> dict[str, Any]:
        """JSON-serialisable fields under the names of the case files."""
        found: dict[str, Any] = {
            "type": self.type,
            "cdw_type": self.cdw_type,
            "date": self.date.isoformat(),
            "value": self.value,
            "baseline_date": self.baseline_date.isoformat(),
            "baseline_value": self.baseline_value,
            "last_delta_date": self.last_delta_date.isoformat(),
            "last_delta_value": self.last_delta_value,
            "days_from_start": self.days_from_start,
            "days_from_baseline": self.days_from_baseline,
            "sustained_days": self.sustained_days,
            "sustained_to_last": self.sustained_to_last,
            "confirmed": {days: day and day.isoformat() for days, day in self.confirmed.items()},
        }
        if self.pira_confirmed is not None:
            found["pira_confirmed"] = {days: day and day.isoformat() for days, day in self.pira_confirmed.items()}
        return found

    @property
    def confirmed_on(self) -> dt.date | None:
        """The earliest confirming visit of any window; None for an imputed event."""
        return min((day for day in self.confirmed.values() if day), default=None)

    @property
    def sentence(self) -> str:
        """What happened and how it was confirmed."""
        what = "Worsening" if self.type == "CDW" else "Improvement"
        kind = {"RAW": ", relapse-associated", "PIRA": ", independent of relapses", None: ""}.get(
            self.cdw_type, f", {self.cdw_type}"
        )
        start = (
            f"{what}{kind}: {edss_words(self.value)} on {day_words(self.date)}, from {edss_words(self.baseline_value)} "
            f"on {day_words(self.baseline_date)}"
        )
        if self.imputed:
            return f"{start}; not confirmed, kept because it is the last visit."
        said = [f"{day_words(day)} ({days} days)" for days, day in self.confirmed.items() if day]
        lasts = "to the last visit" if self.sustained_to_last else f"for {self.sustained_days:,} days"
        return f"{start}; confirmed on {', '.join(said)}, held {lasts}."


_WHY: dict[Reason, str] = {
    "no_later_visit": "there is no later visit",
    "no_visit_in_window": "no visit falls within the time of confirmation",
    "near_relapse": "the visit that could confirm it ({at}) is too near a relapse",
    "may_not_confirm": "the visit that could confirm it ({at}) may not confirm",
    "run_broken": "the visit of {at} did not hold it",
    "not_sustained": "it was confirmed but not sustained: it had ended by {at}",
    "below_step": "it is less than a step",
}


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """A change that was examined and not kept, and why. `confirmable_from`: the first day on which a visit could."""

    direction: Literal["worsening", "improvement"]
    date: dt.date
    value: float
    baseline_date: dt.date
    baseline_value: float
    reason: Reason
    at: dt.date | None  # the visit that the reason speaks of
    confirmable_from: dt.date | None
    onset_row: int

    def as_mapping(self) -> dict[str, Any]:
        return {
            "direction": self.direction,
            "date": self.date.isoformat(),
            "value": self.value,
            "baseline_date": self.baseline_date.isoformat(),
            "baseline_value": self.baseline_value,
            "reason": self.reason,
            "at": self.at and self.at.isoformat(),
            "confirmable_from": self.confirmable_from and self.confirmable_from.isoformat(),
        }

    @property
    def sentence(self) -> str:
        why = _WHY[self.reason].format(at=self.at and day_words(self.at))
        wait = f" A visit from {day_words(self.confirmable_from)} on could confirm it." if self.confirmable_from else ""
        return (
            f"{self.direction.capitalize()} to {edss_words(self.value)} on {day_words(self.date)}, from "
            f"{edss_words(self.baseline_value)}: not confirmed, because {why}.{wait}"
        )
