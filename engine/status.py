"""A patient's status: improved, stable, progressed or insufficient; the current confirmed state.

The rule `carems_6m` (docs/engine.md, "Status"): fixed baseline, steps of the CARE-MS trials (Hunter 2021,
10.1007/s40120-021-00262-3; Havrdova 2017, 10.1212/WNL.0000000000004313), confirmation over 24 weeks.
Inside, days are ordinals and scores are counted in half points, so that all arithmetic is on whole numbers.
`engine.evidence` says in words what is decided here, when it is asked.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from engine.types import (
    Baseline,
    Certainty,
    Day,
    Finding,
    FindingKind,
    History,
    Interval,
    Pending,
    Status,
    Visit,
    VisitLike,
    as_interval,
    day_of,
    ordinals,
)

if TYPE_CHECKING:
    from engine.evidence import Change, EvidenceRow, Explanation

RULE_NAME = "carems_6m"
CONFIRM_DAYS = 168  # 24 weeks, the lower limit of "over 6 months"
NEAR_RELAPSE_DAYS = 30  # day 30 itself is not near
ANCHOR_BEFORE_DAYS = 180
ANCHOR_AFTER_DAYS = 30
UNSEEN_MONTHS = 18
LANDMARK_DAYS = 90
STEP = 1.0  # points, either way
STEP_UP_FROM_ZERO = 1.5
LOWEST_IMPROVABLE = 2.0  # a baseline below this never improves
DEATH_EDSS = 10.0

RULE_SENTENCE = (
    "Each visit is compared with one fixed baseline. Since Lemtrada that is the latest visit from "
    f"{ANCHOR_BEFORE_DAYS} days before the first infusion day to that day, or failing that the first visit up to "
    f"{ANCHOR_AFTER_DAYS} days after it; overall it is the first visit. A visit less than {NEAR_RELAPSE_DAYS} days "
    f"after a relapse began is never a baseline and does not decide. Worse means at least {STEP} above the baseline "
    f"({STEP_UP_FROM_ZERO} from 0.0); better means at least {STEP} below it, and only from a baseline of "
    f"{LOWEST_IMPROVABLE} or more. Worse or better visits in a row decide when the first and the last of them are "
    f"{CONFIRM_DAYS} days or more apart; until then they are pending. A visit less than a step from the baseline makes "
    f"the status stable at once. A status needs two deciding visits, the last {CONFIRM_DAYS} days or more after the "
    f"baseline and after the first infusion day. EDSS {DEATH_EDSS}, death from MS, needs no confirmation."
)

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "no_course": "No Lemtrada course is on record as begun.",
        "course_date_imprecise": "The first infusion is not known to the day, and the result depends on the day.",
        "no_baseline": "There is no visit that could serve as baseline.",
        "baseline_near_relapse": "Every visit that could serve as baseline is less than "
        f"{NEAR_RELAPSE_DAYS} days after a relapse.",
        "no_followup": "There is no deciding visit after baseline.",
        "one_visit": "There is only one deciding visit after baseline.",
        "too_short": f"The deciding visits do not yet reach {CONFIRM_DAYS} days.",
    }
)

NoAnchor = Literal["no_baseline", "baseline_near_relapse"]
TooLittle = Literal["no_followup", "one_visit", "too_short"]
Reason = Literal["no_course", "course_date_imprecise", NoAnchor, TooLittle]
Mark = Literal[-1, 0, 1]  # better, within a step, worse

# The steps of the scale, in half points: 0, then every half point from 1.0 to 10.0. Decimal and int keys find them too.
_HALVES: dict[float, int] = {0.0: 0, **{half / 2: half for half in range(2, 21)}}
_DEATH = int(2 * DEATH_EDSS)
_STEP = int(2 * STEP)


@dataclass(slots=True)
class Case:
    """One history cleaned (docs/engine.md, "Status"), usable visits sorted by day; the lists run in parallel."""

    visits: tuple[VisitLike, ...]  # as given
    relapses: list[tuple[int, int]]  # first and last possible onset, none that begins after the as-of date
    death: Interval | None
    as_of: int
    days: list[int]
    halves: list[int]
    near: list[bool]
    rows: list[int]  # index in `visits`
    last_seen: int | None
    findings: tuple[Finding, ...]

    @property
    def died(self) -> bool:
        """A death that may have happened by the as-of date counts as known: nobody confirms anything after it."""
        return self.death is not None and self.death.first.toordinal() <= self.as_of

    def baseline(self, visit: int) -> Baseline:
        _, _, ref = visit_parts(self.visits[self.rows[visit]])
        return Baseline(day_of(self.days[visit]), self.halves[visit] / 2, ref)


@dataclass(frozen=True, slots=True)
class Course:
    """The earliest of all courses: its possible first days up to the as-of date, ascending."""

    known: Interval  # as recorded
    days: Sequence[int]
    may_lie_ahead: bool  # some possible day is after the as-of date


class Reading(NamedTuple):
    """Deciding visits after one anchor, by index into the case; `run` and `pending` are spans of `deciding`."""

    anchor: int
    deciding: list[int]
    marks: list[Mark]
    run: range  # what decides; empty when no run is long enough
    pending: range  # the last run, when it is too short; else empty
    death_from_ms: bool  # the last deciding visit is EDSS 10


@dataclass(frozen=True)
class Verdict:
    """The status against one anchor and, computed when asked for, the evidence for it in rows and words."""

    status: Status
    reason: Reason | None
    baseline: Baseline | None
    since: date | None
    certainty: Certainty | None
    pending: Pending | None
    flags: tuple[str, ...]  # sorted
    case: Case = field(repr=False, compare=False)
    reading: Reading | None = field(repr=False, compare=False)
    course: Course | None = field(repr=False, compare=False)  # None for overall, and without a course
    overall: bool = field(repr=False, compare=False)

    def as_mapping(self) -> dict[str, Any]:
        """The verdict as JSON-serialisable fields, dates in ISO form."""
        pending = self.pending
        return {
            "status": self.status,
            "reason": self.reason,
            "baseline": self.baseline and {"date": self.baseline.day.isoformat(), "edss": self.baseline.edss},
            "since": _iso(self.since),
            "certainty": self.certainty,
            "pending": pending
            and {
                "direction": pending.direction,
                "since": pending.since.isoformat(),
                "confirmable_from": _iso(pending.confirmable_from),
            },
            "flags": list(self.flags),
        }

    @cached_property
    def explanation(self) -> Explanation:
        from engine import evidence  # it reads the rule's numbers from here; bulk use never loads the words

        return evidence.explain(self)

    @property
    def evidence(self) -> tuple[EvidenceRow, ...]:
        return self.explanation.evidence

    @property
    def sentence(self) -> str:
        return self.explanation.sentence

    @property
    def summary(self) -> str:
        return self.explanation.summary

    @property
    def changes(self) -> tuple[Change, ...]:
        return self.explanation.changes

    @property
    def what_would_change(self) -> str:
        return self.explanation.what_would_change


@dataclass(frozen=True)
class Classification:
    """Both verdicts and the landmark labels of one patient."""

    since_lemtrada: Verdict
    overall: Verdict
    findings: tuple[Finding, ...]
    case: Case = field(repr=False, compare=False)
    course: Course | None = field(repr=False, compare=False)

    @property
    def landmarks(self) -> dict[int, str | None]:
        """Year after the first infusion to improved, stable, worsened, or None without a label; ascending."""
        return {year: label for year, (label, _) in self.yearly.items()}

    @property
    def landmark_changes(self) -> dict[int, float | None]:
        """Year after the first infusion to the change from the anchor in points; None where it is not known."""
        return {year: change for year, (_, change) in self.yearly.items()}

    @cached_property
    def yearly(self) -> dict[int, tuple[str | None, float | None]]:
        """Both of each year."""
        return _landmarks(self.case, self.course)

    @property
    def follow_up_days(self) -> int | None:
        """Days from the since-Lemtrada anchor to the last usable visit, near a relapse or not."""
        reading = self.since_lemtrada.reading
        return None if reading is None else self.case.days[-1] - self.case.days[reading.anchor]

    @cached_property
    def unseen_from(self) -> date | None:
        """First as-of date at which `not_seen_lately` holds for the rows used here; None when it never will.

        Any recorded death counts, also one after the as-of date, so that the answer stays right as time passes.
        """
        limit, death = _seen_limit(self.case.last_seen), self.case.death
        if limit is None or limit >= date.max or (death is not None and death.last <= limit):
            return None
        return day_of(limit.toordinal() + 1)

    def as_mapping(self) -> dict[str, Any]:
        """Both verdicts and the labels as JSON-serialisable fields."""
        return {
            "since_lemtrada": self.since_lemtrada.as_mapping(),
            "overall": self.overall.as_mapping(),
            "landmarks": {str(year): label for year, label in self.landmarks.items()},
        }

    def evidence_mapping(self) -> dict[str, Any]:
        """Everything a page shows, JSON-serialisable when the callers' `ref`s are; for storage."""
        from engine import evidence

        return evidence.classification_mapping(self)


