"""One patient: assessments, relapses and drugs on one axis, and why the status is what it is."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property

from assessments.models import Assessment, Relapse
from assessments.wording import WORDS
from engine.courses import CourseVerdict, classify_courses
from engine.edss import SYSTEMS
from engine.events import Event
from engine.status import ANCHOR_BEFORE_DAYS, CONFIRM_DAYS, better_to, worse_from
from engine.types import Interval, Visit, completed_months
from outcomes import trajectory
from outcomes.trajectory import Current
from patients import hints
from patients.models import Consent, Patient, Phenotype
from treatments.models import Course, Infusion, Treatment
from treatments.services import GivenCourse, given_courses

ANCHORS = (("since_lemtrada", "Since Lemtrada"), ("overall", "Overall"))
NEEDED = (
    f"The status since Lemtrada needs a baseline in the {ANCHOR_BEFORE_DAYS} days before the first infusion, and two "
    f"visits after it, the last one {CONFIRM_DAYS} days or more later."
)
SYSTEM_WORDS = {system: WORDS[system].label for system in SYSTEMS}


@dataclass(frozen=True)
class Verdict:
    """One of the two verdicts as a page shows it. `rows`: the evidence, one dict a visit, in order of dates."""

    name: str
    words: str  # Since Lemtrada, or Overall
    status: str
    reason: str  # of insufficient
    certainty: str
    baseline: float | None
    baseline_day: date | None
    since: date | None
    pending: dict | None
    sentence: str
    summary: str
    what_would_change: str
    rows: list[dict]

    @property
    def anchor(self) -> str:
        """For the middle of a sentence: since Lemtrada, or overall."""
        return self.words[0].lower() + self.words[1:]

    @property
    def heading(self) -> str:
        if self.baseline is None or self.baseline_day is None:
            return self.words
        return f"{self.words}, against {self.baseline:.1f} on {self.baseline_day:%-d %b %Y}"

    @property
    def steps(self) -> tuple[float | None, float | None]:
        """(improved at this or less, progressed at this or more), from the engine; None where there is no such step."""
        if self.baseline is None:
            return None, None
        halves = round(2 * self.baseline)
        lower, upper = better_to(halves), worse_from(halves)
        return (None if lower is None else lower / 2, upper / 2 if upper <= 20 else None)

    @property
    def rows_before(self) -> list[dict]:
        """The evidence up to the anchor, without it; empty where there is no anchor."""
        at = next((n for n, row in enumerate(self.rows) if row["role"] == "anchor"), 0)
        return self.rows[:at]

    @property
    def rows_from(self) -> list[dict]:
        return self.rows[len(self.rows_before) :]

    @property
    def pending_words(self) -> str:
        if not self.pending:
            return ""
        return "Worse, pending" if self.pending["direction"] == "worsening" else "Better, pending"


@dataclass(frozen=True)
class Timeline:
    """Everything a patient page shows, read once. `current` is None only while a test keeps pages from computing."""

    patient: Patient
    today: date
    assessments: list[Assessment]  # live, in order of days
    relapses: list[Relapse]
    courses: list[GivenCourse]
    open_courses: list[Course]  # planned or begun, nothing given yet
    treatments: list[Treatment]
    phenotypes: list[Phenotype]
    consents: list[Consent]
    current: Current | None
    verdicts: list[Verdict] = field(default_factory=list)

    @cached_property
    def main(self) -> Verdict | None:
        """The verdict the chart is drawn against: since Lemtrada where there is a baseline, else overall."""
        since = next((v for v in self.verdicts if v.name == "since_lemtrada" and v.baseline is not None), None)
        return since or next((v for v in self.verdicts if v.name == "overall"), None)

    @cached_property
    def roles(self) -> dict[int, dict]:
        """Assessment id to its row of evidence, of the main verdict."""
        return {row["ref"]: row for row in self.main.rows} if self.main else {}

    @property
    def events(self) -> tuple[Event, ...]:
        """The confirmed events since the baseline before Lemtrada, by onset."""
        return self.current.trajectory.history.events if self.current else ()

    @property
    def unconfirmed(self) -> list[str]:
        """Changes since the baseline that were examined and not confirmed, each with its reason; steps only."""
        found = self.current.trajectory.history.unconfirmed if self.current else ()
        return [change.sentence for change in found if change.reason != "below_step"]

    @cached_property
    def by_course(self) -> list[CourseVerdict]:
        """The status from each course to the next; empty with one course, where it would say the same again."""
        if len(self.courses) < 2:
            return []
        visits = [Visit(a.interval, None if a.edss is None else float(a.edss), a.pk) for a in self.assessments]
        firsts = [course.first for course in self.courses]
        death = self.patient.known("death")
        return classify_courses(visits, [r.interval for r in self.relapses], firsts, death, self.today)

    @property
    def scored(self) -> list[Assessment]:
        return [a for a in self.assessments if a.edss is not None]

    @property
    def last(self) -> Assessment | None:
        return self.scored[-1] if self.scored else None

    @property
    def last_note(self) -> str:
        """The day of the last score, and why the status does not use it where it does not."""
        if self.last is None:
            return ""
        row = self.roles.get(self.last.pk, {})
        aside = f", {row['words']}" if row.get("role") == "not_used" else ""
        return f"{self.last.interval.words}{aside}"

    @property
    def landmarks(self) -> list[tuple[int, str]]:
        """(year after the first infusion, unconfirmed label) for the anniversaries that have passed."""
        return self.current.trajectory.landmarks(self.today) if self.current else []

    @property
    def until(self) -> date:
        """Up to when the person is followed: today, or the last day the death can have been on."""
        death = self.patient.known("death")
        return min(self.today, death.last) if death else self.today

    @property
    def not_seen_lately(self) -> str:
        """How long ago the last visit was, where that is too long; empty while it is not."""
        one = self.current.trajectory if self.current else None
        if one is None or one.last_visit is None or one.unseen_from is None or one.unseen_from > self.today:
            return ""
        return f"{completed_months(one.last_visit, self.until)} months"

    def relapses_around(self) -> tuple[int, int]:
        """Relapses in the 730 days up to the first infusion day, and those after it."""
        first = self.courses[0].first.first
        before = sum(1 for r in self.relapses if first - timedelta(days=730) < r.interval.first <= first)
        after = sum(1 for r in self.relapses if r.interval.first > first)
        return before, after


def read(patient: Patient) -> Timeline:
    """Read one patient's records and current trajectory. A stale one is computed in memory, and the worker is told."""
    current = trajectory.current([patient]).get(patient.pk)
    if current is None or not current.stored:
        hints.send([patient.pk])
    courses = list(patient.courses.filter(voided_at=None))
    infusions = list(Infusion.objects.live().filter(patient=patient, course__in=courses))
    given = given_courses(courses, infusions)
    given_ids = {course.course.pk for course in given}
    return Timeline(
        patient=patient,
        today=patient.centre.today(),
        assessments=list(patient.assessments.filter(voided_at=None).select_related("rater").order_by("day", "pk")),
        relapses=list(patient.relapses.filter(voided_at=None).order_by("onset", "pk")),
        courses=given,
        open_courses=[course for course in courses if course.pk not in given_ids],
        treatments=list(patient.treatments.filter(voided_at=None).order_by("start", "pk")),
        phenotypes=list(patient.phenotypes.filter(voided_at=None).order_by("since", "pk")),
        consents=list(patient.consents.order_by("day", "pk")),
        current=current,
        verdicts=[verdict(name, words, current) for name, words in ANCHORS] if current else [],
    )


