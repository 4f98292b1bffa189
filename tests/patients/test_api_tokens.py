"""Personal access tokens: shown once, kept as a hash, ended with the account, logged."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from patients import accounts, tokens
from patients.models import AccessEvent, AccessKind, ApiToken, Membership, Role
from patients.sessions import BEGAN
from tests.calling import PROBLEM, Caller
from tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db
PAGE = "/account/tokens/"


@pytest.fixture
def made(clinician):
    return tokens.make_token(clinician, name="Laboratory", days=30)


def confirmed(client, user):
    """Signed in, and the password given again just now."""
    client.force_login(user)
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    return client


@pytest.fixture
def signed_in(client, clinician):
    return confirmed(client, clinician)


def test_a_token_speaks_as_its_user(made, patient):
    response = Caller(token=made[1]).get(f"/patients/{patient.code}/")

    assert response.status_code == 200
    assert AccessEvent.objects.filter(user=made[0].user, patient=patient, page="api:patient-detail").exists()
    assert Caller(token=made[1]).post(f"/patients/{patient.code}/relapses/", {"onset": "2020-03-02"}).status_code == 201


def test_only_its_hash_is_kept(made):
    stored = ApiToken.objects.values().get()

    assert made[1] not in str(stored)
    assert len(stored["token_hash"]) == 64


def test_the_day_of_its_use_is_noted_and_not_the_moment(made, patient):
    Caller(token=made[1]).get("/patients/")

    assert ApiToken.objects.get().last_used == timezone.now().date()


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer x", "Bearer edss_x", "Basic dTpw", "Token {}", "Bearer {} x", "Bearer é", "{}",
     "Bearer " + "x" * 5000],
)  # fmt: skip
def test_what_is_no_open_token_is_401_also_in_a_session(made, clinician, header):
    for api in (Caller(), Caller(clinician)):
        response = api.get("/patients/", authorization=header.format(made[1]))

        assert (response.status_code, response["Content-Type"]) == (401, PROBLEM)
        assert response["WWW-Authenticate"].startswith("Bearer")


def test_a_token_ends_on_its_day(made):
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert Caller(token=made[1]).get("/patients/").status_code == 401


def test_a_token_ends_with_the_account_and_does_not_come_back(made, clinician, centre, admin):
    accounts.deactivate(clinician, by=admin)
    assert Caller(token=made[1]).get("/patients/").status_code == 401

    accounts.reactivate(clinician, by=admin)
    assert Caller(token=made[1]).get("/patients/").status_code == 401


def test_a_deactivated_user_without_the_service_is_out_as_well(made, clinician):
    type(clinician).objects.filter(pk=clinician.pk).update(is_active=False)

    assert Caller(token=made[1]).get("/patients/").status_code == 401


def test_a_demo_account_has_no_token_in_production(made, clinician, settings):
    type(clinician).objects.filter(pk=clinician.pk).update(is_demo=True)
    settings.PRODUCTION = True

    assert Caller(token=made[1]).get("/patients/").status_code == 401


def test_rights_are_those_of_now(made, clinician, patient):
    membership = Membership.objects.get(user=clinician)
    membership.ended_at = timezone.now()
    membership.save()

    assert Caller(token=made[1]).get(f"/patients/{patient.code}/").status_code == 403
    Membership.objects.create(user=clinician, centre=patient.centre, role=Role.ADMIN)
    shown = Caller(token=made[1]).get(f"/patients/{patient.code}/")
    assert (shown.status_code, shown.json()["family_name"]) == (200, None)


def test_a_token_opens_no_page(client, made, patient):
    header = {"authorization": f"Bearer {made[1]}"}

    assert client.get(f"/patients/{patient.code}/", headers=header).status_code == 302
    assert client.get("/account/me/", headers=header).status_code == 302


def test_a_token_stands_for_its_user_also_in_the_session_of_another(made, admin, patient):
    api = Caller(admin, token=made[1])

    assert api.get(f"/patients/{patient.code}/").json()["family_name"] == "Muster"


def test_the_page_shows_it_once(signed_in, clinician):
    page = signed_in.get(PAGE)
    assert page.status_code == 200
    sent = {"name": "Laboratory", "days": "30", "submission": "0e0cbb5c-0c3a-4b0e-9a41-4a3a4f0e8d11"}

    answer = signed_in.post(PAGE, sent)

    text = answer.content.decode().split('value="edss_')[1].split('"')[0]
    assert Caller(token=f"edss_{text}").get("/centres/").status_code == 200
    assert "edss_" not in signed_in.get(PAGE).content.decode()
    again = signed_in.post(PAGE, sent, follow=True)
    assert "edss_" not in again.content.decode()
    assert ApiToken.objects.count() == 1
    assert AccessEvent.objects.filter(kind=AccessKind.ACCOUNT, detail__contains="made, 30 days").count() == 1


def test_the_page_asks_for_the_password_when_that_was_long_ago(client, clinician):
    client.force_login(clinician)
    session = client.session
    session[BEGAN] -= 301  # five minutes after the sign-in
    session.save()

    answer = client.get(PAGE)

    assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/account/reauthenticate/")
    refused = client.post(PAGE, {"name": "x", "days": "30"})
    assert refused.status_code == 302
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("days", ["366", "0", "-1", "", "x"])
def test_a_token_lasts_a_year_at_most(signed_in, days):
    assert signed_in.post(PAGE, {"name": "Laboratory", "days": days}).status_code == 200
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("days", [0, 366, -5])
def test_no_path_makes_a_longer_one(clinician, days):
    with pytest.raises(ValidationError):
        tokens.make_token(clinician, name="x", days=days)


def test_a_user_has_no_more_open_tokens_than_can_be_watched(clinician):
    for number in range(tokens.MOST_OPEN):
        tokens.make_token(clinician, name=f"n{number}", days=1)
    with pytest.raises(ValidationError):
        tokens.make_token(clinician, name="one more", days=1)
    tokens.revoke(ApiToken.objects.first(), by=clinician)
    tokens.make_token(clinician, name="one more", days=1)


def test_revoking_ends_it_at_once(signed_in, made):
    path = f"{PAGE}{made[0].pk}/revoke/"

    assert signed_in.post(path).status_code == 302

    assert Caller(token=made[1]).get("/patients/").status_code == 401
    signed_in.post(path)
    assert AccessEvent.objects.filter(detail__endswith="revoked").count() == 1


def test_nobody_revokes_the_token_of_another(client, made, neurologist):
    assert confirmed(client, neurologist).post(f"{PAGE}{made[0].pk}/revoke/").status_code == 404
    assert Caller(token=made[1]).get("/patients/").status_code == 200


def test_a_user_without_a_role_may_have_a_token_that_opens_nothing(db):
    _, text = tokens.make_token(make_user("nobody"), name="x", days=1)

    assert Caller(token=text).get("/patients/").status_code == 403