def classify(
    visits: Iterable[VisitLike],
    relapses: Iterable[Day],
    first_infusions: Iterable[Day],
    death: Day | None,
    as_of: date,
) -> Classification:
    """Status since Lemtrada and overall on the as-of date, by the rule `carems_6m`; whatever is dated later is ignored.

    `visits`: Visit, or (day, EDSS or None), in any order; on one day the last row counts. Any day may be an Interval.
    A visit not known to the day is shown but neither anchors nor decides (our conservative choice); it only counts as
    having been seen, on its first possible day. A relapse makes near every visit that may be near it. A first
    infusion gives `course_date_imprecise` unless all its possible days agree in every field of the verdict. A death
    known to a month or year: it counts as known from its first possible day; landmarks end there, and
    `not_seen_lately` is measured to its last possible day, so the warning is given whenever it may be due.
    """
    case = clean(visits, relapses, death, as_of)
    course = _earliest_course(first_infusions, case.as_of)
    flags = _flags(case)
    readings: dict[int, Reading] = {}
    return Classification(
        _since_lemtrada(case, course, flags, readings), _overall(case, flags, readings), case.findings, case, course
    )


def classify_many(histories: Iterable[History], as_of: date) -> list[Classification]:
    """`classify` for many patients; evidence and landmarks are computed only for those that are asked for them."""
    return [classify(h.visits, h.relapses, h.first_infusions, h.death, as_of) for h in histories]


