"""A patient's derived course of disability: rows into the engine and back. The only writer of `Trajectory`.

Right by design, not by luck: every change of an input raises the patient's version by a trigger, so whoever changes
one waits for the Freshness row we lock here, and nothing can commit between our read and our write.
"""

import json
import logging
import signal
import threading
from collections.abc import Collection, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain

from django.conf import settings
from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.utils import timezone

from assessments.models import Assessment, Relapse
from engine import VERSION
from engine.events import Event
from engine.history import PRESET, EventHistory, histories
from engine.lemtrada import complete_courses
from engine.records import pack
from engine.status import LANDMARK_DAYS, Classification, classify
from engine.types import Interval, Precision, Visit, earliest
from outcomes.models import DisabilityEvent, Trajectory
from outcomes.storing import upsert
from patients.models import Freshness, Patient
from patients.querysets import QUARANTINE_AFTER
from treatments.models import Drug, Infusion, Treatment

log = logging.getLogger(__name__)
KIND = "trajectory"
CHUNK = 500  # patients in one lock
AS_TEXT = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
SECONDS = 20  # for one computation; the solo worker knows no time limit of its own


@dataclass(frozen=True)
class Rows:
    """What the engine reads of one patient."""

    patient_id: int
    visits: tuple[Visit, ...]  # in order of days, incomplete ones too
    relapses: tuple[Interval, ...]
    first_infusions: tuple[Interval, ...]  # one a course given
    infusion_days: tuple[int, ...]  # of each of those courses
    drugs: tuple[tuple[str, Interval | None, Interval | None], ...]  # name, start and stop of each drug but alemtuzumab
    death: Interval | None

    @property
    def horizon(self) -> date:
        """A day from which on the engine gives the same answer for ever, but for `not_seen_lately`.

        So the stored result does not depend on the day it was made; what does is added when it is shown.
        """
        death = (self.death,) if self.death else ()
        days = chain((visit.day for visit in self.visits), self.relapses, self.first_infusions, death)
        last = max((day.last for day in days), default=date(2000, 1, 1))
        return last + timedelta(days=LANDMARK_DAYS)

    @property
    def prior_drugs(self) -> int | None:
        """Distinct drugs begun before the first infusion; None without one. A start must be sure to count."""
        if not self.first_infusions:
            return None
        return len(begun_before(min(day.first for day in self.first_infusions), self.drugs))


def begun_before(first: date, drugs: Iterable[tuple[str, Interval | None, Interval | None]]) -> set[str]:
    """The names of those drugs that were surely begun before this day."""
    return {name for name, start, stop in drugs if (start and start.last < first) or (stop and stop.last < first)}


@dataclass(frozen=True)
class Current:
    """A trajectory as of the rows now stored: the stored one where it is fresh, else computed in memory."""

    trajectory: Trajectory
    stored: bool  # False: computed while this page was made, and stored soon by the worker


# Said once: a single patient waits longer for the building of these queries than for their answers
VISITS = Assessment.objects.live().order_by("day", "pk").values_list("patient_id", "day", "day_precision", "edss", "pk")
RELAPSES = Relapse.objects.live().order_by("onset", "pk").values_list("patient_id", "onset", "onset_precision")
INFUSIONS = (
    Infusion.objects.live()
    .filter(course__voided_at=None, dose_mg__gt=0)
    .order_by("day", "pk")
    .values_list("patient_id", "course_id", "day", "day_precision")
)
DRUGS = (
    Treatment.objects.live()
    .exclude(drug=Drug.ALEMTUZUMAB_BEFORE)
    .values_list("patient_id", "drug", "drug_name", "start", "start_precision", "stop", "stop_precision")
)
DEATHS = Patient.objects.filter(death__isnull=False).order_by().values_list("pk", "death", "death_precision")


def read_rows(patient_ids: Collection[int]) -> list[Rows]:
    """The engine's input of each patient, in five queries however many there are."""
    theirs = among(patient_ids)
    visits = grouped(
        VISITS.filter(theirs),
        lambda day, precision, edss, pk: Visit(Interval.of(day, precision), None if edss is None else float(edss), pk),
    )
    relapses = grouped(RELAPSES.filter(theirs), Interval.of)
    infusions = grouped(  # without naming their patients again the courses of all would be read
        INFUSIONS.filter(theirs, among(patient_ids, "course__patient")),
        lambda course, day, precision: (course, Interval.of(day, precision)),
    )
    drugs = read_drugs(patient_ids)
    deaths = {pk: Interval.of(*known) for pk, *known in DEATHS.filter(among(patient_ids, "pk"))}
    found = []
    for pk in patient_ids:
        given: dict[int, list[Interval]] = {}
        for course, day in infusions.get(pk, ()):
            given.setdefault(course, []).append(day)
        seen, onsets = tuple(visits.get(pk, ())), tuple(relapses.get(pk, ()))
        firsts, days = tuple(map(earliest, given.values())), tuple(map(len, given.values()))
        found.append(Rows(pk, seen, onsets, firsts, days, tuple(drugs.get(pk, ())), deaths.get(pk)))
    return found


