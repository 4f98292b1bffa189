"""The cohort as a file, for admins: what will be in it, and the file."""

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from outcomes.exchange import dictionary, exporting
from outcomes.exchange.formats import FORMATS
from outcomes.forms import ExportedForm, ExportForm
from patients.signin import recently_confirmed

KEPT_REASON = "export_reason"  # in the session, while somebody confirms who they are


def export(request):
    """GET says who will be in the file and who not, and asks for a reason; POST streams it. GET never does."""
    centres = exporting.centres_of(request.user)
    people = ExportedForm(request.GET, user=request.user, centres=centres)
    query = urlencode(people.kept())
    if request.method == "POST" and not recently_confirmed(request):
        request.session[KEPT_REASON] = request.POST.get("reason", "")[: exporting.REASON_LENGTH]
        return redirect(confirm_address(query))
    form = ExportForm(request.POST if request.method == "POST" else None, initial=kept_reason(request))
    if form.is_valid() and people.is_valid():
        wanted, file = people.filter(), form.cleaned_data
        try:
            order = exporting.Order(wanted, file["form"], file["reason"], by=request.user)
            return answer(exporting.start(order))
        except exporting.Refused as refused:
            form.add_error(None, str(refused))
    context = {
        "form": form,
        "people": people,
        "chosen": [(field.label, chosen(field)) for field in people if field.name in people.kept()],
        "query": query,
        "tally": exporting.tally(people.filter(), [centre.pk for centre in centres]) if people.is_valid() else None,
        "centres": centres,
        "confirmed": recently_confirmed(request),
        "confirm_address": confirm_address(query),
        "hourly": settings.EXPORTS_AN_HOUR,
    }
    return render(request, "outcomes/export.html", context)


def answer(stream: exporting.Stream) -> StreamingHttpResponse:
    _, content_type, _ = FORMATS[stream.order.form]
    response = StreamingHttpResponse(stream, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{stream.file_name}"'
    response["X-Accel-Buffering"] = "no"  # a proxy that stored it would read on after the reader has left
    return response


def confirm_address(query: str) -> str:
    """Where to confirm the password or the second factor, and come back from."""
    back = reverse("outcomes:export") + (f"?{query}" if query else "")
    return f"{reverse('account_reauthenticate')}?{urlencode({'next': back})}"


def kept_reason(request) -> dict[str, str]:
    reason = request.session.pop(KEPT_REASON, "") if request.method == "GET" else ""
    return {"reason": reason} if reason else {}


def chosen(field) -> str:
    """The words of what was chosen in a filter."""
    words = {str(value): label for value, label in getattr(field.field, "choices", ())}
    return words.get(str(field.value()), "Yes")


def export_dictionary(request):
    """What each column means, as a CSV: one row a permitted value."""
    response = HttpResponse(dictionary.csv_text(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="cohort-dictionary.csv"'
    return response
