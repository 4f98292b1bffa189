"""The evidence for one patient's events as text: every visit with what it did, and each event in a sentence."""

from collections.abc import Iterator
from datetime import date

from engine.cohort import Cohort
from engine.roles import visit_roles
from engine.status import REASONS
from engine.types import day_of, day_words, edss_words
from outcomes.exchange.event_results import Results

LOOKS_FOR = {"firstCDI": "improvement", "first": "change", "multiple": "change"}


def explain(results: Results, index: int) -> Iterator[str]:
    """The text, line by line."""
    yield f"Patient {results.loaded.names[index]}"
    for sentence in results.preset.sentences:
        yield f"Rule: {sentence}"
    yield from ["", "Visits and relapses:", *timeline(results, index), ""]
    if reason := results.reasons.get(index):
        yield f"No result: {REASONS[reason]}"
    else:
        events = results.events(index)
        yield f"Events: {len(events) or 'none'}"
        yield from (f"  {event.number}. {event.sentence}" for event in events)
        changes = results.unconfirmed(index)
        yield f"Not confirmed: {len(changes) or 'none'}"
        yield from (f"  {change.sentence}" for change in changes)
    notes = [str(note) for note in results.loaded.notes if note.patient == index]
    yield from ["Not used:", *(f"  {note}" for note in notes)] if notes else []


def timeline(results: Results, index: int) -> list[str]:
    """Visits and relapses in order of the day, with the line of the file and what each visit did."""
    whole, roles = results.loaded.cohort, _roles(results, index)
    lines = [(first, 0, _relapse(first, last)) for first, last in _onsets(whole, index)]
    for place in range(int(whole.offsets[index]), int(whole.offsets[index + 1])):
        row, day = int(whole.row[place]), day_of(int(whole.day[place]))
        if row in roles:
            said = "; ".join(roles[row]) or "nothing that counts"
        else:
            said = "not used" if index in results.reasons else "before the baseline: not used"
        where = f"line {results.loaded.lines[row]}"
        lines.append((day, 1, f"  {day}  EDSS {edss_words(float(whole.score[place])):<4}  {where:<10}  {said}"))
    return [line for _, _, line in sorted(lines)]


def _roles(results: Results, index: int) -> dict[int, list[str]]:
    """Roles in all searches, each once; a moved or fixed baseline is said once."""
    found: dict[int, list[str]] = {}
    if index in results.reasons:
        return found
    for one in results.searches:
        wanted = LOOKS_FOR.get(one.definition.event, "worsening")
        changes = [c for c in one.unconfirmed_of(index) if wanted in ("change", c.direction)]
        for row, said in visit_roles(results.cohort, index, one.definition, one.of(index), changes).items():
            before = found.setdefault(row, [])
            before.extend(role for role in said if role not in before)
    return found


def _onsets(cohort: Cohort, index: int) -> list[tuple[date, date]]:
    between = slice(cohort.relapse_offsets[index], cohort.relapse_offsets[index + 1])
    days = zip(cohort.relapse_first[between].tolist(), cohort.relapse_last[between].tolist(), strict=True)
    return [(day_of(int(first)), day_of(int(last))) for first, last in days]


def _relapse(first: date, last: date) -> str:
    if first == last:
        return f"  {first}  relapse"
    return f"  {first}  relapse, between {day_words(first)} and {day_words(last)}"
