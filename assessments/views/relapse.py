"""Record, change and void a relapse."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from assessments import services
from assessments.forms.relapse import RelapseForm
from assessments.forms.void import VoidForm
from assessments.models import Relapse
from assessments.views.compare import compare, merged
from assessments.views.saving import clock, find_patient, save_once, shown_again
from patients.models import Patient


def relapse_add(request, code: str) -> HttpResponse:
    patient = find_patient(request, code, "relapse.add")
    form = RelapseForm(request.POST or None, instance=Relapse(patient=patient))

    def work() -> str:
        [saved] = services.record_relapses([form.relapse()], by=request.user)
        return said(saved)

    if form.is_valid() and (answer := save_once(request, form, patient, work)):
        return answer
    shown_again(request, patient)
    return render(request, "assessments/relapse_form.html", {"patient": patient, "form": form})


def relapse_edit(request, code: str, pk: int) -> HttpResponse:
    patient = find_patient(request, code, "relapse.change")
    stored = find_relapse(patient, pk, live=request.method != "POST")
    data = merged(request.POST, lambda: RelapseForm(instance=stored)) or None
    form = RelapseForm(data, instance=stored)

    def work() -> str:
        version = form.cleaned_data["row_version"] or 0
        saved = services.amend_relapse(
            form.relapse(), by=request.user, reason=form.change_reason(), row_version=version
        )
        return said(saved)

    if form.is_valid() and (answer := save_once(request, form, patient, work)):
        return answer
    if form.conflict is not None:
        return compare(request, form, RelapseForm(instance=form.conflict), "assessments/relapse_compare.html")
    shown_again(request, patient)
    return render(request, "assessments/relapse_form.html", {"patient": patient, "form": form})


def relapse_void(request, code: str, pk: int) -> HttpResponse:
    """Mark a relapse as entered in error, with a reason."""
    patient = find_patient(request, code, "relapse.change")
    stored = find_relapse(patient, pk, live=request.method != "POST")
    form = VoidForm(request.POST or None, instance=stored)

    def work() -> str:
        given = form.cleaned_data
        services.void_relapse(stored, by=request.user, reason=given["reason"], row_version=given["row_version"] or 0)
        return f"Marked as entered in error at {clock(patient.centre)}: the relapse of {stored.say_onset()}."

    if form.is_valid() and (answer := save_once(request, form, patient, work)):
        return answer
    shown = {"patient": patient, "form": form, "relapse": form.conflict or stored}
    shown_again(request, patient)
    return render(request, "assessments/relapse_void.html", shown, status=409 if form.conflict else 200)


def find_relapse(patient: Patient, pk: int, *, live: bool = True) -> Relapse:
    rows = Relapse.objects.filter(patient=patient)
    found = get_object_or_404(rows.live() if live else rows, pk=pk)
    found.patient = patient
    return found


def said(saved: Relapse) -> str:
    return f"Saved at {clock(saved.patient.centre)}. {saved}."
