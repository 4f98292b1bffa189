"""Pages of centres: list, add, settings."""

from django.contrib import messages
from django.db.models import Count, Q
from django.shortcuts import get_object_or_404, redirect, render

from patients import accounts, services, writing
from patients.forms.accounts import CentreForm
from patients.models import Centre
from patients.views.patients import conflict_of, sent


def centres(request):
    live = Q(memberships__ended_at=None, memberships__user__is_active=True)
    rows = accounts.administered(request.user).annotate(
        people=Count("memberships__user", filter=live, distinct=True), registered=Count("patients", distinct=True)
    )
    return render(request, "patients/centres.html", {"rows": rows})


def centre_add(request):
    form = CentreForm(sent(request), initial={"time_zone": "Europe/Berlin"})
    if form.is_valid():

        def work() -> str:
            return str(services.add_centre(form.write_to(Centre()), by=request.user).pk)

        with form.collecting_errors():
            writing.once(request.user, form.cleaned_data["submission"], form.digest(), work)
            messages.success(request, f"{form.cleaned_data['name']} is added. Invite its first admin.")
            return redirect("patients:centres")
    return render(request, "patients/centre_add.html", {"form": form})


def centre_edit(request, pk):
    centre = get_object_or_404(accounts.administered(request.user), pk=pk)
    form = CentreForm(sent(request), initial=CentreForm.values_of(centre))
    del form.fields["synthetic"]  # invented data stays invented
    if form.is_valid():

        def work() -> str:
            version = form.cleaned_data["row_version"]
            return str(services.amend_centre(form.write_to(centre), by=request.user, row_version=version).pk)

        with form.collecting_errors():
            writing.once(request.user, form.cleaned_data["submission"], form.digest(), work)
            messages.success(request, f"{centre.name} is saved.")
            return redirect("patients:centres")
    conflict = conflict_of(form, CentreForm.values_of(form.conflict)) if form.conflict else None
    context = {"form": form, "centre": accounts.administered(request.user).get(pk=pk), "conflict": conflict}
    return render(request, "patients/centre_edit.html", context, status=409 if conflict else 200)
