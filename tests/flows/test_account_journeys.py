"""Signing in, the second factor, invitations, lost things and deactivation, as people walk through them."""

import re
import time

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import settings as configured
from playwright.sync_api import expect

from tests.factories import PASSWORD
from tests.flows.conftest import shoot
from tests.flows.test_every_page import audit

pytestmark = pytest.mark.browser
NEW_PASSWORD = "violet-harbour-9-lanterns"


@pytest.fixture(autouse=True)
def as_a_clinic_starts_it(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    settings.WHITENOISE_AUTOREFRESH = configured.WHITENOISE_AUTOREFRESH


def code_of(secret: str) -> str:
    """What the app shows now; waits where the next code is near, so that it still holds when it is sent."""
    if time.time() % 30 > 27:
        time.sleep(30 - time.time() % 30)
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def give_password(tab, email: str, password: str = PASSWORD) -> None:
    tab.goto("/account/login/")
    tab.fill("[name=login]", email)
    tab.fill("[name=password]", password)
    tab.click("main button[type=submit]")
    tab.wait_for_load_state()


def enrol(tab) -> str:
    """Set up the app on the page that is open; returns its secret."""
    secret = re.sub(r"\s", "", tab.locator("main code").inner_text())
    tab.fill("[name=code]", code_of(secret))
    tab.click("main button[type=submit]")
    tab.wait_for_url("**/2fa/recovery-codes/")
    return secret


@pytest.mark.drill
def test_an_admin_sets_up_a_second_factor_signs_in_with_it_and_loses_the_phone(clinic, admin, registry_admin, settings):
    settings.SECOND_FACTOR_REQUIRED = True
    tab = clinic.open()
    give_password(tab, admin.email)
    expect(tab.locator("h1")).to_have_text("Set up the authenticator app")
    size = tab.evaluate("(() => { const i = document.querySelector('.qr'); return [i.naturalWidth, i.complete]; })()")
    assert size[0] > 0  # the picture was drawn under the content policy
    audit(tab, "mfa-setup")
    tab.goto("/users/")
    tab.wait_for_url("**/2fa/totp/activate/")

    secret = enrol(tab)
    codes = tab.locator(".codes li").all_inner_texts()
    assert len(codes) == 10
    audit(tab, "mfa-codes")
    with tab.expect_download() as file:
        tab.click("text=Download")
    assert codes[0] in file.value.path().read_text()
    tab.click("text=Go to the registry")
    tab.wait_for_url("**/patients/")
    for name, path in (("mfa-index", "/account/2fa/"), ("mfa-off", "/account/2fa/totp/deactivate/"),
                       ("mfa-new-codes", "/account/2fa/recovery-codes/generate/")):  # fmt: skip
        tab.goto(path)
        audit(tab, name)

    tab.click("[aria-label='Sign out']")
    give_password(tab, admin.email)
    expect(tab.locator("h1")).to_have_text("Code from your app")
    audit(tab, "mfa-code")
    tab.fill("[name=code]", "12 34 56")
    tab.click("main button:has-text('Sign in')")
    expect(tab.locator(".errors")).to_contain_text("This is not the right code.")
    shoot(tab, "mfa-wrong")
    tab.fill("[name=code]", code_of(secret))
    tab.click("main button:has-text('Sign in')")
    tab.wait_for_url("**/patients/")

    tab.click("[aria-label='Sign out']")  # the phone is lost: a recovery code, and then another admin
    give_password(tab, admin.email)
    tab.fill("[name=code]", codes[0])
    tab.click("main button:has-text('Sign in')")
    tab.wait_for_url("**/patients/")

    other = clinic.open()
    give_password(other, registry_admin.email)
    enrol(other)
    other.goto(f"/users/{admin.pk}/")
    audit(other, "user-with-second-factor")
    other.click("text=Reset the second factor")
    expect(other.locator("[role=status]")).to_contain_text("has no second factor now")
    shoot(other, "user-reset")
    tab.reload()
    tab.wait_for_url("**/account/login/**")  # signed out everywhere
    give_password(tab, admin.email)
    tab.wait_for_url("**/2fa/totp/activate/")


@pytest.mark.drill
def test_invitation_reset_link_sessions_and_deactivation(clinic, admin, centre):
    boss, person = clinic.open(), clinic.open()
    give_password(boss, admin.email)
    boss.goto("/users/invite/")
    boss.fill("[name=name]", "Dr New Person")
    boss.fill("[name=email]", "new.person@example.org")
    boss.locator(f"[name=roles_{centre.pk}][value=clinician]").check()
    boss.click("text=Invite and make the link")
    link = boss.input_value("#link")
    audit(boss, "invite-link")

    person.goto(link)
    audit(person, "set-password")
    person.fill("[name=password]", "short")
    person.fill("[name=again]", "short")
    person.click("text=Set password")
    expect(person.locator(".errors")).to_be_visible()
    shoot(person, "set-password-weak")
    person.fill("[name=password]", NEW_PASSWORD)
    person.fill("[name=again]", NEW_PASSWORD)
    person.click("text=Set password")
    expect(person.locator("[role=status]")).to_contain_text("Your password is set.")
    shoot(person, "password-set")
    give_password(person, "new.person@example.org", NEW_PASSWORD)
    person.wait_for_url("**/patients/")
    person.goto(link)
    audit(person, "link-closed")

    elsewhere = clinic.open()
    give_password(elsewhere, "new.person@example.org", NEW_PASSWORD)
    person.goto("/account/sessions/")
    audit(person, "sessions-two")
    person.click("text=Sign out everywhere else")
    elsewhere.reload()
    elsewhere.wait_for_url("**/account/login/**")
    for name, path in (
        ("password-change", "/account/password/change/"),
        ("reauthenticate", "/account/reauthenticate/"),
    ):
        person.goto(path)
        audit(person, name)

    boss.click("text=Done")
    boss.click("text=Make a one-time link")
    reset = boss.input_value("#link")
    person.goto(reset)
    person.fill("[name=password]", NEW_PASSWORD + "-2")
    person.fill("[name=again]", NEW_PASSWORD + "-2")
    person.click("text=Set password")
    person.wait_for_url("**/account/login/")  # the old session is over too
    give_password(person, "new.person@example.org", NEW_PASSWORD + "-2")
    person.wait_for_url("**/patients/")

    boss.click("text=Done")
    boss.click("button:has-text('Deactivate')")
    expect(boss.locator("[role=status]")).to_contain_text("signed out everywhere")
    audit(boss, "user-deactivated")
    person.reload()
    person.wait_for_url("**/account/login/**")
    give_password(person, "new.person@example.org", NEW_PASSWORD + "-2")
    expect(person.locator("h1")).to_have_text("Account deactivated")
    audit(person, "inactive")


def test_too_many_tries_say_when_to_try_again(clinic, clinician):
    tab = clinic.open()
    for _ in range(6):
        give_password(tab, clinician.email, "a guess")

    expect(tab.locator(".errors")).to_contain_text("Too many failed tries. Try again in 5 minutes.")
    audit(tab, "too-many-tries")


def test_after_the_sign_out_back_shows_nothing(clinic, clinician, patient):
    tab = clinic.open()
    give_password(tab, clinician.email)
    tab.goto(f"/patients/{patient.code}/")
    expect(tab.locator("main")).to_contain_text("Muster")
    tab.click("[aria-label='Sign out']")
    tab.wait_for_url("**/account/login/**")

    tab.go_back()
    tab.wait_for_url("**/account/login/**")

    assert "Muster" not in tab.content()
