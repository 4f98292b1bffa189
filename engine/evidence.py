"""Why a status is what it is: every visit with its role, sentences, and what would change the status.

Nothing is decided here; `engine.status` has decided and this module reads its case and reading. Sentences are made
from structured values (`EvidenceRow`, `Change`), and none of them depends on today.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Any, Literal, NamedTuple

from engine.status import (
    ANCHOR_AFTER_DAYS,
    ANCHOR_BEFORE_DAYS,
    CONFIRM_DAYS,
    LOWEST_IMPROVABLE,
    NEAR_RELAPSE_DAYS,
    REASONS,
    RULE_NAME,
    STEP,
    STEP_UP_FROM_ZERO,
    Case,
    Classification,
    Mark,
    Reading,
    Verdict,
    anchor_for,
    better_to,
    visit_parts,
    worse_from,
)
from engine.types import Certainty, FindingKind, Interval, Status, as_interval, day_of, day_words, edss_words

Role = Literal["before_anchor", "anchor", "better", "worse", "within", "not_used"]
Why = Literal["near_relapse", "no_score", "date_imprecise", "rejected", "after_as_of", "no_baseline"]
Part = Literal["onset", "confirming"]
ChangeKind = Literal["confirm", "back", "held", "visits", "baseline"]

_TOP = 19  # half points: 9.5, the highest score of a living person
_PARTS: dict[Part | None, str] = {None: "", "onset": ", onset", "confirming": ", confirms it"}
_ROLES: dict[Mark, Role] = {-1: "better", 0: "within", 1: "worse"}


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """One visit as given and what the verdict made of it; `words` is what stands beside it."""

    row: int  # index in the visits as given
    day: Interval
    edss: float | None
    role: Role
    why: Why | None  # for not_used
    days_after_relapse: int | None  # for near_relapse, when the onset is known to the day
    difference: float | None  # from the baseline, for visits that decide
    in_run: bool  # of the run that decides
    pending: bool  # of the last run, too short to decide yet
    part: Part | None  # in a run of better or worse visits: its first, and the first that is long enough after that
    words: str
    ref: object

    @property
    def difference_words(self) -> str:
        """With a true minus sign: "−1.0", "+0.5", "0.0"; empty for a visit that does not decide."""
        if self.difference is None:
            return ""
        sign = "−" if self.difference < 0 else "+" if self.difference else ""
        return f"{sign}{abs(self.difference):.1f}"

    @property
    def said(self) -> str:
        """The words with what they leave to the place they stand in: that a visit is not used, or pending."""
        return f"{'not used, ' if self.role == 'not_used' else ''}{self.words}{', pending' if self.pending else ''}"

    def as_mapping(self) -> dict[str, Any]:
        return {
            "row": self.row,
            "first": self.day.first.isoformat(),
            "last": self.day.last.isoformat(),
            "precision": self.day.precision,
            "edss": None if self.edss is None or not isfinite(self.edss) else float(self.edss),
            "role": self.role,
            "why": self.why,
            "days_after_relapse": self.days_after_relapse,
            "difference": self.difference,
            "difference_words": self.difference_words,
            "in_run": self.in_run,
            "pending": self.pending,
            "part": self.part,
            "words": self.words,
            "said": self.said,
            "ref": self.ref,
        }


@dataclass(frozen=True, slots=True)
class Change:
    """Visits that would change the verdict: `visits` of them, each from `edss_from` to `edss_to`.

    Each counts from the day `counts_from` on, if no relapse began less than 30 days before it; the last one must be
    on or after `on_or_after`, and `apart_days` or more after the first. The kinds: "confirm" a pending run; "back"
    within a step, which needs no confirmation; "held", a new run; "visits", an insufficient verdict gets a status
    (`becomes` None: which one depends on the scores); "baseline", a visit that would be the baseline, from
    `counts_from` to `on_or_before`.
    """

    kind: ChangeKind
    edss_from: float
    edss_to: float
    counts_from: date | None
    on_or_after: date | None
    on_or_before: date | None
    visits: int
    apart_days: int
    becomes: Status | None
    certainty: Certainty | None

    def as_mapping(self) -> dict[str, Any]:
        days = {name: getattr(self, name) for name in ("counts_from", "on_or_after", "on_or_before")}
        return {
            "kind": self.kind,
            "edss_from": self.edss_from,
            "edss_to": self.edss_to,
            **{name: day and day.isoformat() for name, day in days.items()},
            "visits": self.visits,
            "apart_days": self.apart_days,
            "becomes": self.becomes,
            "certainty": self.certainty,
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is said about one verdict."""

    evidence: tuple[EvidenceRow, ...]
    sentence: str
    summary: str
    changes: tuple[Change, ...]
    what_would_change: str


