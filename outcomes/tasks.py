"""What the worker does. Identifiers travel, rows are read after the lock, running twice is harmless."""

import time

from celery import shared_task

from outcomes import trajectory
from patients import hints, pulse


@shared_task(name="outcomes.refresh_trajectories", ignore_result=True)
def refresh_trajectories(patient_ids: list[int]) -> None:
    trajectory.refresh([pk for pk in patient_ids if isinstance(pk, int)])


@shared_task(name=hints.PROBE, ignore_result=True)
def answer_probe(sent: float) -> None:
    """Say that a worker takes what is sent. `sent`: when the question was put into the queue."""
    delay = time.time() - sent if isinstance(sent, float) else 0
    pulse.beat(pulse.WORKER, delay=max(0.0, delay))
