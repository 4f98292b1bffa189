from django.urls import path

from assessments.views import assessment, relapse

app_name = "assessments"
urlpatterns = [
    path("patients/<str:code>/assessments/add/", assessment.assessment_add, name="assessment_add"),
    path("patients/<str:code>/assessments/score/", assessment.assessment_score, name="assessment_score"),
    path("patients/<str:code>/assessments/<int:pk>/edit/", assessment.assessment_edit, name="assessment_edit"),
    path("patients/<str:code>/assessments/<int:pk>/void/", assessment.assessment_void, name="assessment_void"),
    path("patients/<str:code>/relapses/add/", relapse.relapse_add, name="relapse_add"),
    path("patients/<str:code>/relapses/<int:pk>/edit/", relapse.relapse_edit, name="relapse_edit"),
    path("patients/<str:code>/relapses/<int:pk>/void/", relapse.relapse_void, name="relapse_void"),
]
