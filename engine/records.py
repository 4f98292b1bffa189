"""A classification as a compact record, and back: what is stored, so that words need not be.

The record holds what was decided and the rows it was decided from, each visit once and as codes. Nothing is decided
again when it is read: `unpack` gives the same verdicts, and `engine.evidence` makes the same words from them.
Days are proleptic ordinals. A day that is not known is the pair of its first and last possible day.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from engine.status import (
    RULE_NAME,
    Case,
    Classification,
    Course,
    Mark,
    Reading,
    Verdict,
    clean,
    ends_in_death,
    visit_parts,
)
from engine.types import Day, Interval, Pending, Visit, as_interval, day_of, ordinals

_MARKS: dict[Mark, str] = {1: "+", -1: "-", 0: "="}
_MARK_OF: dict[str, Mark] = {letter: mark for mark, letter in _MARKS.items()}


def pack(classification: Classification) -> dict[str, Any]:
    """The record, JSON-serialisable when the callers' `ref`s are.

    `visits`: [day, EDSS or None, ref] each, as given. Under each anchor stand the fields of `Verdict.as_mapping` and,
    where there is a baseline, `roles`: a letter for each usable visit in order of days (`.` before the baseline, `a`
    the baseline, `+` worse, `-` better, `=` within a step, `x` near a relapse) and `runs`: [first, end) of the run
    that decides and of the pending one, counted in deciding visits.
    """
    case, course = classification.case, classification.course
    return {
        "rule": RULE_NAME,
        "as_of": case.as_of,
        "visits": [_visit(*visit_parts(visit)) for visit in case.visits],
        "relapses": [_span(*onset) for onset in case.relapses],
        "course": course and [*ordinals(course.known), course.days[0], course.days[-1], course.may_lie_ahead],
        "death": None if case.death is None else _span(*ordinals(case.death)),
        "since_lemtrada": _verdict(classification.since_lemtrada),
        "overall": _verdict(classification.overall),
        "landmarks": {str(year): label for year, label in classification.landmarks.items() if label},
    }


def unpack(record: Mapping[str, Any]) -> Classification:
    """The classification that was packed."""
    visits = [Visit(as_interval(_day(day)), edss, ref) for day, edss, ref in record["visits"]]
    death = None if record["death"] is None else _day(record["death"])
    case = clean(visits, map(_day, record["relapses"]), death, day_of(record["as_of"]))
    course = None
    if record["course"]:
        first, last, begin, end, may_lie_ahead = record["course"]
        days = (begin,) if begin == end else range(begin, end + 1)
        course = Course(Interval(day_of(first), day_of(last)), days, may_lie_ahead)
    since = _read_verdict(record["since_lemtrada"], case, course, overall=False)
    return Classification(
        since, _read_verdict(record["overall"], case, None, overall=True), case.findings, case, course
    )


def scored(record: Mapping[str, Any]) -> list[tuple[date, float]]:
    """First possible day and EDSS of each visit that has a score, in the order of the record."""
    firsts = ((known if isinstance(known, int) else known[0], edss) for known, edss, _ in record["visits"])
    return [(day_of(first), edss) for first, edss in firsts if edss is not None]


def _visit(day: Day, edss: float | None, ref: object) -> list[object]:
    first, last = ordinals(day)
    return [first if first == last else [first, last], None if edss is None or edss != edss else float(edss), ref]


def _span(first: int, last: int) -> int | list[int]:
    return first if first == last else [first, last]


def _day(known: int | list[int]) -> Day:
    return day_of(known) if isinstance(known, int) else Interval(*map(day_of, known))


def _verdict(verdict: Verdict) -> dict[str, Any]:
    found, reading = verdict.as_mapping(), verdict.reading
    if reading is not None:
        found["roles"] = _roles(verdict.case, reading)
        found["runs"] = [reading.run.start, reading.run.stop, reading.pending.start, reading.pending.stop]
    return found


def _roles(case: Case, reading: Reading) -> str:
    letters = ["x" if near else "." for near in case.near]
    letters[reading.anchor] = "a"
    for visit, mark in zip(reading.deciding, reading.marks, strict=True):
        letters[visit] = _MARKS[mark]
    return "".join(letters)


def _read_verdict(found: Mapping[str, Any], case: Case, course: Course | None, *, overall: bool) -> Verdict:
    reading, pending = _read_reading(found, case) if "roles" in found else None, found["pending"]
    return Verdict(
        found["status"],
        found["reason"],
        None if reading is None else case.baseline(reading.anchor),
        _iso_day(found["since"]),
        found["certainty"],
        pending
        and Pending(pending["direction"], date.fromisoformat(pending["since"]), _iso_day(pending["confirmable_from"])),
        tuple(found["flags"]),
        case,
        reading,
        course,
        overall,
    )


def _read_reading(found: Mapping[str, Any], case: Case) -> Reading:
    roles: str = found["roles"]
    deciding = [visit for visit, letter in enumerate(roles) if letter in _MARK_OF]
    marks = [_MARK_OF[roles[visit]] for visit in deciding]
    run, run_end, pending, pending_end = found["runs"]
    return Reading(
        roles.index("a"),
        deciding,
        marks,
        range(run, run_end),
        range(pending, pending_end),
        ends_in_death(case, deciding),
    )


def _iso_day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
