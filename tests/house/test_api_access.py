"""Who may do what on every address of the API, and how a refusal is said. One table serves pages and API."""

import pytest
from django.test import Client

from assessments.models import Assessment, Relapse
from patients.access import EVERY_ROLE, RULES, SIGNED_IN
from patients.models import AccessEvent, AccessKind, Membership, Patient, Role
from patients.tokens import make_token
from tests.calling import PROBLEM, V1, Caller, fields
from tests.factories import course, make_patient, make_user, relapse, visit
from tests.house.addresses import every_address, fill
from treatments.models import Course, Drug, Treatment
from treatments.services import record_treatments

pytestmark = pytest.mark.django_db
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


@pytest.fixture
def values(patient, clinician, centre):
    """Arguments of every address, all of the patient's centre."""
    ids = {
        "assessment": visit(patient, clinician, "2020-01-05", 3).pk,
        "relapse": relapse(patient, clinician, "2020-06-01").pk,
        "course": course(patient, clinician, "2020-03-02").pk,
        "treatment": record_treatments([Treatment(patient=patient, drug=Drug.INTERFERON_BETA)], by=clinician)[0].pk,
    }
    found = {"code": patient.code, ("api:centre-patients", "pk"): centre.pk}
    for name in RULES:
        for word, pk in ids.items():
            if name.startswith(f"api:{word}"):
                found[name, "pk"] = pk
    return found


def paths(values):
    addresses = [(name, arguments) for name, arguments in every_address() if name.startswith("api:")]
    return [(name, arguments, fill(name, arguments, values)) for name, arguments in addresses]


def counts():
    return [model.objects.count() for model in (Patient, Assessment, Relapse, Course, Treatment, Membership)]


def expected(name, method, roles, foreign):
    """(statuses that are right) of a signed-in user with these roles, in the own or a foreign centre."""
    rule = RULES[name]
    method = "GET" if method == "HEAD" else method

    def may(one):
        return rule[one] is SIGNED_IN or roles & rule[one]

    if method not in rule:
        return {405} if any(may(one) for one in rule) else {403}
    if not may(method):
        return {403}
    below = bool({"code", "pk"} & set(dict(every_address())[name]))
    if foreign and below:
        return {404}
    return {200} if method == "GET" else {400, 428}  # an empty body is refused by name, or for want of a version


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("who", "foreign"),
    [("clinician", False), ("clinician", True), ("admin", False), ("registry admin", False)],  # all: test_access.py
)
def test_every_cell_is_as_the_table_says(values, centre, other_centre, who, foreign):
    """By token, so that no cell can sign another one out. None of them saves anything."""
    if who == "registry admin":
        user = make_user("cell", is_registry_admin=True)
    else:
        place = None if who == "nobody" else other_centre if foreign else centre
        user = make_user("cell", centre=place, role=who)
    roles = {Role.ADMIN} if who == "registry admin" else set().union(*user.roles.values()) if user.roles else set()
    before, cells, wrong = counts(), 0, []
    api = Caller(token=make_token(user, name="test", days=1)[1])
    for name, _, path in paths(values):
        for method in METHODS:
            response = api(method, path.removeprefix(V1), None if method in ("GET", "HEAD") else {})
            right = expected(name, method, roles, foreign)
            cells += 1
            if response.status_code not in right:
                wrong.append((name, method, response.status_code, right))
            if response.status_code >= 400 and method != "HEAD" and response["Content-Type"] != PROBLEM:
                wrong.append((name, method, "is no problem"))
            if response.status_code == 405 and not response["Allow"]:
                wrong.append((name, method, "names no method"))
    print(f"{who}, {'foreign' if foreign else 'own'} centre: {cells} cells")
    assert wrong == []
    assert counts() == before


@pytest.mark.parametrize("method", METHODS)
def test_a_stranger_gets_401_and_is_told_how_to_come_in(values, method):
    for name, _, path in paths(values):
        response = Caller()(method, path.removeprefix(V1), {})
        assert response.status_code == 401, (name, method)
        assert response["WWW-Authenticate"].startswith("Bearer"), name
        assert response["Content-Type"] == PROBLEM, name
        assert response["Cache-Control"] == "no-store"