def explain(verdict: Verdict) -> Explanation:
    possible = changes(verdict)
    return Explanation(
        evidence_rows(verdict), sentence(verdict), summary(verdict), possible, change_words(verdict, possible)
    )


def classification_mapping(classification: Classification) -> dict[str, Any]:
    """What `Classification.evidence_mapping` promises."""
    verdicts = {"since_lemtrada": classification.since_lemtrada, "overall": classification.overall}
    unseen_from = classification.unseen_from
    return {
        "rule": RULE_NAME,
        **{name: _verdict_mapping(verdict) for name, verdict in verdicts.items()},
        "landmarks": classification.as_mapping()["landmarks"],
        "unseen_from": unseen_from and unseen_from.isoformat(),
        "findings": [
            {"row": finding.row, "kind": finding.kind, "sentence": finding.sentence}
            for finding in classification.findings
        ],
    }


def _verdict_mapping(verdict: Verdict) -> dict[str, Any]:
    return {
        **verdict.as_mapping(),
        "sentence": verdict.sentence,
        "summary": verdict.summary,
        "what_would_change": verdict.what_would_change,
        "changes": [change.as_mapping() for change in verdict.changes],
        "evidence": [row.as_mapping() for row in verdict.evidence],
    }


# Rows


class _Known(NamedTuple):
    """What the rows of one case look up, gathered once: a row costs the same however many there are."""

    usable: Mapping[int, int]  # row to its index among the usable visits
    rejected: Mapping[int, FindingKind]  # by row
    onsets: Mapping[int, list[tuple[int, int]]]  # by usable visit: the relapses that make it near


def evidence_rows(verdict: Verdict) -> tuple[EvidenceRow, ...]:
    """Every visit of the history in date order, an imprecise one at its first possible day."""
    case = verdict.case
    usable = {row: visit for visit, row in enumerate(case.rows)}
    known = _Known(usable, {finding.row: finding.kind for finding in case.findings}, _onsets(case))
    rows = [_evidence_row(verdict, row, known) for row in range(len(case.visits))]
    return tuple(sorted(rows, key=lambda shown: (shown.day.first, shown.row)))


def _onsets(case: Case) -> Mapping[int, list[tuple[int, int]]]:
    """For each usable visit the relapses that may have begun less than 30 days before it."""
    found = defaultdict(list)
    for first, last in case.relapses:
        for visit in range(bisect_left(case.days, first), bisect_left(case.days, last + NEAR_RELAPSE_DAYS)):
            found[visit].append((first, last))
    return found


