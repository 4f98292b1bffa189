"""Who may do what, on every address: a stranger and a user of another centre are refused everywhere.

The cells are made from the URL configuration and the rules table, so a new address without a rule fails here.
"""

import uuid

import pytest
from django.test import Client

from assessments.models import Assessment, Relapse
from outcomes.models import ImportBatch
from patients.access import EVERY_ROLE, PUBLIC, RULES, SIGNED_IN, TREATING
from patients.models import Membership, Role
from tests.factories import course, make_user, relapse, visit
from tests.house.addresses import every_address, fill
from treatments.models import Course, Drug, Treatment
from treatments.services import record_treatments

pytestmark = pytest.mark.django_db

# of the sign-in library, not used: no rule, so refused for everybody
UNUSED = {
    "account_confirm_email", "account_confirm_login_code", "account_email", "account_email_verification_sent",
    "account_reset_password", "account_reset_password_done", "account_reset_password_from_key",
    "account_reset_password_from_key_done", "account_set_password", "account_signup",
}  # fmt: skip
NUMBERS = (
    "rows", "new", "edss_from_file", "edss_calculated", "incomplete", "already", "listed", "patients_new",
    "patients_known", "relapses_new", "relapses_already", "relapses_close",
)  # fmt: skip
EMPTY = {**dict.fromkeys(NUMBERS, 0), "set_aside": {}, "left_out": {}, "warnings": {}}  # counts of an import


@pytest.fixture
def values(patient, clinician, admin, centre):
    """Arguments of every address, all of the patient's centre."""
    visited = visit(patient, clinician, "2020-01-05", 3)
    relapsed = relapse(patient, clinician, "2020-06-01")
    given = course(patient, clinician, "2020-03-02")
    drug = record_treatments([Treatment(patient=patient, drug=Drug.INTERFERON_BETA)], by=clinician)[0]
    batch = ImportBatch.objects.create(
        centre=centre, by=admin, file_name="a", sha256="0" * 64, mapping={}, counts=EMPTY
    )
    found = {"code": patient.code, "token": "x" * 43, "key": "x", "uidb36": "x"}
    for name in RULES:
        if name.startswith("assessments:assessment"):
            found[name, "pk"] = visited.pk
        elif name.startswith("assessments:relapse"):
            found[name, "pk"] = relapsed.pk
        elif name.startswith("treatments:course"):
            found[name, "pk"] = given.pk
        elif name.startswith("treatments:treatment"):
            found[name, "pk"] = drug.pk
        elif name.startswith("patients:user"):
            found[name, "pk"] = clinician.pk
        elif name.startswith("patients:centre"):
            found[name, "pk"] = centre.pk
        elif name.startswith("outcomes:import"):
            found[name, "pk"] = batch.pk
    return found


def paths(values):
    found = []
    for name, arguments in every_address():
        if name in UNUSED or name.startswith("api:"):  # those of the API: test_api_access.py
            continue
        try:
            found.append((name, fill(name, arguments, values)))
        except Exception:
            found.append((name, fill(name, arguments, {**values, "pk": uuid.uuid4()})))
    return found


def test_every_address_has_a_rule_or_is_public_or_unused():
    named = {name for name, _ in every_address()}
    open_ones = named - set(RULES) - PUBLIC - UNUSED

    assert open_ones == set()


def test_every_rule_has_an_address():
    assert (set(RULES) | PUBLIC | UNUSED) - {name for name, _ in every_address()} == set()


def test_unused_addresses_are_refused_even_when_signed_in(client, neurologist):
    client.force_login(neurologist)
    for name, arguments in every_address():
        if name in UNUSED:
            path = fill(name, arguments, {"key": "abc", "uidb36": "1"})
            assert client.get(path).status_code == 403, name
            assert client.post(path).status_code == 403, name


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_a_stranger_is_sent_to_the_sign_in_page(values, method):
    for name, path in paths(values):
        if name in PUBLIC:
            continue
        response = getattr(Client(), method)(path)
        assert response.status_code == 302, (name, method, response.status_code)
        assert response["Location"].startswith("/account/login/"), name


def roles_of(user):
    return {role for roles in user.roles.values() for role in roles}


@pytest.mark.matrix
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
@pytest.mark.parametrize("who", ["clinician", "neurologist", "admin", "nobody"])
def test_each_role_in_its_own_centre(values, centre, who, method):
    """Allowed by the table: anything but a refusal. Not in the table: 403. Each cell has its own sign-in."""
    user = make_user(f"cell{who}", centre=None if who == "nobody" else centre, role=who)
    rows_before = counts()
    cells = 0
    for name, path in paths(values):
        if name in PUBLIC:
            continue
        client = Client()
        client.force_login(user)
        response = getattr(client, method)(path)
        allowed = RULES[name].get(method.upper(), frozenset())
        cells += 1
        if allowed is SIGNED_IN or roles_of(user) & allowed:
            assert response.status_code not in (401, 403, 405, 500), (name, method, who, response.status_code)
        else:
            assert response.status_code == 403, (name, method, who, response.status_code)
    print(f"{who} {method}: {cells} cells")
    assert counts() == rows_before  # an empty post saves nothing


def counts():
    return [model.objects.count() for model in (Assessment, Relapse, Course, Treatment, Membership)]


@pytest.mark.matrix
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("role", list(Role))
def test_a_user_of_another_centre_cannot_tell_that_a_record_exists(values, other_centre, role, method):
    user = make_user("foreign", centre=other_centre, role=role)
    for name, path in paths(values):
        if name in PUBLIC or not any(argument in ("code", "pk") for argument in dict(every_address())[name]):
            continue
        allowed = RULES[name].get(method.upper(), frozenset())
        if allowed is SIGNED_IN:  # of one's own account, not of a centre
            continue
        client = Client()
        client.force_login(user)
        response = getattr(client, method)(path)
        expected = 404 if allowed & {role} else 403
        assert response.status_code == expected, (name, method, role, response.status_code)


def test_an_admin_here_is_nobody_in_the_other_centre(values, centre, other_centre, patient):
    """A role counts where it is held: clinician of the other centre, admin here, may not write here."""
    user = make_user("mixed", centre=centre, role=Role.ADMIN)
    Membership.objects.create(user=user, centre=other_centre, role=Role.CLINICIAN)
    for name, path in paths(values):
        rule = RULES.get(name, {})
        if rule.get("POST") is TREATING and "code" in dict(every_address())[name]:
            client = Client()
            client.force_login(user)
            assert client.post(path).status_code == 403, name


def test_a_child_of_another_patient_is_not_found(client, clinician, values, centre):
    from tests.factories import make_patient

    other = make_patient(centre, clinician, family_name="Other", local_number="2")
    client.force_login(clinician)
    for name, arguments in every_address():
        if "code" in arguments and "pk" in arguments:
            path = fill(name, arguments, {**values, "code": other.code})
            assert client.get(path).status_code == 404, name


def test_a_deactivated_user_is_out_at_once(client, clinician, patient):
    client.force_login(clinician)
    assert client.get(f"/patients/{patient.code}/").status_code == 200
    clinician.is_active = False
    clinician.save()

    assert client.get(f"/patients/{patient.code}/").status_code == 302


def test_the_table_knows_only_roles_that_exist():
    known = EVERY_ROLE | SIGNED_IN
    for methods in RULES.values():
        for roles in methods.values():
            assert roles <= known
