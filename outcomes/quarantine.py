"""Patients whose trajectory could not be computed five times: tried again after an hour, after a save, or by hand."""

from collections.abc import Collection

from django.db import transaction

from outcomes.trajectory import KIND
from patients import hints
from patients.models import Freshness
from patients.querysets import QUARANTINE_AFTER

__all__ = ["QUARANTINE_AFTER", "quarantined", "try_again"]


def quarantined(centres: Collection[int]):
    """Freshness rows of the patients put aside in these centres, with their patients."""
    rows = Freshness.objects.quarantined(KIND).filter(patient__centre__in=centres)
    return rows.select_related("patient__centre").order_by("patient__code")


def try_again(centres: Collection[int]) -> int:
    """End the waits of these patients and hint the worker; returns how many."""
    with transaction.atomic():
        rows = list(quarantined(centres).select_for_update(of=("self",)).values_list("pk", "patient_id"))
        Freshness.objects.filter(pk__in=[pk for pk, _ in rows]).update(attempts=0, not_before=None)
        transaction.on_commit(lambda: hints.send([patient for _, patient in rows]), robust=True)
    return len(rows)
