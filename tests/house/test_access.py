"""Who may do what, on every address of the pages and the API, by every method, for everybody, in both centres.

The addresses come from the URL configuration, what is expected from the reviewed table tests/golden/access-matrix.csv.
A new address without a line there, or without a rule, fails. Every cell is undone, so none poisons the next. What is
refused may not even try to write; what is allowed is sent as a user would send it, and must save.
"""

import re

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from patients.access import ANYBODY, EVERY_ROLE, REGISTRY_ADMIN, RULES, SIGNED_IN, TREATING
from patients.models import Membership, Role
from tests.factories import make_patient, make_user
from tests.house import matrix
from tests.house.addresses import every_address, fill
from tests.house.world import PEOPLE, ROLES, body_of, send, world

__all__ = ["world"]  # a fixture
pytestmark = pytest.mark.django_db

# of the sign-in library, not used: no rule, so refused for everybody
UNUSED = {
    "account_confirm_email", "account_confirm_login_code", "account_email", "account_email_verification_sent",
    "account_reset_password", "account_reset_password_done", "account_reset_password_from_key",
    "account_reset_password_from_key_done", "account_set_password", "account_signup",
}  # fmt: skip
ADDRESSES = [(name, arguments) for name, arguments in every_address() if name not in UNUSED]
TABLE = matrix.table()
GOOD = {200, 201, 204, 302}
# a good POST that leaves nothing but an access event: it signs in who is signed in, looks, calculates, or keeps a file
SAVES_NOTHING = {
    "account_login", "account_logout", "account_reauthenticate", "assessments:assessment_score", "mfa_activate_totp",
    "mfa_authenticate", "outcomes:export", "outcomes:import", "outcomes:imports", "outcomes:outlook",
    "outcomes:patients", "outcomes:quarantine", "patients:session", "usersessions_list",
}  # fmt: skip


def test_every_address_has_a_rule_and_a_line_in_the_reviewed_table():
    named = {name for name, _ in ADDRESSES}

    assert named - set(RULES) == set(), "no rule in patients/access.py"
    assert named - set(TABLE) == set(), "no line in tests/golden/access-matrix.csv"


def test_every_rule_and_every_line_has_an_address():
    named = {name for name, _ in ADDRESSES}

    assert (set(RULES) | set(TABLE)) - named == set()
    assert {name for name, _ in every_address()} >= UNUSED


def people_of(roles) -> set[str]:
    """Whom a rule lets in, by the words of the table."""
    if roles == ANYBODY:
        return {"anonymous", *PEOPLE}
    if roles == SIGNED_IN:
        return set(PEOPLE)
    if roles == REGISTRY_ADMIN:
        return {"registry_admin"}
    return set(roles) | ({"registry_admin"} if Role.ADMIN in roles else set())


@pytest.mark.parametrize("name", sorted(RULES))
def test_the_rules_say_what_the_reviewed_table_says(name):
    said = {who: {method for method in RULES[name] if who in people_of(RULES[name][method])} for who in TABLE[name]}

    assert {who: methods - {"HEAD"} for who, methods in TABLE[name].items() if who != "record"} == {
        who: methods for who, methods in said.items() if who != "record"
    }


CHANGE = re.compile(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM) \"(\w+)\"")


class Writes:
    """The tables that a request changes, but for the session that every request may touch."""

    def __init__(self):
        self.found = []

    def __call__(self, execute, sql, params, many, context):
        if change := CHANGE.match(sql):
            self.found += [change[1]] if change[1] != "django_session" else []
        return execute(sql, params, many, context)


def cells(world, user, wanted) -> None:
    """Try each (name, arguments, method, expected); all that is not as it should be is told together."""
    wrong = []
    for name, arguments, method, expected in wanted:
        try:
            cell(world, name, arguments, method, user, expected=expected)
        except AssertionError as error:
            wrong.append(str(error).splitlines()[0])
    assert wrong == []


def refusal(name, method, user) -> int:
    """403; of the API, 405 to who may use the address by another method, where nobody may by this one."""
    anybody = any(method in TABLE[name][who] for who in PEOPLE)
    usable = any(TABLE[name][who] for who in roles_of(user))
    return 405 if name.startswith("api:") and usable and not anybody else 403


def roles_of(user) -> set[str]:
    held = {role for roles in user.roles.values() for role in roles} | {"nobody"}
    return held | ({"registry_admin"} if user.is_registry_admin else set())


def cell(world, name, arguments, method, user, *, expected) -> None:
    """One request in a transaction that is undone. `expected`: `stranger`, `refused`, `hidden` or `allowed`."""
    path = world.path(name, arguments, user)
    writes = Writes()
    with transaction.atomic():
        body = body_of(name, world, user or world.target)
        with connection.execute_wrapper(writes):
            response = send(world.client(user), name, method, path, body)
        transaction.set_rollback(True)
    place = (name, method, user and user.email, expected, response.status_code)
    matrix.counted["cells"] += 1
    if expected == "allowed":
        assert response.status_code in GOOD, place
        if method not in ("GET", "HEAD", "OPTIONS") and name not in SAVES_NOTHING:
            assert set(writes.found) - {"patients_accessevent"}, (*place, "saved nothing")
        return
    matrix.counted["refused"] += 1
    assert writes.found == [], (*place, writes.found)
    if expected == "stranger" and name.startswith("api:"):
        assert (response.status_code, response["Content-Type"]) == (401, "application/problem+json"), place
    elif expected == "stranger":
        assert response.status_code == 302, place
        assert response["Location"].startswith("/account/login/"), place
    else:
        right = 404 if expected == "hidden" else refusal(name, method, user)
        assert response.status_code == right, (*place, right)


