"""Each rule of the database about users and patients, broken in every way a value can come."""

from datetime import date
from uuid import uuid4

import pytest
from django.apps import apps
from django.utils import timezone

from patients import accounts, services, writing
from patients.models import Consent, Freshness, Identity, Membership, Patient, Phenotype, Submission
from tests.factories import make_patient, make_user
from tests.patients.refusing import Refusal, check, constraints_of

LATE, PARTS = date(2300, 1, 1), date(1990, 3, 2)


@pytest.fixture
def refusals(centre, clinician, admin):
    def patient():
        return make_patient(centre, clinician, local_number="N-1")

    def register(row):
        return services.register(row, by=clinician, identity={})

    def phenotype():
        return services.record_phenotype(Phenotype(patient=patient(), kind="RRMS"), by=clinician)

    def add_phenotype(row):
        return services.record_phenotype(row, by=clinician)

    def consent():
        return services.record_consent(Consent(patient=patient(), decision="given", day=date(2024, 1, 2)), by=clinician)

    def membership():
        return Membership.objects.get(user=clinician)

    def give(row):
        return accounts.set_roles(row.user, {row.centre_id: {row.role}}, by=admin)

    def second_identity(_):
        return make_patient(centre, clinician, local_number="N-2", family_name="Zhou").identity

    def void(row):
        return writing.void(phenotype(), by=clinician, action="patient.change", reason=" ", row_version=1)

    def save_identity(row):
        return services.save_identity(second_identity(row).patient, by=clinician, local_number=row.local_number)

    dates = {}
    for field in ("birth", "onset", "diagnosis", "death"):
        dead = {"death_cause": "ms"} if field == "death" else {}
        dates[f"patient_{field}_in_range"] = Refusal(patient, {field: LATE, **dead}, register)
        imprecise = {field: PARTS, f"{field}_precision": "month", **dead}
        dates[f"patient_{field}_precision"] = Refusal(patient, imprecise, register)
        if field != "birth":
            dates[f"patient_{field}_after_birth"] = Refusal(patient, {field: date(1985, 3, 1), **dead}, register)
    for field in ("onset", "diagnosis"):
        gone = {field: date(2015, 5, 2), "death": date(2015, 5, 1), "death_cause": "ms"}
        dates[f"patient_death_after_{field}"] = Refusal(patient, gone, register)
    return dates | {
        "one_user_an_address": Refusal(
            lambda: clinician, {"email": clinician.email.upper()}, None, lambda _: make_user("second")
        ),
        "one_live_membership_a_role": Refusal(
            membership,
            {"role": "clinician"},
            None,  # a service gives only the roles that are missing
            lambda row: Membership.objects.create(user=row.user, centre=row.centre, role="admin"),
        ),
        "membership_role_known": Refusal(membership, {"role": "boss"}, give),
        "patient_sex_known": Refusal(patient, {"sex": "x"}, register),
        "patient_participation": Refusal(patient, {"participation": "x"}, register),
        "patient_death_and_cause": Refusal(patient, {"death": date(2020, 1, 1)}, register),
        "one_patient_a_local_number": Refusal(
            lambda: patient().identity,
            lambda _: {"local_number": "N-1", "patient_id": Patient.objects.create(centre=centre, sex="other").pk},
            save_identity,
            second_identity,
        ),
        "phenotype_kind_known": Refusal(phenotype, {"kind": "x"}, add_phenotype),
        "phenotype_activity_known": Refusal(phenotype, {"activity": "x"}, add_phenotype),
        "phenotype_since_in_range": Refusal(phenotype, {"since": LATE}, add_phenotype),
        "phenotype_since_precision": Refusal(phenotype, {"since": PARTS, "since_precision": "year"}, add_phenotype),
        "patients_phenotype_void_reason": Refusal(phenotype, {"voided_at": timezone.now()}, void),
        "consent_decision_known": Refusal(
            consent, {"decision": "x"}, lambda row: services.record_consent(row, by=clinician)
        ),
        "consent_day_in_range": Refusal(consent, {"day": LATE}, lambda row: services.record_consent(row, by=clinician)),
        "one_freshness_a_kind": Refusal(
            lambda: Freshness.objects.get(patient=patient()),
            {"kind": "trajectory"},
            None,  # written by triggers only
            lambda row: Freshness.objects.create(patient=row.patient, kind="other"),
        ),
        "one_answer_a_submission": Refusal(
            lambda: Submission.objects.create(user=clinician, key=uuid4(), digest="", answer=""),
            lambda row: {"key": row.key},
            None,  # the key finds its answer instead
            lambda row: Submission.objects.create(user=clinician, key=uuid4(), digest="", answer=""),
        ),
    }


NAMES = sorted(
    constraints_of(*(m for m in apps.get_app_config("patients").get_models() if "Historical" not in m.__name__))
)


def test_every_rule_has_its_case(refusals):
    assert sorted(refusals) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_database_refuses(refusals, name):
    check(name, refusals[name])


def test_any_number_of_patients_may_be_without_a_local_number(centre, clinician):
    for name in ("Abe", "Baba", "Chi"):
        make_patient(centre, clinician, family_name=name, local_number="")

    assert Identity.objects.filter(local_number="").count() == 3
