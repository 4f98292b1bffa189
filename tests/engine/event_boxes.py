"""Reads the boxes of the documents that hold a history of visits, and says what the engine finds in it."""

import json
from datetime import date

from engine.preset_events import preset_events
from engine.presets import PRESETS
from engine.progression import Definition, detect
from engine.types import Interval

GIVEN = ("visit", "relapse", "relapses", "course", "option", "preset")  # "relapses never asked for"


def known(text):
    """2019-03-05, 2019-03 or 2019."""
    day = Interval.of(date.fromisoformat((text + "-01-01")[:10]), ("year", "month", "day")[text.count("-")])
    return day.first if day.exact else day


def read(box):
    """What is given, by its word, and the other lines: what is expected."""
    given = {word: [] for word in GIVEN}
    expected = []
    for line in box:
        word, _, rest = line.partition(" ")
        if word in given:
            given[word].append(rest)
        else:
            expected.append(line)
    return given, expected


def found_in(given, **changes):
    """Events, changes not confirmed and findings of a box, by its preset or its options."""
    relapses = [known(text) for text in given["relapse"]]
    visits = []
    for day, edss, *may in map(str.split, given["visit"]):
        visits.append((known(day), None if edss == "-" else float(edss), not may))
    if given["preset"] and PRESETS[given["preset"][0]].anchor != "none":
        result = preset_events([visit[:2] for visit in visits], relapses, map(known, given["course"]),
                               PRESETS[given["preset"][0]])  # fmt: skip
        return result, [finding for one in result.detections for finding in one.findings]
    options = {name: json.loads(value) for name, value in (text.split(" ", 1) for text in given["option"])}
    definition = PRESETS[given["preset"][0]].definition if given["preset"] else Definition()
    definition = Definition.from_mapping(definition.as_mapping() | options | changes)
    result = detect(visits, None if given["relapses"] else relapses, definition)
    return result, result.findings


def event_words(event):
    kind = f"{event.type} {event.cdw_type}" if event.cdw_type else event.type
    held = "held to the last visit" if event.sustained_to_last else f"held {event.sustained_days} days"
    days = ", ".join(f"{day} ({days})" for days, day in event.confirmed.items() if day)
    confirmed = f"confirmed {days}, {held}" if days else "not confirmed"
    return f"{kind} on {event.date}, from {event.baseline_value} on {event.baseline_date}, {confirmed}"


def change_words(change):
    at = f" on {change.at}" if change.at else ""
    until = f", confirmable from {change.confirmable_from}" if change.confirmable_from else ""
    return f"{change.direction} on {change.date}: {change.reason}{at}{until}"


def lines_of(given, **changes):
    """Everything found, each as the documents write it."""
    result, findings = found_in(given, **changes)
    return {
        "event": [event_words(event) for event in result.events] or ["none"],
        "not confirmed": [change_words(change) for change in result.unconfirmed] or ["none"],
        "finding": [finding.sentence for finding in findings],
    }
