"""The second factor: who must have one, setting it up, signing in with it, and losing it."""

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from edss_tracker import cli
from patients.access import ENROLMENT, RULES
from patients.models import AccessEvent, Membership, Role
from tests.factories import PASSWORD, make_user
from tests.house.addresses import every_address, fill

pytestmark = pytest.mark.django_db
LOGIN, CODE, SETUP = reverse("account_login"), reverse("mfa_authenticate"), reverse("mfa_activate_totp")
LIST = reverse("outcomes:patients")


@pytest.fixture
def required(settings):
    settings.SECOND_FACTOR_REQUIRED = True


def code_of(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def with_password(user) -> Client:
    client = Client()
    client.post(LOGIN, {"login": user.email, "password": PASSWORD})
    return client


def set_up(client) -> str:
    """Go through the set-up page as a user with an app; returns the secret that the app keeps."""
    page = client.get(SETUP)
    assert page.status_code == 200
    secret = page.context["form"].secret
    assert client.post(SETUP, {"code": code_of(secret)})["Location"] == reverse("mfa_view_recovery_codes")
    return secret


def details() -> list[str]:
    return list(AccessEvent.objects.filter(kind="account").order_by("pk").values_list("detail", flat=True))


@pytest.mark.parametrize("who", ["admin", "registry_admin"])
def test_the_first_sign_in_of_an_admin_leads_to_the_set_up_before_anything_else(required, request, who):
    user = request.getfixturevalue(who)
    client = with_password(user)

    for path in (LIST, reverse("patients:users"), reverse("patients:account"), reverse("mfa_index"), "/"):
        assert client.get(path)["Location"] == SETUP, path
    assert client.post(reverse("patients:user_invite"), {"name": "x"}).status_code == 403
    page = client.get(SETUP).content.decode()
    assert "The registry opens when it is set up." in page
    assert "data:image/svg+xml;base64," in page
    assert LIST not in page  # no section leads anywhere yet

    set_up(client)

    assert client.get(LIST).status_code == 200
    assert client.get(reverse("patients:users")).status_code == 200


def test_without_it_every_address_is_closed_to_an_admin_but_those_of_the_sign_in(required, admin, patient):
    client = with_password(admin)
    reached = set()
    for name, arguments in every_address():
        if "GET" in RULES.get(name, {}):
            answer = client.get(fill(name, arguments, {"code": patient.code, "token": "x" * 43}))
            if answer.status_code != 403 and answer.get("Location") != SETUP:
                reached.add(name)

    assert reached == {name for name in ENROLMENT if "GET" in RULES[name]}


@pytest.mark.parametrize("role", [Role.CLINICIAN, Role.NEUROLOGIST])
def test_others_need_none(required, centre, role):
    client = with_password(make_user("plain", centre=centre, role=role))

    assert client.get(LIST).status_code == 200


def test_at_home_an_admin_needs_none(admin):
    assert with_password(admin).get(LIST).status_code == 200


def test_who_becomes_an_admin_needs_one_from_then_on(required, clinician, centre):
    Membership.objects.create(user=clinician, centre=centre, role=Role.ADMIN)

    assert with_password(clinician).get(LIST)["Location"] == SETUP


def test_the_set_up_asks_for_no_second_password_right_after_the_sign_in_but_later_does(admin):
    client = with_password(admin)
    assert client.get(SETUP).status_code == 200

    session = client.session
    session["began_at"] -= 301
    session.save()

    assert client.get(SETUP)["Location"].startswith(reverse("account_reauthenticate"))
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    assert client.get(SETUP).status_code == 200


def test_a_sign_in_needs_the_code_and_a_code_works_once_in_any_process(admin):
    secret = set_up(with_password(admin))
    client = Client()
    assert client.post(LOGIN, {"login": admin.email, "password": PASSWORD})["Location"] == CODE
    assert client.get(LIST).status_code == 302

    code = code_of(secret)
    assert client.post(CODE, {"code": "000000" if code != "000000" else "000001"}).status_code == 200
    assert client.post(CODE, {"code": code}).status_code == 302
    assert client.get(LIST).status_code == 200

    cache.clear()  # as another web process, which knows nothing of this one's memory
    again = with_password(admin)
    refused = again.post(CODE, {"code": code})
    assert "This code was used already" in refused.content.decode()
    assert again.get(LIST).status_code == 302


def test_codes_cannot_be_guessed(admin):
    set_up(with_password(admin))
    client = with_password(admin)

    answers = [client.post(CODE, {"code": f"{n:06}"}) for n in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert "Try again in 5 minutes." in answers[-1].content.decode()
    failed = AccessEvent.objects.filter(user=admin, kind="sign_in_failed", detail="second factor")
    assert failed.count() == 5


def test_a_recovery_code_opens_the_account_once(admin):
    first = with_password(admin)
    set_up(first)
    shown = first.get(reverse("mfa_view_recovery_codes")).content.decode()
    codes = re.findall(r"<li>(\d{8})</li>", shown)
    file = first.get(reverse("mfa_download_recovery_codes"))
    assert len(codes) == 10
    assert all(code in file.content.decode() for code in codes)
    assert file["Cache-Control"] == "no-store"

    assert with_code(admin, codes[0]).get(LIST).status_code == 200
    assert with_code(admin, codes[0]).get(LIST).status_code == 302
    assert with_code(admin, codes[1]).get(LIST).status_code == 200


def with_code(user, code) -> Client:
    client = with_password(user)
    client.post(CODE, {"code": code})
    return client


def test_new_recovery_codes_close_the_old_ones(admin):
    client = with_password(admin)
    set_up(client)
    old = re.findall(r"<li>(\d{8})</li>", client.get(reverse("mfa_view_recovery_codes")).content.decode())

    client.post(reverse("mfa_generate_recovery_codes"))

    assert with_code(admin, old[0]).get(LIST).status_code == 302


def test_an_admin_who_turns_the_app_off_sets_up_another_at_once(required, admin):
    client = with_password(admin)
    set_up(client)
    assert "set up another app right after this" in client.get(reverse("mfa_deactivate_totp")).content.decode()

    client.post(reverse("mfa_deactivate_totp"))

    assert client.get(LIST)["Location"] == SETUP
    set_up(client)
    assert client.get(LIST).status_code == 200


def test_an_admin_resets_a_lost_second_factor(client, admin, clinician):
    elsewhere = with_password(clinician)
    set_up(elsewhere)
    for n in range(6):
        with_password(clinician).post(CODE, {"code": f"{n:06}"})
    client.force_login(admin)
    assert "Reset the second factor" in client.get(reverse("patients:user", args=[clinician.pk])).content.decode()

    answer = client.post(reverse("patients:user_second_factor", args=[clinician.pk]))

    assert answer.status_code == 302
    assert not Authenticator.objects.filter(user=clinician).exists()  # neither app nor recovery codes
    assert elsewhere.get(LIST).status_code == 302
    assert with_password(clinician).get(LIST).status_code == 200
    assert f"user {clinician.pk}: second factor reset" in details()
    assert "Reset the second factor" not in client.get(reverse("patients:user", args=[clinician.pk])).content.decode()


def test_who_may_not_reset_a_second_factor(client, admin, clinician, registry_admin, outsider, other_centre):
    for user in (admin, clinician, registry_admin, outsider):
        set_up(with_password(user))
    Membership.objects.create(user=clinician, centre=other_centre, role=Role.CLINICIAN)  # not admin's alone any more
    client.force_login(admin)

    answers = {
        user: client.post(reverse("patients:user_second_factor", args=[user.pk])).status_code
        for user in (admin, clinician, registry_admin, outsider)
    }

    assert answers == {admin: 403, clinician: 403, registry_admin: 404, outsider: 404}
    assert Authenticator.objects.filter(type="totp").count() == 4


def test_the_command_line_resets_that_of_a_registry_admin(registry_admin, capsys, monkeypatch):
    monkeypatch.setattr(cli, "ready_database", lambda **_: None)
    elsewhere = with_password(registry_admin)
    set_up(elsewhere)

    assert cli.main(["admin", registry_admin.email]) == 0
    assert Authenticator.objects.filter(user=registry_admin).count() == 2
    assert cli.main(["admin", registry_admin.email, "--reset-second-factor"]) == 0

    assert not Authenticator.objects.filter(user=registry_admin).exists()
    assert "/account/link/" in capsys.readouterr().out
    assert elsewhere.get(LIST).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_every_change_of_a_second_factor_is_an_event(admin):
    client = with_password(admin)
    set_up(client)
    client.post(reverse("mfa_generate_recovery_codes"))
    client.post(reverse("mfa_deactivate_totp"))

    found = details()
    for what in ("second factor added", "recovery codes made anew", "second factor removed"):
        assert f"user {admin.pk}: {what}" in found


def test_production_requires_it():
    from django.conf import settings

    assert settings.SECOND_FACTOR_REQUIRED is settings.PRODUCTION
