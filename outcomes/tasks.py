"""What the worker does. Identifiers travel, rows are read after the lock, running twice is harmless."""

from celery import shared_task

from outcomes import trajectory


@shared_task(name="outcomes.refresh_trajectories", ignore_result=True)
def refresh_trajectories(patient_ids: list[int]) -> None:
    trajectory.refresh([pk for pk in patient_ids if isinstance(pk, int)])
