"""The evidence for one patient's events as text: every visit with what it did, and each event in a sentence."""

from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np

from engine.cohort import Cohort
from engine.events import Event
from engine.progression import detect_cohort
from engine.roles import visit_roles
from engine.status import REASONS
from engine.types import Interval, as_interval, day_of, day_words, edss_words
from outcomes.exchange.event_results import Results

LOOKS_FOR = {"firstCDI": "improvement", "first": "change", "multiple": "change"}


def explain(results: Results, index: int) -> Iterator[str]:
    """The text, line by line."""
    yield f"Patient {results.loaded.names[index]}"
    for sentence in results.preset.sentences:
        yield f"Rule: {sentence}"
    others = passed_over(results, index)
    yield from ["", "Visits and relapses:", *timeline(results, index, others), ""]
    if reason := results.reasons.get(index):
        yield f"No result: {REASONS[reason]}"
    else:
        events = results.events(index)
        yield f"Events: {len(events) or 'none'}"
        yield from (f"  {event.number}. {event.sentence}" for event in events)
        if others:
            yield f"Confirmed before, but not what is looked for: {len(others)}"
            yield from (f"  {event.sentence}" for event in others)
        changes = results.unconfirmed(index)
        yield f"Not confirmed: {len(changes) or 'none'}"
        yield from (f"  {change.sentence}" for change in changes)
    for heading, used in (("To be checked:", True), ("Not used:", False)):
        notes = [str(note) for note in results.loaded.notes if note.patient == index and note.used is used]
        yield from [heading, *(f"  {note}" for note in notes)] if notes else []


def passed_over(results: Results, index: int) -> list[Event]:
    """The confirmed events that a search for the first PIRA or RAW went past, found by a search for all of them.

    They may have moved the baseline. None are told where that other search looks at other visits: of several
    definitions, in the peers' mode, and where relapses move the baseline at once.
    """
    definition = results.preset.definition
    if len(results.searches) > 1 or definition.event not in ("firstPIRA", "firstRAW") or definition.peer:
        return []
    if definition.relapse_rebl:
        return []
    name, found = results.loaded.names[index], results.searches[0].of(index)
    every = detect_cohort(
        alone(results.cohort, index), definition.changed(event="multiple", RAW_PIRA=True), names=[name]
    ).of(0)
    until = min((event.date for event in found), default=date.max)
    kind = definition.event.removeprefix("first")
    return [event for event in every if event.date < until and event.cdw_type != kind and not event.imputed]


def alone(cohort: Cohort, index: int) -> Cohort:
    """One patient of a cohort."""
    visits = slice(cohort.offsets[index], cohort.offsets[index + 1])
    relapses = slice(cohort.relapse_offsets[index], cohort.relapse_offsets[index + 1])
    return Cohort(
        patients=cohort.patients[index : index + 1],
        offsets=np.array([0, visits.stop - visits.start]),
        day=cohort.day[visits],
        score=cohort.score[visits],
        may_confirm=cohort.may_confirm[visits],
        row=cohort.row[visits],
        relapse_offsets=np.array([0, relapses.stop - relapses.start]),
        relapse_first=cohort.relapse_first[relapses],
        relapse_last=cohort.relapse_last[relapses],
        relapse_end=cohort.relapse_end[relapses],
        collected=cohort.collected[index : index + 1],
    )


def timeline(results: Results, index: int, others: Sequence[Event]) -> list[str]:
    """Visits, relapses and first infusions in order of the day, with the line of the file and what each visit did."""
    whole, roles = results.loaded.cohort, _roles(results, index, others)
    lines = [(first, 0, _relapse(first, last)) for first, last in _onsets(whole, index)]
    given = map(as_interval, results.loaded.infusions.get(index, ()))
    lines += [(day.first, 0, f"  {day.first}  first infusion of a course{_between(day)}") for day in given]
    for place in range(int(whole.offsets[index]), int(whole.offsets[index + 1])):
        row, day = int(whole.row[place]), day_of(int(whole.day[place]))
        if row in roles:
            said = "; ".join(roles[row]) or "nothing that counts"
        else:
            said = "not used" if index in results.reasons else "before the baseline: not used"
        where = f"line {results.loaded.lines[row]}"
        lines.append((day, 1, f"  {day}  EDSS {edss_words(float(whole.score[place])):<4}  {where:<10}  {said}"))
    return [line for _, _, line in sorted(lines)]


def _roles(results: Results, index: int, others: Sequence[Event]) -> dict[int, list[str]]:
    """Roles in all searches, each once; a moved or fixed baseline is said once."""
    found: dict[int, list[str]] = {}
    if index in results.reasons:
        return found
    for one in results.searches:
        wanted = LOOKS_FOR.get(one.definition.event, "worsening")
        changes = [c for c in one.unconfirmed_of(index) if wanted in ("change", c.direction)]
        events = sorted([*one.of(index), *others], key=lambda event: event.date)
        for row, said in visit_roles(results.cohort, index, one.definition, events, changes).items():
            before = found.setdefault(row, [])
            before.extend(role for role in said if role not in before)
    return found


def _onsets(cohort: Cohort, index: int) -> list[tuple[date, date]]:
    between = slice(cohort.relapse_offsets[index], cohort.relapse_offsets[index + 1])
    days = zip(cohort.relapse_first[between].tolist(), cohort.relapse_last[between].tolist(), strict=True)
    return [(day_of(int(first)), day_of(int(last))) for first, last in days]


def _relapse(first: date, last: date) -> str:
    return f"  {first}  relapse{_between(Interval(first, last))}"


def _between(known: Interval) -> str:
    return "" if known.exact else f", between {day_words(known.first)} and {day_words(known.last)}"
