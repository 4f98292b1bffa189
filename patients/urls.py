"""Addresses of users, centres, the own account, and of registering and amending a patient."""

from django.urls import path

from patients.views import access_log, account, centres, patients, tokens, users

app_name = "patients"
urlpatterns = [
    path("account/me/", account.account, name="account"),
    path("account/session/", account.session, name="session"),
    path("account/tokens/", tokens.tokens, name="tokens"),
    path("account/tokens/<int:pk>/revoke/", tokens.token_revoke, name="token_revoke"),
    path("account/link/<slug:token>/", account.account_link, name="account_link"),
    path("patients/add/", patients.patient_add, name="patient_add"),
    path("patients/<slug:code>/edit/", patients.patient_edit, name="patient_edit"),
    path("patients/<slug:code>/erase/", patients.patient_erase, name="patient_erase"),
    path("patients/<slug:code>/consents/add/", patients.consent_add, name="consent_add"),
    path("patients/<slug:code>/phenotypes/add/", patients.phenotype_add, name="phenotype_add"),
    path("access/", access_log.access_log, name="access_log"),
    path("users/", users.users, name="users"),
    path("users/invite/", users.user_invite, name="user_invite"),
    path("users/<int:pk>/", users.user, name="user"),
    path("users/<int:pk>/link/", users.user_link, name="user_link"),
    path("users/<int:pk>/deactivate/", users.user_deactivate, name="user_deactivate"),
    path("users/<int:pk>/reactivate/", users.user_reactivate, name="user_reactivate"),
    path("users/<int:pk>/second-factor/reset/", users.user_second_factor, name="user_second_factor"),
    path("centres/", centres.centres, name="centres"),
    path("centres/add/", centres.centre_add, name="centre_add"),
    path("centres/<int:pk>/edit/", centres.centre_edit, name="centre_edit"),
]
