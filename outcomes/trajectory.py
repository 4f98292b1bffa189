"""A patient's derived course of disability: rows into the engine and back. The only writer of `Trajectory`.

Right by design, not by luck: every change of an input raises the patient's version by a trigger, so whoever changes
one waits for the Freshness row we lock here, and nothing can commit between our read and our write.
"""

import logging
import signal
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from assessments.models import Assessment, Relapse
from engine import VERSION
from engine.events import Event
from engine.history import PRESET, EventHistory, histories
from engine.lemtrada import complete_courses
from engine.status import LANDMARK_DAYS, Classification, classify_many
from engine.types import History, Interval, Precision, Visit, as_interval
from outcomes.models import DisabilityEvent, Trajectory
from patients.models import Freshness, Patient
from patients.querysets import QUARANTINE_AFTER
from treatments.models import Drug, Infusion, Treatment

log = logging.getLogger(__name__)
KIND = "trajectory"
CHUNK = 500  # patients in one lock
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
        death = [self.death] if self.death else []
        days = (*(visit.day for visit in self.visits), *self.relapses, *self.first_infusions, *death)
        last = max((as_interval(day).last for day in days), default=date(2000, 1, 1))
        return last + timedelta(days=LANDMARK_DAYS)

    @property
    def prior_drugs(self) -> int | None:
        """Distinct drugs begun before the first infusion; None without one. A start must be sure to count."""
        if not self.first_infusions:
            return None
        first = min(day.first for day in self.first_infusions)
        return len(
            {name for name, start, stop in self.drugs if (start and start.last < first) or (stop and stop.last < first)}
        )

    @property
    def history(self) -> History:
        return History(self.visits, self.relapses, self.first_infusions, self.death)


@dataclass(frozen=True)
class Current:
    """A trajectory as of the rows now stored: the stored one where it is fresh, else computed in memory."""

    trajectory: Trajectory
    stored: bool  # False: computed while this page was made, and stored soon by the worker


def read_rows(patient_ids: Collection[int]) -> list[Rows]:
    """The engine's input of each patient, in five queries however many there are."""
    visits = grouped(
        Assessment.objects.live().filter(patient__in=patient_ids).order_by("day", "pk"),
        ("day", "day_precision", "edss", "pk"),
        lambda day, precision, edss, pk: Visit(Interval.of(day, precision), None if edss is None else float(edss), pk),
    )
    relapses = grouped(
        Relapse.objects.live().filter(patient__in=patient_ids), ("onset", "onset_precision"), Interval.of
    )
    infusions = grouped(
        Infusion.objects.live().filter(patient__in=patient_ids, course__voided_at=None, dose_mg__gt=0).order_by("day"),
        ("course_id", "day", "day_precision"),
        lambda course, day, precision: (course, Interval.of(day, precision)),
    )
    drugs = grouped(
        Treatment.objects.live().filter(patient__in=patient_ids).exclude(drug=Drug.ALEMTUZUMAB_BEFORE),
        ("drug", "drug_name", "start", "start_precision", "stop", "stop_precision"),
        lambda drug, name, *days: (f"{drug} {name.strip().casefold()}", known(*days[:2]), known(*days[2:])),
    )
    deaths = Patient.objects.filter(pk__in=patient_ids).values_list("pk", "death", "death_precision")
    found = []
    for pk, death, precision in deaths:
        firsts: dict[int, Interval] = {}
        given: Counter[int] = Counter()
        for course, day in infusions.get(pk, ()):
            firsts.setdefault(course, day)
            given[course] += 1
        died = Interval.of(death, precision) if death else None
        seen, onsets = tuple(visits.get(pk, ())), tuple(relapses.get(pk, ()))
        days = tuple(given[course] for course in firsts)
        found.append(Rows(pk, seen, onsets, tuple(firsts.values()), days, tuple(drugs.get(pk, ())), died))
    return found


def known(day: date | None, precision: Precision) -> Interval | None:
    return Interval.of(day, precision) if day else None


def grouped(rows, fields: Sequence[str], make) -> dict[int, list]:
    found: dict[int, list] = {}
    for patient_id, *values in rows.values_list("patient_id", *fields):
        found.setdefault(patient_id, []).append(make(*values))
    return found


def derive(rows: Sequence[Rows]) -> list[Trajectory]:
    """Unsaved trajectories of these patients, by one call of the engine; `events` holds their unsaved events."""
    horizon = max((row.horizon for row in rows), default=date.min)
    results = classify_many([row.history for row in rows], horizon)
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
    scored = [(v.day.first, v.edss) for v in rows.visits if v.edss is not None]
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
        last_edss=scored[-1][1] if scored else None,
        last_visit=scored[-1][0] if scored else None,
        first_infusion=min(firsts, default=None),
        courses=len(firsts),
        complete_courses=complete_courses(rows.infusion_days),
        prior_drugs=rows.prior_drugs,
        baseline_day=since.baseline.day if since.baseline else None,
        follow_up_days=result.follow_up_days,
        worsening_day=worsening.date if worsening else None,
        improvement_day=improvement.date if improvement else None,
        changes=[
            [year, label, result.landmark_changes[year]]
            for year, label in result.landmarks.items()
            if label is not None
        ],
        unseen_from=result.unseen_from,
        result=without_clock(result.evidence_mapping()) | {"unconfirmed": not_kept(rows, history)},
        points=[[(day - scored[0][0]).days, edss] for day, edss in scored],
    )
    made.events = [as_event(rows, event) for event in history.events]
    return made


