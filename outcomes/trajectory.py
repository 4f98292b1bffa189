"""A patient's derived course of disability: rows into the engine and back. The only writer of `Trajectory`.

Right by design, not by luck: every change of an input raises the patient's version by a trigger, so whoever changes
one waits for the Freshness row we lock here, and nothing can commit between our read and our write.
"""

import logging
import signal
import threading
from collections.abc import Collection, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F
from django.utils import timezone

from engine import VERSION
from engine.events import Event
from engine.history import PRESET, EventHistory, histories
from engine.lemtrada import complete_courses
from engine.records import pack
from engine.status import Classification, classify
from outcomes.models import DisabilityEvent, Trajectory
from outcomes.reading import Rows, read_rows
from outcomes.storing import AS_TEXT, Derived, replace
from patients.models import Freshness, Patient
from patients.querysets import QUARANTINE_AFTER

log = logging.getLogger(__name__)
KIND = "trajectory"
CHUNK = 500  # patients in one lock
SECONDS = 20  # for one computation; the solo worker knows no time limit of its own


@dataclass(frozen=True)
class Current:
    """A trajectory as of the rows now stored: the stored one where it is fresh, else computed in memory."""

    trajectory: Trajectory
    stored: bool  # False: computed while this page was made, and stored soon by the worker


def derive(rows: Sequence[Rows]) -> list[Derived]:
    """What is to be stored of these patients, each by one call of the engine."""
    results = [classify(row.visits, row.relapses, row.first_infusions, row.death, row.horizon) for row in rows]
    told = zip(rows, results, histories(results, compiled=False), strict=True)  # a lock is no time to start a compiler
    return [derived(row, result, history) for row, result, history in told]


def derive_each(patient_ids: Sequence[int]) -> list[Derived]:
    """What is to be stored of these patients; where that fails, one by one, without those at fault."""
    try:
        return derive(read_rows(patient_ids))
    except DatabaseError:  # nobody's fault in particular
        raise
    except Exception as problem:
        if len(patient_ids) == 1:
            log.error("trajectory of patient %s failed on a page: %s", patient_ids[0], type(problem).__name__)
            return []
        return [made for pk in patient_ids for made in derive_each([pk])]


def derived(rows: Rows, result: Classification, history: EventHistory) -> Derived:
    refs = [visit.ref for visit in rows.visits]
    events = [event_values(rows.patient_id, refs, event) for event in history.events]
    return Derived(trajectory_values(rows, result, history), AS_TEXT(without_clock(pack(result))), events)


def trajectory_values(rows: Rows, result: Classification, history: EventHistory) -> dict[str, Any]:
    """The columns of a Trajectory but its record, and what `store` adds: when and from which version it was made."""
    since, overall = result.since_lemtrada, result.overall
    worsening, improvement = history.first("CDW"), history.first("CDI")
    last = next((visit for visit in reversed(rows.visits) if visit.edss is not None), None)
    firsts = rows.first_infusions
    return {
        "patient_id": rows.patient_id,
        "since_status": since.status,
        "since_reason": since.reason or "",
        "since_pending": since.pending.direction if since.pending else "",
        "overall_status": overall.status,
        "overall_reason": overall.reason or "",
        "overall_pending": overall.pending.direction if overall.pending else "",
        "baseline_edss": since.baseline.edss if since.baseline else None,
        "last_edss": last.edss if last else None,
        "last_visit": last.day.first if last else None,
        "first_infusion": min((day.last for day in firsts), default=None),
        "courses": len(firsts),
        "complete_courses": complete_courses([*map(len, rows.infusions.values())]),
        "prior_drugs": rows.prior_drugs,
        "baseline_day": since.baseline.day if since.baseline else None,
        "follow_up_days": result.follow_up_days,
        "worsening_day": worsening.date if worsening else None,
        "improvement_day": improvement.date if improvement else None,
        "changes": [[year, label, change] for year, (label, change) in result.yearly.items() if label is not None],
        "unseen_from": result.unseen_from,
    }


def event_values(patient_id: int, refs: Sequence, event: Event) -> dict[str, Any]:
    """The columns of a DisabilityEvent. `refs`: the id of the assessment behind each visit of the history."""
    confirming = event.confirmed_rows[0]
    return {
        "patient_id": patient_id,
        "number": event.number,
        "preset": PRESET.name,
        "kind": event.type,
        "label": event.cdw_type or "",
        "onset": event.date,
        "edss": event.value,
        "baseline_day": event.baseline_date,
        "baseline_edss": event.baseline_value,
        "confirmed_on": event.confirmed_on,
        "sustained_days": event.sustained_days,
        "sustained_to_last": event.sustained_to_last,
        "evidence": {
            "baseline": refs[event.baseline_row],
            "onset": refs[event.onset_row],
            "confirming": None if confirming is None else refs[confirming],
            "held": refs[event.held_row],
        },
    }


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
        made = derive(read_rows(list(versions)))  # rows are read after the lock, never before
        store(made, versions)
    return len(made)


def store(made: Sequence[Derived], versions: dict[int, int]) -> None:
    """Write everything derived of these patients, with the versions read under the lock. More kinds of rows go here."""
    now = timezone.now()
    for one in made:
        one.values |= {"data_version": versions[one.patient_id], "engine_version": VERSION, "computed_at": now}
    replace(made, KIND)


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
        for made in derive_each(list(versions)):
            trajectory = made.trajectory
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
    made = {one.patient_id: one.trajectory for one in derive_each(list(stored))}
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
