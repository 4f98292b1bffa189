"""A screen that is left open: the warning, staying, and what happens to what was typed."""

import time

import pytest
from django.conf import settings as configured
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import expect

from assessments.models import Assessment, Relapse
from patients.models import User
from patients.sessions import ACTIVE
from tests.factories import make_user
from tests.flows.conftest import shoot
from tests.flows.test_account_journeys import as_a_clinic_starts_it, give_password
from tests.flows.test_every_page import audit

__all__ = ["as_a_clinic_starts_it"]  # a fixture
pytestmark = pytest.mark.browser


def leave(tab, seconds_left: int) -> None:
    """Nobody was here for so long that only this is left; the page asks when its window is looked at again."""
    (key,) = (one["value"] for one in tab.context.cookies() if one["name"] == "sessionid")
    session = SessionStore(key)
    session[ACTIVE] = int(time.time()) - configured.IDLE_SECONDS + seconds_left
    session.save()
    look(tab)


def look(tab) -> None:
    """A headless browser has no windows to change."""
    tab.bring_to_front()
    tab.evaluate("dispatchEvent(new Event('focus'))")


def warning(tab):
    return tab.locator("#idle[open]")


def open_form(tab, patient) -> None:
    """A form that was filled in a while ago: by a script, which is no activity of now."""
    tab.goto(f"/patients/{patient.code}/relapses/add/")
    for name, text in (("onset", "2024-02-03"), ("note", "typed before lunch")):
        tab.eval_on_selector(
            f"[name={name}]", "(e, t) => { e.value = t; e.dispatchEvent(new Event('input', {bubbles: true})); }", text
        )


def test_the_warning_comes_first_and_staying_keeps_what_was_typed(clinic, clinician, patient):
    tab = clinic.open()
    give_password(tab, clinician.email)
    open_form(tab, patient)

    leave(tab, 100)
    expect(warning(tab)).to_be_visible()
    expect(tab.locator("#idle [data-part=warn] [data-clock]")).to_contain_text("1:")
    expect(warning(tab).locator("h2")).to_have_text("Are you still there?")
    expect(tab.locator("#idle button:has-text('Stay signed in')")).to_be_focused()
    assert tab.locator("#idle").get_attribute("role") == "alertdialog"
    audit(tab, "idle-warning")
    tab.keyboard.press("Escape")
    expect(warning(tab)).to_have_count(0)
    tab.wait_for_timeout(1500)
    expect(warning(tab)).to_have_count(0)
    assert tab.input_value("[name=note]") == "typed before lunch"
    tab.click("main button[type=submit]:has-text('Save')")
    tab.wait_for_url(f"**/patients/{patient.code}/")

    assert Relapse.objects.get().note == "typed before lunch"


@pytest.mark.drill
def test_typing_keeps_the_sign_in_of_this_tab_and_of_the_others(clinic, clinician, patient, settings):
    settings.IDLE_SECONDS = 16  # warned at half of it
    resting = clinic.open()
    give_password(resting, clinician.email)
    resting.goto("/help/")
    typing = resting.context.new_page()
    open_form(typing, patient)

    until = time.monotonic() + 18
    while time.monotonic() < until:
        typing.locator("[name=note]").press_sequentially("x")
        assert (warning(typing).count(), warning(resting).count()) == (0, 0)
        typing.wait_for_timeout(700)

    typing.click("main button[type=submit]:has-text('Save')")
    typing.wait_for_url(f"**/patients/{patient.code}/")
    assert resting.url.endswith("/help/")


def test_when_it_is_over_the_page_is_covered_and_nothing_typed_is_lost(clinic, clinician, patient):
    tab = clinic.open()
    give_password(tab, clinician.email)
    open_form(tab, patient)

    leave(tab, 2)
    expect(warning(tab).locator("h2")).to_have_text("You are signed out")
    assert not tab.locator("main").is_visible()  # nor is it printed
    audit(tab, "idle-over")
    tab.keyboard.press("Escape")
    tab.keyboard.press("Escape")
    expect(warning(tab)).to_be_visible()
    with tab.context.expect_page() as opened:
        tab.click("#idle a:has-text('Sign in in a new tab')")
    give_password(opened.value, clinician.email)
    look(tab)
    expect(warning(tab)).to_have_count(0)
    assert tab.input_value("[name=note]") == "typed before lunch"
    tab.click("main button[type=submit]:has-text('Save')")
    tab.wait_for_url(f"**/patients/{patient.code}/")

    assert Relapse.objects.get().note == "typed before lunch"


@pytest.mark.drill
def test_who_signs_in_next_does_not_get_the_page_of_the_one_before(clinic, clinician, patient, centre):
    other = make_user("next", centre=centre)
    tab = clinic.open()
    give_password(tab, clinician.email)
    open_form(tab, patient)
    leave(tab, 0)
    expect(warning(tab).locator("h2")).to_have_text("You are signed out")

    second = tab.context.new_page()
    give_password(second, other.email)
    look(tab)

    expect(warning(tab).locator("h2")).to_have_text("Somebody else is signed in")
    shoot(tab, "idle-other")
    assert not Assessment.objects.exists()
    assert User.objects.get(pk=other.pk).last_login


@pytest.mark.drill
def test_a_page_without_anything_typed_goes_to_the_sign_in(clinic, clinician, patient):
    tab = clinic.open()
    give_password(tab, clinician.email)
    tab.goto(f"/patients/{patient.code}/")

    leave(tab, 1)
    tab.wait_for_url("**/account/login/?next=*")

    assert "Muster" not in tab.content()
    tab.go_back()
    tab.wait_for_url("**/account/login/**")
