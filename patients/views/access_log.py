"""Who read, searched, exported or signed in: for admins, of their centres."""

from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.shortcuts import render

from patients import access, access_events
from patients.forms.access_log import AccessLogForm
from patients.models import Centre

PAGE = 50


def access_log(request):
    centres = [
        centre
        for centre in Centre.objects.visible_to(request.user)
        if access.may(request.user, "access_log.see", centre.pk)
    ]
    zone = access_events.zone_of(centres)
    form = AccessLogForm(request.GET, people=access_events.people(request.user, centres))
    rows = access_events.visible(request.user, centres)
    rows = access_events.narrowed(rows, zone, **form.cleaned_data) if form.is_valid() else rows.none()
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    kept = {name: value for name, value in form.cleaned_data.items() if value}
    context = {
        "form": form,
        "page": page,
        "lines": [access_events.Line(event, zone) for event in page],
        "query": urlencode(kept),
        "narrowed": bool(kept),
        "zone": zone.key,
    }
    return render(request, "patients/access_log.html", context)
