"""What the engine reads of each patient, in one statement that is written out.

Django would ask five times, and for a single patient needs longer to say these questions than the database to answer.
Which rows the engine hears of is said here: live ones, of a course that is live, infusions with a dose, drugs but
alemtuzumab.
"""

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache, cached_property
from typing import Any

from django.db import connections, router
from django.utils.dateparse import parse_date

from assessments.models import Assessment
from engine.status import LANDMARK_DAYS
from engine.types import Interval, Visit, earliest
from treatments.models import Drug

PARTS = {  # columns of each as in HEAD
    "visit": """
SELECT 'visit', patient_id, day, day_precision, id, CAST(edss AS double precision), NULL, NULL, NULL, NULL, NULL
FROM assessments_assessment WHERE voided_at IS NULL AND patient_id {theirs}""",
    "relapse": """
SELECT 'relapse', patient_id, onset, onset_precision, id, NULL, NULL, NULL, NULL, NULL, NULL
FROM assessments_relapse WHERE voided_at IS NULL AND patient_id {theirs}""",
    # without naming their patients again the courses of all would be read
    "infusion": """
SELECT 'infusion', i.patient_id, i.day, i.day_precision, i.id, NULL, i.course_id, NULL, NULL, NULL, NULL
FROM treatments_infusion i JOIN treatments_course c ON c.id = i.course_id
WHERE i.voided_at IS NULL AND c.voided_at IS NULL AND i.dose_mg > 0 AND i.patient_id {theirs}
    AND c.patient_id = i.patient_id AND c.patient_id {theirs}""",
    "drug": """
SELECT 'drug', patient_id, start, start_precision, id, NULL, NULL, drug, drug_name, stop, stop_precision
FROM treatments_treatment WHERE voided_at IS NULL AND drug <> %(alemtuzumab)s AND patient_id {theirs}""",
    "death": """
SELECT 'death', id, death, death_precision, id, NULL, NULL, NULL, NULL, NULL, NULL
FROM patients_patient WHERE death IS NOT NULL AND id {theirs}""",
}
HEAD = """
SELECT '' AS part, 0 AS patient_id, CAST(NULL AS date) AS day, '' AS day_precision, 0 AS id,
    CAST(NULL AS double precision) AS edss, 0 AS course_id,
    '' AS drug, '' AS drug_name, CAST(NULL AS date) AS stop, '' AS stop_precision
WHERE FALSE"""
THEIRS = {"postgresql": "= ANY(%(ids)s)", "sqlite": "IN (SELECT value FROM json_each(%(ids)s))"}

DrugTaken = tuple[str, Interval | None, Interval | None]  # its name, start and stop


@dataclass
class Rows:
    """What the engine reads of one patient."""

    patient_id: int
    visits: list[Visit] = field(default_factory=list)  # in order of days, incomplete ones too
    relapses: list[Interval] = field(default_factory=list)
    infusions: dict[int, list[Interval]] = field(default_factory=dict)  # of each course given
    drugs: list[DrugTaken] = field(default_factory=list)  # any but alemtuzumab
    death: Interval | None = None

    @cached_property
    def first_infusions(self) -> list[Interval]:
        """One a course given."""
        return [earliest(days) for days in self.infusions.values()]

    @property
    def horizon(self) -> date:
        """A day from which on the engine gives the same answer for ever, but for `not_seen_lately`.

        So the stored result does not depend on the day it was made; what does is added when it is shown.
        """
        days = [visit.day for visit in self.visits] + self.relapses + self.first_infusions
        if self.death:
            days.append(self.death)
        last = max([day.last for day in days], default=date(2000, 1, 1))
        return last + timedelta(days=LANDMARK_DAYS)

    @property
    def prior_drugs(self) -> int | None:
        """Distinct drugs begun before the first infusion; None without one. A start must be sure to count."""
        firsts = self.first_infusions
        return len(begun_before(min(day.first for day in firsts), self.drugs)) if firsts else None


def begun_before(first: date, drugs: Iterable[DrugTaken]) -> set[str]:
    """The names of those drugs that were surely begun before this day."""
    return {name for name, start, stop in drugs if (start and start.last < first) or (stop and stop.last < first)}


def read_rows(patient_ids: Collection[int], parts: Collection[str] = tuple(PARTS)) -> list[Rows]:
    """The rows of each of these patients, in this order; of `parts` alone where some are named."""
    found = {pk: Rows(pk) for pk in patient_ids}
    for part, pk, day, precision, ref, edss, course, drug, name, stop, stop_precision in fetched(found, tuple(parts)):
        rows = found[pk]
        if part == "visit":
            rows.visits.append(Visit(Interval.of(day, precision), edss, ref))
        elif part == "infusion":
            rows.infusions.setdefault(course, []).append(Interval.of(day, precision))
        elif part == "relapse":
            rows.relapses.append(Interval.of(day, precision))
        elif part == "drug":
            rows.drugs.append((as_drug(drug, name), known(day, precision), known(stop, stop_precision)))
        else:
            rows.death = Interval.of(day, precision)
    return [found[pk] for pk in patient_ids]


def as_drug(code: str, name: str) -> str:
    """What makes two entries one drug: the code, as a brand name may stand beside it; of another drug its name too."""
    return f"{code} {name.strip().casefold()}" if code == Drug.OTHER else code


def known(day: date | None, precision: Any) -> Interval | None:
    return Interval.of(day, precision) if day else None


def fetched(patient_ids: Collection[int], parts: tuple[str, ...]) -> Iterable[tuple[Any, ...]]:
    """The rows of HEAD, in order of days; drugs without a start anywhere. SQLite knows no dates and no arrays."""
    if not patient_ids:
        return ()
    connection = connections[router.db_for_read(Assessment)]
    lite = connection.vendor == "sqlite"
    ids = json.dumps(list(patient_ids)) if lite else list(patient_ids)
    with connection.cursor() as cursor:
        cursor.execute(
            statement(connection.vendor, parts),
            {"ids": ids, "alemtuzumab": Drug.ALEMTUZUMAB_BEFORE},
        )
        rows = cursor.fetchall()
    return with_dates(rows) if lite else rows


@cache
def statement(vendor: str, parts: tuple[str, ...]) -> str:
    wanted = "\nUNION ALL".join(PARTS[part].format(theirs=THEIRS[vendor]) for part in parts)
    return f"{HEAD}\nUNION ALL{wanted}\nORDER BY day, id"


def with_dates(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    for part, pk, day, precision, ref, edss, course, drug, name, stop, stop_precision in rows:
        yield part, pk, read_day(day), precision, ref, edss, course, drug, name, read_day(stop), stop_precision


def read_day(text: str | None) -> date | None:
    return parse_date(text) if text else None  # as Django reads it, should somebody have written 2018-1-5 by hand
