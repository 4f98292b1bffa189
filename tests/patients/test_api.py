"""Patients by API: registered in a centre, changed, with names only for those who may see them."""

from datetime import date

import pytest

from patients import services, writing
from patients.models import AccessEvent, Consent, Identity, Patient, Submission
from tests.calling import Caller, fields, key
from tests.factories import make_patient, visit

pytestmark = pytest.mark.django_db
NEW = {
    "sex": "male",
    "birth": "1980-05-01",
    "family_name": "Beispiel",
    "given_name": "Max",
    "local_number": "4711-XY",
}


@pytest.fixture
def api(clinician):
    return Caller(clinician)


@pytest.fixture
def into(centre):
    return f"/centres/{centre.pk}/patients/"


def test_a_patient_is_registered_with_consent_and_course_of_ms(api, into, centre, clinician):
    sent = NEW | {
        "onset": "2010-01-01", "onset_precision": "year",
        "consent": {"decision": "given", "day": "2020-01-05"},
        "phenotype": {"kind": "RRMS", "since": "2010-03-01", "since_precision": "month"},
    }  # fmt: skip

    response = api.post(into, sent)

    assert response.status_code == 201, response.content
    body = response.json()
    stored = Patient.objects.get()
    assert (body["code"], body["centre"]["id"], body["family_name"]) == (stored.code, centre.pk, "Beispiel")
    assert body["consents"][0]["decision"] == "given"
    assert body["phenotypes"][0]["since_precision"] == "month"
    assert stored.created_by == clinician
    assert api.get(f"/patients/{stored.code}/").json() == body


WRONG = (
    [
        ({"birth": "2999-01-01"}, "birth"), ({"onset": "1970-01-01"}, "onset"), ({"sex": "x"}, "sex"),
        ({"death": "2020-01-01"}, "death_cause"), ({"death_cause": "ms"}, "death"), ({"colour": 1}, "colour"),
        ({"birth": "1980-05-02", "birth_precision": "month"}, "birth"), ({"code": "MS-1"}, "code"),
        ({"consent": {"decision": "given"}}, "consent.day"), ({"consent": {"decision": "given", "day": "2999-01-01"}},
        "consent.day"), ({"phenotype": {"kind": "RRMS", "since": "1950-01-01"}}, "phenotype.since"),
        ({"phenotype": {"kind": "?"}}, "phenotype.kind"), ({"centre": 1}, "centre"), ({"participation": "yes"},
        "participation"), ({"consent": []}, "consent"), ({"consent": None}, "consent"),
        ({"family_name": "x" * 81}, "family_name"), ({"family_name": 5}, "family_name"),
    ]
)  # fmt: skip


def test_what_is_wrong_is_named(api, into):
    for more, named in WRONG:
        response = api.post(into, NEW | more)

        assert response.status_code == 400, more
        assert fields(response) == {named}, more
    assert not Patient.objects.exists()


def test_somebody_alike_is_registered_only_when_it_is_said_to_be_another(api, into, centre, clinician):
    known = make_patient(centre, clinician, family_name="Beispiel", given_name="Max", birth="1980-05-01", sex="male")
    alike = NEW | {"local_number": "78"}

    refused = api.post(into, alike)

    assert fields(refused) == {"another_person"}
    assert known.code in refused.json()["detail"] + str(refused.json()["errors"])
    assert AccessEvent.objects.filter(patient=known, page="api:centre-patients").exists()
    assert api.post(into, alike | {"another_person": True}).status_code == 201


def test_a_local_number_in_use_is_named(api, into):
    api.post(into, NEW)

    assert fields(api.post(into, NEW | {"another_person": True})) == {"local_number"}


def test_a_repeated_registration_is_the_same_patient_and_no_duplicate(api, into):
    one = key()
    first = api.post(into, NEW, idempotency_key=one)

    again = api.post(into, NEW, idempotency_key=one)

    assert (again.status_code, again.json(), again["Idempotency-Replayed"]) == (201, first.json(), "true")
    assert Patient.objects.count() == 1


def test_the_kept_answer_holds_no_name(api, into):
    api.post(into, NEW, idempotency_key=key())

    assert "Beispiel" not in Submission.objects.get().answer
    assert "4711" not in Submission.objects.get().answer


def test_answers_are_forgotten_after_a_week(api, into):
    api.post(into, NEW, idempotency_key=key())
    assert writing.purge() == 0
    Submission.objects.update(at=Submission.objects.get().at - writing.KEPT)

    assert writing.purge() == 1


