"""What the pages of courses and drugs share: saving once, who the page is about, and the page that voids."""

from collections.abc import Callable, Iterable

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render

from patients import audit, writing
from patients import services as people
from patients.forms.fields import rebase
from patients.models import AccessKind, Patient
from patients.views.patients import sent
from treatments.forms import VoidForm


def nothing(pk: int) -> Iterable[str]:
    return ()


def saved(
    request,
    patient: Patient,
    form,
    work: Callable[[], str],
    done: str,
    remarks: Callable[[int], Iterable[str]] = nothing,
) -> HttpResponse | None:
    """Do the work once for this form and go to the patient, saying what is unusual; None if it was refused.

    `work` answers with the primary key of what it saved, `remarks` takes it.
    """
    with form.collecting_errors():
        pk = int(writing.once(request.user, form.cleaned_data["submission"], form.digest(), work))
        messages.success(request, done)
        for remark in remarks(pk):
            messages.warning(request, remark)
        return redirect("outcomes:patient", patient.code)
    return None


def whom(request, patient: Patient, page: str) -> dict:
    """Patient and name for the heading: the last look that keeps a record from the wrong chart. It is a logged read."""
    audit.note(request.user, AccessKind.READ, patient=patient, page=f"treatments:{page}")
    identity = people.identity_of(patient)
    return {"patient": patient, "name": identity.full_name if identity else "", "birth": patient.say("birth")}


def void_page(request, record, void: Callable, what: str, page: str) -> HttpResponse:
    """Ask why a record is wrong, then mark it as entered in error."""
    if record.voided_at and request.method != "POST":  # a repeated post finds its first answer
        raise Http404
    form = VoidForm(sent(request), initial={"row_version": record.row_version})

    def work() -> str:
        data = form.cleaned_data
        void(record, by=request.user, reason=data["reason"], row_version=data["row_version"])
        return str(record.pk)

    if form.is_valid():
        answer = saved(request, record.patient, form, work, "Marked as entered in error. It stays in the history.")
        if answer:
            return answer
    if form.conflict:
        rebase(form, form.conflict.row_version)
    context = {**whom(request, record.patient, page), "form": form, "what": what}
    return render(request, f"treatments/{page}.html", context, status=409 if form.conflict else 200)
