from django.db import connection
from django.http import JsonResponse
from django.views.generic import TemplateView

from engine import status
from engine.edss_table import CONVERSIONS, ROWS
from engine.history import HISTORY
from engine.walking import NEUROSTATUS
from patients.models import Freshness

# the help page shows the rules as the engine holds them, so it cannot say another number than the one that is used
help_page = TemplateView.as_view(
    template_name="help.html",
    extra_context={
        "status": status,
        "events": HISTORY,
        "conversions": CONVERSIONS,
        "rows": ROWS,
        "walking": NEUROSTATUS.levels,
    },
)


def health(request):
    """For a load balancer or an administrator: the database answers, and how much waits to be computed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse(
        {
            "database": "ok",
            "stale": Freshness.objects.stale().count(),
            "quarantined": Freshness.objects.quarantined().count(),
        }
    )