def read_drugs(patient_ids: Collection[int]) -> dict[int, list[tuple[str, Interval | None, Interval | None]]]:
    """Code and, of another drug, its name; start and stop of each drug but alemtuzumab."""
    return grouped(
        DRUGS.filter(among(patient_ids)),
        lambda drug, name, *days: (as_drug(drug, name), known(*days[:2]), known(*days[2:])),
    )


def as_drug(code: str, name: str) -> str:
    """What makes two entries one drug: the code, as a brand name may stand beside it; of another drug its name too."""
    return f"{code} {name.strip().casefold()}" if code == Drug.OTHER else code


def known(day: date | None, precision: Precision) -> Interval | None:
    return Interval.of(day, precision) if day else None


def among(patient_ids: Collection[int], field: str = "patient") -> Q:
    """These patients, and where their ids are close together perhaps some between them: a range costs less to say."""
    first, last = min(patient_ids, default=0), max(patient_ids, default=-1)
    if last - first < 2 * len(patient_ids):
        return Q(**{f"{field}__gte": first, f"{field}__lte": last})
    return Q(**{f"{field}__in": patient_ids})


def grouped(rows, make) -> dict[int, list]:
    """What is made of the rows of each patient; the first column is the patient."""
    found: dict[int, list] = {}
    for patient_id, *values in rows:
        found.setdefault(patient_id, []).append(make(*values))
    return found


def derive(rows: Sequence[Rows]) -> list[Trajectory]:
    """Unsaved trajectories of these patients, each by one call of the engine; `events` holds their unsaved events."""
    results = [classify(row.visits, row.relapses, row.first_infusions, row.death, row.horizon) for row in rows]
    told = zip(rows, results, histories(results, compiled=False), strict=True)  # a lock is no time to start a compiler
    return [as_trajectory(row, result, history) for row, result, history in told]


def derive_each(rows: Sequence[Rows]) -> list[Trajectory]:
    """As `derive`; where that fails, one by one, without those at fault."""
    try:
        return derive(rows)
    except Exception as problem:
        if len(rows) == 1:
            log.error("trajectory of patient %s failed on a page: %s", rows[0].patient_id, type(problem).__name__)
            return []
        return [made for row in rows for made in derive_each([row])]


def as_trajectory(rows: Rows, result: Classification, history: EventHistory) -> Trajectory:
    since, overall = result.since_lemtrada, result.overall
    worsening, improvement = history.first("CDW"), history.first("CDI")
    last = next((visit for visit in reversed(rows.visits) if visit.edss is not None), None)
    firsts = [day.first for day in rows.first_infusions]
    made = Trajectory(
        patient_id=rows.patient_id,
        since_status=since.status,
        since_reason=since.reason or "",
        since_pending=since.pending.direction if since.pending else "",
        overall_status=overall.status,
        overall_reason=overall.reason or "",
        overall_pending=overall.pending.direction if overall.pending else "",
        baseline_edss=since.baseline.edss if since.baseline else None,
        last_edss=last.edss if last else None,
        last_visit=last.day.first if last else None,
        first_infusion=min(firsts, default=None),
        courses=len(firsts),
        complete_courses=complete_courses(rows.infusion_days),
        prior_drugs=rows.prior_drugs,
        baseline_day=since.baseline.day if since.baseline else None,
        follow_up_days=result.follow_up_days,
        worsening_day=worsening.date if worsening else None,
        improvement_day=improvement.date if improvement else None,
        changes=[[year, label, change] for year, (label, change) in result.yearly.items() if label is not None],
        unseen_from=result.unseen_from,
        record=AS_TEXT(without_clock(pack(result))),
    )
    refs = [visit.ref for visit in rows.visits]
    made.events = [as_event(rows.patient_id, refs, event) for event in history.events]
    return made


