"""What each visit of a patient did in a search for events: baseline, onset, confirming, and so on, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine import search
from engine.cohort import Cohort, Floats
from engine.definitions import Definition
from engine.events import Event, Unconfirmed
from engine.types import day_words

Roles = dict[int, list[str]]  # by index among the rows as given


def visit_roles(
    cohort: Cohort, index: int, definition: Definition, events: Sequence[Event], changes: Sequence[Unconfirmed]
) -> Roles:
    """Roles of each usable visit of `cohort.patients[index]`, in order of the day; a visit may have several or none.

    `events` and `changes`: those that this definition found in these visits.
    """
    visits = range(int(cohort.offsets[index]), int(cohort.offsets[index + 1]))
    rows = [int(row) for row in cohort.row[visits.start : visits.stop]]
    roles: Roles = {row: [] for row in rows}
    _baselines(cohort, index, definition, events, changes, rows, roles)
    for event in events:
        _of_event(event, rows, cohort.score[visits.start : visits.stop], definition, roles)
    for change in changes:
        _of_change(change, rows, cohort.day[visits.start : visits.stop], roles)
    return roles


def _of_event(event: Event, rows: list[int], scores: Floats, definition: Definition, roles: Roles) -> None:
    what = "worsening" if event.type == "CDW" else "improvement"
    if "baseline" not in roles[event.baseline_row]:
        roles[event.baseline_row].append("baseline")
    roles[event.onset_row].append(f"onset of the {what}")
    confirming: dict[int, list[str]] = {}
    for days, row in zip(event.confirmed, event.confirmed_rows, strict=True):
        if row is not None:
            confirming.setdefault(row, []).append(days)
    for row, windows in confirming.items():
        roles[row].append(f"confirms the {what} ({' and '.join(windows)} days)")
    start, end = rows.index(event.onset_row), rows.index(event.held_row)
    step, side = _step(event, definition), 1 if (event.type == "CDW") == (definition.worsening == "increase") else -1
    for place in range(start + 1, end + 1):
        if rows[place] not in confirming:
            held = (scores[place] - event.baseline_value) * side >= step
            roles[rows[place]].append(f"held the {what}" if held else f"did not hold the {what}; it was not asked")
    if end + 1 < len(rows):
        roles[rows[end + 1]].append(f"ended the {what}")


def _step(event: Event, definition: Definition) -> float:
    up, down = definition.steps.columns(np.array([event.baseline_value]), definition.single_table)
    return float(up[0] if event.type == "CDW" else down[0])


def _of_change(change: Unconfirmed, rows: list[int], days: Floats, roles: Roles) -> None:
    begun = f"the {change.direction} of {day_words(change.date)}"
    roles[change.onset_row].append(f"{change.direction}, not confirmed")
    if change.at is None:
        return
    [place] = np.flatnonzero(days == change.at.toordinal())
    words = {
        "run_broken": f"broke the run of {begun}",
        "near_relapse": f"too near a relapse to confirm {begun}",
        "may_not_confirm": f"may not confirm {begun}",
        "not_sustained": f"ended {begun}",
    }
    roles[rows[place]].append(words[change.reason])


def _baselines(
    cohort: Cohort,
    index: int,
    definition: Definition,
    events: Sequence[Event],
    changes: Sequence[Unconfirmed],
    rows: list[int],
    roles: Roles,
) -> None:
    """The first baseline, and why visits before it are none."""
    days = [int(day) for day in cohort.day[cohort.offsets[index] : cohort.offsets[index + 1]].tolist()]
    used = [event.baseline_date for event in events] + [change.baseline_date for change in changes]
    places = [days.index(day.toordinal()) for day in used]
    rules, visits = definition.rules(), _distances(cohort, index, definition)
    for place, row in enumerate(rows):
        if place in places:
            roles[row].append("baseline")
        near = visits.since[place] < rules.bl_since or visits.to[place] < rules.bl_to
        extreme = rules.extrema > 0 and search.extremum(visits, place, 0, len(rows), rules.extrema)
        if near and (not places or place < min(places)):
            roles[row].append("too near a relapse to be the baseline")
        elif extreme and (not places or place < min(places)):
            roles[row].append("not the baseline: a local peak or dip")
        elif not places:
            roles[row].append("baseline")
            return


def _distances(cohort: Cohort, index: int, definition: Definition) -> search.Visits:
    """The visits of one patient with their distances from relapses."""
    visits = slice(cohort.offsets[index], cohort.offsets[index + 1])
    relapses = slice(cohort.relapse_offsets[index], cohort.relapse_offsets[index + 1])
    score = cohort.score[visits] * (-1.0 if definition.worsening == "decrease" else 1.0)
    up, down = definition.steps.columns(cohort.score[visits], definition.single_table)
    size = len(score)
    day, may = cohort.day[visits].tolist(), cohort.may_confirm[visits].tolist()
    found = search.Visits(day, score.tolist(), up.tolist(), down.tolist(), may, [0.0] * size, [0.0] * size)
    first, last, end = (
        column[relapses].tolist() for column in (cohort.relapse_first, cohort.relapse_last, cohort.relapse_end)
    )
    search.distances(found, search.Relapses(first, last, end, first), 0, size, 0, len(first))
    return found
