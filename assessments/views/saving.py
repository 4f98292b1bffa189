"""What the views of this app share: find the patient, save once, answer."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from patients import access, audit
from patients.models import AccessKind, Centre, Patient
from patients.writing import once


def find_patient(request, code: str, action: str) -> Patient:
    """The patient, if this person sees them (else 404) and may do this in their centre (else 403)."""
    visible = Patient.objects.visible_to(request.user).select_related("centre")
    patient = get_object_or_404(visible, code=code)
    access.require(request.user, action, [patient.centre_id])
    if request.method == "GET":
        note_read(request, patient)
    return patient


def shown_again(request, patient: Patient) -> None:
    """A form that was sent and not saved shows the record once more."""
    if request.method == "POST":
        note_read(request, patient)


def note_read(request, patient: Patient) -> None:
    audit.note(request.user, AccessKind.READ, patient=patient, page=request.resolver_match.url_name)


def save_once(request, form, patient: Patient, work: Callable[[], str]) -> HttpResponse | None:
    """Save what a valid form holds, once however often it is sent; None when it was refused, with the form's errors.

    `work` saves and returns the sentence for the next page.
    """
    with form.collecting_errors():
        said = once(request.user, form.cleaned_data.get("submission"), form.digest(), work)
        messages.success(request, said)
        return redirect("outcomes:patient", code=patient.code)
    return None


def clock(centre: Centre, moment: datetime | None = None) -> str:
    """The time of day then, or now, as it is in the centre."""
    return f"{(moment or timezone.now()).astimezone(ZoneInfo(centre.time_zone)):%H:%M}"