@pytest.mark.matrix
@pytest.mark.parametrize("who", ["anonymous", "deactivated", *PEOPLE])
def test_each_cell_in_the_own_centre(world, who):
    user = world.users.get(who)
    if who == "deactivated":  # an admin and clinician of here, until a moment ago
        user = world.users["admin"]
        Membership.objects.create(user=user, centre=world.here, role=Role.CLINICIAN)
        type(user).objects.filter(pk=user.pk).update(is_active=False)
    column = "anonymous" if who == "deactivated" else who
    outside = "stranger" if column == "anonymous" else "refused"
    wanted = (
        (name, arguments, method, "allowed" if method in TABLE[name][column] else outside)
        for name, arguments in ADDRESSES
        for method in matrix.TRIED
    )
    cells(world, user, wanted)


@pytest.mark.matrix
@pytest.mark.parametrize("role", ROLES)
def test_each_cell_in_another_centre(world, role):
    """The same role there opens nothing here: a record of here cannot be told from one that does not exist."""
    wanted = (
        (name, arguments, method, "hidden" if method in TABLE[name][role] else "refused")
        for name, arguments in ADDRESSES
        if TABLE[name]["record"]
        for method in matrix.TRIED
    )
    cells(world, world.foreign[role], wanted)


@pytest.mark.matrix
@pytest.mark.parametrize("role", [Role.CLINICIAN, Role.NEUROLOGIST])
def test_an_admin_here_is_no_clinician_here_by_being_one_elsewhere(world, role):
    """A role counts where it is held: the address is open, the record is seen, and the act is refused."""
    user = world.users["admin"]
    Membership.objects.create(user=user, centre=world.there, role=role)
    own = [(name, arguments) for name, arguments in ADDRESSES if TABLE[name]["record"]]
    wanted = [
        (*address, method, "refused")
        for address in own
        for method in ("POST", "PATCH")
        if RULES[address[0]].get(method) == TREATING
    ]
    cells(world, user, wanted)


@pytest.mark.matrix
def test_a_child_of_another_patient_is_not_found(world):
    doctor = world.users["clinician"]
    other = make_patient(world.here, doctor, family_name="Other", local_number="2")
    client = world.client(doctor)
    for name, arguments in ADDRESSES:
        if {"code", "pk"} <= set(arguments):
            path = fill(name, arguments, world.values(name) | {"code": other.code})
            for method in TABLE[name]["clinician"]:
                assert send(client, name, method, path, {}).status_code == 404, (name, method)


def test_unused_addresses_are_refused_even_when_signed_in(client, neurologist):
    client.force_login(neurologist)
    for name, arguments in every_address():
        if name in UNUSED:
            path = fill(name, arguments, {"key": "abc", "uidb36": "1"})
            assert client.get(path).status_code == 403, name
            assert client.post(path).status_code == 403, name


def test_a_stranger_is_sent_to_the_sign_in_page(world):
    wanted = [(*address, method, "stranger") for address in ADDRESSES for method in ("GET", "POST")]
    cells(world, None, [one for one in wanted if one[2] not in TABLE[one[0]]["anonymous"]])


def test_a_deactivated_user_is_out_at_once(client, clinician, patient):
    client.force_login(clinician)
    assert client.get(f"/patients/{patient.code}/").status_code == 200
    clinician.is_active = False
    clinician.save()

    assert client.get(f"/patients/{patient.code}/").status_code == 302


def test_a_stranger_gets_no_part_of_a_page_but_the_way_to_the_sign_in(patient):
    answer = Client().post(reverse("outcomes:outlook", args=[patient.code]), headers={"hx-request": "true"})

    assert (answer.status_code, answer["HX-Redirect"]) == (401, "/account/login/")


def test_a_change_of_state_needs_the_token_of_the_page(world):
    """Every POST of a page, by who may: without the token it is refused and writes nothing."""
    for name, arguments in ADDRESSES:
        who = next((who for who in (*ROLES, "registry_admin") if "POST" in TABLE[name][who]), None)
        if not who or name.startswith("api:"):
            continue
        client = Client(enforce_csrf_checks=True)
        client.cookies["sessionid"] = world.cookies[world.users[who].pk]
        writes = Writes()
        with connection.execute_wrapper(writes):
            answer = client.post(world.path(name, arguments, world.users[who]), body_of(name, world, world.users[who]))
        assert (answer.status_code, writes.found) == (403, []), name


def test_the_table_knows_only_roles_that_exist():
    known = EVERY_ROLE | SIGNED_IN | ANYBODY
    for methods in RULES.values():
        for roles in methods.values():
            assert roles <= known


def test_a_rule_that_is_widened_by_mistake_is_noticed(monkeypatch):
    """The test of the tests: the table is not made from the rules."""
    monkeypatch.setitem(RULES, "patients:users", {"GET": EVERY_ROLE})

    with pytest.raises(AssertionError):
        test_the_rules_say_what_the_reviewed_table_says("patients:users")


def test_a_role_has_its_users(world):
    assert set(world.users) == set(PEOPLE)
    assert make_user("again").roles == {}
