"""Registering and amending a patient, through the pages."""

import uuid
from datetime import date, timedelta

import pytest
from django.urls import reverse

from patients.models import AccessEvent, Consent, Identity, Membership, Patient, Phenotype, Role
from tests.factories import course, make_patient, make_user, visit

ADD = reverse("patients:patient_add")
NEW = {
    "sex": "female",
    "family_name": "Okafor",
    "given_name": "Ada",
    "local_number": "N-17",
    "birth": "1980-05",
    "onset": "2001",
    "diagnosis": "2003-02-04",
    "participation": "enrolled",
    "phenotype_kind": "RRMS",
    "phenotype_since": "2001",
    "consent_decision": "given",
    "consent_day": "2024-02-03",
}


def new(centre, /, **fields):
    return {"submission": str(uuid.uuid4()), **NEW, "centre": centre.pk} | fields


def edit(patient, **fields):
    """What the page of this patient would post back, with these fields changed."""
    kept = {
        "submission": str(uuid.uuid4()),
        "row_version": patient.row_version,
        "sex": patient.sex,
        "participation": "enrolled",
        "family_name": "Muster",
        "given_name": "Erika",
        "birth": "1985-03-02",
        "reason": "typing error",
    }
    return kept | fields


@pytest.fixture
def as_clinician(client, clinician):
    client.force_login(clinician)
    return client


def test_a_patient_is_registered_with_everything_that_was_typed(as_clinician, clinician, centre):
    response = as_clinician.post(ADD, new(centre))

    patient = Patient.objects.get()
    assert response.status_code == 302
    assert response["Location"] == reverse("outcomes:patient", args=[patient.code])
    assert (patient.birth, patient.birth_precision) == (date(1980, 5, 1), "month")
    assert (patient.onset, patient.onset_precision) == (date(2001, 1, 1), "year")
    assert patient.identity.full_name == "Ada Okafor"
    assert Consent.objects.get().day == date(2024, 2, 3)
    assert Phenotype.objects.get().created_by == clinician
    assert patient.history.get().history_user == clinician
    assert Consent.history.get().history_user == clinician


def test_an_empty_form_names_what_is_missing_and_saves_nothing(as_clinician):
    response = as_clinician.post(ADD, {})

    assert response.status_code == 200
    assert "stop the save" in response.content.decode()
    assert Patient.objects.count() == 0


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"birth": "02/03/1985"}, "birth"),
        ({"birth": "1985-02-30"}, "birth"),
        ({"birth": "1899"}, "birth"),
        ({"birth": "2190", "onset": "", "diagnosis": "", "phenotype_since": ""}, "birth"),
        ({"onset": "1979"}, "onset"),
        ({"diagnosis": "1979-01-01"}, "diagnosis"),
        ({"sex": "robot"}, "sex"),
        ({"consent_day": ""}, "consent_day"),
        ({"consent_day": "2024-02"}, "consent_day"),
        ({"consent_decision": ""}, "consent_decision"),
        ({"consent_day": "2190-01-01"}, "consent_day"),
        ({"phenotype_kind": ""}, "phenotype_kind"),
        ({"phenotype_since": "1970"}, "phenotype_since"),
        ({"phenotype_since": "2190"}, "phenotype_since"),
        ({"family_name": "x" * 81}, "family_name"),
        ({"submission": "junk"}, "submission"),
        ({"centre": "999999"}, "centre"),
    ],
)
def test_what_cannot_be_true_is_an_error_of_its_field_and_nothing_typed_is_lost(as_clinician, centre, typed, field):
    response = as_clinician.post(ADD, new(centre, **typed))

    assert response.status_code == 200
    assert list(response.context["form"].errors) == [field]
    assert "Okafor" in response.content.decode() or field == "family_name"
    assert Patient.objects.count() == 0


def test_a_local_number_in_use_is_an_error_of_its_field(as_clinician, clinician, centre):
    make_patient(centre, clinician, family_name="Zhou", given_name="Li", local_number="N-17", sex="male")

    response = as_clinician.post(ADD, new(centre, another_person="on"))

    assert "local_number" in response.context["form"].errors
    assert Patient.objects.count() == 1


def test_somebody_alike_is_shown_and_must_be_said_to_be_another_person(as_clinician, clinician, centre):
    known = make_patient(
        centre, clinician, family_name="Okafor", given_name="Ada", birth=date(1980, 5, 1), birth_precision="month"
    )
    typed = new(centre)

    first = as_clinician.post(ADD, typed)
    assert first.status_code == 200
    page = first.content.decode()
    assert known.code in page
    assert "May 1980, day not known" in page
    assert Patient.objects.count() == 1
    assert AccessEvent.objects.filter(patient=known, page="patients:patient_add").count() == 1

    second = as_clinician.post(ADD, {**typed, "another_person": "on"})
    assert second.status_code == 302
    assert Patient.objects.count() == 2


