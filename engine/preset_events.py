"""The events of one patient by a preset: from the since-Lemtrada anchor on where the preset says so.

docs/engine.md, "Presets". Cleaning and anchor are those of the status, so that label and events speak of the same
visits: one not known to the day is not used, and a relapse not known to the day is as near as it may have been.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any, Literal

import numpy as np

from engine.anchored import cohort_from
from engine.cohort import Cohort
from engine.definitions import Definition
from engine.events import Event, Unconfirmed
from engine.presets import Preset
from engine.progression import Detection, detect_one
from engine.status import (
    REASONS,
    Case,
    Classification,
    Course,
    NoAnchor,
    _earliest_course,
    _near_relapse,
    anchor_for,
    classify,
)
from engine.types import Baseline, Day, VisitLike

NoEvents = Literal["no_course", "course_date_imprecise"] | NoAnchor

_DIRECTIONS = {"firstCDI": "improvement", "first": "", "multiple": ""}


@dataclass(frozen=True)
class PresetEvents:
    """What a preset finds in one patient. Without an anchor, where it needs one, `reason` says why; nothing is found.

    `detections`: one for each definition of the preset. Rows of events are indices among the visits as given.
    """

    preset: Preset
    reason: NoEvents | None
    anchor: Baseline | None  # None also for a preset that needs none
    detections: tuple[Detection, ...]

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """Of all definitions, in order of onset, numbered anew."""
        found = sorted((event for one in self.detections for event in one.events), key=lambda event: event.date)
        return tuple(replace(event, number=number) for number, event in enumerate(found, start=1))

    @cached_property
    def unconfirmed(self) -> tuple[Unconfirmed, ...]:
        """Of all definitions, in order of onset; each search speaks for the direction that it looks for."""
        found = (change for one in self.detections for change in own_unconfirmed(one.unconfirmed, one.definition))
        return tuple(sorted(found, key=lambda change: change.date))

    @property
    def sentence(self) -> str:
        """Why there is nothing, or how many events there are."""
        if self.reason:
            return REASONS[self.reason]
        number = len(self.events)
        return "No event." if not number else f"{number} event{'s' if number > 1 else ''}."

    def as_mapping(self) -> dict[str, Any]:
        """JSON-serialisable fields, dates in ISO form."""
        return {
            "preset": self.preset.name,
            "reason": self.reason,
            "anchor": self.anchor and {"date": self.anchor.day.isoformat(), "edss": self.anchor.edss},
            "events": [event.as_mapping() for event in self.events],
            "unconfirmed": [change.as_mapping() for change in self.unconfirmed],
            "definitions": [one.definition.normalised() for one in self.detections],
            "content_hashes": [one.content_hash for one in self.detections],
        }


def own_unconfirmed(changes: Iterable[Unconfirmed], definition: Definition) -> Iterator[Unconfirmed]:
    """The changes of the direction that a definition looks for: another search speaks for the other direction."""
    direction = _DIRECTIONS.get(definition.event, "worsening")
    return (change for change in changes if change.direction == direction or not direction)


def preset_events(
    visits: Iterable[VisitLike],
    relapses: Iterable[Day],
    first_infusions: Iterable[Day],
    preset: Preset,
    *,
    death: Day | None = None,
    as_of: date = date.max,
) -> PresetEvents:
    """The events of one patient by a preset, from the same rows as `engine.status.classify` takes."""
    return events_of(classify(visits, relapses, first_infusions, death, as_of), preset)


def events_of(found: Classification, preset: Preset, *, collected: bool = True) -> PresetEvents:
    """The events of a patient whose rows were cleaned for the status.

    `collected` False: relapses were never asked for, so that a worsening cannot be told to be RAW or PIRA.
    """
    if preset.anchor == "none":
        return events_since(found.case, 0, preset, collected=collected)
    anchor = anchor_of(found.case, found.course)
    if isinstance(anchor, int):
        return events_since(found.case, anchor, preset, collected=collected)
    return PresetEvents(preset, anchor, None, ())


def anchor_of(case: Case, course: Course | None) -> int | NoEvents:
    """The since-Lemtrada anchor that every possible first infusion day gives, or why there is none."""
    if course is None:
        return "no_course"
    found = {anchor_for(case, infusion) for infusion in course.days}
    if len(found) > 1 or course.may_lie_ahead:
        return "course_date_imprecise"
    return found.pop()


def events_since(case: Case, anchor: int, preset: Preset, *, collected: bool = True) -> PresetEvents:
    """The events of a cleaned case from visit `anchor` on (an index into the case); every relapse is kept."""
    cohort = cohort_from([(case, anchor)], collected=collected)
    base = case.baseline(anchor) if preset.anchor == "since_lemtrada" else None
    return PresetEvents(preset, None, base, tuple(detect_one(cohort, one) for one in preset.definitions))


def cohort_since(cohort: Cohort, first_infusions: Mapping[int, Sequence[Day]]) -> tuple[Cohort, dict[int, NoEvents]]:
    """The visits of each patient from the since-Lemtrada anchor on, and of whom none are left, and why.

    `first_infusions`: index of a patient of the cohort to the first infusion day of each course.
    """
    reasons: dict[int, NoEvents] = {}
    starts = cohort.offsets[1:].copy()
    for index in range(len(cohort)):
        course = _earliest_course(first_infusions.get(index, ()), date.max.toordinal())
        anchor = anchor_of(_case_of(cohort, index), course)
        if isinstance(anchor, int):
            starts[index] = cohort.offsets[index] + anchor
        else:
            reasons[index] = anchor
    kept = np.arange(len(cohort.day)) >= np.repeat(starts, np.diff(cohort.offsets))
    cut = replace(
        cohort,
        offsets=np.concatenate((np.zeros(1, np.int64), np.cumsum(cohort.offsets[1:] - starts))),
        **{name: getattr(cohort, name)[kept] for name in ("day", "score", "may_confirm", "row")},
    )
    return cut, reasons


def _case_of(cohort: Cohort, index: int) -> Case:
    """A patient of a cohort, as far as the anchor is concerned."""
    visits = slice(cohort.offsets[index], cohort.offsets[index + 1])
    relapses = slice(cohort.relapse_offsets[index], cohort.relapse_offsets[index + 1])
    days = [int(day) for day in cohort.day[visits].tolist()]
    first, last = cohort.relapse_first[relapses].tolist(), cohort.relapse_last[relapses].tolist()
    onsets = [(int(begin), int(end)) for begin, end in zip(first, last, strict=True)]
    return Case((), onsets, None, date.max.toordinal(), days, [], _near_relapse(days, onsets), [], None, ())
