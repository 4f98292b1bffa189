"""What every page shows around its content."""

from django.conf import settings

from engine import VERSION
from patients import second_factor, sessions
from patients.access import allowed
from patients.models import Centre

SECTIONS = [  # address, title
    ("outcomes:patients", "Patients"),
    ("outcomes:cohort", "Cohort"),
    ("outcomes:export", "Export"),
    ("outcomes:imports", "Import"),
    ("patients:users", "Users"),
    ("patients:centres", "Centres"),
    ("patients:access_log", "Access log"),
    ("help", "Help"),
]


def page(request):
    """Sections this user may open, the centres, and whether what is shown is invented."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"engine_version": VERSION, "sections": [], "production": settings.PRODUCTION}
    centres = list(Centre.objects.visible_to(user))
    enrol = second_factor.missing(user)
    return {
        "engine_version": VERSION,
        "sections": [] if enrol else [(to, title) for to, title in SECTIONS if allowed(user, to, "GET")],
        "enrol": enrol,
        "second_factor_required": second_factor.required(user),
        "centres": centres,
        "synthetic": any(centre.synthetic for centre in centres),
        "production": settings.PRODUCTION,
        "session": {
            "left": sessions.seconds_left(request.session),
            "warn": min(sessions.WARN_SECONDS, settings.IDLE_SECONDS // 2),
            "idle": settings.IDLE_SECONDS,
        },
    }
