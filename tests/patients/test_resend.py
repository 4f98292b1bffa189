"""A form that comes after the session ended, or with the token of an earlier sign-in: nothing typed is lost."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from assessments.models import Assessment
from patients import links
from tests.assessments.entries import entry, url

pytestmark = pytest.mark.django_db
OURS = {"origin": "http://testserver"}
NOTE = 'walks "well" <script>alert(1)</script>'


@pytest.fixture
def browser(clinician):
    """Signed in, with real tokens."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(clinician)
    return client


def held(response) -> dict:
    """What the page would send."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', response.content.decode())
    return {name: value.replace("&quot;", '"').replace("&lt;", "<").replace("&gt;", ">") for name, value in found}


def test_a_form_with_an_old_token_is_shown_to_be_sent_again_and_saved_once(browser, patient, clinician):
    sent = entry(clinician, note=NOTE, csrfmiddlewaretoken="a" * 64)
    late = browser.post(url("assessment_add", patient), sent, headers=OURS)
    nothing_yet = Assessment.objects.count()
    again = held(late)
    answers = [browser.post(url("assessment_add", patient), again, headers=OURS).status_code for _ in range(2)]

    assert (late.status_code, nothing_yet, answers) == (403, 0, [302, 302])
    assert {name: again[name] for name in sent if name != "csrfmiddlewaretoken"} == {
        name: value for name, value in sent.items() if name != "csrfmiddlewaretoken"
    }
    assert Assessment.objects.get().note == NOTE
    assert "<script>alert" not in late.content.decode()
    assert late["Cache-Control"] == "no-store"


def test_a_form_sent_after_the_session_ended_keeps_what_was_typed(patient, clinician):
    client = Client()
    sent = entry(clinician, note=NOTE)
    signed_out = client.post(url("assessment_add", patient), sent, headers=OURS)
    client.force_login(clinician)
    saved = client.post(url("assessment_add", patient), held(signed_out), headers=OURS)

    assert (signed_out.status_code, saved.status_code) == (401, 302)
    assert "Sign in in a new tab" in signed_out.content.decode()
    assert Assessment.objects.get().note == NOTE


@pytest.mark.parametrize("headers", [{}, {"origin": "https://evil.example"}, {"origin": "null"}, {"referer": "//["}])
def test_a_form_of_another_site_is_refused_without_its_values(headers, browser, patient, clinician):
    sent = entry(clinician, note=NOTE, csrfmiddlewaretoken="a" * 64)

    inside = browser.post(url("assessment_add", patient), sent, headers=headers)
    outside = Client().post(url("assessment_add", patient), sent, headers=headers)

    assert (inside.status_code, outside.status_code) == (403, 302)
    assert "walks" not in inside.content.decode()
    assert not Assessment.objects.exists()


def test_no_password_is_shown_again(browser, clinician, admin):
    link = reverse("patients:account_link", args=[links.make_link(clinician, by=admin, purpose="reset")])
    sent = dict.fromkeys(("password", "again", "login", "oldpassword"), "a secret of mine")

    for path in (link, "/account/login/", "/account/password/change/"):
        response = browser.post(path, sent, headers=OURS)
        assert response.status_code == 403
        assert "secret" not in response.content.decode()


def test_a_part_of_a_page_gets_a_short_refusal(browser, patient, clinician):
    headers = OURS | {"hx-request": "true"}

    response = browser.post(url("assessment_score", patient), entry(clinician, note=NOTE), headers=headers)

    assert response.status_code == 403
    assert "walks" not in response.content.decode()


def test_a_file_has_to_be_chosen_again(admin, tmp_path):
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin)
    (tmp_path / "a.csv").write_text("x\n1\n")

    with (tmp_path / "a.csv").open() as file:
        response = client.post(reverse("outcomes:imports"), {"file": file}, headers=OURS)

    assert response.status_code == 403
    assert "choose it again" in response.content.decode()