def verdict(name: str, words: str, current: Current) -> Verdict:
    found = current.trajectory.result[name]
    baseline = found["baseline"]
    return Verdict(
        name=name,
        words=words,
        status=found["status"],
        reason=found["reason"] or "",
        certainty=found["certainty"] or "",
        baseline=baseline["edss"] if baseline else None,
        baseline_day=date.fromisoformat(baseline["date"]) if baseline else None,
        since=date.fromisoformat(found["since"]) if found["since"] else None,
        pending=found["pending"],
        sentence=found["sentence"],
        summary=found["summary"],
        what_would_change=found["what_would_change"],
        rows=found["evidence"],
    )


def grade_changes(timeline: Timeline) -> list[tuple[Assessment, list[tuple[str, bool]]]]:
    """Each assessment, latest first, with its seven raw grades in words and whether each moved since the one before."""
    rows = []
    before: dict[str, int | None] = {}
    for assessment in timeline.assessments:
        cells = []
        for system in SYSTEMS:
            grade, mark = assessment.grades[system]
            words = "–" if grade is None else f"{grade}{mark}"
            cells.append((words, grade is not None and before.get(system) is not None and before[system] != grade))
            if grade is not None:
                before[system] = grade
        rows.append((assessment, cells))
    return rows[::-1]


def middle(day: Interval) -> date:
    """Where an imprecise date is drawn: the middle of its interval. For drawing only."""
    return day.first + (day.last - day.first) / 2
