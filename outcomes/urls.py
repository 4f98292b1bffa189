from django.urls import path

from outcomes.views import cohort, export, imports, outlook, patient, patients, quarantine

app_name = "outcomes"
urlpatterns = [
    path("patients/", patients.patients, name="patients"),
    path("cohort/", cohort.cohort, name="cohort"),
    path("cohort/export/", export.export, name="export"),
    path("cohort/dictionary/", export.export_dictionary, name="export_dictionary"),
    path("imports/", imports.imports, name="imports"),
    path("imports/<uuid:pk>/", imports.batch, name="import"),
    path("quarantine/", quarantine.quarantine, name="quarantine"),
    path("patients/<str:code>/", patient.patient, name="patient"),
    path("patients/<str:code>/outlook/", outlook.outlook, name="outlook"),
    path("patients/<str:code>/print/", patient.patient_print, name="patient_print"),
    path("patients/<str:code>/history/", patient.patient_history, name="patient_history"),
]