def test_a_change_keeps_what_is_not_sent(api, patient):
    path = f"/patients/{patient.code}/"

    changed = api.patch(path, {"given_name": "Erna", "onset": "2005-01-01", "reason": "letter"}, if_match='"1"')

    assert changed.status_code == 200, changed.content
    body = changed.json()
    assert (body["given_name"], body["family_name"], body["birth"]) == ("Erna", "Muster", "1985-03-02")
    assert (body["row_version"], changed["ETag"]) == (2, '"2"')
    assert Identity.objects.get().search_text.startswith("erna muster")
    stale = api.patch(path, {"sex": "male", "reason": "x"}, if_match='"1"')
    assert (stale.status_code, stale.json()["current"]) == (409, body)
    assert api.patch(path, {"sex": "male", "reason": "x"}).status_code == 428
    assert fields(api.patch(path, {"sex": "male"}, if_match='"2"')) == {"reason"}


def test_a_change_of_facts_alone_leaves_the_identity(api, patient):
    before = AccessEvent.objects.filter(kind="identity").count()

    api.patch(f"/patients/{patient.code}/", {"sex": "other", "reason": "x"}, if_match='"1"')

    assert AccessEvent.objects.filter(kind="identity").count() == before


@pytest.mark.parametrize(
    ("path", "record", "changed"),
    [
        ("treatments", {"drug": "natalizumab", "start": "2019-03-02"}, {"death": "2019-03-01", "death_cause": "other"}),
        ("relapses", {"onset": "2019-02-02", "end": "2019-03-02"}, {"death": "2019-03-01", "death_cause": "other"}),
        ("phenotypes", {"kind": "SPMS", "since": "2019-03-02"}, {"death": "2019-03-01", "death_cause": "other"}),
        ("consents", {"decision": "given", "day": "2001-03-02"}, {"birth": "2001-03-03"}),
    ],
)
def test_birth_and_death_do_not_move_past_a_record(api, patient, path, record, changed):
    made = api.post(f"/patients/{patient.code}/{path}/", record)
    assert made.status_code == 201, made.content
    url = f"/patients/{patient.code}/"
    version = api.get(url).json()["row_version"]

    response = api.patch(url, {**changed, "reason": "letter"}, if_match=f'"{version}"')

    assert response.status_code == 400, response.content
    assert fields(response) == {next(iter(changed))}


def test_a_consent_lies_after_the_birth(api, patient):
    version = api.get(f"/patients/{patient.code}/").json()["row_version"]
    born = api.patch(f"/patients/{patient.code}/", {"birth": "1980-05-03", "reason": "x"}, if_match=f'"{version}"')
    assert born.status_code == 200, born.content

    response = api.post(f"/patients/{patient.code}/consents/", {"decision": "given", "day": "1980-05-02"})

    assert fields(response) == {"day"}


def test_a_death_before_a_visit_is_refused_by_the_same_rule(api, patient, clinician):
    visit(patient, clinician, "2020-01-05", 3)

    response = api.patch(
        f"/patients/{patient.code}/",
        {"death": "2019-01-01", "death_cause": "other", "reason": "x"},
        if_match='"1"',
    )

    assert fields(response) == {"death"}


def test_names_are_for_those_who_treat(admin, registry_admin, patient, neurologist):
    for user, name in ((admin, None), (registry_admin, None), (neurologist, "Muster")):
        for body in (
            Caller(user).get(f"/patients/{patient.code}/").json(),
            Caller(user).get("/patients/").json()["results"][0],
        ):
            assert (body["family_name"], body["code"]) == (name, patient.code)


def test_consent_and_course_of_ms_are_added(api, patient):
    below = f"/patients/{patient.code}"
    one = key()
    for _ in range(2):
        added = api.post(f"{below}/consents/", {"decision": "withdrawn", "day": "2021-01-05"}, idempotency_key=one)
        assert added.status_code == 201, added.content
    assert Consent.objects.count() == 1
    assert fields(api.post(f"{below}/consents/", {"decision": "given", "day": "2999-01-01"})) == {"day"}
    assert api.post(f"{below}/phenotypes/", {"kind": "SPMS"}).status_code == 201
    assert fields(api.post(f"{below}/phenotypes/", {"kind": "SPMS", "since": "1950-01-01"})) == {"since"}