def test_the_table_names_only_methods_that_the_views_have(values, registry_admin):
    """A rule for a method that no view has would be a 405 of the framework."""
    for name, _, path in paths(values):
        for method in RULES[name]:
            response = Caller(registry_admin)(method, path.removeprefix(V1), None if method == "GET" else {})
            assert response.status_code != 405, (name, method)


def test_an_admin_here_may_not_write_here_though_a_clinician_there(values, centre, other_centre):
    user = make_user("mixed", centre=centre, role=Role.ADMIN)
    Membership.objects.create(user=user, centre=other_centre, role=Role.CLINICIAN)
    for name, arguments, path in paths(values):
        for method in set(RULES[name]) & {"POST", "PATCH"}:
            assert Caller(user)(method, path.removeprefix(V1), {}).status_code == 403, (name, arguments)


def test_lists_hold_only_the_centres_of_the_reader(values, outsider, other_centre, clinician):
    theirs = make_patient(other_centre, outsider, family_name="Theirs")
    visit(theirs, outsider, "2020-01-05", 5)
    for kind in ("assessments", "relapses", "courses", "treatments"):
        codes = {row["patient"] for row in Caller(outsider).get(f"/{kind}/").json()["results"]}
        assert codes <= {theirs.code}
        narrowed = Caller(outsider).get(f"/{kind}/?patient={values['code']}").json()
        assert narrowed["count"] == 0
    assert [row["code"] for row in Caller(outsider).get("/patients/").json()["results"]] == [theirs.code]
    assert [row["patient"] for row in Caller(outsider).get("/trajectories/").json()["results"]] == [theirs.code]
    assert [row["name"] for row in Caller(outsider).get("/centres/").json()["results"]] == [other_centre.name]
    foreign_centre = Patient.objects.get(code=values["code"]).centre_id
    assert Caller(outsider).get(f"/patients/?centre={foreign_centre}").json()["count"] == 0
    assert Caller(outsider).get(f"/trajectories/?centre={foreign_centre}").json()["count"] == 0


def test_who_read_which_patient_is_logged(values, admin, patient):
    api = Caller(admin)
    code = patient.code
    for path in (f"/patients/{code}/", f"/trajectories/{code}/", f"/assessments/?patient={code}"):
        assert api.get(path).status_code == 200
    api.get("/patients/")

    events = AccessEvent.objects.filter(user=admin, kind=AccessKind.READ).order_by("pk")
    assert list(events.values_list("page", "patient", "detail")) == [
        ("api:patient-detail", patient.pk, ""),
        ("api:trajectory-detail", patient.pk, ""),
        ("api:assessment-list", patient.pk, "1 rows"),
        ("api:patient-list", None, "1 rows"),
    ]


def test_a_session_needs_its_csrf_token(patient, clinician):
    api = Caller(clinician, enforce_csrf_checks=True)

    refused = api.post(f"/patients/{patient.code}/relapses/", {"onset": "2020-03-02"})

    assert (refused.status_code, refused["Content-Type"]) == (403, PROBLEM)
    assert not Relapse.objects.exists()
    assert api.get(f"/patients/{patient.code}/").status_code == 200


@pytest.mark.parametrize("path", ["/", "/nothing/", "/patients/a/b/c/", "/assessments/x/", "/assessments/-1/"])
def test_what_is_no_address_is_a_problem_too(clinician, path):
    response = Caller(clinician).get(path)

    assert response.status_code == 404
    assert fields(response) == set()


@pytest.mark.parametrize("path", ["/assessments/99999999999999999999999/", "/patients/%C3%A9/", "/patients/%20/"])
def test_an_id_that_nothing_has_is_not_found(clinician, path):
    response = Caller(clinician).get(path)

    assert (response.status_code, fields(response)) == (404, set())


def test_a_write_without_the_last_slash_is_told_so(patient, clinician):
    response = Caller(clinician).post(f"/patients/{patient.code}/relapses", {"onset": "2020-03-02"})

    assert response.status_code == 404
    assert "slash" in response.json()["detail"]


def test_pages_are_not_opened_by_what_opens_the_api(client, patient):
    assert Client().get(f"/patients/{patient.code}/", headers={"authorization": "Bearer x"}).status_code == 302


def test_the_table_has_only_roles_that_exist():
    for name, methods in RULES.items():
        if name.startswith("api:"):
            assert all(roles <= EVERY_ROLE or roles is SIGNED_IN for roles in methods.values()), name
