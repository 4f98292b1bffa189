"""The status after each course: against a baseline of its own, until the next course begins.

The rule is that of `engine.status`; only the course and the last day that counts differ. A visit on the first day of
the next course still counts. Source: docs/engine.md, "Status after each course".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from engine.status import Verdict, classify
from engine.types import Day, Interval, VisitLike, as_interval, day_words


@dataclass(frozen=True, slots=True)
class CourseVerdict:
    """Status of the time from one course to the next. `until`: first possible day of the next course, if any."""

    number: int  # from 1, by first infusion
    first_infusion: Interval
    until: date | None
    verdict: Verdict

    @property
    def note(self) -> str:
        """What stands beside the status; a change that was pending when the next course began stays so for ever."""
        pending = self.verdict.pending
        if self.until is None or pending is None:
            return self.verdict.summary
        word = "Worse" if pending.direction == "worsening" else "Better"
        return f"{word} since {day_words(pending.since)}, not confirmed before the next course began."


def classify_courses(
    visits: Iterable[VisitLike],
    relapses: Iterable[Day],
    first_infusions: Iterable[Day],
    death: Day | None,
    as_of: date,
) -> list[CourseVerdict]:
    """One verdict a course that may have begun by the as-of date, in order of first infusion. Input as `classify`."""
    given, onsets = tuple(visits), tuple(relapses)
    courses = sorted(as_interval(day) for day in first_infusions)
    found = []
    for number, course in enumerate(courses, start=1):
        if course.first > as_of:
            break
        until = courses[number].first if number < len(courses) and courses[number].first <= as_of else None
        result = classify(given, onsets, [course], death, min(as_of, until or as_of))
        found.append(CourseVerdict(number, course, until, result.since_lemtrada))
    return found
