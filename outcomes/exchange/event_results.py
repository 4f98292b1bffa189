"""The events of a loaded cohort by one preset, patient by patient, as rows of a table and as JSON."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import engine
from engine.cohort import Cohort
from engine.definitions import day_key
from engine.events import Event, Unconfirmed
from engine.preset_events import NoEvents, cohort_since, own_unconfirmed
from engine.presets import Preset
from engine.progression import CohortEvents, detect_cohort
from outcomes.exchange.event_input import Loaded
from outcomes.exchange.writing import guarded

PLAIN = (
    "type", "cdw_type", "date", "value", "baseline_date", "baseline_value", "last_delta_date", "last_delta_value",
    "days_from_start", "days_from_baseline", "sustained_days", "sustained_to_last",
)  # fmt: skip
UNCONFIRMED = (
    "patient", "direction", "date", "value", "baseline_date", "baseline_value", "reason", "at", "confirmable_from",
)  # fmt: skip


@dataclass(frozen=True)
class Results:
    """What each definition of a preset found in each patient; `reasons`: of whom nothing, for want of an anchor."""

    preset: Preset
    loaded: Loaded
    cohort: Cohort  # the visits that were searched: from the anchor on, where the preset has one
    searches: tuple[CohortEvents, ...]
    reasons: dict[int, NoEvents]

    def __len__(self) -> int:
        return len(self.loaded.names)

    @cached_property
    def days(self) -> list[int | None]:
        """Days from first to last visit searched, a patient."""
        return [None if days != days else int(days) for days in self.cohort.followup_days().tolist()]

    def events(self, index: int) -> list[Event]:
        """Of all definitions in order of onset, numbered anew."""
        found = [event for one in self.searches for event in one.of(index)]
        if len(self.searches) == 1:
            return found
        ordered = enumerate(sorted(found, key=lambda event: event.date), start=1)
        return [event if event.number == number else replace(event, number=number) for number, event in ordered]

    def unconfirmed(self, index: int) -> list[Unconfirmed]:
        if len(self.searches) == 1:
            return list(self.searches[0].unconfirmed_of(index))
        found = (own_unconfirmed(one.unconfirmed_of(index), one.definition) for one in self.searches)
        return sorted((change for changes in found for change in changes), key=lambda change: change.date)


def search(loaded: Loaded, preset: Preset) -> Results:
    """The events of everybody by a preset."""
    cohort = loaded.cohort
    reasons: dict[int, NoEvents] = {}
    if preset.anchor == "since_lemtrada":
        cohort, reasons = cohort_since(cohort, loaded.infusions)
    names = loaded.names or None
    searches = tuple(detect_cohort(cohort, one, names=names) for one in preset.definitions)
    return Results(preset, loaded, cohort, searches, reasons)


# As rows


def header(preset: Preset) -> list[str]:
    """The columns of the table of events; `reason` only where a patient can have no anchor."""
    windows = _windows(preset)
    found = ["patient", "number", *PLAIN, *(f"confirmed_{days}" for days in windows)]
    if any(one.classifies for one in preset.definitions):
        found += [f"pira_confirmed_{days}" for days in windows]
    return [*found, "total_followup_days", *(["reason"] if preset.anchor != "none" else [])]


def _windows(preset: Preset) -> list[str]:
    """The days of confirmation as the engine writes them."""
    return [day_key(days) for days in preset.definition.conf_days]


def event_rows(results: Results, advance: Callable[[int], object]) -> Iterator[list[str]]:
    """A row an event; who has none is listed once, where the definition includes the stable."""
    preset, windows = results.preset, _windows(results.preset)
    classifies = any(one.classifies for one in preset.definitions)
    anchored, stable = preset.anchor != "none", preset.definition.include_stable
    width = len(PLAIN) + len(windows) * (2 if classifies else 1)
    for index, name in enumerate(results.loaded.names):
        end = [results.days[index], *([results.reasons.get(index)] if anchored else [])]
        events = results.events(index)
        for event in events:
            row = [name, event.number, *(getattr(event, field) for field in PLAIN)]
            row += [event.confirmed[days] for days in windows]
            row += [(event.pira_confirmed or {}).get(days) for days in windows] if classifies else []
            yield [text(value) for value in row + end]
        if not events and stable:
            yield [text(value) for value in (name, *[None] * (width + 1), *end)]
        advance(1)


def unconfirmed_rows(results: Results) -> Iterator[list[str]]:
    for index, name in enumerate(results.loaded.names):
        for change in results.unconfirmed(index):
            yield [text(name), *(text(getattr(change, field)) for field in UNCONFIRMED[1:])]


def text(value: Any) -> str:
    """A value as a cell: dates in ISO form, true and false, nothing for None, and no formula."""
    if value is None:
        return ""
    if value is True or value is False:
        return "true" if value else "false"
    return guarded(value) if isinstance(value, str) else str(value)


# As JSON


def json_parts(results: Results, advance: Callable[[int], object]) -> Iterator[str]:
    """One object: engine version and definitions once, then each patient on a line of its own."""
    preset = results.preset
    head = {
        "engine_version": engine.VERSION,
        "preset": preset.name,
        "citation": preset.citation,
        "relapses": results.loaded.relapses,
        "definitions": [
            {"definition": one.normalised(), "sentence": words, "content_hash": one.content_hash}
            for one, words in zip(preset.definitions, preset.sentences, strict=True)
        ],
    }
    yield json.dumps(head, ensure_ascii=False, indent=1)[:-2] + ',\n "patients": ['
    notes = notes_of(results.loaded.notes)
    for index in range(len(results)):
        yield ("\n  " if not index else ",\n  ") + json.dumps(_patient(results, index, notes), ensure_ascii=False)
        advance(1)
    yield "\n ]\n}\n"


def notes_of(notes: Iterable[Any]) -> dict[int, list[str]]:
    """The sentences about each patient's rows."""
    found: dict[int, list[str]] = {}
    for note in notes:
        if note.patient is not None:
            found.setdefault(note.patient, []).append(str(note))
    return found


def _patient(results: Results, index: int, notes: dict[int, list[str]]) -> dict[str, Any]:
    found: dict[str, Any] = {"patient": results.loaded.names[index], "total_followup_days": results.days[index]}
    if results.preset.anchor != "none":
        found["reason"] = results.reasons.get(index)
    return found | {
        "events": [{"number": event.number, **event.as_mapping()} for event in results.events(index)],
        "unconfirmed": [change.as_mapping() for change in results.unconfirmed(index)],
        "findings": notes.get(index, []),
        "content_hashes": [one.content_hash_of(index) for one in results.searches],
    }
