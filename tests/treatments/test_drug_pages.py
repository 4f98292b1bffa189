"""Recording and voiding drugs other than Lemtrada, through the pages."""

import uuid
from datetime import date

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from tests.factories import make_patient
from treatments.models import Treatment


def drug(**fields):
    return {"submission": str(uuid.uuid4()), "drug": "fingolimod", "start": "2015-04", **fields}


def said(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


@pytest.fixture
def as_clinician(client, clinician):
    client.force_login(clinician)
    return client


@pytest.fixture
def add(patient):
    return reverse("treatments:treatment_add", args=[patient.code])


def test_a_drug_is_recorded_as_known(as_clinician, clinician, patient, add):
    form = drug(stop="2018-02-03", stop_reason="activity", note="lymphocytes low")

    answers = [as_clinician.post(add, form) for _ in range(2)]

    row = Treatment.objects.get()
    assert [answer["Location"] for answer in answers] == [reverse("outcomes:patient", args=[patient.code])] * 2
    assert (row.start, row.start_precision, row.stop_precision) == (date(2015, 4, 1), "month", "day")
    assert row.history.get().history_user == clinician


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"drug": ""}, "drug"),
        ({"drug": "aspirin"}, "drug"),
        ({"drug": "other"}, "drug_name"),
        ({"stop": "2014"}, "stop"),
        ({"stop_reason": "activity"}, "stop"),
        ({"start": "2190"}, "start"),
        ({"start": "04/2015"}, "start"),
        ({"start": "1984"}, "start"),
        ({"stop": "2190"}, "stop"),
        ({"stop": "2018", "stop_reason": "boredom"}, "stop_reason"),
        ({"note": "x" * 4001}, "note"),
        ({"drug_name": "x" * 81}, "drug_name"),
    ],
)
def test_what_cannot_be_true_is_an_error_of_its_field(as_clinician, add, typed, field):
    response = as_clinician.post(add, drug(**typed))

    assert response.status_code == 200
    assert list(response.context["form"].errors) == [field]
    assert Treatment.objects.count() == 0


def test_a_drug_lies_within_the_life(as_clinician, clinician, centre):
    dead = make_patient(centre, clinician, death=date(2014, 1, 1), death_precision="year", death_cause="ms")

    response = as_clinician.post(reverse("treatments:treatment_add", args=[dead.code]), drug())

    assert "start" in response.context["form"].errors


@pytest.mark.parametrize(
    ("start", "stop", "overlaps"),
    [
        ("2016", "", True),
        ("2010", "2015-05-01", True),
        ("2010", "2015-04", False),  # the same month: not for sure
        ("2018-02-03", "", False),
        ("2018-02-02", "", True),
        ("2018-02", "", False),
        ("", "", False),
    ],
)
def test_two_drugs_at_once_are_said_and_saved(as_clinician, add, start, stop, overlaps):
    as_clinician.post(add, drug(stop="2018-02-03", stop_reason="switch"))

    response = as_clinician.post(add, drug(drug="rituximab", start=start, stop=stop))

    assert response.status_code == 302
    remarks = [text for text in said(response) if text.startswith("Overlaps")]
    assert remarks == (["Overlaps Fingolimod, from Apr 2015, day not known to 3 Feb 2018."] if overlaps else [])


def test_a_voided_drug_stays_and_overlaps_no_more(as_clinician, add, patient):
    as_clinician.post(add, drug())
    row = Treatment.objects.get()
    void = reverse("treatments:treatment_void", args=[patient.code, row.pk])
    form = {"submission": str(uuid.uuid4()), "row_version": 1, "reason": "entered twice"}

    assert "Fingolimod" in as_clinician.get(void).content.decode()
    assert [as_clinician.post(void, form).status_code for _ in range(2)] == [302, 302]

    row.refresh_from_db()
    assert (row.voided_at is not None, row.void_reason) == (True, "entered twice")
    assert as_clinician.get(void).status_code == 404
    assert as_clinician.post(void, form | {"submission": str(uuid.uuid4())}).status_code == 409
    assert not [text for text in said(as_clinician.post(add, drug(drug="rituximab"))) if text.startswith("Overlaps")]


def test_strangers_find_nothing_and_admins_may_not(client, clinician, outsider, admin, add, patient):
    client.force_login(clinician)
    client.post(add, drug())
    void = reverse("treatments:treatment_void", args=[patient.code, Treatment.objects.get().pk])

    for user, status in ((outsider, 404), (admin, 403)):
        client.force_login(user)
        for page in (add, void):
            assert client.get(page).status_code == status
            assert client.post(page, drug(reason="x", row_version=1)).status_code == status
    assert Treatment.objects.get().voided_at is None
