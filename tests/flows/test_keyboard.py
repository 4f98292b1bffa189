"""Single keys: they act outside text fields only, and whoever speaks to the computer can switch them off."""

import re

import pytest
from playwright.sync_api import expect

from tests.flows.conftest import sign_in
from tests.flows.test_main_journey import open_showcase

pytestmark = pytest.mark.browser


def test_letters_typed_into_the_search_stay_there(page):
    sign_in(page, "clinician@demo.example")

    page.keyboard.press("/")
    expect(page.locator("[data-search]")).to_be_focused()
    page.keyboard.type("n/a")

    assert page.input_value("[data-search]") == "n/a"


def test_keys_of_one_sign_can_be_switched_off_and_on_again(page):
    sign_in(page, "clinician@demo.example")
    code = open_showcase(page)
    page.goto("/account/me/")
    page.get_by_label("Single keys are shortcuts").uncheck()

    page.goto(f"/patients/{code}/")
    page.keyboard.press("n")
    page.wait_for_timeout(300)
    assert page.url.endswith(f"/patients/{code}/")
    page.goto(f"/patients/{code}/assessments/add/")
    page.focus("input[name=visual][value='0']")
    page.keyboard.press("3")
    assert not page.is_checked("input[name=visual][value='3']")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.name") == "brainstem"

    page.goto("/account/me/")
    assert not page.get_by_label("Single keys are shortcuts").is_checked()
    page.get_by_label("Single keys are shortcuts").check()
    page.goto(f"/patients/{code}/")
    page.keyboard.press("n")
    page.wait_for_url("**/assessments/add/")


def test_the_one_page_summary_is_one_page(page):
    sign_in(page, "clinician@demo.example")
    code = open_showcase(page)
    page.goto(f"/patients/{code}/print/")
    page.wait_for_selector(".fig-plot .main-svg >> nth=0")

    sheet = page.pdf(prefer_css_page_size=True)

    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", sheet)) == 1
