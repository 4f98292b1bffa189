"""The confirmed events after Lemtrada, beside a status: what happened on the way, which one label cannot say.

Events by the app's preset on the visits from the since-Lemtrada anchor on; all relapses are kept. Source:
docs/engine.md, "Events since Lemtrada".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

from engine.anchored import cohort_from
from engine.definitions import Definition
from engine.events import Event, Unconfirmed
from engine.presets import PRESETS
from engine.progression import CohortEvents, detect_cohort
from engine.status import Case, Classification

PRESET = PRESETS["carems_6m"]
# every event, in order; the first of each kind is what a search for the first one finds
HISTORY = PRESET.definition.changed(event="multiple", RAW_PIRA=True)


@dataclass(frozen=True)
class EventHistory:
    """The events of one patient since the anchor, in order of onset. Rows are indices among the visits as given."""

    events: tuple[Event, ...]
    found: CohortEvents = field(repr=False, compare=False)
    index: int = field(repr=False, compare=False)

    @cached_property
    def unconfirmed(self) -> tuple[Unconfirmed, ...]:
        """The changes that were not confirmed; made when asked for. A run that was counted and goes on is none."""

        def goes_on(change: Unconfirmed) -> bool:
            kind = "CDW" if change.direction == "worsening" else "CDI"
            of_kind = (event for event in self.events if event.type == kind)
            return any(one.date < change.date <= one.date + timedelta(days=one.sustained_days) for one in of_kind)

        return tuple(change for change in self.found.unconfirmed_of(self.index) if not goes_on(change))

    def first(self, kind: str) -> Event | None:
        """The first event of a kind, CDW or CDI."""
        return next((event for event in self.events if event.type == kind), None)

    def count(self, label: str) -> int:
        """How many worsenings are RAW, or PIRA."""
        return sum(event.cdw_type == label for event in self.events)


def anchor_of(result: Classification) -> int | None:
    """Index of the since-Lemtrada anchor among the usable visits; None without one, or where it is not certain."""
    reading = result.since_lemtrada.reading
    return None if reading is None else reading.anchor


def histories(
    results: Sequence[Classification], definition: Definition = HISTORY, *, compiled: bool | None = None
) -> list[EventHistory]:
    """The events of many patients, in the order given; a patient without an anchor has none."""
    found = events_from([(result.case, anchor_of(result)) for result in results], definition, compiled=compiled)
    return [EventHistory(found.of(index), found, index) for index in range(len(results))]


def events_from(
    anchored: Sequence[tuple[Case, int | None]], definition: Definition, *, compiled: bool | None = None
) -> CohortEvents:
    """The events of each case on its visits from the anchor on, by index into the cohort that is searched."""
    return detect_cohort(cohort_from(anchored), definition, compiled=compiled)
