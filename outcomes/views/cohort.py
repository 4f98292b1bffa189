"""The cohort overview: change after Lemtrada in the centres a user may see."""

from urllib.parse import urlencode

from django.shortcuts import render

from engine.history import PRESET
from engine.status import CONFIRM_DAYS, RULE_NAME
from outcomes import analyses, overview, snapshot
from outcomes.charts import cohort as charts
from outcomes.charts import followup
from outcomes.cohorts import CohortFilter, select
from outcomes.forms import CohortForm
from patients import access, hints
from patients.models import Centre


def cohort(request):
    """Who is counted, where they stand, how they change, and the same by centre and by courses received."""
    form = CohortForm(request.GET, user=request.user)
    wanted = form.filter()
    with snapshot.taken() as now, now.reading():  # every figure is of one moment, whoever saves meanwhile
        selection = select(CohortFilter(), request.user)
        centres = dict(Centre.objects.visible_to(request.user).values_list("pk", "name"))
        everybody = selection.standings(CohortFilter())
        outcome = analyses.of_selection(selection, wanted)
    hints.send(selection.computed)
    found = overview.overview(everybody, wanted, len(centres), selection.waiting)
    groups = {
        "centre": ("By centre", "Centre", found.groups("centre", centres)),
        "courses": ("By courses received", "Courses", found.groups("courses", overview.COURSES)),
    }
    context = {
        "form": form,
        "kept": form.kept(),
        "query": urlencode(form.kept()),
        "may_export": access.allowed(request.user, "outcomes:export", "GET"),
        "narrowed": wanted != CohortFilter(),
        "everybody": sum(everybody.values()) + selection.waiting,
        "overview": found,
        "rule": overview.RULE,
        "waiting": selection.waiting,
        "outcome": outcome,
        "confirm_days": CONFIRM_DAYS,
        "preset": PRESET.name,
        "followed": followup.figures(outcome),
        "figures": [figure(name, *given) for name, given in groups.items()],
        "key": charts.KEY,
    }
    return render(request, "outcomes/cohort.html", context)


def figure(name: str, heading: str, what: str, groups: list[overview.Group]) -> dict:
    return {
        "id": f"by-{name}",
        "heading": heading,
        "groups": groups,
        "figure": charts.stacked(groups),
        "caption": charts.caption(groups),
        "table": charts.table(groups, what),
        "rule": f"status since Lemtrada by {RULE_NAME}; each bar is all of its group",
        "n": sum(group.people for group in groups),
    }