def _evidence_row(verdict: Verdict, row: int, known: _Known) -> EvidenceRow:
    case, reading = verdict.case, verdict.reading
    given, edss, ref = visit_parts(case.visits[row])
    day, visit = as_interval(given), known.usable.get(row)
    if visit is None:
        kind = known.rejected.get(row)
        why = _unusable(case, day, edss, kind)
        return EvidenceRow(
            row, day, edss, "not_used", why, None, None, False, False, None, _why_words(why, day, kind), ref
        )
    role, place = _role(case, reading, visit)
    if role == "not_used":
        why = "near_relapse" if case.near[visit] else "no_baseline"
        near = known.onsets[visit] if case.near[visit] else []
        after, words = _relapse_words(near, case.days[visit]) if near else (None, "no baseline")
        return EvidenceRow(row, day, edss, role, why, after, None, False, False, None, words, ref)
    if reading is None or place is None:
        words = _anchor_words(verdict) if role == "anchor" else "before the baseline"
        return EvidenceRow(row, day, edss, role, None, None, None, False, False, None, words, ref)
    difference = (case.halves[visit] - case.halves[reading.anchor]) / 2
    decides = verdict.status != "insufficient" and place in reading.run
    waits = verdict.pending is not None and place in reading.pending
    part = _part(case, reading, place) if (decides or waits) and role != "within" else None
    words = "less than a step" if role == "within" else f"{role}{_PARTS[part]}"
    return EvidenceRow(row, day, edss, role, None, None, difference, decides, waits, part, words, ref)


def _part(case: Case, reading: Reading, place: int) -> Part | None:
    run = reading.run if place in reading.run else reading.pending
    if place == run[0]:
        return "onset"
    onset, before, day = (case.days[reading.deciding[at]] for at in (run[0], place - 1, place))
    return "confirming" if before - onset < CONFIRM_DAYS <= day - onset else None


def _role(case: Case, reading: Reading | None, visit: int) -> tuple[Role, int | None]:
    """Role of a usable visit and, if it decides, its place among the deciding visits."""
    if reading is not None:
        place = bisect_left(reading.deciding, visit)  # ascending
        if reading.deciding[place : place + 1] == [visit]:
            return _ROLES[reading.marks[place]], place
    if reading is None or case.near[visit]:
        return "not_used", None
    return ("anchor" if visit == reading.anchor else "before_anchor"), None


def _unusable(case: Case, day: Interval, edss: float | None, rejected: FindingKind | None) -> Why:
    if day.first.toordinal() > case.as_of:
        return "after_as_of"
    if edss is None or edss != edss:
        return "no_score"
    return "rejected" if rejected else "date_imprecise"


def _why_words(why: Why, day: Interval, rejected: FindingKind | None) -> str:
    if rejected and why == "rejected":
        return {
            "off_grid": "not a step of the scale",
            "edss_10_without_death": "EDSS 10.0 without a recorded death",
            "same_day": "a later row of the same day is used",
        }[rejected]
    if why == "date_imprecise":
        return _known_words(day, "date known")
    return {"no_score": "no EDSS recorded", "after_as_of": "after the date of this result"}[why]


def _known_words(day: Interval, subject: str) -> str:
    precision = day.precision
    return f"{subject} only to the {precision}" if precision in ("month", "year") else f"{subject} only as {day.words}"


def _relapse_words(near: Sequence[tuple[int, int]], day: int) -> tuple[int | None, str]:
    """Days since the onset that makes this day near a relapse, if known to the day, and the words for it."""
    exact = [day - first for first, last in near if first == last]
    if exact:
        after = min(exact)
        return after, f"{_count(after, 'day')} after a relapse" if after else "on the day a relapse began"
    first, last = max(near)
    onset = Interval(day_of(first), day_of(last)).words
    return None, f"may be less than {NEAR_RELAPSE_DAYS} days after a relapse ({onset})"


def _anchor_words(verdict: Verdict) -> str:
    course, baseline = verdict.course, verdict.baseline
    if course is None or baseline is None or len(course.days) > 1:
        return "baseline"
    days = course.days[0] - baseline.day.toordinal()
    if days == 0:
        return "baseline, on the first day of course 1"
    return f"baseline, {_count(abs(days), 'day')} {'before' if days > 0 else 'after the start of'} course 1"


# Why


