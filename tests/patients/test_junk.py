"""Whatever is posted to the pages that write, the answer is a page and never a crash."""

from datetime import date

import pytest
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patients import links
from tests.factories import course
from treatments.models import Treatment
from treatments.services import record_treatments

pytestmark = pytest.mark.slow

EXPECTED = {200, 302, 403, 404, 409, 410}
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
likely = st.sampled_from(
    [
        "",
        "0",
        "1",
        "-1",
        "999999999999999999999999",
        "2019",
        "2019-13",
        "2020-02-30",
        "2021-05-03",
        "0001-01-01",
        "2199-12-31",
        "9999-12-31",
        "female",
        "given",
        "RRMS",
        "complete",
        "planned",
        "other",
        "ms",
        "enrolled",
        "on",
        "clinician",
        "admin",
        "a@b.example",
        "Europe/Berlin",
        "12",
        "1e9",
        "NaN",
        "Infinity",
        "\x00",
        "٢٠١٩",
        "00000000-0000-0000-0000-000000000000",
    ]
)
value = st.one_of(likely, text)
FIELDS = {
    "patient": "submission row_version centre sex family_name given_name local_number birth onset diagnosis death "
    "death_cause participation participation_since reason phenotype_kind phenotype_activity phenotype_since "
    "consent_decision consent_day another_person consent-decision consent-day phenotype-kind phenotype-activity "
    "phenotype-since",
    "treatment": "submission row_version state rule_set planned_start note reason first_day days fill more drug "
    "drug_name start stop stop_reason infusions-TOTAL_FORMS infusions-INITIAL_FORMS infusions-0-day "
    "infusions-0-dose_mg infusions-1-day infusions-1-dose_mg",
    "user": "submission row_version name email is_registry_admin confirm time_zone synthetic password again roles_1 "
    "roles_2",
}


def form(part: str):
    """Mostly the fields of these pages, sometimes others."""
    return st.dictionaries(st.one_of(st.sampled_from(FIELDS[part].split()), text.filter(bool)), value, max_size=14)


@pytest.fixture
def pages(patient, clinician, admin, centre):
    given_course = course(patient, clinician, "2021-05-03")
    drug = record_treatments([Treatment(patient=patient, drug="fingolimod", start=date(2015, 1, 2))], by=clinician)[0]
    code = patient.code
    return {
        "patient": [
            reverse("patients:patient_add"),
            *(reverse(f"patients:{name}", args=[code]) for name in ("patient_edit", "consent_add", "phenotype_add")),
        ],
        "treatment": [
            reverse("treatments:course_add", args=[code]),
            reverse("treatments:course_edit", args=[code, given_course.pk]),
            reverse("treatments:course_void", args=[code, given_course.pk]),
            reverse("treatments:treatment_add", args=[code]),
            reverse("treatments:treatment_void", args=[code, drug.pk]),
        ],
        "user": [
            reverse("patients:user_invite"),
            reverse("patients:user", args=[clinician.pk]),
            reverse("patients:user_deactivate", args=[clinician.pk]),
            reverse("patients:centre_edit", args=[centre.pk]),
            reverse("patients:centre_add"),
            reverse("patients:account_link", args=[links.make_link(clinician, by=admin, purpose="reset")]),
        ],
    }


def post_junk(client, pages, part, data):
    page = data.draw(st.sampled_from(pages[part]), "page")
    response = client.post(page, data.draw(form(part), "form"))
    assert response.status_code in EXPECTED


junk = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@junk
@given(data=st.data())
def test_junk_about_a_patient(client, clinician, pages, data):
    client.force_login(clinician)
    post_junk(client, pages, "patient", data)


@junk
@given(data=st.data())
def test_junk_about_a_treatment(client, clinician, pages, data):
    client.force_login(clinician)
    post_junk(client, pages, "treatment", data)


@junk
@given(data=st.data())
def test_junk_about_a_user(client, registry_admin, pages, data):
    client.force_login(registry_admin)
    post_junk(client, pages, "user", data)


VALID = {
    "patients:patient_add": {
        "sex": "female", "family_name": "Okafor", "birth": "1980-05", "onset": "2001", "participation": "enrolled",
        "phenotype_kind": "RRMS", "phenotype_since": "2001", "consent_decision": "given", "consent_day": "2024-02-03",
    },
    "patients:patient_edit": {
        "row_version": "1", "sex": "female", "participation": "enrolled", "birth": "1980-05", "reason": "typing error",
    },
    "treatments:course_add": {
        "state": "complete", "rule_set": "EU", "infusions-TOTAL_FORMS": "2", "infusions-INITIAL_FORMS": "0",
        "infusions-0-day": "2023-05-03", "infusions-0-dose_mg": "12", "infusions-1-day": "2023",
        "infusions-1-dose_mg": "6",
    },
    "treatments:treatment_add": {"drug": "fingolimod", "start": "2015-04", "stop": "2018", "stop_reason": "activity"},
}  # fmt: skip


@junk
@given(data=st.data())
def test_a_good_form_with_one_or_two_junk_values(client, clinician, patient, data):
    client.force_login(clinician)
    name = data.draw(st.sampled_from(sorted(VALID)), "page")
    page = reverse(name, args=[] if name == "patients:patient_add" else [patient.code])
    junk_values = data.draw(st.dictionaries(st.sampled_from(sorted(VALID[name])), value, max_size=2), "junk")
    centre = {"centre": str(patient.centre_id)} if name == "patients:patient_add" else {}

    response = client.post(page, VALID[name] | centre | junk_values)

    assert response.status_code in {200, 302, 409}
