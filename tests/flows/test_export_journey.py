"""As an admin: from the cohort to a file, past the confirmation, and to its lines in the access log."""

import csv

import pytest

from tests.flows.conftest import shoot, sign_in

pytestmark = pytest.mark.browser
REASON = "Ethics vote 2026-114"


def test_an_admin_takes_the_cohort_out_and_finds_it_in_the_access_log(page):
    from outcomes.demo import PASSWORD

    sign_in(page, "admin@demo.example")
    page.click("nav >> text=Cohort")
    page.select_option("[name=courses]", "2")
    page.click("text=Apply")
    page.wait_for_url("**/cohort/?*courses=2*")
    page.get_by_role("main").get_by_role("link", name="Export", exact=True).click()
    page.wait_for_url("**/cohort/export/*courses=2")
    shoot(page, "export-before-confirming")

    page.get_by_role("link", name="Confirm it is you").click()
    page.wait_for_url("**/account/reauthenticate/**")
    shoot(page, "export-confirm")
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url("**/cohort/export/*courses=2")
    number = int(page.locator("[aria-labelledby=who-h] b").first.inner_text().split()[0])
    assert number > 5

    page.get_by_role("button", name="Download the file").click()  # no reason yet
    page.wait_for_selector("[role=alert]")
    shoot(page, "export-no-reason")
    page.fill("[name=reason]", REASON)
    shoot(page, "export")
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download the file").click()
    download = downloading.value
    with open(download.path(), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, strict=True))

    assert download.suggested_filename.startswith("cohort-")
    assert len(rows) == number
    assert {row["courses"] for row in rows} == {"2"}
    assert {row["synthetic"] for row in rows} == {"true"}

    with page.expect_download() as downloading:
        page.click("text=Data dictionary (CSV)")
    with open(downloading.value.path(), newline="", encoding="utf-8") as file:
        assert {row["name"] for row in csv.DictReader(file)} == set(rows[0])

    page.goto("/access/")
    page.select_option("[name=kind]", "export")
    page.click("text=Apply")
    page.wait_for_url("**kind=export**")
    table = page.locator("table").inner_text()
    shoot(page, "access-log")

    assert all(words in table for words in (f"csv, {number} people", "Filter: courses=2", f"Reason: {REASON}"))
    assert f"whole: {number} rows" in table