def sentence(verdict: Verdict) -> str:
    """What decided, with the counts and the days of the run, and what is pending."""
    if verdict.reading is None or verdict.status == "insufficient":
        return _insufficient_sentence(verdict)
    case, reading = verdict.case, verdict.reading
    if reading.death_from_ms:
        visits = _count(len(reading.run), "visit")
        return (
            f"The last deciding visit is EDSS 10.0, death from MS, which needs no confirmation. Its run has {visits}."
        )
    parts = [_run_sentence(verdict, case, reading)]
    if verdict.pending:
        count, span = len(reading.pending), _count(_span(case, reading, reading.pending), "day")
        who = f"{_the_last(count, reading, reading.pending)} {_side(verdict)}"
        wait = "that can no longer be confirmed" if case.died else f"pending until they span {CONFIRM_DAYS}"
        if count == 1 and not case.died:
            wait = f"pending until that is held for {CONFIRM_DAYS} days"
        parts.append(f"{who}: {wait}." if count == 1 else f"{who} and span {span}: {wait}.")
    return " ".join(parts)


def _run_sentence(verdict: Verdict, case: Case, reading: Reading) -> str:
    if not reading.run:
        return f"No better or worse visits in a row span the {CONFIRM_DAYS} days that are needed."
    who = _the_last(len(reading.run), reading, reading.run, case)
    if verdict.status == "stable":
        return f"{who} less than a step from the baseline, which needs no confirmation."
    distance = _distance(verdict, reading.marks[reading.run[0]])
    joint = " and" if verdict.pending else ". They"
    span = _count(_span(case, reading, reading.run), "day")
    return f"{who} {distance}{joint} span {span}; {CONFIRM_DAYS} are needed."


def _the_last(count: int, reading: Reading, run: range, case: Case | None = None) -> str:
    """ "The last 8 deciding visits are all", or for an earlier run "8 deciding visits, up to 13 Mar 2018, are all"."""
    verb = "is" if count == 1 else "are both" if count == 2 else "are all"
    noun = "deciding visit" if count == 1 else "deciding visits"
    if run[-1] == len(reading.deciding) - 1 or case is None:
        return f"The last {noun} {verb}" if count == 1 else f"The last {count} {noun} {verb}"
    end = day_words(day_of(case.days[reading.deciding[run[-1]]]))
    return f"{count} {noun}, {'on' if count == 1 else 'up to'} {end}, {verb}"


def _distance(verdict: Verdict, mark: Mark) -> str:
    step = STEP_UP_FROM_ZERO if verdict.baseline and verdict.baseline.edss == 0 else STEP
    return f"at least {step} {'above' if mark > 0 else 'below'} the baseline"


def _side(verdict: Verdict) -> str:
    assert verdict.pending is not None
    return _distance(verdict, 1 if verdict.pending.direction == "worsening" else -1)


def _insufficient_sentence(verdict: Verdict) -> str:
    """The reason, with the days that matter."""
    case, reading, reason = verdict.case, verdict.reading, verdict.reason
    assert reason is not None
    if reason == "course_date_imprecise" and verdict.course:
        known = _known_words(verdict.course.known, "known")
        words = verdict.course.known.words
        return f"The first infusion is {known} ({words}), and not every day of it gives the same result."
    if reason in ("no_baseline", "baseline_near_relapse") and verdict.course:
        first, last = _window(verdict)
        what = "is no usable visit" if reason == "no_baseline" else "are only visits near a relapse"
        return (
            f"There {what} from {day_words(first)} to {day_words(last)}, {ANCHOR_BEFORE_DAYS} days before the first "
            f"infusion to {ANCHOR_AFTER_DAYS} days after it."
        )
    if reading is None or verdict.baseline is None or reason == "no_followup":
        return REASONS[reason]
    last_day = case.days[reading.deciding[-1]]
    if reason == "one_visit":
        return f"Only one deciding visit follows the baseline, on {day_words(day_of(last_day))}; two are needed."
    infusion = verdict.course.days[-1] if verdict.course else 0
    from_infusion = infusion > case.days[reading.anchor]
    start = max(infusion, case.days[reading.anchor])
    what = "first infusion" if from_infusion else "baseline"
    if from_infusion and verdict.course and len(verdict.course.days) > 1:
        return (
            f"The last deciding visit is less than {CONFIRM_DAYS} days after the first infusion, whichever day it was."
        )
    return f"The last deciding visit is {_count(last_day - start, 'day')} after the {what}; {CONFIRM_DAYS} are needed."


