"""How long a sign-in lasts, what keeps it, and what ends it at once."""

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from assessments.models import Assessment
from edss_tracker import cli
from patients.models import AccessEvent
from patients.sessions import ACTIVE, BEGAN
from tests.assessments.entries import entry, url
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db
PAGE, STATE, LOGIN = reverse("patients:account"), reverse("patients:session"), reverse("account_login")
NEW_PASSWORD = "violet-harbour-9-lanterns"


def signed_in(user, **options) -> Client:
    client = Client(**options)
    client.post(LOGIN, {"login": user.email, "password": PASSWORD})
    return client


def age(client, *, active=0, began=0) -> None:
    """Let so many seconds pass since the user did something, and since the sign-in."""
    session = client.session
    session[ACTIVE] -= active
    session[BEGAN] -= began
    session.save()


def inside(client) -> bool:
    return client.get(PAGE).status_code == 200


def test_a_sign_in_ends_after_fifteen_idle_minutes_on_the_server(clinician):
    client = signed_in(clinician)
    age(client, active=15 * 60 - 5)
    assert inside(client)

    age(client, active=15 * 60 + 1)

    assert client.get(PAGE).status_code == 302
    assert not Session.objects.exists()
    assert AccessEvent.objects.filter(user=clinician, kind="sign_out", detail="ended by itself").count() == 1


def test_the_setting_is_fifteen_minutes_and_twelve_hours():
    assert (settings.IDLE_SECONDS, settings.SESSION_COOKIE_AGE) == (900, 43_200)


def test_what_the_user_does_keeps_the_sign_in(clinician, patient):
    client = signed_in(clinician)
    for _ in range(5):
        age(client, active=14 * 60)
        assert (
            client.post(url("assessment_score", patient), entry(clinician), headers={"hx-request": "true"}).status_code
            == 200
        )

    assert inside(client)


@pytest.mark.parametrize("method", ["get", "head"])
def test_asking_how_much_time_is_left_keeps_nothing(clinician, method):
    client = signed_in(clinician)
    for _ in range(3):
        age(client, active=6 * 60)
        getattr(client, method)(STATE)

    assert not inside(client)


def test_a_request_that_a_page_makes_by_itself_keeps_nothing(clinician, patient):
    client = signed_in(clinician)
    for _ in range(3):
        age(client, active=6 * 60)
        client.get(reverse("outcomes:patients"), headers={"x-passive": "1"})

    assert not inside(client)


def test_the_page_learns_the_time_left_and_whose_sign_in_it_is(clinician):
    client = signed_in(clinician)
    age(client, active=600)

    state = client.get(STATE).json()
    assert 290 <= state["left"] <= 300
    assert state["user"] == clinician.pk

    assert client.post(STATE).json()["left"] >= 895
    assert Client().get(STATE).json() == {"left": 0, "user": None}


def test_stay_signed_in_needs_the_token(clinician):
    client = Client(enforce_csrf_checks=True)
    client.force_login(clinician)

    assert client.post(STATE).status_code == 403
    token = client.get(STATE).json()["token"]
    assert client.post(STATE, headers={"x-csrftoken": token}).status_code == 200


def test_after_twelve_hours_it_is_over_whatever_is_done(clinician):
    client = signed_in(clinician)
    age(client, began=12 * 3600 - 60)
    assert client.post(STATE).json()["left"] <= 60

    age(client, began=61)

    assert not inside(client)


def test_the_sweep_removes_what_ended_long_ago(clinician):
    old, new = signed_in(clinician), signed_in(clinician)
    Session.objects.filter(session_key=old.session.session_key).update(expire_date="2020-01-01T00:00Z")

    cli.sweep_all()

    assert Session.objects.count() == 1
    assert inside(new)


def test_a_session_without_clocks_is_over(clinician):
    client = signed_in(clinician)
    session = client.session
    del session[BEGAN], session[ACTIVE]
    session.save()

    assert not inside(client)


def test_a_form_sent_after_the_end_is_kept_and_saved_after_the_next_sign_in(clinician, patient):
    client = signed_in(clinician)
    sent = entry(clinician, note="typed for an hour")
    age(client, active=3600)

    late = client.post(url("assessment_add", patient), sent, headers={"origin": "http://testserver"})
    assert (late.status_code, Assessment.objects.count()) == (401, 0)
    assert "typed for an hour" in late.content.decode()

    client.post(LOGIN, {"login": clinician.email, "password": PASSWORD})
    assert client.post(url("assessment_add", patient), sent).status_code == 302
    assert Assessment.objects.get().note == "typed for an hour"


def test_a_sign_in_makes_a_new_key(clinician):
    client = Client()
    client.get(LOGIN)
    session = client.session
    session["planted"] = True
    session.save()
    planted = client.cookies[settings.SESSION_COOKIE_NAME].value

    client.post(LOGIN, {"login": clinician.email, "password": PASSWORD})

    assert client.cookies[settings.SESSION_COOKIE_NAME].value != planted
    assert not Session.objects.filter(session_key=planted).exists()


def test_a_change_of_the_password_ends_the_other_sessions_and_keeps_this_one(clinician):
    here, elsewhere = signed_in(clinician), signed_in(clinician)
    sent = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}

    assert here.post(reverse("account_change_password"), sent).status_code == 302

    assert (inside(here), inside(elsewhere)) == (True, False)
    assert AccessEvent.objects.filter(detail=f"user {clinician.pk}: password changed").exists()


def test_the_list_of_sessions_ends_the_others(clinician):
    here, elsewhere = signed_in(clinician), signed_in(clinician)

    here.post(reverse("usersessions_list"))

    assert (inside(here), inside(elsewhere)) == (True, False)


def test_the_cookie_is_not_for_scripts_nor_for_other_sites(clinician):
    cookie = signed_in(clinician).cookies[settings.SESSION_COOKIE_NAME]

    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_pages_of_a_signed_in_user_are_stored_nowhere_and_gone_after_the_sign_out(clinician, patient):
    client = signed_in(clinician)
    path = reverse("outcomes:patient", args=[patient.code])
    for page in (path, PAGE, "/patients/MS-NOBODY/", reverse("patients:users")):
        assert client.get(page)["Cache-Control"] == "no-store", page

    client.post(reverse("account_logout"))

    assert client.get(path).status_code == 302
    assert client.get(path)["Location"].startswith(LOGIN)


def test_every_page_of_a_signed_in_user_carries_the_clock(clinician):
    client = signed_in(clinician)
    page = client.get(PAGE).content.decode()

    assert 'role="alertdialog"' in page
    assert 'data-idle="900"' in page
    assert 'data-warn="120"' in page
    assert 'role="alertdialog"' not in Client().get(LOGIN).content.decode()
