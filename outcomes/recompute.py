"""All trajectories at once, by an operator: computed again, or compared, in short locks and in several processes.

The work is `trajectory.compute`, as everywhere. No leases are taken: this is no loop, so it cannot try a patient that
kills its process for ever, and what it computes is locked while it does. With `every` nothing is made stale first: a
fresh result stays readable until its successor is stored, and an interrupted run leaves every result as right as it
was. A patient that fails is made stale and leased, as after any failed attempt, and the sweep takes it from there.
"""

import gc
import logging
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import django
from django.db import connection, connections
from django.db.models import Exists, F, OuterRef, QuerySet

from engine import VERSION
from outcomes import trajectory
from outcomes.models import Trajectory
from patients.models import Freshness, Patient

log = logging.getLogger(__name__)
CHUNK = 150  # patients in one lock, for less than a tenth of a second: whoever saves one of them waits that long
PROCESSES = min(4, os.cpu_count() or 1)
WORTH = 5  # chunks that are worth starting another process for
START = "fork" if sys.platform == "linux" else "spawn"  # elsewhere libraries do not all survive a fork
BREATH = 0.02  # seconds between chunks on SQLite, where each lock shuts out every writer
T = TypeVar("T")
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Done:
    """What became of a number of patients."""

    computed: int = 0
    failed: tuple[int, ...] = ()
    longest: float = 0.0  # seconds that one lock was held

    def __add__(self, other: "Done") -> "Done":
        return Done(self.computed + other.computed, self.failed + other.failed, max(self.longest, other.longest))


class Interrupted(Exception):
    """A process of ours was ended from outside; what it had stored is stored."""


def recompute(*, every: bool, processes: int = PROCESSES, progress: Progress = lambda done, of: None) -> Done:
    """Compute the stale ones that nobody has leased, or every patient. Raises Interrupted when a process is killed."""
    if every:
        track_again()
    rows = Freshness.objects.filter(kind=trajectory.KIND) if every else Freshness.objects.claimable(trajectory.KIND)
    ids = list(rows.order_by("patient_id").values_list("patient_id", flat=True))
    return sum(chunks(partial(compute, every=every), ids, processes, progress), Done())


def compute(patient_ids: Sequence[int], *, every: bool) -> Done:
    """One lock. Where it fails, each patient by itself, and without those at fault."""
    begin = time.monotonic()
    try:
        with trajectory.at_most(trajectory.SECONDS):
            computed = trajectory.compute(patient_ids, fresh_too=every)
        return Done(computed, longest=time.monotonic() - begin)
    except Exception as problem:
        if len(patient_ids) > 1:
            return sum((compute([pk], every=every) for pk in patient_ids), Done())
        log.error("trajectory of patient %s failed: %s", patient_ids[0], type(problem).__name__)
    row = Freshness.objects.filter(kind=trajectory.KIND, patient__in=patient_ids)
    row.update(computed_version=-1)
    row.take_lease()
    return Done(failed=tuple(patient_ids))


def check(*, processes: int = PROCESSES, progress: Progress = lambda done, of: None) -> list[str]:
    """Compare every stored trajectory that counts as current with a new computation: one line a difference."""
    ids = list(trajectory.fresh().order_by("patient_id").values_list("patient_id", flat=True))
    lost = [f"patient {pk}: its trajectory is lost; recompute --all makes it anew" for pk in sorted(missing())]
    return lost + [line for lines in chunks(trajectory.check, ids, processes, progress) for line in lines]


def missing() -> set[int]:
    """Patients who have no result, or an old one, and of whom nothing says so: a row was deleted or changed by hand."""
    result = Trajectory.objects.filter(
        patient=OuterRef("patient"), engine_version=VERSION, data_version__gte=OuterRef("data_version")
    )
    settled = Freshness.objects.filter(
        kind=trajectory.KIND, computed_engine=VERSION, computed_version__gte=F("data_version")
    )
    return {*untracked(), *settled.exclude(Exists(result)).values_list("patient_id", flat=True)}


def track_again() -> None:
    """Say of patients of whom nothing does that they are stale; a version goes on from that of their last result."""
    versions = dict(Trajectory.objects.filter(patient__in=untracked()).values_list("patient_id", "data_version"))
    forgotten = [
        Freshness(patient_id=pk, kind=trajectory.KIND, data_version=versions.get(pk, -1) + 1) for pk in untracked()
    ]
    Freshness.objects.bulk_create(forgotten, ignore_conflicts=True)  # a save may have come first


def untracked() -> QuerySet:
    """The ids of patients of whom no row says how fresh their result is."""
    tracked = Freshness.objects.filter(kind=trajectory.KIND, patient=OuterRef("pk"))
    return Patient.objects.exclude(Exists(tracked)).order_by().values_list("pk", flat=True)


# The work in pieces


def chunks(work: Callable[[Sequence[int]], T], ids: Sequence[int], processes: int, progress: Progress) -> Iterator[T]:
    """The work on each chunk of these patients, in order."""
    pieces = [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]
    with mapper(min(processes, 1 + len(pieces) // WORTH)) as run:
        for number, found in enumerate(run(partial(unhurried, work), pieces), start=1):
            yield found
            progress(min(number * CHUNK, len(ids)), len(ids))


def unhurried(work: Callable[[Sequence[int]], T], piece: Sequence[int]) -> T:
    """One chunk without the cycle collector: it would look again and again at rows that are all still needed."""
    gc.disable()
    try:
        return work(piece)
    finally:
        gc.enable()


@contextmanager
def mapper(processes: int) -> Iterator[Callable[..., Iterable[Any]]]:
    """A `map` over processes with connections of their own; in this process where one is enough, and on SQLite."""
    if connection.vendor == "sqlite":
        yield taking_breath
    elif processes <= 1:
        yield map
    else:
        connections.close_all()  # each process opens its own
        context = multiprocessing.get_context(START)
        pool = ProcessPoolExecutor(processes, mp_context=context, initializer=django.setup)
        try:
            yield pool.map
        except BrokenProcessPool:
            raise Interrupted from None
        finally:
            pool.shutdown(cancel_futures=True)


def taking_breath(work: Callable[[Sequence[int]], T], pieces: Iterable[Sequence[int]]) -> Iterator[T]:
    for piece in pieces:
        yield work(piece)
        time.sleep(BREATH)