def as_event(patient_id: int, refs: Sequence, event: Event) -> DisabilityEvent:
    """An unsaved row. `refs`: the id of the assessment behind each visit of the history."""
    confirming = event.confirmed_rows[0]
    return DisabilityEvent(
        patient_id=patient_id,
        number=event.number,
        preset=PRESET.name,
        kind=event.type,
        label=event.cdw_type or "",
        onset=event.date,
        edss=event.value,
        baseline_day=event.baseline_date,
        baseline_edss=event.baseline_value,
        confirmed_on=event.confirmed_on,
        sustained_days=event.sustained_days,
        sustained_to_last=event.sustained_to_last,
        evidence={
            "baseline": refs[event.baseline_row],
            "onset": refs[event.onset_row],
            "confirming": None if confirming is None else refs[confirming],
            "held": refs[event.held_row],
        },
    )


def without_clock(record: dict) -> dict:
    """The stored form: what depends on the day of reading is left to the column `unseen_from` and to the reader."""
    for anchor in ("since_lemtrada", "overall"):
        record[anchor]["flags"] = [flag for flag in record[anchor]["flags"] if flag != "not_seen_lately"]
    return record


def refresh(patient_ids: Collection[int]) -> int:
    """Bring stale trajectories up to date; returns how many it stored. Safe to run twice, and from anywhere.

    Patients that failed before are computed one by one, so that a bad one takes no other with it.
    """
    done = 0
    ids = sorted(set(patient_ids))
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        tried = set(
            Freshness.objects.filter(kind=KIND, patient__in=chunk, attempts__gt=0).values_list("patient", flat=True)
        )
        done += refresh_together([pk for pk in chunk if pk not in tried])
        for pk in sorted(tried):
            done += refresh_together([pk])
    return done


def refresh_together(patient_ids: Collection[int]) -> int:
    claimed = claim(patient_ids)
    try:
        return compute_claimed(claimed)
    except Exception as problem:
        log.error("trajectory of %d patients failed (%s): %s", len(claimed), claimed[:5], type(problem).__name__)
    if len(claimed) == 1:
        return 0  # the attempt is counted; the lease runs out, and the sweep tries again
    return sum(refresh_alone(pk) for pk in claimed)


def refresh_alone(patient_id: int) -> int:
    """One of a chunk that failed: at once, so that the others need not wait. It counts as an attempt of its own."""
    Freshness.objects.stale(KIND).filter(patient=patient_id).take_lease()
    try:
        return compute_claimed([patient_id])
    except Exception as problem:
        log.error("trajectory of patient %d failed: %s", patient_id, type(problem).__name__)
        return 0


def compute_claimed(patient_ids: Collection[int]) -> int:
    if not patient_ids:
        return 0
    with at_most(SECONDS):
        return compute(patient_ids)


def claim(patient_ids: Collection[int]) -> list[int]:
    """Lease the stale ones among these patients. Committed before the work, so that a kill counts as an attempt."""
    if not patient_ids:
        return []
    with transaction.atomic():
        rows = Freshness.objects.claimable(KIND).filter(patient__in=patient_ids).order_by("patient_id")
        claimed = list(rows.select_for_update(no_key=True, skip_locked=True).values_list("pk", "patient_id"))
        Freshness.objects.filter(pk__in=[pk for pk, _ in claimed]).take_lease()
    return [patient_id for _, patient_id in claimed]


def compute(patient_ids: Collection[int], *, fresh_too: bool = False) -> int:
    """Compute and store those of these patients that are stale, or all, in one transaction that locks them."""
    with transaction.atomic():
        rows = Freshness.objects.filter(kind=KIND) if fresh_too else Freshness.objects.stale(KIND)
        locked = rows.filter(patient__in=patient_ids).order_by("patient_id").select_for_update(no_key=True)
        versions = dict(locked.values_list("patient_id", "data_version"))
        trajectories = derive(read_rows(list(versions)))  # rows are read after the lock, never before
        store(trajectories, versions)
    return len(trajectories)


def store(trajectories: Sequence[Trajectory], versions: dict[int, int]) -> None:
    """Write everything derived of these patients, with the versions read under the lock. More kinds of rows go here."""
    now = timezone.now()
    for trajectory in trajectories:
        trajectory.data_version, trajectory.engine_version = versions[trajectory.patient_id], VERSION
        trajectory.computed_at = now
    upsert(trajectories, ["patient"], STORED)
    store_events(trajectories)
    stored = Trajectory.objects.filter(patient=OuterRef("patient")).values("data_version")
    Freshness.objects.filter(kind=KIND, patient__in=versions).update(
        computed_version=Subquery(stored), computed_engine=VERSION, attempts=0, not_before=None
    )


STORED = [f.name for f in Trajectory._meta.concrete_fields if f.name not in ("id", "patient")]


