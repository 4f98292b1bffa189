"""The API's addresses: each app's views on one router. Who may use which is decided by `patients.access.RULES`."""

from django.urls import URLPattern, path
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.renderers import JSONRenderer, TemplateHTMLRenderer

from assessments.api import AssessmentView, RelapseView
from outcomes.api import TrajectoryView
from patients.api.patients import CentreView, ConsentView, PatientView, PhenotypeView
from patients.api.records import RecordView
from treatments.api import CourseView, TreatmentView

RECORDS: dict[str, type[RecordView]] = {
    "assessment": AssessmentView,
    "relapse": RelapseView,
    "treatment": TreatmentView,
    "course": CourseView,
}


class SchemaView(SpectacularAPIView):
    """The API described in OpenAPI."""

    renderer_classes = [OpenApiJsonRenderer, JSONRenderer]


class DocsView(SpectacularSwaggerSplitView):
    """The same description as a page. Its script is a file, so the content policy stays strict."""

    renderer_classes = [TemplateHTMLRenderer]
    url_name = "api:schema"


def addresses_of(word: str, view: type[RecordView]) -> list[URLPattern]:
    """List and detail of a kind of record by its id, and its making below a patient."""
    several = f"{word}s"
    return [
        path(f"{several}/", view.as_view({"get": "list"}), name=f"{word}-list"),
        path(
            f"{several}/<int:pk>/",
            view.as_view({"get": "retrieve", "patch": "partial_update"}),
            name=f"{word}-detail",
        ),
        path(f"{several}/<int:pk>/void/", view.as_view({"post": "void"}), name=f"{word}-void"),
        path(f"patients/<str:code>/{several}/", view.as_view({"post": "create"}), name=f"patient-{several}"),
    ]


app_name = "api"
urlpatterns = [
    path("schema/", SchemaView.as_view(), name="schema"),
    path("docs/", DocsView.as_view(), name="docs"),
    path("centres/", CentreView.as_view({"get": "list"}), name="centre-list"),
    path("centres/<int:pk>/patients/", PatientView.as_view({"post": "create"}), name="centre-patients"),
    path("patients/", PatientView.as_view({"get": "list"}), name="patient-list"),
    path(
        "patients/<str:code>/",
        PatientView.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="patient-detail",
    ),
    path("patients/<str:code>/consents/", ConsentView.as_view({"post": "create"}), name="patient-consents"),
    path("patients/<str:code>/phenotypes/", PhenotypeView.as_view({"post": "create"}), name="patient-phenotypes"),
    *(address for word, view in RECORDS.items() for address in addresses_of(word, view)),
    path("trajectories/", TrajectoryView.as_view({"get": "list"}), name="trajectory-list"),
    path("trajectories/<str:code>/", TrajectoryView.as_view({"get": "retrieve"}), name="trajectory-detail"),
]