# Cleaning


def clean(visits: Iterable[VisitLike], relapses: Iterable[Day], death: Day | None, as_of: date) -> Case:
    """Drop, reject and sort (docs/engine.md, "Status"; in its order: no score, one row a day, then the grid)."""
    given, today = tuple(visits), as_of.toordinal()
    known_death = None if death is None else as_interval(death)
    died = known_death is not None and known_death.first.toordinal() <= today
    by_day, imprecise, findings = _one_row_a_day(given, today)
    days: list[int] = []
    halves: list[int] = []
    rows: list[int] = []
    for day in sorted(by_day):
        half, row = by_day[day]
        if fault := _fault(half, died):
            findings.append(_rejected(given, row, fault))
        else:
            days.append(day)
            halves.append(half)
            rows.append(row)
    last_seen = days[-1] if days else 0
    for first, half, row in imprecise:
        if fault := _fault(half, died):
            findings.append(_rejected(given, row, fault))
        else:
            last_seen = max(last_seen, first)
    findings.sort(key=lambda finding: finding.row)
    onsets = [bounds for bounds in map(ordinals, relapses) if bounds[0] <= today]
    near = _near_relapse(days, onsets)
    return Case(given, onsets, known_death, today, days, halves, near, rows, last_seen or None, tuple(findings))


