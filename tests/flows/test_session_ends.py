"""The session ends while a form is half filled; the user signs in in another tab and saves. Nothing typed is lost."""

from datetime import UTC, date, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.flows.conftest import sign_in

pytestmark = pytest.mark.browser
EMAIL = "clinician@demo.example"
SYSTEMS = ("visual", "brainstem", "pyramidal", "cerebellar", "sensory", "bowel_bladder", "cerebral")
NOTE = 'came "alone" <b>& walked</b>'


@pytest.fixture
def other_browser(browser, served):
    """The same user elsewhere."""
    context = browser.new_context(base_url=served)
    yield context.new_page()
    context.close()


def fill_assessment(page, day: date) -> str:
    """A whole assessment of the first patient without one on that day; returns the patient's address."""
    page.goto("/patients/")
    page.locator("tbody th a").first.click()
    page.wait_for_url("**/patients/*/")
    patient = page.url
    assert saved(page, patient, day) == 0
    page.goto(f"{patient}assessments/add/")
    page.fill("#id_day", day.isoformat())
    for system in SYSTEMS:
        page.locator(f"input[name={system}][value='1']").check(force=True)
    page.fill("#id_distance_m", "600")
    page.locator("input[name=aid][value=none]").check(force=True)
    page.locator("input[name=observed][value=seen]").check(force=True)
    page.fill("[name=note]", NOTE)
    return patient


def confirm_all(page) -> None:
    for field in page.locator("input[name^=reason_W]").all():
        if field.get_attribute("type") == "checkbox":
            field.check(force=True)
        else:
            field.fill("seen twice")


def end_session_of(page, other_browser) -> None:
    sign_in(other_browser, EMAIL)
    other_browser.goto("/account/sessions/")
    other_browser.locator("main form button[type=submit]").first.click()
    other_browser.wait_for_load_state()


def saved(page, patient: str, day: date) -> int:
    page.goto(f"{patient}?all=1")
    words = f"{day.day} {day:%b %Y}"
    return page.locator("section[aria-labelledby=recent] tbody th", has_text=words).count()


def test_with_scripts_the_form_stays_and_is_saved_once(page, other_browser):
    day = datetime.now(UTC).date() - timedelta(days=4)
    sign_in(page, EMAIL)
    patient = fill_assessment(page, day)
    page.wait_for_timeout(800)
    confirm_all(page)
    end_session_of(page, other_browser)

    page.locator("button[type=submit]:has-text('Save')").first.click()
    expect(page.locator("[data-said]")).to_contain_text("You are signed out; nothing you typed is lost.")
    tab = page.context.new_page()
    sign_in(tab, EMAIL)
    page.locator("button[type=submit]:has-text('Save')").first.click()
    page.wait_for_url(patient)

    assert saved(page, patient, day) == 1


def test_without_scripts_the_form_is_shown_to_be_sent_again(browser, served, other_browser):
    day = datetime.now(UTC).date() - timedelta(days=5)
    context = browser.new_context(base_url=served, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, EMAIL)
    patient = fill_assessment(page, day)
    end_session_of(page, other_browser)

    page.locator("button[type=submit]:has-text('Save')").first.click()
    expect(page.locator("h1")).to_have_text("Not saved yet, and nothing is lost")
    expect(page.locator("main")).to_contain_text("You are signed out.")
    sign_in(context.new_page(), EMAIL)
    page.click("text=Send again")
    expect(page.locator("main")).to_contain_text("opened before the last sign-in")
    page.click("text=Send again")
    if page.url != patient:  # warnings to confirm: the form itself, with everything
        assert page.input_value("[name=note]") == NOTE
        confirm_all(page)
        page.locator("button[type=submit]:has-text('Save')").first.click()
    page.wait_for_url(patient)

    assert saved(page, patient, day) == 1
    context.close()
