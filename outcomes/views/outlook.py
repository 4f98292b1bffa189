"""A part of the assessment form: what a save would change."""

from django.shortcuts import get_object_or_404, render

from assessments.forms.assessment import AssessmentForm
from assessments.models import Assessment
from assessments.views.assessment import new
from assessments.views.panel import Panel
from outcomes import outlook as outlooks
from patients import access
from patients.models import Patient


def outlook(request, code):
    """Both verdicts with what is entered so far, once it has an EDSS. Saves nothing."""
    patient = get_object_or_404(Patient.objects.visible_to(request.user).select_related("centre"), code=code)
    access.require(request.user, "assessment.add", [patient.centre_id])
    pk = request.POST.get("assessment", "")
    stored = (
        Assessment.objects.live().filter(patient=patient, pk=pk).first() if pk.isdecimal() and len(pk) < 19 else None
    )
    instance = stored or new(patient, request.user)
    instance.patient = patient
    form = AssessmentForm(request.POST, instance=instance, user=request.user)
    form.full_clean()
    assessment = Panel(form).assessment
    entered = assessment.edss is not None and "day" not in form.errors and assessment.day <= patient.centre.today()
    shown = outlooks.said(outlooks.outlook(assessment)) if entered else []
    return render(request, "outcomes/outlook.html", {"outlooks": shown, "edss": assessment.edss})