def store_events(trajectories: Sequence[Trajectory]) -> None:
    """The events of these patients instead of those stored before."""
    DisabilityEvent.objects.filter(patient__in=[trajectory.patient_id for trajectory in trajectories]).delete()
    events = [event for trajectory in trajectories for event in trajectory.events]
    upsert(events, ["patient", "number"], EVENT_STORED)


EVENT_STORED = [f.name for f in DisabilityEvent._meta.concrete_fields if f.name not in ("id", "patient", "number")]


class TooLong(Exception):
    """A computation ran longer than it may."""


@contextmanager
def at_most(seconds: int):
    """Stop the block after this time. In the main thread only: that is where workers compute."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_):
        raise TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def sweep_once() -> int:
    """Compute what stays stale, oldest first, at most 500. Needs no broker. Returns how many it stored."""
    waiting = Freshness.objects.claimable(KIND).order_by("attempts", "not_before", "patient_id")
    return refresh(waiting.values_list("patient_id", flat=True)[:CHUNK])


def current(patients: Iterable[Patient]) -> dict[int, Current]:
    """The trajectory of each patient as of the rows now stored. Stores nothing, waits for no lock.

    Left out, so that one bad patient spoils no page of others: who is in quarantine, whose computation fails, and with
    COMPUTE_ON_READ off every stale one. The page then says that the worker is still at it.
    """
    ids = [patient.pk for patient in patients]
    found = {t.patient_id: Current(t, stored=True) for t in fresh().filter(patient__in=ids)}
    stale = [pk for pk in ids if pk not in found]
    if stale and settings.COMPUTE_ON_READ:
        behind = Freshness.objects.filter(kind=KIND, patient__in=stale, attempts__lt=QUARANTINE_AFTER)
        versions = dict(behind.values_list("patient_id", "data_version"))
        for trajectory in derive_each(read_rows(list(versions))):
            trajectory.data_version, trajectory.engine_version = versions[trajectory.patient_id], VERSION
            found[trajectory.patient_id] = Current(trajectory, stored=False)
    return found


def fresh():
    """Stored trajectories that were computed from exactly the rows now stored, by the engine version now running."""
    up_to_date = Freshness.objects.filter(kind=KIND, computed_engine=VERSION, computed_version__gte=F("data_version"))
    return Trajectory.objects.filter(engine_version=VERSION, patient__in=up_to_date.values("patient_id"))


def check(patient_ids: Collection[int] | None = None) -> list[str]:
    """Recompute and compare: one line for each field stored otherwise. Stale ones are not wrong, only late.

    What differs is compared once more under the lock: a save may have come between the two readings.
    """
    ids = list(fresh().values_list("patient_id", flat=True)) if patient_ids is None else list(patient_ids)
    found = []
    for start in range(0, len(ids), CHUNK):
        if suspects := differences(ids[start : start + CHUNK]):
            with transaction.atomic():
                list(
                    Freshness.objects.filter(kind=KIND, patient__in=suspects).order_by("patient_id").select_for_update()
                )
                sure = differences(suspects)
            found += [f"patient {pk}: {what}" for pk, lines in sorted(sure.items()) for what in lines]
    return found


def differences(patient_ids: Collection[int]) -> dict[int, list[str]]:
    """What is wrong with the fresh trajectories of these patients."""
    stored = {t.patient_id: t for t in fresh().filter(patient__in=patient_ids)}
    made = {t.patient_id: t for t in derive_each(read_rows(list(stored)))}
    for trajectory in stored.values():
        trajectory.events = []
    for event in DisabilityEvent.objects.filter(patient__in=list(stored)):
        stored[event.patient_id].events.append(event)
    found = {pk: differing(old, made[pk]) if pk in made else ["it cannot be recomputed"] for pk, old in stored.items()}
    return {pk: lines for pk, lines in found.items() if lines}


def differing(stored: Trajectory, made: Trajectory) -> list[str]:
    pairs = ((field, getattr(stored, field), getattr(made, field)) for field in COMPARED)
    wrong = [field for field, old, new in pairs if old != new and plain(old) != plain(new)]
    if [event_fields(event) for event in stored.events] != [event_fields(event) for event in made.events]:
        wrong.append("the list of disability events")
    return [f"{field} is stored otherwise than it is recomputed" for field in wrong]


def event_fields(event: DisabilityEvent) -> list:
    return [plain(getattr(event, f.attname)) for f in DisabilityEvent._meta.concrete_fields if f.name != "id"]


COMPARED = tuple(
    f.name
    for f in Trajectory._meta.concrete_fields
    if f.name not in ("id", "patient", "data_version", "engine_version", "computed_at")
)


def plain(value):
    """Values as the database gives them back: decimals as numbers, tuples as lists."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return float(value) if hasattr(value, "quantize") else value
