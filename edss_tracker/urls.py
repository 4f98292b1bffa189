"""Addresses. Which of them a person may use is decided by `patients.access.RULES`, not here."""

from django.urls import include, path
from django.views.generic import RedirectView

from edss_tracker.views import health, help_page

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="outcomes:patients"), name="home"),
    path("help/", help_page, name="help"),
    path("health/", health, name="health"),
    path("api/v1/", include("edss_tracker.api")),
    path("account/", include("allauth.urls")),
    path("", include("patients.urls")),
    path("", include("assessments.urls")),
    path("", include("treatments.urls")),
    path("", include("outcomes.urls")),
]