def test_lists_of_patients_filter_by_fixed_words(api, patient, centre, clinician):
    make_patient(centre, clinician, local_number="2", family_name="Other", sex="male", participation="withdrawn")

    assert api.get("/patients/?sex=male&participation=withdrawn").json()["count"] == 1
    assert api.get(f"/patients/?centre={centre.pk}&ordering=-created").json()["count"] == 2
    for query, named in (("?family_name=M", "family_name"), ("?sex=x", "sex"), ("?ordering=birth", "ordering")):
        assert fields(api.get(f"/patients/{query}")) == {named}


def test_a_list_asks_as_much_for_many_as_for_one(
    api, patient, centre, clinician, django_assert_num_queries, django_assert_max_num_queries
):
    for number in range(4):
        person = make_patient(centre, clinician, local_number=str(number), family_name=f"P{number}")
        Consent.objects.create(patient=person, decision="given", day="2020-01-01")
    with django_assert_max_num_queries(12) as one:
        api.get("/patients/?page_size=1")
    with django_assert_num_queries(len(one)):
        assert len(api.get("/patients/").json()["results"]) == 5


def test_nobody_registers_in_a_centre_where_they_do_not_treat(into, admin, outsider, registry_admin):
    assert Caller(admin).post(into, NEW).status_code == 403
    assert Caller(registry_admin).post(into, NEW).status_code == 403
    assert Caller(outsider).post(into, NEW).status_code == 404
    assert not Patient.objects.exists()


@pytest.mark.parametrize("name", ["ß" * 80, "각" * 80, "ﷺ" * 40])
def test_a_name_whose_letters_unfold_is_kept_and_found(api, centre, name):
    made = api.post(f"/centres/{centre.pk}/patients/", {"sex": "male", "family_name": name, "given_name": name})

    assert made.status_code == 201, made.content
    assert made.json()["family_name"] == name
    assert len(Identity.objects.get(patient__code=made.json()["code"]).search_text) <= 240


def test_a_conflict_shows_a_record_and_is_noted(api, patient):
    before = AccessEvent.objects.filter(patient=patient, kind="read").count()

    refused = api.patch(f"/patients/{patient.code}/", {"sex": "male", "reason": "x"}, if_match='"99"')

    assert refused.status_code == 409
    assert AccessEvent.objects.filter(patient=patient, kind="read").count() == before + 1


def test_a_replayed_answer_is_noted_as_read_again(api, centre, patient):
    once = key()
    made = api.post(f"/centres/{centre.pk}/patients/", {"sex": "male", "family_name": "Neu"}, idempotency_key=once)
    consent = {"decision": "given", "day": "2020-01-02"}
    below = f"/patients/{made.json()['code']}/consents/"
    api.post(below, consent, idempotency_key=once[::-1])
    reads = AccessEvent.objects.filter(patient__code=made.json()["code"], kind="read")
    before = reads.count()

    api.post(f"/centres/{centre.pk}/patients/", {"sex": "male", "family_name": "Neu"}, idempotency_key=once)

    assert reads.count() == before + 1


def test_an_old_contradiction_does_not_keep_other_facts_from_being_changed(api, patient):
    Consent.objects.create(patient=patient, decision="given", day=date(1916, 1, 1))
    Patient.objects.filter(pk=patient.pk).update(birth=date(1980, 1, 1))
    url = f"/patients/{patient.code}/"

    def change(**fields):
        version = api.get(url).json()["row_version"]
        return api.patch(url, {**fields, "reason": "x"}, if_match=f'"{version}"')

    assert change(family_name="Neu").status_code == 200
    assert fields(change(birth="1981-01-01")) == {"birth"}


@pytest.mark.parametrize("value", ["%20", "%0a", "{code}%20", "%20{code}"])
def test_a_filter_with_blanks_is_refused_not_left_out(api, patient, value):
    for path in ("assessments", "trajectories"):
        assert fields(api.get(f"/{path}/?patient={value.format(code=patient.code)}")) == {"patient"}


def test_after_an_erasure_the_fields_that_were_sent_are_named(api, patient, admin):
    services.erase_identity(patient, by=admin, reason="letter")
    version = api.get(f"/patients/{patient.code}/").json()["row_version"]

    refused = api.patch(f"/patients/{patient.code}/", {"given_name": "E", "reason": "x"}, if_match=f'"{version}"')

    assert fields(refused) == {"given_name"}
