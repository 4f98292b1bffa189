"""Signs of life of the processes that nobody sees, as rows: every other process, and the health page, can read them."""

from datetime import datetime

from django.utils import timezone

from patients.models import Pulse

SWEEP, WORKER = "sweep", "worker"


def beat(name: str, *, delay: float = 0) -> None:
    """It lives, now. `delay`: seconds that what it answers lay in the queue."""
    row = Pulse(name=name, at=timezone.now(), delay=delay)
    Pulse.objects.bulk_create([row], update_conflicts=True, unique_fields=["name"], update_fields=["at", "delay"])


def last() -> dict[str, tuple[datetime, float]]:
    """Of each process that ever gave one: its last sign of life, and the delay."""
    return {name: (at, delay) for name, at, delay in Pulse.objects.values_list("name", "at", "delay")}
