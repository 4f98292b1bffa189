from django.contrib.auth.models import AnonymousUser
from django.http import JsonResponse
from django.views.generic import TemplateView

from edss_tracker.health import state
from engine import status
from engine.edss_table import CONVERSIONS, ROWS
from engine.history import HISTORY
from engine.walking import NEUROSTATUS

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
    """For a load balancer, a monitor or an administrator. 503 only where nobody can work."""
    request.user = AnonymousUser()  # whoever asks: finding out would need the database
    found = state()
    response = JsonResponse(found, status=503 if found["status"] == "down" else 200)
    response["Cache-Control"] = "no-store"
    return response
