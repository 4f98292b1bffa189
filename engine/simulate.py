"""An invented cohort: people with MS before and after Lemtrada, as a registry would hold them.

Every figure here is invented. Rates and shares are set so that each status and each reason for none occurs; they are
no estimate of anything. A pure function of seed, number and day: the same three give the same people.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

import numpy as np

from engine.simulated_grades import Examination, examination
from engine.simulated_records import SimCourse, SimPatient, SimRelapse, SimTreatment, SimVisit, Story
from engine.types import Precision

# Of 120 people. Who starts without a course or too late to judge is fewer than in most registries.
SHARES: Final[dict[Story, int]] = {
    "improves": 32,
    "stays": 31,
    "worsens": 16,
    "pending_worse": 6,
    "pending_better": 3,
    "lost": 6,
    "dies_of_ms": 1,
    "dies_otherwise": 2,
    "new": 1,
    "no_course": 3,
    "date_imprecise": 3,
    "date_to_month": 2,
    "no_baseline": 3,
    "near_relapse": 2,
    "no_followup": 3,
    "one_visit": 3,
    "too_short": 3,
}
VISIT_EVERY_DAYS, VISIT_JITTER_DAYS = 182, 16
RELAPSES_PER_YEAR_BEFORE, RELAPSES_PER_YEAR_AFTER = 1.3, 0.16
RELAPSE_LASTS_DAYS = 60  # the score is higher so long
SHORT_FOLLOW_UP: Final[dict[Story, tuple[int, int]]] = {  # days from the first infusion to today
    "no_followup": (30, 80),
    "one_visit": (120, 260),
    "too_short": (130, 160),
}
DRUGS_BEFORE: Final = (
    "interferon_beta",
    "glatiramer",
    "dimethyl_fumarate",
    "teriflunomide",
    "fingolimod",
    "natalizumab",
)
DRUGS_AFTER: Final = ("ocrelizumab", "ofatumumab")


def cohort(seed: int, people: int, today: date) -> list[SimPatient]:
    """Invented people as of a day, in an order that mixes the stories. Nothing is dated after two days before it."""
    rng = np.random.default_rng(seed)
    return [person(story, rng, today) for story in stories(people, rng)]


def stories(people: int, rng: np.random.Generator) -> list[Story]:
    """One story a person: each at least once where there are enough people, else in proportion to `SHARES`."""
    total = sum(SHARES.values())
    counted = {story: max(1, round(share * people / total)) for story, share in SHARES.items()}
    told = [story for story, number in counted.items() for _ in range(number)]
    while len(told) < people:
        told.append("stays")
    spare = [told[at] for at in rng.permutation(len(told))]
    while len(spare) > people:  # rounding gave too many: the most frequent one gives way
        spare.remove(max(SHARES, key=spare.count))
    return spare


@dataclass
class _Life:
    """What is drawn first and what the rest hangs on."""

    story: Story
    today: date
    start: date  # first infusion; for those without one, the day from which they might have had it
    rng: np.random.Generator
    base: int  # half points at the start
    last: date = field(init=False)  # nothing after it

    def __post_init__(self) -> None:
        self.last = self.today - timedelta(days=2)

    def days(self, least: int, most: int) -> timedelta:
        return timedelta(days=int(self.rng.integers(least, most + 1)))

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)


def person(story: Story, rng: np.random.Generator, today: date) -> SimPatient:
    """One invented person who lives this story."""
    least, most = SHORT_FOLLOW_UP.get(story, (1000, 2700))
    start = today - timedelta(days=int(rng.integers(least, most + 1)))
    base = int(rng.choice([4, 5, 6, 7, 8, 9, 10, 12, 13], p=[0.1, 0.12, 0.17, 0.17, 0.16, 0.1, 0.06, 0.08, 0.04]))
    life = _Life(story, today, start, rng, base)
    onset = start - life.days(1300, 4200)
    death = _death(life)
    if death:
        life.last = death - timedelta(days=1)
    elif story == "lost":
        life.last = start + life.days(420, max(430, (today - start).days - 620))
    relapses = tuple({relapse.onset: relapse for relapse in _relapses(life, onset)}.values())  # no onset twice
    visits = [] if story == "new" else _visits(life, relapses, max(onset, start - life.days(900, 1500)))
    if death and story == "dies_of_ms":
        visits.append(SimVisit(death, 10.0, None, visit_type="unscheduled", mode="unknown", own_value="Death from MS"))
    return SimPatient(
        story=story,
        female=life.chance(0.7),
        birth=onset - life.days(18 * 365, 42 * 365),
        birth_precision="year" if life.chance(0.06) else "day",
        onset=onset,
        onset_precision=str_precision(life, 0.5, 0.2),
        diagnosis=onset + life.days(20, 500),
        death=death,
        death_cause={"dies_of_ms": "ms", "dies_otherwise": "other"}.get(story, ""),
        phenotype="SPMS" if base >= 12 and life.chance(0.5) else "RRMS",
        consent=tuple(_consent(life)),
        visits=tuple(visits),
        relapses=relapses,
        courses=tuple(_courses(life)),
        treatments=tuple(_treatments(life, onset)),
    )


def str_precision(life: _Life, to_month: float, to_year: float) -> Precision:
    """How much of a date is known: to the year, to the month, else to the day."""
    drawn = life.rng.random()
    return "year" if drawn < to_year else "month" if drawn < to_year + to_month else "day"


def _death(life: _Life) -> date | None:
    if life.story == "dies_of_ms":
        life.base = 15
        return life.start + life.days(700, 950)
    return life.start + life.days(500, 900) if life.story == "dies_otherwise" else None


# Relapses


def _relapses(life: _Life, onset: date) -> Iterator[SimRelapse]:
    """Relapses before and after, never in the month before the baseline visit but where the story wants it."""
    if life.story == "new":
        return
    start = life.start
    periods = (
        (max(onset, start - timedelta(days=1100)), start - timedelta(days=130), RELAPSES_PER_YEAR_BEFORE),
        (start + timedelta(days=60), life.last - timedelta(days=1), RELAPSES_PER_YEAR_AFTER),
    )
    for begin, end, rate in periods:
        span = (end - begin).days
        if span > 30:
            for day in sorted(life.rng.integers(0, span, size=life.rng.poisson(rate * span / 365.25))):
                yield _relapse(life, begin + timedelta(days=int(day)))
    if life.story == "near_relapse":
        yield _relapse(life, life.start - timedelta(days=24), exact=True)


def _relapse(life: _Life, onset: date, exact: bool = False) -> SimRelapse:
    systems = ("visual", "brainstem", "pyramidal", "cerebellar", "sensory", "bowel_bladder")
    hit = sorted(life.rng.choice(len(systems), size=int(life.rng.integers(1, 3)), replace=False))
    vague = not exact and onset < life.start - timedelta(days=400) and life.chance(0.15)
    return SimRelapse(
        onset=onset.replace(day=1) if vague else onset,
        precision="month" if vague else "day",
        systems=tuple(systems[at] for at in hit),
        severity=str(life.rng.choice(["mild", "moderate", "severe"], p=[0.4, 0.5, 0.1])),
        recovery=str(life.rng.choice(["complete", "partial", "none"], p=[0.55, 0.4, 0.05])),
        steroid=str(life.rng.choice(["iv", "oral", "none"], p=[0.6, 0.2, 0.2])),
        hospital=life.chance(0.15),
    )


# Visits


def _visits(life: _Life, relapses: tuple[SimRelapse, ...], begin: date) -> list[SimVisit]:
    """All visits in order, with their scores and the grades that give them."""
    unplanned = set(_relapse_visits(life, relapses))
    days = sorted({*_visit_days(life, begin), *unplanned})
    grades: tuple[int, ...] | None = None
    made: list[SimVisit] = []
    for day, halves in zip(days, _scores(life, days), strict=True):
        onset = max((r.onset for r in relapses if r.precision == "day" and r.onset <= day), default=None)
        recent = onset is not None and (day - onset).days < RELAPSE_LASTS_DAYS
        shown = legal(min(halves + 2, 19)) if recent else halves
        found = examination(shown, grades, life.rng)
        grades = grades if recent else found.grades
        planned = day not in unplanned
        made.append(_as_recorded(life, day, shown, found, near=recent, first=not made, planned=planned))
    return made


def _visit_days(life: _Life, begin: date) -> Iterator[date]:
    """About twice a year; one shortly before the first infusion, where the story has a baseline."""
    baseline = life.start - (timedelta(days=10) if life.story == "near_relapse" else life.days(4, 80))
    gap = timedelta(days=200) if life.story in ("no_baseline", "near_relapse") else timedelta(days=100)
    day = begin
    while day < min(baseline, life.start) - gap:
        yield day
        day += timedelta(days=VISIT_EVERY_DAYS) + life.days(-VISIT_JITTER_DAYS, VISIT_JITTER_DAYS)
    if life.story != "no_baseline":
        yield baseline
    yield from _follow_up(life)


def _follow_up(life: _Life) -> Iterator[date]:
    start = life.start
    if life.story == "no_followup":
        return
    if life.story == "one_visit":
        yield start + life.days(80, 115)
        return
    if life.story == "too_short":
        yield start + life.days(40, 60)
        yield start + life.days(105, 125)
        return
    late = life.story in ("pending_worse", "pending_better")
    end = life.last - timedelta(days=150) if late else life.last
    day = start + life.days(75, 150)
    while day <= end:
        yield day
        day += timedelta(days=VISIT_EVERY_DAYS) + life.days(-VISIT_JITTER_DAYS, VISIT_JITTER_DAYS)
    if late:
        yield life.last - life.days(20, 110)


def _relapse_visits(life: _Life, relapses: tuple[SimRelapse, ...]) -> Iterator[date]:
    """About half of the relapses are seen, some days after they began."""
    for relapse in relapses:
        day = relapse.onset + life.days(3, 20)
        if relapse.precision == "day" and day <= life.last and life.chance(0.55) and life.story not in SHORT_FOLLOW_UP:
            yield day


def legal(halves: int) -> int:
    """A step of the scale: 0.5 does not exist."""
    return 0 if halves < 1 else max(halves, 2)


def _scores(life: _Life, days: list[date]) -> list[int]:
    """Half points at each visit, without what a relapse adds."""
    plan, rng = life.story, life.rng
    drop = int(rng.integers(2, 5)) if life.base < 12 else 2
    rise = int(rng.integers(2, 5))
    turn = int(rng.integers(2, 6))  # the follow-up visit from which a worsening holds
    after = [day for day in days if day > life.start]
    found = []
    for day in days:
        years = (day - life.start).days / 365.25
        wobble = int(rng.choice([-1, 0, 1], p=[0.12, 0.76, 0.12]))
        if day <= life.start:
            early = max(0.0, -years - 0.3)
            found.append(legal(round(life.base - 0.45 * early) + (wobble if early else 0)))
            continue
        at, last = after.index(day), day == after[-1]
        change = min(wobble, 1)
        if plan == "improves" or (plan == "pending_worse" and life.base % 2):
            change = -min(drop, 1 + at) if at < 3 else -drop + (wobble if drop > 2 else min(wobble, 0))
        if plan in ("worsens", "lost") and at >= turn and (plan == "worsens" or life.base % 2):
            change = rise + max(wobble, 0)
        if plan == "dies_of_ms":
            change = min(at, 3)
        if last and plan in ("pending_worse", "pending_better"):
            change = max(rise, 2) if plan == "pending_worse" else -2
        found.append(legal(min(life.base + change, 19)))
    return found


def _as_recorded(
    life: _Life, day: date, halves: int, found: Examination, *, near: bool, first: bool, planned: bool
) -> SimVisit:
    """A visit as a clinic writes it down: most complete, a few not."""
    visit = SimVisit(
        day,
        halves / 2,
        found,
        visit_type="scheduled" if planned else "relapse",
        told=life.chance(0.12),
        steroids=near and life.chance(0.5),
    )
    old = day < life.start - timedelta(days=500)
    if old and not first and life.chance(0.08):
        month = day.replace(day=1)
        return replace(visit, day=month, precision="month", examination=None, own_value="From the old chart")
    if old and life.chance(0.05):
        return replace(visit, examination=None, own_value="From a letter, without grades")
    settled = life.start + timedelta(days=200) < day and life.story in ("improves", "stays", "worsens") and not near
    if settled and life.chance(0.025):
        system = str(life.rng.choice(["visual", "cerebral", "bowel_bladder"]))
        return replace(visit, edss=None, left_out=system)
    if settled and 4 <= halves < 12 and life.chance(0.025):
        other = examination(halves + 1, found.grades, life.rng)
        return replace(visit, examination=other, own_value="Walked further at home than in the corridor; seen twice")
    if settled and life.chance(0.012):
        return replace(visit, wrong="Entered for the wrong patient")
    if halves < 12 and settled and life.chance(0.04):
        return replace(visit, mode="video", told=True)
    return visit


# Courses, drugs, consent


def _courses(life: _Life) -> Iterator[SimCourse]:
    """Five days, then three days about a year later, a third or fourth where disease comes back."""
    if life.story in ("no_course", "new"):
        return
    if life.story == "date_imprecise":
        yield SimCourse((life.start.replace(month=1, day=1),) * 5, "year")
        return
    if life.story == "date_to_month":
        yield SimCourse((life.start.replace(day=1),) * 5, "month")
    elif life.story == "stays" and life.chance(0.06):
        yield SimCourse(_run(life.start, 3), state="stopped_early")
    else:
        yield SimCourse(_run(life.start, 5))
    later, number = life.start + life.days(365, 400), 1
    wanted = int(life.rng.choice([1, 2, 3, 4], p=[0.12, 0.66, 0.17, 0.05]))
    while number < wanted and later + timedelta(days=4) <= life.last:
        yield SimCourse(_run(later, 3))
        later, number = later + life.days(370, 800), number + 1
    if number == 1 and life.story in ("one_visit", "too_short") and life.chance(0.6):
        yield SimCourse((), state="planned", planned=life.start + timedelta(days=365))


def _run(first: date, days: int) -> tuple[date, ...]:
    return tuple(first + timedelta(days=day) for day in range(days))


def _treatments(life: _Life, onset: date) -> Iterator[SimTreatment]:
    """One to three drugs before Lemtrada, sometimes one after a worsening."""
    begin, end = onset + life.days(60, 500), life.start - life.days(40, 200)
    wanted = int(life.rng.choice([0, 1, 2, 3], p=[0.1, 0.4, 0.35, 0.15]))
    drugs = [DRUGS_BEFORE[at] for at in sorted(life.rng.choice(len(DRUGS_BEFORE), size=wanted, replace=False))]
    span = (end - begin).days // max(len(drugs), 1)
    for number, drug in enumerate(drugs):
        start = begin + timedelta(days=number * span)
        to_month = life.chance(0.4)
        reason = str(life.rng.choice(["activity", "intolerance", "adverse_event", "switch"], p=[0.6, 0.2, 0.1, 0.1]))
        yield SimTreatment(
            drug,
            start.replace(day=1) if to_month else start,
            start + timedelta(days=span - 20),
            "month" if to_month else "day",
            reason,
        )
    if life.story == "worsens" and life.chance(0.4):
        start = life.start + timedelta(days=900)
        if start < life.last:
            yield SimTreatment(str(life.rng.choice(DRUGS_AFTER)), start, None)


def _consent(life: _Life) -> Iterator[tuple[str, date]]:
    """Most gave consent, some refused, some took it back, a few were never asked."""
    drawn, day = life.rng.random(), life.start - timedelta(days=int(life.rng.integers(10, 90)))
    if drawn < 0.04:
        return
    yield ("refused" if drawn < 0.1 else "given"), day
    if drawn > 0.96:
        yield "withdrawn", min(day + timedelta(days=400), life.today - timedelta(days=5))
