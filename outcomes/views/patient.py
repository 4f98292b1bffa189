"""One patient's page, its printed form and its history of changes."""

from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from outcomes import timeline
from outcomes.charts import timeline as charts
from outcomes.history import changes_of
from patients import access, audit, erasing
from patients.models import AccessKind, Patient


def found(request, code):
    return get_object_or_404(Patient.objects.visible_to(request.user).select_related("centre"), code=code)


def may_see_texts(request, patient) -> bool:
    """Names, and what people wrote, which may hold one."""
    return access.may(request.user, "identity.see", patient.centre_id)


def context(request, patient, *, systems=True) -> dict:
    """What page and print share."""
    line = timeline.read(patient)
    named = may_see_texts(request, patient)
    return {
        "patient": patient,
        "identity": getattr(patient, "identity", None) if named else None,
        "line": line,
        "age": patient.age_on(line.today),
        "figure": charts.figure(line, systems=systems) if line.scored else None,
        "caption": charts.caption(line),
        "key": charts.KEY,
        "below": charts.GRADES,
        "table": charts.table(line),
        "rows": timeline.grade_changes(line),
        "erased": erasing.is_erased(patient),
        "may_erase": access.may(request.user, "identity.erase", patient.centre_id),
        "may_write": access.may(request.user, "assessment.add", patient.centre_id),
    }


def patient(request, code):
    """Both verdicts, the timeline, why, facts, assessments, changes."""
    shown = found(request, code)
    audit.note(request.user, AccessKind.READ, patient=shown, page="patient")
    why = "overall" if request.GET.get("why") == "overall" else "since_lemtrada"
    changes = changes_of(shown, texts=may_see_texts(request, shown))[:8]
    more = {"why": why, "all": "all" in request.GET, "changes": changes, "needed": timeline.NEEDED}
    return render(request, "outcomes/patient.html", {**context(request, shown), **more})


def patient_print(request, code):
    """One A4 page."""
    shown = found(request, code)
    audit.note(request.user, AccessKind.PRINT, patient=shown, page="patient_print")
    more = {"printed_at": timezone.now(), "by": request.user}
    return render(request, "outcomes/patient_print.html", {**context(request, shown, systems=False), **more})


def patient_history(request, code):
    """Every change of every record of this patient, the latest first."""
    shown = found(request, code)
    audit.note(request.user, AccessKind.READ, patient=shown, page="patient_history")
    may_see = access.may(request.user, "access_log.see", shown.centre_id)
    texts = may_see_texts(request, shown)
    changes = changes_of(shown, texts=texts)
    context = {"patient": shown, "changes": changes, "texts": texts, "may_see_access": may_see}
    return render(request, "outcomes/patient_history.html", context)
