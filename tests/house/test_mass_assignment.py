"""Fields that a form does not have change nothing: every field of every model, to every address, as everybody.

Each body is sent twice to the same database, as a user would send it and with all model fields added. What it leaves
must be the same, row by row and column by column, and only in the tables named here.
"""

import re
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from django.apps import apps
from django.core.cache import cache
from django.db import models, transaction

from tests.house.test_access import ADDRESSES, TABLE
from tests.house.world import PEOPLE, body_of, send, world

__all__ = ["world"]  # a fixture
pytestmark = [pytest.mark.django_db, pytest.mark.matrix]

MOMENT, ID, DAY = "2001-02-03T04:05:06Z", UUID("deadbeef-dead-4ead-8ead-deadbeefdead"), "2001-02-03"
WORD = "hostile"
ASSESSMENT = {
    "day", "visit_type", "mode", "rater", "rater_name", "ambulation", "distance_m", "distance_unlimited", "aid",
    "observed", "edss_rater", "rater_reason", "incomplete_reason", "steroids_30_days", "fever",
    "fatigue_drove_cerebral", "note",
    *(f"{system}{end}" for end in ("", "_mark") for system in (
        "visual", "brainstem", "pyramidal", "cerebellar", "sensory", "bowel_bladder", "cerebral")),
}  # fmt: skip
RELAPSE = {"onset", "end", "systems", "severity", "recovery", "steroid", "hospital", "confirmed", "note"}
PATIENT = {"sex", "birth", "onset", "diagnosis", "participation", "family_name", "given_name", "local_number"}
ACCOUNT = {"User", "Membership"}
PRECISIONS = {f"{field}_precision" for field in ("birth", "onset", "diagnosis")}
REGISTERED = PATIENT | PRECISIONS | {"death", "death_precision", "death_cause", "participation_since"}
ASSESSED = ASSESSMENT | {"day_precision", "confirmed", "ambulation_scheme"}
TREATMENT = {"drug", "drug_name", "start", "start_precision", "stop", "stop_precision", "stop_reason", "note"}
COURSE = {"state", "rule_set", "planned_start", "note"}
# address: (fields of models that its form takes, tables that it may change); history and events come with them
MAY: dict[str, tuple[set[str], set[str]]] = {
    "account_login": (set(), set()),
    "account_logout": (set(), {"UserSession"}),
    "account_change_password": ({"password"}, {"User", "UserSession", "Attempts"}),
    "account_reauthenticate": ({"password"}, {"Attempts"}),
    "mfa_authenticate": (set(), set()),
    "mfa_reauthenticate": (set(), {"Authenticator", "Attempts"}),
    "mfa_activate_totp": (set(), set()),
    "mfa_deactivate_totp": (set(), {"Authenticator"}),
    "mfa_generate_recovery_codes": (set(), {"Authenticator"}),
    "usersessions_list": (set(), {"UserSession"}),
    "patients:session": (set(), set()),
    "patients:account_link": ({"password"}, {"User", "AccountLink", "UserSession", "ApiToken"}),
    "patients:patient_add": (PATIENT | {"centre"}, {"Patient", "Identity", "Consent", "Phenotype"}),
    "patients:patient_edit": (PATIENT | {"death", "death_cause", "participation_since"}, {"Patient", "Identity"}),
    "patients:consent_add": ({"decision", "day"}, {"Consent"}),
    "patients:phenotype_add": ({"kind", "activity", "since"}, {"Phenotype"}),
    "patients:user_invite": ({"name", "email"}, ACCOUNT | {"AccountLink"}),
    "patients:user": ({"name"}, ACCOUNT | {"UserSession"}),
    "patients:user_link": (set(), {"AccountLink"}),
    "patients:user_deactivate": (set(), {"User", "AccountLink", "UserSession", "ApiToken"}),
    "patients:user_reactivate": (set(), {"User"}),
    "patients:user_second_factor": (set(), {"Authenticator", "UserSession", "ApiToken"}),
    "patients:centre_add": ({"name", "time_zone", "synthetic"}, {"Centre"}),
    "patients:centre_edit": ({"name", "time_zone"}, {"Centre"}),
    "assessments:assessment_add": (ASSESSMENT, {"Assessment"}),
    "assessments:assessment_edit": (ASSESSMENT, {"Assessment"}),
    "assessments:assessment_score": (ASSESSMENT, set()),
    "assessments:assessment_void": (set(), {"Assessment"}),
    "assessments:relapse_add": (RELAPSE, {"Relapse"}),
    "assessments:relapse_edit": (RELAPSE, {"Relapse"}),
    "assessments:relapse_void": (set(), {"Relapse"}),
    "treatments:course_add": ({"state", "rule_set", "planned_start", "note"}, {"Course", "Infusion"}),
    "treatments:course_edit": ({"state", "rule_set", "planned_start", "note"}, {"Course", "Infusion"}),
    "treatments:course_void": (set(), {"Course", "Infusion"}),
    "treatments:treatment_add": ({"drug", "drug_name", "start", "stop", "stop_reason", "note"}, {"Treatment"}),
    "treatments:treatment_void": (set(), {"Treatment"}),
    "outcomes:patients": (set(), set()),
    "outcomes:outlook": (ASSESSMENT, set()),
    "outcomes:imports": (set(), set()),
    "outcomes:import": (set(), set()),
    "outcomes:quarantine": (set(), set()),
    "outcomes:export": ({"reason"}, set()),
    "patients:patient_erase": ({"reason", "code"}, {"Identity", "Patient", "Erasure"}),
    "patients:tokens": ({"name"}, {"ApiToken"}),
    "patients:token_revoke": (set(), {"ApiToken"}),
    "api:centre-patients": (REGISTERED, {"Patient", "Identity"}),
    "api:patient-detail": (REGISTERED, {"Patient", "Identity"}),
    "api:patient-consents": ({"decision", "day"}, {"Consent"}),
    "api:patient-phenotypes": ({"kind", "activity", "since", "since_precision"}, {"Phenotype"}),
    "api:patient-assessments": (ASSESSED, {"Assessment"}),
    "api:assessment-detail": (ASSESSED, {"Assessment"}),
    "api:patient-relapses": (RELAPSE | {"onset_precision", "end_precision"}, {"Relapse"}),
    "api:relapse-detail": (RELAPSE | {"onset_precision", "end_precision"}, {"Relapse"}),
    "api:patient-treatments": (TREATMENT, {"Treatment"}),
    "api:treatment-detail": (TREATMENT, {"Treatment"}),
    "api:patient-courses": (COURSE, {"Course", "Infusion"}),
    "api:course-detail": (COURSE, {"Course", "Infusion"}),
    **{f"api:{word}-void": (set(), {word.title()}) for word in ("assessment", "relapse", "treatment")},
    "api:course-void": (set(), {"Course", "Infusion"}),
}
BY_REGISTRY_ADMIN = {"is_registry_admin"}  # a field of the forms of users, for them only
ALWAYS = {"AccessEvent", "Submission", "Freshness"}  # who did what, which key, what is out of date now