def test_a_double_click_registers_once(as_clinician, centre):
    typed = new(centre)

    answers = [as_clinician.post(ADD, typed) for _ in range(3)]

    assert {answer["Location"] for answer in answers} == {
        reverse("outcomes:patient", args=[Patient.objects.get().code])
    }


def test_the_same_key_with_other_content_is_refused(as_clinician, centre):
    typed = new(centre)
    as_clinician.post(ADD, typed)

    response = as_clinician.post(ADD, {**typed, "family_name": "Zhou"})

    assert "already saved with other content" in response.content.decode()
    assert Patient.objects.count() == 1


def test_a_duplicate_in_another_centre_is_never_shown(client, outsider, other_centre, clinician, centre):
    hidden = make_patient(centre, clinician, family_name="Okafor", given_name="Ada", birth=date(1980, 5, 1))
    client.force_login(outsider)

    response = client.post(ADD, new(other_centre))

    assert response.status_code == 302
    assert hidden.code not in response["Location"]


def test_a_patient_is_added_only_where_one_treats(as_clinician, other_centre, clinician):
    Membership.objects.create(user=clinician, centre=other_centre, role=Role.ADMIN)

    response = as_clinician.post(ADD, new(other_centre))

    assert "centre" in response.context["form"].errors
    assert Patient.objects.count() == 0


def test_with_two_centres_one_is_chosen_and_neither_is_filled_in(client, centre, other_centre):
    user = make_user("both", centre=centre, role=Role.CLINICIAN)
    Membership.objects.create(user=user, centre=other_centre, role=Role.NEUROLOGIST)
    client.force_login(user)

    page = client.get(ADD)
    assert page.context["form"]["centre"].value() is None
    assert not page.context["form"]["centre"].is_hidden

    client.post(ADD, new(other_centre))
    assert Patient.objects.get().centre == other_centre


def test_the_consent_day_is_never_filled_in(as_clinician):
    form = as_clinician.get(ADD).context["form"]

    assert not form["consent_day"].value()
    assert not form["consent_decision"].value()


def test_facts_are_amended_with_reason_and_history(as_clinician, clinician, patient):
    url = reverse("patients:patient_edit", args=[patient.code])

    response = as_clinician.post(
        url, edit(patient, family_name="Muster-Weiß", onset="2010-04", death="2024", death_cause="other")
    )

    patient.refresh_from_db()
    assert response.status_code == 302
    assert (patient.row_version, patient.death, patient.death_precision) == (2, date(2024, 1, 1), "year")
    last = patient.history.first()
    assert (last.history_user, last.history_change_reason) == (clinician, "typing error")
    identity = Identity.objects.get(patient=patient)
    assert identity.family_name == "Muster-Weiß"
    assert "weiss" in identity.search_text


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": "   "}, "reason"),
        ({"death": "1980", "death_cause": "ms"}, "death"),
        ({"death": "2024"}, "death_cause"),
        ({"death_cause": "ms"}, "death"),
        ({"onset": "1984"}, "onset"),
        ({"onset": "2025-01-01", "death": "2024", "death_cause": "ms"}, "onset"),
        ({"death": "2020", "death_cause": "ms"}, "death"),
        ({"birth": "2023-01-02"}, "birth"),
        ({"participation_since": "2024"}, "participation_since"),
        ({"participation_since": "2190-01-01"}, "participation_since"),
        ({"participation": ""}, "participation"),
    ],
)
def test_an_impossible_change_is_an_error_of_its_field(as_clinician, clinician, patient, typed, field):
    visit(patient, clinician, "2022-05-06", "3.0")
    course(patient, clinician, "2021-05-03", "2021-05-04")

    response = as_clinician.post(reverse("patients:patient_edit", args=[patient.code]), edit(patient, **typed))

    assert response.status_code == 200
    assert list(response.context["form"].errors) == [field]
    patient.refresh_from_db()
    assert patient.row_version == 1


def test_a_second_editor_sees_both_versions_and_loses_nothing(as_clinician, patient):
    url = reverse("patients:patient_edit", args=[patient.code])
    mine = edit(patient, onset="2009")
    as_clinician.post(url, edit(patient, onset="2010"))

    response = as_clinician.post(url, mine)

    assert response.status_code == 409
    rows = {row["label"]: row for row in response.context["conflict"]["rows"]}
    assert (rows["First symptom"]["theirs"], rows["First symptom"]["mine"]) == ("2010", "2009")
    assert [label for label, row in rows.items() if row["differs"]] == ["First symptom"]
    form = response.context["form"]
    assert form["row_version"].value() == "2"

    again = as_clinician.post(url, {**mine, "row_version": "2"})
    assert again.status_code == 302
    patient.refresh_from_db()
    assert patient.onset == date(2009, 1, 1)


