"""Pages that register and amend a patient."""

from functools import partial

from django.contrib import messages
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404, redirect, render

from patients import access, audit, erasing, services, writing
from patients.dates import say_known_date
from patients.forms.fields import differences, rebase
from patients.forms.patients import AmendForm, ConsentForm, EraseForm, PhenotypeForm, RegisterForm
from patients.models import AccessKind, Erasure, Patient


def sent(request):
    """What was posted, also if it was empty; None when the page is only asked for."""
    return request.POST if request.method == "POST" else None


def patient_of(request, code: str, action: str) -> Patient:
    """The patient of this code: 404 outside the user's centres, 403 where they may not do this."""
    patients: QuerySet[Patient] = Patient.objects.visible_to(request.user)
    patient = get_object_or_404(patients.select_related("centre"), code=code)
    access.require(request.user, action, [patient.centre_id])
    return patient


def conflict_of(form, theirs: dict) -> dict:
    """What the conflict page shows: who saved, when, and each field twice. The form then builds on that version."""
    current = form.conflict
    rebase(form, theirs["row_version"])
    saved = current.history.select_related("history_user").first()
    return {
        "rows": differences(form, theirs),
        "by": saved.history_user if saved else None,
        "at": saved.history_date if saved else None,
        "version": theirs["row_version"],
    }


def patient_add(request):
    form = RegisterForm(sent(request), user=request.user)
    if form.is_valid():
        with form.collecting_errors():
            key, digest = form.cleaned_data["submission"], form.digest()
            code = writing.once(request.user, key, digest, lambda: form.save().code)
            messages.success(request, f"{code} is registered.")
            return redirect("outcomes:patient", code)
        form.note_duplicates()
    return render(request, "patients/patient_add.html", {"form": form})


def patient_edit(request, code):
    patient = patient_of(request, code, "patient.change")
    form = AmendForm(sent(request), initial=AmendForm.values_of(patient))
    if form.is_valid():
        amend = partial(
            services.amend,
            form.write_to(patient),
            by=request.user,
            identity=form.identity(),
            reason=form.cleaned_data["reason"],
            row_version=form.cleaned_data["row_version"],
        )
        with form.collecting_errors():
            writing.once(request.user, form.cleaned_data["submission"], form.digest(), lambda: amend().code)
            messages.success(request, "The change is saved.")
            return redirect("outcomes:patient", code)
    return edit_page(request, patient, form=form)


def patient_erase(request, code):
    patient = patient_of(request, code, "identity.erase")
    form = EraseForm(sent(request), patient=patient)
    if form.is_valid():
        with form.collecting_errors():
            key, digest = form.cleaned_data["submission"], form.digest()
            writing.once(request.user, key, digest, lambda: form.save(by=request.user))
            messages.success(request, f"The identity of {patient.code} is erased.")
            return redirect("outcomes:patient", patient.code)
    erased = Erasure.objects.filter(code=patient.code).select_related("by").first()
    return render(request, "patients/patient_erase.html", {"patient": patient, "form": form, "erased": erased})


def consent_add(request, code):
    patient = patient_of(request, code, "patient.change")
    form = ConsentForm(request.POST, prefix="consent")
    return row_added(request, patient, form, "The decision is saved.", consent=form)


def phenotype_add(request, code):
    patient = patient_of(request, code, "patient.change")
    form = PhenotypeForm(request.POST, prefix="phenotype")
    return row_added(request, patient, form, "The course of MS is saved.", phenotype=form)


def row_added(request, patient: Patient, form, done: str, **forms):
    """Save what was added to the patient's page, or show that page with what is wrong."""

    def save() -> str:
        form.save(patient, by=request.user)
        return patient.code

    if form.is_valid():
        with form.collecting_errors():
            writing.once(request.user, form.cleaned_data["submission"], form.digest(), save)
            messages.success(request, done)
            return redirect("patients:patient_edit", patient.code)
    return edit_page(request, patient, **forms)


def edit_page(request, patient: Patient, *, form=None, consent=None, phenotype=None):
    audit.note(request.user, AccessKind.READ, patient=patient, page="patients:patient_edit")
    form = form or AmendForm(initial=AmendForm.values_of(patient))
    context = {
        "patient": patient,
        "erased": erasing.is_erased(patient),
        "form": form,
        "consent": consent or ConsentForm(prefix="consent"),
        "phenotype": phenotype or PhenotypeForm(prefix="phenotype"),
        "consents": patient.consents.all(),
        "phenotypes": [(row, say_known_date(row.since, row.since_precision)) for row in patient.phenotypes.live()],
        "conflict": conflict_of(form, AmendForm.values_of(form.conflict)) if form.conflict else None,
    }
    return render(request, "patients/patient_edit.html", context, status=409 if form.conflict else 200)
