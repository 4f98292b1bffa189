"""After a commit: patient ids to the worker, by task name, from a background thread.

A save never waits for the broker: a frozen one costs seconds for each publish. The thread may drop a hint and a dying
process takes its queue along; both cost only time, because the sweep finds what is stale in the database.
"""

import logging
import os
import queue
import threading
from collections.abc import Iterator
from contextlib import suppress

from django.conf import settings

log = logging.getLogger(__name__)
TASK = "outcomes.refresh_trajectories"
PROBE = "outcomes.answer_probe"
BULK_FROM = 50  # imports and seeds go to their own queue, so that single saves stay quick
recorded: list[list[int]] = []  # with HINTS=record, as in tests: no thread, no broker

_queue: queue.Queue = queue.Queue(maxsize=10_000)
_owner = 0  # process that runs the thread: after a fork it is made anew
_lock = threading.Lock()


def send(patient_ids) -> None:
    """Say that these patients changed. Returns at once, never raises, never waits."""
    ids = sorted(patient_ids)
    if not ids or settings.HINTS == "off":
        return
    if settings.HINTS == "record":
        recorded.append(ids)
        return
    _start()
    try:
        _queue.put_nowait(ids)
    except queue.Full:
        log.warning("hint queue is full; the sweep will do the work")


def probe(sent: float) -> None:
    """Ask the worker for a sign of life, through the queue that a save takes. Returns at once, never raises."""
    if settings.HINTS != "send":
        return
    _start()
    with suppress(queue.Full):
        _queue.put_nowait(sent)


def _start() -> None:
    global _owner, _queue
    with _lock:
        if _owner != os.getpid():
            _owner, _queue = os.getpid(), queue.Queue(maxsize=10_000)
            threading.Thread(target=_publish, args=(_queue,), name="hints", daemon=True).start()


def _messages(item: list[int] | float) -> Iterator[tuple[str, list[int] | float, str]]:
    """What is sent for an item of the queue: task, its argument, the queue of the broker."""
    if isinstance(item, float):
        yield PROBE, item, "saves"
        return
    name = "bulk" if len(item) >= BULK_FROM else "saves"
    for start in range(0, len(item), 500):
        yield TASK, item[start : start + 500], name


def _publish(source: queue.Queue) -> None:
    from celery import current_app

    while True:
        item = source.get()
        try:
            for task, argument, name in _messages(item):
                current_app.send_task(task, args=[argument], queue=name, retry=False, ignore_result=True)
        except Exception as problem:  # whatever the broker does, the saved row is safe and the sweep comes by
            log.warning("hint not sent: %s", type(problem).__name__)