def summary(verdict: Verdict) -> str:
    """One or two short sentences for the head of a page."""
    case, reading = verdict.case, verdict.reading
    if reading is None or verdict.status == "insufficient":
        return REASONS[verdict.reason or "no_baseline"]
    parts = []
    if verdict.since and reading.death_from_ms:
        parts.append(f"Since {day_words(verdict.since)}; death from MS.")
    elif verdict.since:
        last = reading.deciding[reading.run[-1]]
        parts.append(f"Since {day_words(verdict.since)}, {_difference(case, reading, last)} {_when(case, last)}.")
        span = _count(_span(case, reading, reading.run), "day")
        parts.append(f"Held for {_count(len(reading.run), 'visit')} over {span}.")
    elif reading.run and not verdict.pending:
        last = reading.deciding[-1]
        change, last_change = _difference(case, reading, last), case.halves[last] - case.halves[reading.anchor]
        parts.append(f"{change[0].upper()}{change[1:]} {_when(case, last)}{': less than a step' * (last_change != 0)}.")
    if verdict.pending:
        last = reading.deciding[-1]
        word = "Worse" if verdict.pending.direction == "worsening" else "Better"
        points = abs(case.halves[last] - case.halves[reading.anchor]) / 2
        parts.append(f"{word} by {points}, pending, since {day_words(verdict.pending.since)}.")
        if verdict.pending.confirmable_from:
            parts.append(f"Confirmable from {day_words(verdict.pending.confirmable_from)}.")
        else:
            parts.append("It can no longer be confirmed.")
    return " ".join(parts)


def _difference(case: Case, reading: Reading, visit: int) -> str:
    change = (case.halves[visit] - case.halves[reading.anchor]) / 2
    return f"{abs(change)} {'lower' if change < 0 else 'higher'}" if change else "the same as the baseline"


def _when(case: Case, visit: int) -> str:
    """At the last visit, only of the last one there is; else its day."""
    day = case.days[visit]
    if visit == len(case.days) - 1 and not any(last > day for last in _imprecise_ends(case)):
        return "at the last visit"
    return f"on {day_words(day_of(day))}"


def _imprecise_ends(case: Case) -> list[int]:
    """Last possible days of the scored visits whose day is not known."""
    given = [(as_interval(day), edss) for day, edss, _ in map(visit_parts, case.visits)]
    return [
        day.last.toordinal()
        for day, edss in given
        if edss is not None and not day.exact and day.first.toordinal() <= case.as_of
    ]


def _span(case: Case, reading: Reading, run: range) -> int:
    return case.days[reading.deciding[run[-1]]] - case.days[reading.deciding[run[0]]]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


# What would change it


def changes(verdict: Verdict) -> tuple[Change, ...]:
    """The visits that would change the verdict, if nothing else is recorded; empty when none can."""
    reason, reading = verdict.reason, verdict.reading
    if reason in ("no_baseline", "baseline_near_relapse") and not verdict.overall:
        first, last = _window(verdict)
        return (Change("baseline", 0.0, 9.5, first, None, last, 1, 0, None, None),)
    if verdict.case.died or reason == "no_course":
        return ()
    if reason == "course_date_imprecise":
        return _agreeing(verdict)
    counts_from = _counts_from(verdict)
    if reading is None:
        return (Change("baseline", 0.0, 9.5, counts_from, None, None, 1, 0, None, None),)
    if reason:
        start = max(verdict.case.days[reading.anchor], verdict.course.days[-1] if verdict.course else 0)
        return (_more_visits(max(2 - len(reading.deciding), 1), counts_from, start),)
    return tuple(_status_changes(verdict, reading, counts_from or date.min))