def _one_row_a_day(
    given: tuple[VisitLike, ...], today: int
) -> tuple[dict[int, tuple[int, int]], list[tuple[int, int, int]], list[Finding]]:
    """Scored rows up to today: day to (half points or -1 off the grid, row); imprecise ones as (first, half, row)."""
    by_day: dict[int, tuple[int, int]] = {}
    imprecise: list[tuple[int, int, int]] = []
    findings: list[Finding] = []
    for row, visit in enumerate(given):
        day, edss = (visit.day, visit.edss) if isinstance(visit, Visit) else visit
        first = day.first.toordinal() if isinstance(day, Interval) else day.toordinal()
        if edss is None or edss != edss or first > today:  # NaN: none was recorded, as None
            continue
        half = _HALVES.get(edss, -1)
        if isinstance(day, Interval) and day.first != day.last:
            imprecise.append((first, half, row))
            continue
        if first in by_day:
            findings.append(_rejected(given, by_day[first][1], "same_day"))
        by_day[first] = half, row
    return by_day, imprecise, findings


def visit_parts(visit: VisitLike) -> tuple[Day, float | None, object]:
    """Day, EDSS and the caller's reference of a visit in either form."""
    return (visit.day, visit.edss, visit.ref) if isinstance(visit, Visit) else (*visit, None)


def _fault(half: int, died: bool) -> FindingKind | None:
    if half < 0:
        return "off_grid"
    return "edss_10_without_death" if half == _DEATH and not died else None


def _rejected(given: tuple[VisitLike, ...], row: int, kind: FindingKind) -> Finding:
    day, edss, _ = visit_parts(given[row])
    assert edss is not None  # rows without a score are dropped, never rejected
    return Finding(row, kind, as_interval(day), float(edss))


def _near_relapse(days: list[int], onsets: Iterable[tuple[int, int]]) -> list[bool]:
    """For each day whether a relapse may have begun 0 to 29 days before it."""
    near = [False] * len(days)
    for first, last in onsets:
        for visit in range(bisect_left(days, first), bisect_left(days, last + NEAR_RELAPSE_DAYS)):
            near[visit] = True
    return near


def _earliest_course(first_infusions: Iterable[Day], as_of: int) -> Course | None:
    """The first infusion day of the earliest course; None when none can have begun by the as-of date.

    With imprecise courses the earliest may be any day of any of them that is not after the last day of another.
    """
    courses = sorted(map(ordinals, first_infusions))
    if not courses or courses[0][0] > as_of:
        return None
    end = min(last for _, last in courses)
    known = Interval(day_of(courses[0][0]), day_of(courses[0][1]))
    upto = min(end, as_of)
    if courses[0][0] == end:
        return Course(known, (end,), False)
    days = sorted({day for first, last in courses for day in range(first, min(last, upto) + 1)})
    return Course(known, days, end > as_of)


# Flags


