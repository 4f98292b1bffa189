"""The patient list: which people stand on a page, in which order, and what their row says."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import ExpressionWrapper, F, FloatField
from django.db.models.functions import Collate

from engine.status import CONFIRM_DAYS
from engine.types import completed_months, day_words
from outcomes import trajectory
from outcomes.cohorts import CohortFilter, Selection
from outcomes.models import Trajectory
from patients.models import Identity, Patient, User
from patients.querysets import PatientQuerySet
from treatments.models import Infusion

PAGE = 100
SHORT_REASONS = {
    "no_course": "no course on record",
    "course_date_imprecise": "course date not known to the day",
    "no_baseline": "no baseline visit in time",
    "baseline_near_relapse": "baseline only near a relapse",
    "no_followup": "no visit after baseline",
    "one_visit": "only one visit after baseline",
    "too_short": f"visits do not yet reach {CONFIRM_DAYS} days",
}


class Order(NamedTuple):
    """One way to sort: by the database, and by Python for a person computed in memory. None stands last."""

    words: str
    stored: Callable[[], Any]  # an expression; made when it is used, as one of them depends on the database
    key: Callable[[Patient, Trajectory], Any]
    descending: bool = False


def by_code() -> Collate:
    return Collate("code", "C" if connection.vendor == "postgresql" else "BINARY")  # as Python compares


def change(one: Trajectory) -> float | None:
    if one.last_edss is None or one.baseline_edss is None:
        return None
    return float(one.last_edss) - float(one.baseline_edss)


def stored_change() -> ExpressionWrapper:
    return ExpressionWrapper(F("trajectory__last_edss") - F("trajectory__baseline_edss"), output_field=FloatField())


ORDERS = {
    "visit": Order("Last visit first", lambda: F("trajectory__last_visit"), lambda p, t: t.last_visit, True),
    "unseen": Order("Longest not seen first", lambda: F("trajectory__last_visit"), lambda p, t: t.last_visit),
    "edss": Order("Highest EDSS first", lambda: F("trajectory__last_edss"), lambda p, t: t.last_edss, True),
    "worse": Order("Most worsened first", stored_change, lambda p, t: change(t), True),
    "better": Order("Most improved first", stored_change, lambda p, t: change(t)),
    "code": Order("By registry code", by_code, lambda p, t: p.code),
}


def sort_key(value: Any, pk: int, descending: bool) -> tuple:
    """The same order in Python as in SQL: None last, then the value, then the older record."""
    if value is None:
        return (1, 0, pk)
    if isinstance(value, str):
        return (0, value, pk)
    number = float(value.toordinal() if isinstance(value, date) else value)
    return (0, -number if descending else number, pk)


def page_ids(selection: Selection, wanted: CohortFilter, order: Order, start: int, size: int = 0) -> list[int]:
    """The patients of one page.

    People computed in memory are merged in: at most so many of them stand before the page, so that many rows more
    are read before it. With too many stale ones, those are listed only where nothing derived is asked for.
    """
    size = size or PAGE
    stored, computed = selection.matching(wanted)
    if selection.waiting and not wanted.derived:
        stored = selection.people.exclude(pk__in=selection.computed)
    extra = [(sort_key(order.key(t.patient, t), pk, order.descending), pk) for pk, t in computed.items()]
    begin = max(0, start - len(extra))
    rows = ordered(stored, order)[begin : start + size]
    merged = sorted([*extra, *((sort_key(value, pk, order.descending), pk) for pk, value in rows)])
    return [pk for _, pk in merged[start - begin : start - begin + size]]


def ordered(stored: PatientQuerySet, order: Order):
    expression = order.stored()
    by = expression.desc(nulls_last=True) if order.descending else expression.asc(nulls_last=True)
    return stored.annotate(sort=expression).order_by(by, "pk").values_list("pk", "sort")


@dataclass(frozen=True)
class Row:
    """One person on the list. `one` is None only while the worker still computes it."""

    patient: Patient
    identity: Identity | None  # None where this user must not see it
    one: Trajectory | None
    courses: Sequence[tuple[date, str]]  # first infusion day of each, and how much of it is known
    today: date

    @property
    def person(self) -> str:
        """F 38; the letter where sex is stated, the age reached or at death."""
        letter = {"female": "F", "male": "M", "other": "Other"}.get(self.patient.sex, "")
        age = self.patient.age_on(self.patient.death or self.today)
        return " ".join(str(part) for part in (letter, age) if part not in ("", None))

    @property
    def status(self) -> str:
        return self.one.since_status if self.one else ""

    @property
    def verdict(self) -> dict:
        """Since Lemtrada, as stored: the fields without the words."""
        return self.one.codes["since_lemtrada"] if self.one else {}

    @property
    def about(self) -> str:
        """The line below the status: why there is none, since when, and what is pending."""
        if self.one is None:
            return ""
        if self.one.since_reason:
            return SHORT_REASONS[self.one.since_reason]
        since = self.verdict["since"]
        words = f"since {day_words(date.fromisoformat(since))}, {self.verdict['certainty']}" if since else ""
        if not self.one.since_pending:
            return words or self.verdict["certainty"]
        return f"{words}; {self.pending_words}" if words else self.pending_words

    @property
    def pending_words(self) -> str:
        rows = self.one.result["since_lemtrada"]["evidence"] if self.one else []
        last = next((row for row in reversed(rows) if row["pending"]), None)
        way = "worse" if self.one and self.one.since_pending == "worsening" else "better"
        return f"now {way} by {abs(last['difference']):.1f}, pending" if last else f"now {way}, pending"

    @property
    def pending(self) -> str:
        """The text of the pending chip."""
        if self.one is None or not (self.one.since_pending or self.one.overall_pending):
            return ""
        return "Pending" if self.one.since_pending else "Overall pending"

    @property
    def change(self) -> float | None:
        return change(self.one) if self.one else None

    @property
    def spark(self) -> dict:
        """What `spark.html` draws."""
        points = self.one.points if self.one else []
        if self.one is None or not points:
            return {}
        baseline = self.verdict["baseline"]
        return {
            "days": [day for day, _ in points],
            "scores": [score for _, score in points],
            "baseline": (baseline["date"], baseline["edss"]) if baseline else None,
            "courses": [day for day, precision in self.courses if precision == "day"],
            "status": self.one.since_status,
        }

    @property
    def month(self) -> int | None:
        """Completed months since the first infusion; None where that is not known to the day, or the person died."""
        if not self.courses or self.courses[0][1] != "day" or self.patient.death:
            return None
        first = self.courses[0][0]
        return completed_months(first, self.today)

    @property
    def unseen_months(self) -> int | None:
        """Months since the last visit where that is too long ago, else None."""
        last, since = (self.one.last_visit, self.one.unseen_from) if self.one else (None, None)
        if last is None or since is None or since > self.today or self.patient.death:
            return None
        return completed_months(last, self.today)

    @property
    def unseen(self) -> str:
        return f"No visit for {self.unseen_months} months"

    @property
    def died(self) -> str:
        return self.patient.say("death")


def rows(selection: Selection, ids: Sequence[int], user: User) -> list[Row]:
    """The rows of these patients, in this order. A constant number of queries."""
    people = Patient.objects.select_related("centre", "identity").in_bulk(ids)
    others = [people[pk] for pk in ids if pk not in selection.computed]
    found = {pk: each.trajectory for pk, each in trajectory.current(others).items()} | selection.computed
    courses = first_days(ids)
    named = set(user.name_centre_ids)
    return [
        Row(
            patient=people[pk],
            identity=getattr(people[pk], "identity", None) if people[pk].centre_id in named else None,
            one=found.get(pk),
            courses=courses.get(pk, ()),
            today=selection.today,
        )
        for pk in ids
    ]


def first_days(ids: Sequence[int]) -> dict[int, list[tuple[date, str]]]:
    """The first infusion day of each course given, in order of the courses."""
    given = Infusion.objects.live().filter(patient__in=ids, course__voided_at=None, dose_mg__gt=0).order_by("day", "pk")
    known: dict[int, dict[int, tuple[date, str]]] = {}
    for patient, course, day, precision in given.values_list("patient_id", "course_id", "day", "day_precision"):
        known.setdefault(patient, {}).setdefault(course, (day, precision))
    return {patient: list(days.values()) for patient, days in known.items()}