def _more_visits(number: int, counts_from: date | None, start: int) -> Change:
    enough = max(day_of(start + CONFIRM_DAYS), counts_from or date.min)
    return Change("visits", 0.0, 9.5, counts_from, enough, None, number, 0, None, None)


def _agreeing(verdict: Verdict) -> tuple[Change, ...]:
    """With one anchor for every possible first infusion day, only the length of follow-up differs."""
    course = verdict.course
    if course is None or course.may_lie_ahead or len({_anchored(verdict.case, day) for day in course.days}) > 1:
        return ()
    return (_more_visits(1, _counts_from(verdict), course.days[-1]),)


def _anchored(case: Case, infusion: int) -> tuple[int | str, bool]:
    """The anchor for one first infusion day or why there is none, and whether it comes after that day."""
    anchor = anchor_for(case, infusion)
    return anchor, isinstance(anchor, int) and case.days[anchor] > infusion


def _status_changes(verdict: Verdict, reading: Reading, counts_from: date) -> list[Change]:
    """For a definite status: confirm the pending run, go back within a step, or hold a new run."""
    worse, better = worse_from(verdict.case.halves[reading.anchor]), better_to(verdict.case.halves[reading.anchor])
    within = (0 if better is None else better + 1, min(worse - 1, _TOP))
    last_mark = reading.marks[-1]
    found: list[Change] = []
    directions: tuple[tuple[Mark, int, int, Status], ...] = (
        (1, worse, _TOP, "progressed"),
        (-1, 0, -1 if better is None else better, "improved"),
    )
    for mark, low, high, status in directions:
        if low > high:
            continue
        if verdict.pending and verdict.pending.confirmable_from and mark == last_mark:
            day = max(verdict.pending.confirmable_from, counts_from)
            found.insert(0, Change("confirm", low / 2, high / 2, counts_from, day, None, 1, 0, status, "confirmed"))
        elif verdict.status != status:
            day = day_of(counts_from.toordinal() + CONFIRM_DAYS)
            held = Change("held", low / 2, high / 2, counts_from, day, None, 2, CONFIRM_DAYS, status, "confirmed")
            found.append(held)
    if last_mark != 0:
        low, high = within
        place = 1 if found and found[0].kind == "confirm" else 0
        back = Change("back", low / 2, high / 2, counts_from, counts_from, None, 1, 0, "stable", "confirmed")
        found.insert(place, back)
    return found


def _counts_from(verdict: Verdict) -> date | None:
    """First day on which one more visit would decide; None when any day will do.

    It follows every visit and the first infusion (on or before that day it would be a new anchor), and is clear of
    every relapse on record.
    """
    case = verdict.case
    bounds = [last + NEAR_RELAPSE_DAYS for _, last in case.relapses]
    if case.days:
        bounds.append(case.days[-1] + 1)
    if verdict.course:
        bounds.append(verdict.course.days[-1] + 1)
    return day_of(max(bounds)) if bounds else None


def _window(verdict: Verdict) -> tuple[date, date]:
    """The days on which a visit could be the since-Lemtrada anchor, over all possible first infusion days."""
    assert verdict.course is not None
    days = verdict.course.days
    return day_of(days[0] - ANCHOR_BEFORE_DAYS), day_of(days[-1] + ANCHOR_AFTER_DAYS)


