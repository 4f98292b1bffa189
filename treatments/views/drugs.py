"""Pages that record a drug other than Lemtrada."""

from django.shortcuts import get_object_or_404, render

from patients.views.patients import patient_of, sent
from treatments import services
from treatments.forms import TreatmentForm
from treatments.models import Treatment
from treatments.remarks import treatment_remarks
from treatments.views.saving import saved, void_page, whom


def treatment_add(request, code):
    patient = patient_of(request, code, "treatment.add")
    form = TreatmentForm(sent(request))

    def work() -> str:
        return str(form.save(patient, by=request.user).pk)

    def remarks(pk: int) -> list[str]:
        return treatment_remarks(patient.treatments.get(pk=pk))

    if form.is_valid():
        answer = saved(request, patient, form, work, "The drug is saved.", remarks)
        if answer:
            return answer
    context = {**whom(request, patient, "treatment_add"), "form": form}
    return render(request, "treatments/treatment_add.html", context)


def treatment_void(request, code, pk):
    patient = patient_of(request, code, "treatment.change")
    row = get_object_or_404(Treatment.objects.visible_to(request.user), pk=pk, patient=patient)
    row.patient = patient
    what = f"{row.label}, from {row.say_start() or 'a day not known'}"
    return void_page(request, row, services.void_treatment, what, "treatment_void")
