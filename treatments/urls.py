"""Addresses of Lemtrada courses and other drugs, below their patient."""

from django.urls import path

from treatments.views import courses, drugs

app_name = "treatments"
urlpatterns = [
    path("patients/<slug:code>/courses/add/", courses.course_add, name="course_add"),
    path("patients/<slug:code>/courses/<int:pk>/edit/", courses.course_edit, name="course_edit"),
    path("patients/<slug:code>/courses/<int:pk>/void/", courses.course_void, name="course_void"),
    path("patients/<slug:code>/treatments/add/", drugs.treatment_add, name="treatment_add"),
    path("patients/<slug:code>/treatments/<int:pk>/void/", drugs.treatment_void, name="treatment_void"),
]