def change_words(verdict: Verdict, possible: Sequence[Change]) -> str:
    """The changes as sentences; where no visit can help, what record would."""
    if verdict.reason == "no_course":
        return "No visit can change this. It needs the first infusion day of a Lemtrada course."
    if verdict.reason == "course_date_imprecise":
        return _imprecise_words(verdict, possible)
    if possible and possible[0].kind == "baseline" and not verdict.overall:
        return _window_words(verdict)
    if verdict.case.died:
        return "The person has died; no later visit can change this."
    parts = [_change_sentence(change) for change in possible]
    if verdict.reading is not None and verdict.baseline is not None and not verdict.reason:
        if verdict.baseline.edss < LOWEST_IMPROVABLE:
            parts.append(f"From a baseline below {LOWEST_IMPROVABLE} no fall counts as better.")
        if worse_from(verdict.case.halves[verdict.reading.anchor]) > _TOP and verdict.status != "progressed":
            parts.append(f"From {edss_words(verdict.baseline.edss)} only EDSS 10.0, death from MS, counts as worse.")
    clear = _relapse_clear(verdict)
    if clear and possible:
        parts.append(f"A visit counts from {day_words(clear)}, {NEAR_RELAPSE_DAYS} days after the last relapse.")
    return " ".join(parts)


def _change_sentence(change: Change) -> str:
    scores = _scores(change)
    if change.kind == "confirm" and change.on_or_after:
        return f"The next visit at {scores}, on or after {day_words(change.on_or_after)}, confirms it."
    if change.kind == "back":
        return f"One visit at {scores} makes it stable at once."
    if change.kind == "held":
        word = "Worse" if change.becomes == "progressed" else "Better"
        return f"{word} needs {scores}, held for {change.apart_days} days."
    if change.kind == "baseline":
        return (
            f"The first visit that is not less than {NEAR_RELAPSE_DAYS} days after a relapse becomes the baseline. "
            f"Two more are needed, the last {CONFIRM_DAYS} days or more after it."
        )
    who = "One more deciding visit" if change.visits == 1 else "Two deciding visits"
    last = "" if change.visits == 1 else "the last "
    assert change.on_or_after is not None
    verb = "gives" if change.visits == 1 else "give"
    return f"{who}, {last}on or after {day_words(change.on_or_after)}, {verb} a status."


def _scores(change: Change) -> str:
    """ "3.5 to 4.5", "5.0 or more", "3.0 or less"."""
    low, high = edss_words(change.edss_from), edss_words(change.edss_to)
    if change.kind == "back":
        return f"{low} to {high}"
    return f"{low} or more" if change.becomes == "progressed" else f"{high} or less"


def _imprecise_words(verdict: Verdict, possible: Sequence[Change]) -> str:
    """Whether a later visit could make all possible days agree; the exact day always settles it."""
    assert verdict.course is not None
    case, course = verdict.case, verdict.course
    exact = "the exact day of the first infusion"
    if possible and possible[0].on_or_after:
        day = day_words(possible[0].on_or_after)
        return (
            f"One more deciding visit, on or after {day}, gives the same status for every possible day. "
            f"Recording {exact} settles it too."
        )
    anchors = {anchored for anchored in (_anchored(case, day) for day in course.days) if isinstance(anchored[0], int)}
    # two anchors stay two, whatever comes later; without an anchor a later visit may still become one
    if len(anchors) > 1:
        return f"No later visit can change this. It needs {exact}."
    return f"Recording {exact} settles it."


def _window_words(verdict: Verdict) -> str:
    first, last = map(day_words, _window(verdict))
    assert verdict.course is not None
    outside = f"No visit before {first} or after {last} can change this."
    if len(verdict.course.days) > 1:
        return f"{outside} It needs a visit near the first infusion, and the exact day of that infusion."
    far = f"not less than {NEAR_RELAPSE_DAYS} days after a relapse"
    return f"{outside} It needs a visit from {first} to {last}, {far}."


def _relapse_clear(verdict: Verdict) -> date | None:
    """The day `counts_from`, when it is a relapse that sets it."""
    case, first = verdict.case, _counts_from(verdict)
    clear = max((last + NEAR_RELAPSE_DAYS for _, last in case.relapses), default=0)
    seen = case.days[-1] + 1 if case.days else 0
    return first if first and first.toordinal() == clear and clear > seen else None
