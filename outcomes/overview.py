"""The cohort overview: who is counted, and where they stand since Lemtrada. Counts of people, each once."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.lemtrada import DAYS_OF_FIRST_COURSE, DAYS_OF_LATER_COURSE
from engine.shares import wilson
from engine.status import CONFIRM_DAYS, REASONS, RULE_NAME, STEP, STEP_UP_FROM_ZERO
from outcomes.cohorts import BANDS, MANY_COURSES, MANY_DRUGS, CohortFilter, Standing
from outcomes.models import Status

CLASSIFIED = (Status.IMPROVED, Status.STABLE, Status.PROGRESSED)
NO_BASELINE = ("no_baseline", "baseline_near_relapse", "course_date_imprecise")
NO_FOLLOW_UP = ("no_followup", "one_visit", "too_short")
INCOMPLETE = "incomplete_course"  # of the cohort only: one patient's status says nothing of it
WHY_NONE = {
    "no_course": REASONS["no_course"],
    INCOMPLETE: f"No course is complete: {DAYS_OF_FIRST_COURSE} infusion days in the first one, "
    f"{DAYS_OF_LATER_COURSE} in a later one.",
    **{name: words for name, words in REASONS.items() if name != "no_course"},
}
BRIEF = {  # what is said beside the number left out
    "no_baseline": "no visit in time",
    "baseline_near_relapse": "only near a relapse",
    "course_date_imprecise": "course date imprecise",
    "no_followup": "no visit after baseline",
    "one_visit": "only one",
    "too_short": "too recent or lost",
}
RULE = f"{RULE_NAME}: {STEP} from the baseline ({STEP_UP_FROM_ZERO} from 0.0), held for {CONFIRM_DAYS} days"
COURSES = {1: "1 course", 2: "2 courses", MANY_COURSES: f"{MANY_COURSES} or more"}


@dataclass(frozen=True)
class Step:
    """One step of the flow: who is left, how many fell out and why, and the share left of all at the start."""

    words: str
    left: int
    out: str = ""
    percent: float = 100.0


@dataclass(frozen=True)
class Share:
    """One status: how many, and their share with its interval, in per cent."""

    status: str
    people: int
    percent: float
    low: float
    high: float

    @property
    def width(self) -> float:
        return self.high - self.low


@dataclass(frozen=True)
class Group:
    """People of one centre or one number of courses, by status."""

    words: str
    counts: Mapping[str, int]

    @property
    def people(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class Overview:
    """Everything the page shows, from one count."""

    standings: Mapping[Standing, int]  # of the filter
    flow: tuple[Step, ...]

    def number(self, fits: Callable[[Standing], bool]) -> int:
        return sum(people for standing, people in self.standings.items() if fits(standing))

    def of(self, status: str) -> int:
        return self.number(lambda s: s.status == status)

    @property
    def people(self) -> int:
        return self.number(lambda s: True)

    @property
    def counted(self) -> int:
        return self.number(lambda s: s.status in CLASSIFIED)

    @property
    def pending(self) -> int:
        """Those whose status since Lemtrada waits for the confirmation of a later change."""
        return self.number(lambda s: s.status in CLASSIFIED and s.since_pending)

    @property
    def shares(self) -> list[Share]:
        """Improved, stable and progressed among those with a status."""
        total, found = self.counted, []
        for status in CLASSIFIED:
            people = self.of(status)
            low, high = wilson(people, total)
            found.append(Share(status, people, 100 * people / total if total else 0.0, 100 * low, 100 * high))
        return found

    @property
    def parts(self) -> list[tuple[str, int]]:
        return [(share.status, share.people) for share in self.shares]

    @property
    def reasons(self) -> list[tuple[str, int, float]]:
        """Why others have no status: sentence, people, share of all in the filter in per cent."""
        counts: Counter[str] = Counter()
        for standing, people in self.standings.items():
            counts[standing.reason] += people
        return [
            (words, counts[name], 100 * counts[name] / self.people) for name, words in WHY_NONE.items() if counts[name]
        ]

    @property
    def answer(self) -> str:
        """One sentence that says how the three compare."""
        improved, stable, progressed = (share.people for share in self.shares)
        if not self.counted:
            return "Nobody here has a status yet."
        if not progressed:
            return f"{improved:,} improved, {stable:,} are stable, nobody progressed."
        better, same = improved / progressed, stable / progressed
        return f"For each one who progressed, {better:.1f} improved and {same:.1f} are stable."

    def groups(self, name: str, words: Mapping[int, str]) -> list[Group]:
        """By a field of Standing; `words` names its values in their order. Values without people are left out."""
        found = []
        for value, label in words.items():
            counts = dict.fromkeys(Status.values, 0)
            for standing, people in self.standings.items():
                if getattr(standing, name) == value:
                    counts[standing.status] += people
            if any(counts.values()):
                found.append(Group(label, counts))
        return found


def overview(everybody: Mapping[Standing, int], wanted: CohortFilter, centres: int, waiting: int) -> Overview:
    """Count the people of a filter. `everybody`: all that the user may see; `waiting`: those not yet computed."""
    kept: Counter[Standing] = Counter()
    for standing, people in everybody.items():
        if fits(standing, wanted):
            kept[counted_as(standing)] += people
    return Overview(courses_capped(kept), flow(everybody, kept, wanted, centres, waiting))


def counted_as(standing: Standing) -> Standing:
    """A patient without a complete course is not counted among those treated."""
    if standing.complete or standing.reason == "no_course":
        return standing
    return standing._replace(status=Status.INSUFFICIENT.value, reason=INCOMPLETE, pending=False, since_pending=False)


def fits(standing: Standing, wanted: CohortFilter) -> bool:
    if wanted.centre is not None and standing.centre != wanted.centre:
        return False
    if wanted.baseline:
        low, high = BANDS[wanted.baseline]
        if standing.baseline is None or not low <= standing.baseline <= high:
            return False
    return is_number(standing.courses, wanted.courses, MANY_COURSES) and is_number(
        standing.drugs, wanted.drugs, MANY_DRUGS
    )


def is_number(number: int | None, wanted: str, many: int) -> bool:
    if not wanted:
        return True
    return number is not None and (number >= many if int(wanted) >= many else number == int(wanted))


def courses_capped(standings: Mapping[Standing, int]) -> Counter[Standing]:
    """Three courses and more are one group."""
    found: Counter[Standing] = Counter()
    for standing, people in standings.items():
        found[standing._replace(courses=min(standing.courses, MANY_COURSES))] += people
    return found


def flow(
    everybody: Mapping[Standing, int], kept: Mapping[Standing, int], wanted: CohortFilter, centres: int, waiting: int
) -> tuple[Step, ...]:
    """How many are left after each rule; each person falls out at the first one failed."""
    start = sum(everybody.values()) + waiting
    left = start
    by_reason: Counter[str] = Counter()
    for standing, people in kept.items():
        by_reason[standing.reason] += people
    steps = [Step(f"In the register, {centres} centre{'' if centres == 1 else 's'}", start)]

    def rule(words: str, out: int, why: str = "") -> None:
        nonlocal left
        left -= out
        said = f"{out:,} left out{': ' if why else ''}{why}" if out else ""
        steps.append(Step(words, left, said, 100 * left / start if start else 0.0))

    if waiting:
        rule("Computed from the records as they are now", waiting, "the worker is still at them")
    if wanted != CohortFilter():
        rule("In the filter", sum(everybody.values()) - sum(kept.values()))
    rule("A Lemtrada course on record as begun", by_reason["no_course"])
    rule("A complete course", by_reason[INCOMPLETE], "stopped early, or not all days on record")
    for words, reasons in (
        ("A baseline EDSS", NO_BASELINE),
        (f"Two visits, the last {CONFIRM_DAYS} days or more later, or death from MS", NO_FOLLOW_UP),
    ):
        why = ", ".join(f"{by_reason[name]:,} {BRIEF[name]}" for name in reasons if by_reason[name])
        rule(words, sum(by_reason[name] for name in reasons), why)
    return tuple(steps)
