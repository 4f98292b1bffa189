"""Record, change and void an assessment, and the live result while it is written."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from assessments import services
from assessments.forms.assessment import SERVICE_NAMES, AssessmentForm
from assessments.forms.void import VoidForm
from assessments.models import Assessment
from assessments.views.compare import compare, merged
from assessments.views.panel import TICK_WORDS, Panel
from assessments.views.rows import distance_was, grade_rows, walking_rows
from assessments.views.saving import clock, find_patient, save_once, shown_again
from patients.models import Patient


def assessment_add(request, code: str) -> HttpResponse:
    """An empty form; saves it once when it is complete and confirmed."""
    patient = find_patient(request, code, "assessment.add")
    form = AssessmentForm(request.POST or None, instance=new(patient, request.user), user=request.user)

    def work() -> str:
        saved = services.record_assessment(form.assessment(), by=request.user, confirmed=form.confirmed())
        return said(saved)

    if form.is_valid() and (answer := save_once(request, form, patient, work)):
        return answer
    return page(request, form)


def assessment_edit(request, code: str, pk: int) -> HttpResponse:
    """The same form on a stored assessment, with the reason for the change."""
    patient = find_patient(request, code, "assessment.change")
    stored = find_assessment(patient, pk, live=request.method != "POST")
    data = merged(request.POST, lambda: AssessmentForm(instance=stored, user=request.user)) or None
    form = AssessmentForm(data, instance=stored, user=request.user)

    def work() -> str:
        version = form.cleaned_data["row_version"] or 0
        saved = services.amend_assessment(
            form.assessment(),
            by=request.user,
            confirmed=form.confirmed(),
            reason=form.change_reason(),
            row_version=version,
        )
        return said(saved)

    if form.is_valid() and (answer := save_once(request, form, patient, work)):
        return answer
    if form.conflict is not None:
        theirs = AssessmentForm(instance=form.conflict, user=request.user)
        return compare(request, form, theirs, "assessments/assessment_compare.html")
    return page(request, form)


def assessment_score(request, code: str) -> HttpResponse:
    """The result of what is entered so far, as a part of the page. Saves nothing."""
    patient = find_patient(request, code, "assessment.add")
    pk = request.POST.get("assessment", "")
    known = pk.isascii() and pk.isdigit() and len(pk) < 19
    instance = find_assessment(patient, int(pk)) if known else new(patient, request.user)
    form = AssessmentForm(request.POST, instance=instance, user=request.user)
    form.full_clean()
    panel = Panel(form)
    shown = request.POST.get("shown_previous", "")
    moved = shown != previous_key(panel)
    return render(request, "assessments/assessment_score.html", context(form, panel) | {"live": True, "moved": moved})


def assessment_void(request, code: str, pk: int) -> HttpResponse:
    """Mark an assessment as entered in error, with a reason."""
    patient = find_patient(request, code, "assessment.change")
    stored = find_assessment(patient, pk, live=request.method != "POST")
    form = VoidForm(request.POST or None, instance=stored)

    def work() -> str:
        given = form.cleaned_data
        services.void_assessment(stored, by=request.user, reason=given["reason"], row_version=given["row_version"] or 0)
        return f"Marked as entered in error at {clock(patient.centre)}: the assessment of {stored.say_day()}."

    if form.is_valid() and (answer := save_once(request, form, patient, work)):
        return answer
    shown = {"patient": patient, "form": form, "assessment": form.conflict or stored}
    shown_again(request, patient)
    return render(request, "assessments/assessment_void.html", shown, status=409 if form.conflict else 200)


def new(patient: Patient, rater) -> Assessment:
    return Assessment(patient=patient, day=patient.centre.today(), rater=rater)


def find_assessment(patient: Patient, pk: int, *, live: bool = True) -> Assessment:
    """An assessment of this patient. A voided one is found only to say who voided it while somebody wrote."""
    rows = Assessment.objects.filter(patient=patient).select_related("rater")
    found = get_object_or_404(rows.live() if live else rows, pk=pk)
    found.patient = patient
    return found


def page(request, form: AssessmentForm) -> HttpResponse:
    panel = Panel(form)
    if form.is_bound and form.errors:
        name_open_warnings(form, panel)
    shown_again(request, form.instance.patient)
    return render(request, "assessments/assessment_form.html", context(form, panel))


def name_open_warnings(form: AssessmentForm, panel: Panel) -> None:
    """All that stops the save at once: a form with other errors also names the warnings without a reason."""
    confirmed = form.confirmed()
    for one in panel.found:
        name = SERVICE_NAMES[f"confirm_{one.id}"]
        if not confirmed.get(one.id) and name not in form.errors:
            form.add_error(name, f"{one.sentence} Say why this is right.")


def context(form: AssessmentForm, panel: Panel) -> dict:
    previous = panel.previous
    return {
        "form": form,
        "patient": form.instance.patient,
        "panel": panel,
        "previous": previous,
        "previous_key": previous_key(panel),
        "begin": not form.is_bound and not form.instance.pk,  # the cursor stands in the first row of grades
        "rows": grade_rows(form, previous),
        "walking_rows": walking_rows(form, previous),
        "distance_was": distance_was(previous),
        "flags": [form[name] for name in ("steroids_30_days", "fever", "fatigue_drove_cerebral")],
        "tick_words": TICK_WORDS,
    }


def previous_key(panel: Panel) -> str:
    return str(panel.previous.pk) if panel.previous else ""


def said(saved: Assessment) -> str:
    value = "No EDSS" if saved.edss is None else f"EDSS {saved.edss:.1f}"
    return f"Saved at {clock(saved.patient.centre)}. {value}."