@pytest.mark.parametrize("version", ["", "0", "-1", "99", "1" * 400, "x"])
def test_a_made_up_version_never_saves(as_clinician, patient, version):
    url = reverse("patients:patient_edit", args=[patient.code])

    response = as_clinician.post(url, edit(patient, onset="2010", row_version=version))

    assert response.status_code in (200, 409)
    patient.refresh_from_db()
    assert patient.onset is None


def test_decisions_and_courses_of_ms_are_added_and_earlier_ones_stay(as_clinician, clinician, patient):
    consent, phenotype = (reverse(f"patients:{name}_add", args=[patient.code]) for name in ("consent", "phenotype"))

    for decision, day in (("given", "2023-01-02"), ("withdrawn", "2024-05-06")):
        sent = {"consent-decision": decision, "consent-day": day, "consent-submission": str(uuid.uuid4())}
        for _ in range(2):  # a double click
            response = as_clinician.post(consent, sent)
            assert response["Location"] == reverse("patients:patient_edit", args=[patient.code])
    for kind, since in (("RRMS", "2010"), ("SPMS", "2020-03")):
        sent = {"phenotype-kind": kind, "phenotype-activity": "active", "phenotype-since": since}
        assert as_clinician.post(phenotype, sent).status_code == 302

    assert [row.decision for row in patient.consents.all()] == ["given", "withdrawn"]
    assert [row.kind for row in patient.phenotypes.all()] == ["RRMS", "SPMS"]
    page = as_clinician.get(reverse("patients:patient_edit", args=[patient.code])).content.decode()
    assert "Secondary progressive MS" in page
    assert "Mar 2020, day not known" in page


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("consent", {"consent-decision": "given"}),
        ("consent", {"consent-decision": "given", "consent-day": "2023"}),
        ("consent", {"consent-decision": "given", "consent-day": "2190-01-01"}),
        ("consent", {"consent-decision": "maybe", "consent-day": "2023-01-01"}),
        ("phenotype", {}),
        ("phenotype", {"phenotype-kind": "RRMS", "phenotype-activity": "active", "phenotype-since": "1970"}),
        ("phenotype", {"phenotype-kind": "XX", "phenotype-activity": "active"}),
    ],
)
def test_a_wrong_row_is_shown_again_with_its_error(as_clinician, patient, address, sent):
    response = as_clinician.post(reverse(f"patients:{address}_add", args=[patient.code]), sent)

    assert response.status_code == 200
    assert response.context[address].errors
    assert patient.consents.count() + patient.phenotypes.count() == 0


def test_today_is_the_day_of_the_centre(as_clinician, patient):
    tomorrow = patient.centre.today() + timedelta(days=1)
    url = reverse("patients:consent_add", args=[patient.code])

    refused = as_clinician.post(url, {"consent-decision": "given", "consent-day": tomorrow.isoformat()})
    taken = as_clinician.post(url, {"consent-decision": "given", "consent-day": patient.centre.today().isoformat()})

    assert (refused.status_code, taken.status_code) == (200, 302)


PAGES = ["patient_edit", "consent_add", "phenotype_add"]


@pytest.mark.parametrize("name", PAGES)
def test_another_centre_cannot_tell_the_patient_exists(client, outsider, patient, name):
    client.force_login(outsider)

    assert client.post(reverse(f"patients:{name}", args=[patient.code]), edit(patient)).status_code == 404
    assert client.post(reverse(f"patients:{name}", args=["MS-NOBODY"]), edit(patient)).status_code == 404


@pytest.mark.parametrize("name", PAGES)
def test_an_admin_never_sees_a_name_nor_changes_a_patient(
    client, admin, registry_admin, patient, outsider, centre, name
):
    both = outsider  # a clinician elsewhere who is admin here
    Membership.objects.create(user=both, centre=centre, role=Role.ADMIN)
    for user in (admin, registry_admin, both):
        client.force_login(user)
        response = client.post(reverse(f"patients:{name}", args=[patient.code]), edit(patient))
        assert response.status_code == 403
        assert "Muster" not in response.content.decode()


def test_reading_the_page_is_logged_with_ids_only(as_clinician, clinician, patient):
    as_clinician.get(reverse("patients:patient_edit", args=[patient.code]))

    event = AccessEvent.objects.get(kind="read")
    assert (event.user, event.patient, event.page, event.detail) == (clinician, patient, "patients:patient_edit", "")


def test_an_erased_identity_can_still_be_edited_around(as_clinician, patient):
    Identity.objects.all().delete()

    page = as_clinician.get(reverse("patients:patient_edit", args=[patient.code]))

    assert page.status_code == 200
    assert page.context["form"]["family_name"].value() == ""