def as_event(rows: Rows, event: Event) -> DisabilityEvent:
    confirming = event.confirmed_rows[0]
    return DisabilityEvent(
        patient_id=rows.patient_id,
        number=event.number,
        preset=PRESET.name,
        kind=event.type,
        label=event.cdw_type or "",
        onset=event.date,
        edss=event.value,
        baseline_day=event.baseline_date,
        baseline_edss=event.baseline_value,
        confirmed_on=next(iter(event.confirmed.values())),
        sustained_days=event.sustained_days,
        sustained_to_last=event.sustained_to_last,
        evidence={
            "sentence": event.sentence,
            "baseline": rows.visits[event.baseline_row].ref,
            "onset": rows.visits[event.onset_row].ref,
            "confirming": None if confirming is None else rows.visits[confirming].ref,
            "held": rows.visits[event.held_row].ref,
        },
    )


def not_kept(rows: Rows, history: EventHistory) -> list[dict]:
    """Changes that were not confirmed, and why."""
    return [
        change.as_mapping() | {"sentence": change.sentence, "ref": rows.visits[change.onset_row].ref}
        for change in history.unconfirmed
    ]


def without_clock(mapping: dict) -> dict:
    """The stored form: what depends on the day of reading is left to the column `unseen_from` and to the reader."""
    del mapping["unseen_from"]
    mapping["landmarks"] = {year: label for year, label in mapping["landmarks"].items() if label}
    for anchor in ("since_lemtrada", "overall"):
        mapping[anchor]["flags"] = [flag for flag in mapping[anchor]["flags"] if flag != "not_seen_lately"]
    return mapping


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
    if not claimed:
        return 0
    try:
        with at_most(SECONDS):
            return compute(claimed)
    except Exception as problem:
        log.error("trajectory of %d patients failed (%s): %s", len(claimed), claimed[:5], type(problem).__name__)
        return 0  # the attempt is counted; the lease runs out, and the sweep tries each by itself


def claim(patient_ids: Collection[int]) -> list[int]:
    """Lease the stale ones among these patients. Committed before the work, so that a kill counts as an attempt."""
    if not patient_ids:
        return []
    with transaction.atomic():
        rows = Freshness.objects.claimable(KIND).filter(patient__in=patient_ids).order_by("patient_id")
        claimed = list(rows.select_for_update(no_key=True, skip_locked=True).values_list("pk", "patient_id"))
        Freshness.objects.filter(pk__in=[pk for pk, _ in claimed]).take_lease()
    return [patient_id for _, patient_id in claimed]


def compute(patient_ids: Collection[int]) -> int:
    with transaction.atomic():
        locked = Freshness.objects.stale(KIND).filter(patient__in=patient_ids).order_by("patient_id")
        versions = dict(locked.select_for_update(no_key=True).values_list("patient_id", "data_version"))
        trajectories = derive(read_rows(list(versions)))  # rows are read after the lock, never before
        store(trajectories, versions)
    return len(trajectories)


def store(trajectories: Sequence[Trajectory], versions: dict[int, int]) -> None:
    now = timezone.now()
    for trajectory in trajectories:
        trajectory.data_version, trajectory.engine_version = versions[trajectory.patient_id], VERSION
        trajectory.computed_at = now
    fields = [f.name for f in Trajectory._meta.concrete_fields if f.name not in ("id", "patient")]
    store_events(trajectories)
    Trajectory.objects.bulk_create(
        trajectories, batch_size=CHUNK, update_conflicts=True, unique_fields=["patient"], update_fields=fields
    )
    settled = [
        Freshness(patient_id=pk, kind=KIND, computed_version=version, computed_engine=VERSION)
        for pk, version in versions.items()
    ]
    Freshness.objects.bulk_create(  # an update in one statement; the rows exist and data_version is left alone
        settled,
        batch_size=CHUNK,
        update_conflicts=True,
        unique_fields=["patient", "kind"],
        update_fields=["computed_version", "computed_engine", "attempts", "not_before"],
    )


def store_events(trajectories: Sequence[Trajectory]) -> None:
    """The events of these patients instead of those stored before."""
    DisabilityEvent.objects.filter(patient__in=[trajectory.patient_id for trajectory in trajectories]).delete()
    DisabilityEvent.objects.bulk_create(
        [event for trajectory in trajectories for event in trajectory.events], batch_size=CHUNK
    )


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


def events_of(current: Current) -> list[DisabilityEvent]:
    """The confirmed events of a patient, of the same rows as the trajectory."""
    made = current.trajectory
    return list(DisabilityEvent.objects.filter(patient=made.patient_id)) if current.stored else made.events


def fresh():
    """Stored trajectories that were computed from exactly the rows now stored, by the engine version now running."""
    up_to_date = Freshness.objects.filter(kind=KIND, computed_engine=VERSION, computed_version__gte=F("data_version"))
    return Trajectory.objects.filter(engine_version=VERSION, patient__in=up_to_date.values("patient_id"))


def check(patient_ids: Collection[int] | None = None) -> list[str]:
    """Recompute and compare: one line for each stored trajectory that differs. Stale ones are not wrong, only late."""
    stored = {t.patient_id: t for t in fresh().order_by("patient_id")}
    ids = sorted(stored if patient_ids is None else set(stored) & set(patient_ids))
    found = []
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        events: dict[int, list[DisabilityEvent]] = {pk: [] for pk in chunk}
        for event in DisabilityEvent.objects.filter(patient__in=chunk):
            events[event.patient_id].append(event)
        for made in derive(read_rows(chunk)):
            names = [name for name in COMPARED if differs(stored[made.patient_id], made, name)]
            if [event_fields(event) for event in events[made.patient_id]] != [event_fields(e) for e in made.events]:
                names.append("disability events")
            found += [f"patient {made.patient_id}: {name} is stored otherwise than it is recomputed" for name in names]
    return found


def differs(one: Trajectory, other: Trajectory, field: str) -> bool:
    return plain(getattr(one, field)) != plain(getattr(other, field))


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