def add_months(day: date, months: int) -> date:
    """The same day of a later month, cut to that month's end: 31 Aug plus 18 months is 28 or 29 Feb."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if year > date.max.year:
        return date.max
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _seen_limit(last_seen: int | None) -> date | None:
    """Last day on which the last usable visit still counts as lately."""
    return None if last_seen is None else add_months(day_of(last_seen), UNSEEN_MONTHS)


def _flags(case: Case) -> tuple[str, ...]:
    """The flags that stand beside both verdicts."""
    limit, death = _seen_limit(case.last_seen), case.death if case.died else None
    end = case.as_of if death is None else min(case.as_of, death.last.toordinal())
    unseen = limit is not None and limit.toordinal() < end
    return (("deceased",) if death else ()) + (("not_seen_lately",) if unseen else ())


# Anchors


def anchor_for(case: Case, infusion: int) -> int | NoAnchor:
    """The since-Lemtrada anchor for one first infusion day, or why there is none."""
    days, near = case.days, case.near
    after = bisect_right(days, infusion)
    from_ = bisect_left(days, infusion - ANCHOR_BEFORE_DAYS)
    to = bisect_right(days, infusion + ANCHOR_AFTER_DAYS)
    for before in range(after - 1, from_ - 1, -1):
        if not near[before]:
            return before
    for later in range(after, to):
        if not near[later]:
            return later
    return "baseline_near_relapse" if from_ < to else "no_baseline"


def _since_lemtrada(case: Case, course: Course | None, flags: tuple[str, ...], readings: dict[int, Reading]) -> Verdict:
    """The verdict that every possible first infusion day gives, or why there is none."""
    if course is None:
        return _insufficient(case, "no_course", flags)
    results: set[tuple[int | None, bool, Reason | None]] = set()
    for infusion in course.days:
        found = anchor_for(case, infusion)
        if not isinstance(found, int):
            results.add((None, False, found))
            continue
        reading = readings.get(found) or readings.setdefault(found, _read(case, found))
        day = case.days[found]
        results.add((found, day > infusion, _too_little(case, reading, max(day, infusion))))
    if len(results) > 1 or course.may_lie_ahead:
        return _insufficient(case, "course_date_imprecise", flags, course)
    anchor, after_start, reason = results.pop()
    if anchor is None:
        assert reason is not None  # an absent anchor always comes with its reason
        return _insufficient(case, reason, flags, course)
    if after_start:
        flags = ("baseline_after_start", *flags)
    return _verdict(case, readings[anchor], reason, flags, course)


def _overall(case: Case, flags: tuple[str, ...], readings: dict[int, Reading]) -> Verdict:
    """The verdict against the first visit not near a relapse."""
    if False not in case.near:
        return _insufficient(case, "baseline_near_relapse" if case.near else "no_baseline", flags, overall=True)
    anchor = case.near.index(False)
    reading = readings.get(anchor) or _read(case, anchor)
    return _verdict(case, reading, _too_little(case, reading, case.days[anchor]), flags, overall=True)


# Runs


def worse_from(baseline: int) -> int:
    """Lowest score, in half points, that is a step above this baseline: 1.5 from 0, else 1.0 (Havrdova 2017)."""
    return baseline + (int(2 * STEP_UP_FROM_ZERO) if baseline == 0 else _STEP)


def better_to(baseline: int) -> int | None:
    """Highest score, in half points, that is a step below this baseline; None below 2.0 (Hunter 2021)."""
    return baseline - _STEP if baseline >= 2 * LOWEST_IMPROVABLE else None


def _read(case: Case, anchor: int) -> Reading:
    """The deciding visits, marked, and the run that decides. Source: docs/engine.md, "Deciding visits and runs"."""
    days, halves, near = case.days, case.halves, case.near
    deciding = [v for v in range(anchor + 1, len(days)) if not near[v] or halves[v] == _DEATH]
    worse, better = worse_from(halves[anchor]), better_to(halves[anchor])
    low = -1 if better is None else better
    marks: list[Mark] = [
        1 if halves[v] >= worse or halves[v] == _DEATH else -1 if halves[v] <= low else 0 for v in deciding
    ]
    death_from_ms = ends_in_death(case, deciding)
    total = end = len(deciding)
    pending = range(0)
    while end:
        start = end - 1
        while start and marks[start - 1] == marks[start]:
            start -= 1
        held = days[deciding[end - 1]] - days[deciding[start]] >= CONFIRM_DAYS
        if marks[start] == 0 or held or death_from_ms:
            return Reading(anchor, deciding, marks, range(start, end), pending, death_from_ms)
        if end == total:
            pending = range(start, end)
        end = start
    return Reading(anchor, deciding, marks, range(0), pending, death_from_ms)


def ends_in_death(case: Case, deciding: Sequence[int]) -> bool:
    """Whether the last deciding visit is EDSS 10, death from MS."""
    return bool(deciding) and case.halves[deciding[-1]] == _DEATH


def _too_little(case: Case, reading: Reading, start: int) -> TooLittle | None:
    """Why the visits do not suffice, counted from `start`, or None. Source: docs/engine.md, "Insufficient, and why"."""
    if reading.death_from_ms:
        return None
    if len(reading.deciding) < 2:
        return "one_visit" if reading.deciding else "no_followup"
    return "too_short" if case.days[reading.deciding[-1]] - start < CONFIRM_DAYS else None


_STATUS: dict[Mark, Status] = {-1: "improved", 0: "stable", 1: "progressed"}


def _verdict(
    case: Case,
    reading: Reading,
    reason: Reason | None,
    flags: tuple[str, ...],
    course: Course | None = None,
    overall: bool = False,
) -> Verdict:
    """The verdict of a reading (docs/engine.md, "Deciding visits and runs")."""
    baseline = case.baseline(reading.anchor)
    if reason:
        return Verdict("insufficient", reason, baseline, None, None, None, flags, case, reading, course, overall)
    mark = reading.marks[reading.run[0]] if reading.run else 0
    since = day_of(case.days[reading.deciding[reading.run[0]]]) if mark else None
    pending = _pending(case, reading) if reading.pending else None
    certainty: Certainty = "provisional" if pending else "confirmed"
    return Verdict(_STATUS[mark], None, baseline, since, certainty, pending, flags, case, reading, course, overall)


def _pending(case: Case, reading: Reading) -> Pending:
    start = reading.pending[0]
    since = case.days[reading.deciding[start]]
    confirmable = None if case.died else day_of(since + CONFIRM_DAYS)
    return Pending("worsening" if reading.marks[start] > 0 else "improvement", day_of(since), confirmable)


def _insufficient(
    case: Case, reason: Reason, flags: tuple[str, ...], course: Course | None = None, overall: bool = False
) -> Verdict:
    return Verdict("insufficient", reason, None, None, None, None, flags, case, None, course, overall)


# Landmarks


def anniversary(day: date, years: int) -> date:
    """29 February becomes 28 February, also after four years."""
    cut = 28 if (day.month, day.day) == (2, 29) else day.day
    return date(day.year + years, day.month, cut)


def _landmarks(case: Case, course: Course | None) -> dict[int, tuple[str | None, float | None]]:
    """Label and change of each year that any possible first infusion day has reached; None unless every day agrees."""
    found: dict[int, set[int | None]] = {}
    possible = course.days if course else ()
    for infusion in possible:
        for year, change in _changes(case, infusion):
            found.setdefault(year, set()).add(change)
    certain = _years_reached(case, course.days[-1]) if course and not course.may_lie_ahead else 0
    for year, changes in found.items():
        if year > certain:  # some possible day has not reached this year
            changes.add(None)
    return {year: _agreed(changes) for year, changes in sorted(found.items())}


def _agreed(changes: set[int | None]) -> tuple[str | None, float | None]:
    """What all changes, in half points, have in common: the label, and the change itself in points."""
    labels = {_label(change) for change in changes}
    label = labels.pop() if len(labels) == 1 else None
    change = next(iter(changes)) if len(changes) == 1 else None
    return label, None if change is None else change / 2


def _years_reached(case: Case, infusion: int) -> int:
    """Number of anniversaries not after the as-of date or the first possible day of death."""
    end = day_of(case.as_of)
    if case.death is not None:
        end = min(end, case.death.first)
    start = day_of(infusion)
    years = max(0, end.year - start.year)
    return years - 1 if years and anniversary(start, years) > end else years


def _changes(case: Case, infusion: int) -> Iterator[tuple[int, int | None]]:
    """Each year reached and the change from the anchor in half points, for one first infusion day."""
    anchor, first = anchor_for(case, infusion), day_of(infusion)
    for year in range(1, _years_reached(case, infusion) + 1):
        target = anniversary(first, year).toordinal()
        yield year, _change(case, anchor, target) if isinstance(anchor, int) else None


def _change(case: Case, anchor: int, target: int) -> int | None:
    """The visit nearest the target day minus the anchor, in half points."""
    days, halves = case.days, case.halves
    nearest = bisect_left(days, target)  # never 0: the anchor lies before every anniversary
    if nearest == len(days) or target - days[nearest - 1] <= days[nearest] - target:
        nearest -= 1  # of two equally near the earlier
    if abs(days[nearest] - target) > LANDMARK_DAYS:
        return None
    return halves[nearest] - halves[anchor]


def _label(change: int | None) -> str | None:
    """1.0 lower or higher counts, at any baseline and without confirmation (Hunter 2021)."""
    if change is None:
        return None
    return "improved" if change <= -_STEP else "worsened" if change >= _STEP else "stable"


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
