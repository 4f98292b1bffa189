"""Whose results: the one cohort query of the house, and how people stand as of the rows now stored.

Stored trajectories answer in SQL, but only the fresh ones. The few stale ones of a selection are computed in memory
from the rows and merged, so that nobody is listed, filtered or counted by an old status. Where more than `IN_MEMORY`
are stale (after an upgrade of the engine or an import), those are in no status count until the worker has done them;
the pages say how many that is.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import NamedTuple

from django.conf import settings
from django.db.models import Case, Count, F, FilteredRelation, Q, When
from django.utils import timezone

from engine import VERSION
from engine.status import add_months
from outcomes import trajectory
from outcomes.models import Trajectory
from patients.models import Centre, Freshness, Patient, User
from patients.querysets import PatientQuerySet

IN_MEMORY = 200  # stale people that one page computes; measured at some milliseconds each
MANY_COURSES = 3  # the last choice of "courses received" is this number or more
MANY_DRUGS = 3  # and of "earlier drugs"
BANDS = {"low": (0.0, 1.5), "mild": (2.0, 3.5), "moderate": (4.0, 5.5), "walking": (6.0, 10.0)}  # EDSS, both included
SEEN = {"year": "In the last 12 months", "two": "12 to 24 months ago", "longer": "Longer ago", "never": "No visit"}


@dataclass(frozen=True)
class CohortFilter:
    """What a cohort is narrowed to. Empty fields narrow nothing; what a page cannot know, it leaves empty."""

    centre: int | None = None
    courses: str = ""  # "0", "1", "2" or "3" for three and more
    baseline: str = ""  # a key of BANDS: the EDSS before Lemtrada
    drugs: str = ""  # earlier drugs: "0", "1", "2" or "3" for three and more
    status: str = ""  # since Lemtrada
    pending: bool = False  # a change is pending, since Lemtrada or overall
    seen: str = ""  # a key of SEEN

    @property
    def derived(self) -> bool:
        """Whether it asks for anything that is computed from the records."""
        return self != CohortFilter(centre=self.centre)


class Standing(NamedTuple):
    """What people are counted by."""

    centre: int
    courses: int
    status: str
    reason: str
    pending: bool  # since Lemtrada or overall
    since_pending: bool
    complete: bool  # at least one complete course
    baseline: float | None
    drugs: int | None


class Condition(NamedTuple):
    """One rule of a filter, as the database reads it and as Python does for a trajectory computed in memory."""

    stored: Q
    holds: Callable[[Trajectory], bool]


def conditions(wanted: CohortFilter, today: date) -> list[Condition]:
    """The rules about derived data. A test compares the two readings of each."""
    found = []
    if wanted.status:
        found.append(Condition(Q(trajectory__since_status=wanted.status), lambda t: t.since_status == wanted.status))
    if wanted.pending:
        none = Q(trajectory__since_pending="", trajectory__overall_pending="")
        found.append(Condition(~none, is_pending))
    if wanted.courses:
        found.append(number_of("courses", int(wanted.courses), MANY_COURSES))
    if wanted.drugs:
        found.append(number_of("prior_drugs", int(wanted.drugs), MANY_DRUGS))
    if wanted.baseline:
        low, high = BANDS[wanted.baseline]
        found.append(
            Condition(
                Q(trajectory__baseline_edss__gte=low, trajectory__baseline_edss__lte=high),
                lambda t: t.baseline_edss is not None and low <= t.baseline_edss <= high,
            )
        )
    if wanted.seen:
        found.append(seen(wanted.seen, today))
    return found


def number_of(field: str, number: int, many: int) -> Condition:
    """Exactly this number, or from `many` on that number and more."""
    if number >= many:
        at_least = Q(**{f"trajectory__{field}__gte": number})
        return Condition(at_least, lambda t: getattr(t, field) is not None and getattr(t, field) >= number)
    return Condition(Q(**{f"trajectory__{field}": number}), lambda t: getattr(t, field) == number)


def seen(which: str, today: date) -> Condition:
    """The last usable visit in one of the spans of SEEN; a span begins with its first day."""
    if which == "never":
        return Condition(Q(trajectory__last_visit=None), lambda t: t.last_visit is None)
    year, two = add_months(today, -12), add_months(today, -24)
    first, end = {"year": (year, date.max), "two": (two, year), "longer": (date.min, two)}[which]
    return Condition(
        Q(trajectory__last_visit__gte=first, trajectory__last_visit__lt=end),
        lambda t: t.last_visit is not None and first <= t.last_visit < end,
    )


def is_pending(one: Trajectory) -> bool:
    return bool(one.since_pending or one.overall_pending)


FRESH = Q(
    freshness__kind=trajectory.KIND,
    freshness__computed_engine=VERSION,
    freshness__computed_version__gte=F("freshness__data_version"),
)


@dataclass(frozen=True)
class Selection:
    """People a user may see, narrowed by centre and search, and those for whom no stored result speaks."""

    wanted: CohortFilter
    people: PatientQuerySet
    today: date
    computed: dict[int, Trajectory] = field(default_factory=dict)  # stale ones, computed now; with patient set
    waiting: int = 0  # stale ones that are too many to compute here, or cannot be computed
    scope: str = ""  # of the user: which centres are in sight

    def matching(self, wanted: CohortFilter) -> tuple[PatientQuerySet, dict[int, Trajectory]]:
        """(people whose stored result is fresh and fits, people computed in memory that fit)."""
        rules, people, computed = conditions(wanted, self.today), self.people, self.computed
        if wanted.centre is not None:
            people = people.filter(centre=wanted.centre)
            computed = {pk: t for pk, t in computed.items() if t.patient.centre_id == wanted.centre}
        fresh = people.filter(trajectory__engine_version=VERSION)
        # who was stale when this page began is known by now; a join that asks again costs a third of the time
        fresh = fresh.filter(FRESH) if self.waiting else fresh
        fresh = fresh.exclude(pk__in=self.computed)
        stored = fresh.filter(*(rule.stored for rule in rules))
        return stored, {pk: t for pk, t in computed.items() if all(rule.holds(t) for rule in rules)}

    def put_aside(self) -> int:
        """How many of these people could not be computed again and again."""
        return Freshness.objects.quarantined(trajectory.KIND).filter(patient__in=self.people.order_by()).count()

    def kept(self) -> PatientQuerySet:
        """The people of the filter, as one query."""
        if not self.wanted.derived:
            return self.people
        stored, computed = self.matching(self.wanted)
        return self.people.filter(Q(pk__in=stored.order_by().values("pk")) | Q(pk__in=list(computed)))

    def standings(self, wanted: CohortFilter) -> Counter[Standing]:
        """How many people stand where. Whoever is still waiting is not among them."""
        stored, computed = self.matching(wanted)
        fields = (
            "courses", "since_status", "since_reason", "since_pending", "overall_pending", "complete_courses",
            "baseline_edss", "prior_drugs",
        )  # fmt: skip
        rows = stored.order_by().values_list("centre_id", *(f"trajectory__{name}" for name in fields))
        found: Counter[Standing] = Counter()
        for centre, *values, number in rows.annotate(number=Count("pk")):
            found[standing(centre, *values)] += number
        for t in computed.values():
            found[standing(t.patient.centre_id, *(getattr(t, name) for name in fields))] += 1
        return found


def standing(centre, courses, status, reason, since_pending, overall_pending, complete, baseline, drugs) -> Standing:
    pending = bool(since_pending or overall_pending)
    edss = None if baseline is None else float(baseline)
    return Standing(centre, courses, status, reason, pending, bool(since_pending), bool(complete), edss, drugs)


def select(wanted: CohortFilter, user: User, *, text: str = "", code: str = "", today: date | None = None) -> Selection:
    """Narrow what this user may see by centre, search or one code, and compute the few that are stale."""
    people = Patient.objects.visible_to(user)
    if code:
        people = people.filter(code=code)
    if text:
        people = people.search(text, names_of=user.name_centre_ids)
    selection = select_among(people, wanted, today)
    if selection.waiting and not selection.computed:
        return selection
    scope = ",".join(map(str, sorted(Centre.objects.visible_to(user).values_list("pk", flat=True))))
    return replace(selection, scope=f"{scope} {text} {code}")


def select_among(people: PatientQuerySet, wanted: CohortFilter, today: date | None = None) -> Selection:
    """The same of given people: narrow them by centre, and compute the few that are stale."""
    if wanted.centre is not None:
        people = people.filter(centre=wanted.centre)
    today = today or timezone.localdate()
    stale = Freshness.objects.stale(trajectory.KIND).filter(patient__in=people.order_by())
    ids = list(stale.values_list("patient_id", flat=True)[: IN_MEMORY + 1])
    if ids and (len(ids) > IN_MEMORY or not settings.COMPUTE_ON_READ):
        return Selection(wanted, people, today, waiting=stale.count())
    computed = compute(ids)
    return Selection(wanted, people, today, computed, len(ids) - len(computed))


def possible(people: PatientQuerySet, wanted: CohortFilter, today: date) -> PatientQuerySet:
    """For reading in blocks, however many are stale: whom the filter keeps by a stored result, and everybody stale.

    Of the stale ones `keeps` decides, once they are computed.
    """
    if wanted.centre is not None:
        people = people.filter(centre=wanted.centre)
    if not wanted.derived:
        return people
    state = FilteredRelation("freshness", condition=Q(freshness__kind=trajectory.KIND))
    fresh = Q(state__computed_engine=VERSION, state__computed_version__gte=F("state__data_version"))
    fresh &= Q(trajectory__engine_version=VERSION)
    fits = Q(*(rule.stored for rule in conditions(wanted, today)))
    by_result = Case(When(fresh & fits, then=True), When(fresh, then=False), default=True)  # no row at all: stale
    return people.alias(state=state).alias(possible=by_result).filter(possible=True)


def keeps(wanted: CohortFilter, today: date) -> Callable[[Trajectory | None], bool]:
    """Whether the filter keeps somebody with this result. Without a result nobody can say so."""
    if not wanted.derived:
        return lambda one: True
    rules = conditions(wanted, today)
    return lambda one: one is not None and all(rule.holds(one) for rule in rules)


def compute(ids: Sequence[int]) -> dict[int, Trajectory]:
    """Trajectories of stale people as of the rows now stored."""
    if not ids:
        return {}
    stale = {patient.pk: patient for patient in Patient.objects.filter(pk__in=ids)}
    found = {pk: each.trajectory for pk, each in trajectory.current(stale.values()).items()}
    for pk, one in found.items():
        one.patient = stale[pk]
    return found


def patients(wanted: CohortFilter, user: User, *, text: str = "", today: date | None = None) -> PatientQuerySet:
    """The people of a cohort: what this user may see and the filter keeps, as of the rows now stored."""
    return select(wanted, user, text=text, today=today).kept()


def without_status(wanted: CohortFilter) -> CohortFilter:
    """The same filter, open in what the toggles of a list choose."""
    return replace(wanted, status="", pending=False)
