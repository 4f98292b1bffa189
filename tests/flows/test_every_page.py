"""Every page: no violation of the accessibility rules, no sideways scroll, no request to another host."""

from pathlib import Path

import pytest

from tests.flows.conftest import shoot, sign_in
from tests.flows.test_main_journey import open_showcase

pytestmark = pytest.mark.browser
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def audit(page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(300)
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, f"{name} scrolls sideways by {over} px at {width} px"
        page.evaluate(AXE.read_text() + "; true")  # by the debugger, which the content policy does not concern
        found = page.evaluate("rules => axe.run(document, rules)", RULES)
        broken = [(v["id"], [n["html"][:120] for n in v["nodes"]][:3]) for v in found["violations"]]
        assert broken == [], f"{name} at {width} px: {broken}"
    page.set_viewport_size({"width": 1280, "height": 900})
    shoot(page, name)


def visit(page, path: str) -> None:
    answer = page.goto(path)
    assert answer.status == 200, (path, answer.status)


def test_the_sign_in_page(page):
    visit(page, "/account/login/")
    audit(page, "sign-in")


def test_the_pages_of_a_clinician(page):
    sign_in(page, "clinician@demo.example")
    audit(page, "patients")
    code = open_showcase(page)
    audit(page, "patient")
    for name, path in (
        ("patient-print", "print/"), ("patient-history", "history/"), ("patient-edit", "edit/"),
        ("assessment-add", "assessments/add/"), ("relapse-add", "relapses/add/"),
        ("course-add", "courses/add/"), ("drug-add", "treatments/add/"),
    ):  # fmt: skip
        visit(page, f"/patients/{code}/{path}")
        audit(page, name)
    for name, path in (("patient-add", "/patients/add/"), ("cohort", "/cohort/"), ("help", "/help/"),
                       ("account", "/account/me/"), ("password", "/account/password/change/"),
                       ("sessions", "/account/sessions/")):  # fmt: skip
        visit(page, path)
        audit(page, name)


def test_the_records_of_a_patient_open_for_change(page):
    sign_in(page, "clinician@demo.example")
    code = open_showcase(page)
    for kind in ("assessments", "courses"):
        page.goto(f"/patients/{code}/")
        page.locator(f"a[href*='/{kind}/'][href$='/edit/']").first.click()
        page.wait_for_url("**/edit/")
        audit(page, f"{kind}-edit")
        visit(page, page.url.replace("/edit/", "/void/"))
        audit(page, f"{kind}-void")


def test_the_pages_of_an_admin(page):
    sign_in(page, "admin@demo.example")
    for name, path in (("users", "/users/"), ("user-invite", "/users/invite/"), ("user", "/users/1/"),
                       ("centres", "/centres/"), ("centre-edit", "/centres/1/edit/"), ("imports", "/imports/"),
                       ("quarantine", "/quarantine/"), ("export", "/cohort/export/"),
                       ("access-log", "/access/")):  # fmt: skip
        visit(page, path)
        audit(page, name)
    page.goto("/patients/")
    page.locator("main a.code").first.click()
    page.wait_for_url("**/patients/MS-*/")
    audit(page, "patient-for-admin")
    page.get_by_role("link", name="Erase identity").click()
    page.wait_for_url("**/erase/")
    audit(page, "patient-erase")


def test_every_link_leads_somewhere(page):
    """Follow each link of the pages a user starts from: none is dead."""
    sign_in(page, "neurologist@demo.example")
    code = open_showcase(page)
    seen: set[str] = set()
    for start in ("/patients/", f"/patients/{code}/", "/cohort/", "/help/", "/account/me/"):
        page.goto(start)
        links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
        seen |= {link.split("#")[0] for link in links if link.startswith(page.url.split("/patients")[0][:21])}
    for link in sorted(seen)[:150]:
        assert page.request.get(link).status == 200, link


def test_an_error_page_says_what_to_do(page):
    sign_in(page, "clinician@demo.example")
    page.goto("/patients/MS-NOBODY/")
    audit(page, "not-found")
    page.goto("/users/")
    audit(page, "not-allowed")


def test_the_tokens_of_an_account_and_the_page_of_the_api(page):
    """The page of the API works under the strict policy and asks no other host."""
    sign_in(page, "clinician@demo.example")  # just now, so the password is not asked again
    page.goto("/account/tokens/")
    page.fill("[name=name]", "Laboratory")
    page.click("text=Make token")
    assert page.input_value("#token").startswith("edss_")
    audit(page, "token-made")
    page.click("text=Done")
    audit(page, "tokens")

    page.click("text=What the API can do")
    centres = page.locator("#operations-centres-centres_get")
    centres.locator(".opblock-summary").click()
    centres.locator("text=Try it out").click()
    centres.locator(".execute").click()
    centres.locator(".live-responses-table .microlight", has_text="results").wait_for()
    shoot(page, "api")
