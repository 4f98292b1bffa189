"""From the cohort page to the answer: narrow it, read the curves, open their values."""

import pytest

from tests.flows.conftest import shoot, sign_in

pytestmark = pytest.mark.browser


def test_a_neurologist_narrows_the_cohort_and_reads_the_curves(page):
    sign_in(page, "neurologist@demo.example")
    page.goto("/cohort/")
    for name in ("worsening", "improvement", "change", "labels"):
        page.wait_for_selector(f"#{name} .main-svg")
    everybody = page.locator("[aria-labelledby=events-h] dd").nth(1).inner_text()
    shoot(page, "cohort")

    page.select_option("[name=baseline]", "mild")
    page.click("text=Apply")
    page.wait_for_selector("#worsening .main-svg")

    assert "baseline=mild" in page.url
    assert page.locator("[aria-labelledby=events-h] dd").nth(1).inner_text() != everybody
    page.click("[aria-labelledby=worsening-h] summary")
    assert page.locator("[aria-labelledby=worsening-h] table tbody tr").count() >= 2
    assert "after Lemtrada" in page.locator("h1").inner_text()