def writing_addresses() -> list[tuple[str, tuple[str, ...], str]]:
    """Every address and method that takes a body from somebody."""
    return [
        (name, arguments, method)
        for name, arguments in ADDRESSES
        for method in ("POST", "PUT", "PATCH")
        if any(method in TABLE[name][who] for who in PEOPLE)
    ]


def test_every_address_that_takes_a_body_says_what_it_may_change():
    assert {name for name, _, _ in writing_addresses()} == set(MAY)


@pytest.fixture
def hostile(world) -> dict[str, str]:
    """Every field of every model, by both of its names, with a value that would do harm where it were taken."""
    found = {"pk": "1"}
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            value = harm(field, world)
            found |= {field.name: value, field.attname: value}
    return found


def harm(field: models.Field, world) -> str:
    if field.remote_field:
        other = {"Patient": world.patient.pk + 1, "Centre": world.there.pk, "User": world.users["registry_admin"].pk}
        return str(other.get(field.remote_field.model.__name__, 1))
    if field.choices:
        return str([value for value, _ in field.flatchoices][-1])
    if isinstance(field, models.EmailField):
        return "hostile@example.org"
    kinds = (
        (models.BooleanField, "on"), (models.DateTimeField, MOMENT), (models.DateField, DAY), (models.UUIDField, ID),
        (models.DecimalField, "9.5"), (models.JSONField, '["hostile"]'), (models.IntegerField, "770077"),
        (models.GenericIPAddressField, "203.0.113.66"),
    )  # fmt: skip
    return str(next((value for kind, value in kinds if isinstance(field, kind)), WORD))


HARM = {MOMENT, str(ID), DAY, WORD, "hostile@example.org", "9.5", "770077", '["hostile"]', "203.0.113.66"}
MADE = {
    "code",
    "token_hash",
    "session_key",
    "password",
    "digest",
    "answer",
    "data",
    "moments",
    "key",
    "id",
    "history_id",
}


def rows() -> dict[str, dict]:
    """The whole database: model to key to values."""
    return {
        model.__name__: {row["pk"]: row for row in model._base_manager.values("pk", *columns(model))}
        for model in apps.get_models()
        if model.__name__ != "Session"
    }


