"""The patient list: search, filters, one page of people."""

from types import SimpleNamespace
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.shortcuts import redirect, render

from outcomes import roster
from outcomes.cohorts import CohortFilter, Selection, Standing, select, without_status
from outcomes.forms import PatientsForm, SearchForm
from outcomes.models import Status
from patients import access, audit, hints
from patients.models import AccessKind


def patients(request):
    """GET lists; POST searches, so that what is typed never stands in an address. Paging within a search posts too."""
    sent = request.POST if request.method == "POST" else request.GET
    form, search = PatientsForm(sent, user=request.user), SearchForm(request.POST)
    text = search.cleaned_data.get("q", "") if search.is_valid() else ""
    query = urlencode(form.kept())
    if request.method == "POST" and not text:
        return redirect(f"{request.path}?{query}" if query else request.path)
    wanted = form.filter()
    selection = select(wanted, request.user, text=text)
    hints.send(selection.computed)
    counts = tally(selection, wanted)
    page = Paginator(range(counts.found), roster.PAGE).get_page(sent.get("page"))
    ids = roster.page_ids(selection, wanted, roster.ORDERS[form.order_by()], max(page.start_index() - 1, 0))
    if text:
        audit.note(request.user, AccessKind.SEARCH, page="patients", detail=f"{counts.found} found")
    else:
        audit.note(request.user, AccessKind.READ, page="patients", detail=f"{len(ids)} rows")
    context = {
        "form": form,
        "search": search,
        "text": text,
        "query": query,
        "kept": form.kept(),
        "narrowed": wanted != CohortFilter(),
        "counts": counts,
        "waiting": selection.waiting,
        "page": page,
        "rows": roster.rows(selection, ids, request.user),
        "may_add": access.allowed(request.user, "patients:patient_add", "GET"),
    }
    return render(request, "outcomes/patients.html", context)


def tally(selection: Selection, wanted: CohortFilter) -> SimpleNamespace:
    """What the toggles say: each counts under the other filters, the statuses also under `pending` where that is on."""
    standings = selection.standings(without_status(wanted))

    def number(fits) -> int:
        return sum(people for standing, people in standings.items() if fits(standing))

    def in_view(standing: Standing) -> bool:
        return standing.pending or not wanted.pending

    statuses = [
        (status, number(lambda s, status=status: s.status == status and in_view(s))) for status in Status.values
    ]
    everybody = number(in_view)
    if not without_status(wanted).derived and not wanted.pending:
        everybody += selection.waiting
    pending = number(lambda s: s.pending and wanted.status in ("", s.status))
    found = dict(statuses)[wanted.status] if wanted.status else everybody
    return SimpleNamespace(statuses=statuses, everybody=everybody, pending=pending, found=found)
