"""Reads, exports and sign-ins. Changes of records are kept by django-simple-history."""

from patients.models import AccessEvent


def note(user, kind, *, patient=None, page="", detail="") -> None:
    """Write one access event: ids and counts only, never a clinical value or a name."""
    AccessEvent.objects.create(user=user, kind=kind, patient=patient, page=page[:60], detail=detail[:200])


def stamp(instance, by, reason: str = ""):
    """Say who changes this instance and why; the history row written by its next save carries it."""
    instance._history_user = by
    instance._change_reason = reason or None
    return instance