def columns(model) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def changes(before: dict, after: dict) -> list[str]:
    """Each row that is new, changed or gone, with what must be different in every run written as `made`."""
    new = {name: set(after[name]) - set(before[name]) for name in after}
    found = []
    for model in apps.get_models():
        name = model.__name__
        for key in {*before.get(name, {}), *after.get(name, {})}:
            old, now = before[name].get(key), after[name].get(key)
            if old != now:
                said = {f.attname: say(f, now[f.attname], new) for f in model._meta.concrete_fields} if now else "gone"
                found.append(f"{name} {'new' if old is None else key}: {said}")
    return sorted(found)


def say(field: models.Field, value, new: dict[str, set]) -> str:
    """A value for comparison. What the attack sent is always shown as it is."""
    plain = f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else str(value)
    if plain in HARM or any(word in plain for word in (WORD, str(ID))):
        return plain
    if field.remote_field and value in new.get(field.remote_field.model.__name__, ()):
        return "made"
    if value is not None and (isinstance(value, datetime) or field.attname in MADE):
        return "made"
    if isinstance(value, date | Decimal | int | float | bool):
        return str(value)
    return re.sub(r"\d+", "0", plain) if field.attname == "detail" else plain


def after_sending(world, user, name, arguments, method, body) -> tuple[int, list[str]]:
    cache.clear()  # the library remembers a used code there, which is not undone
    with transaction.atomic():
        response = send(world.client(user), name, method, world.path(name, arguments, user), body)
        left = changes(world.before, rows())
        transaction.set_rollback(True)
    return response.status_code, left


@pytest.mark.parametrize("who", PEOPLE)
def test_what_a_form_does_not_have_changes_nothing(world, hostile, who):
    user = world.users[who]
    world.before = rows()
    wrong = []
    for name, arguments, method in writing_addresses():
        own, tables = MAY[name]
        taken = own | (BY_REGISTRY_ADMIN if who == "registry_admin" and name.startswith("patients:user") else set())
        body = body_of(name, world, user)
        prefixes = {"", *(f"{field.partition('-')[0]}-" for field in body if field.partition("-")[1])}
        added = {f"{p}{field}": value for field, value in hostile.items() if field not in taken for p in prefixes}
        status, plain = after_sending(world, user, name, arguments, method, body)
        if name.startswith("api:"):
            added = not_refused(world, user, name, arguments, method, added, body)
        attacked_status, attacked = after_sending(world, user, name, arguments, method, fresh(added | body))
        if (status, plain) != (attacked_status, attacked):
            wrong.append((name, method, status, attacked_status, difference(plain, attacked)))
        touched = {line.partition(" ")[0] for line in plain} - ALWAYS
        outside = touched - tables - {f"Historical{table}" for table in tables}
        if outside or (method not in TABLE[name][who] and plain):
            wrong.append((name, method, "changes", outside or plain))
    assert wrong == []


def not_refused(world, user, name, arguments, method, added: dict, body: dict) -> dict:
    """What is left of the attack when every field that the API refuses by name has been taken out of it."""
    while added:
        with transaction.atomic():
            response = send(world.client(user), name, method, world.path(name, arguments, user), added | body)
            transaction.set_rollback(True)
        errors = response.json()["errors"] if response.status_code == 400 else []
        refused = {error["field"].partition(".")[0] for error in errors}
        if not refused & set(added):
            break
        added = {field: value for field, value in added.items() if field not in refused}
    return added


def fresh(body: dict) -> dict:
    """The same again: what was read of a file is read from its beginning."""
    for value in body.values():
        if hasattr(value, "seek"):
            value.seek(0)
    return body


def difference(plain: list[str], attacked: list[str]) -> list[str]:
    return [f"- {line}" for line in plain if line not in attacked] + [
        f"+ {line}" for line in attacked if line not in plain
    ]


def test_the_attack_is_noticed_where_a_form_takes_a_field_that_is_not_its_own(world, hostile, monkeypatch):
    """The test of the test: were `import_id` taken from the request, the comparison would show it."""
    from patients import services

    register = services.register
    world.before = rows()
    doctor = world.users["clinician"]
    body = body_of("patients:patient_add", world, doctor)

    def careless(patient, **options):
        patient.import_id = ID
        return register(patient, **options)

    plain = after_sending(world, doctor, "patients:patient_add", (), "POST", body)
    monkeypatch.setattr(services, "register", careless)
    attacked = after_sending(world, doctor, "patients:patient_add", (), "POST", body)

    assert plain[0] == attacked[0] == 302
    assert any(str(ID) in line for line in difference(plain[1], attacked[1]))
