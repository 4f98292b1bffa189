"""Each rule of the database about what is derived. No service takes these values, so the other ways are tried."""

import pytest
from django.apps import apps

from outcomes import trajectory
from outcomes.models import DisabilityEvent, Trajectory
from tests.factories import course, make_patient, visit
from tests.patients.refusing import Refusal, check, constraints_of


@pytest.fixture
def refusals(centre, clinician, patient):
    def computed():
        visit(patient, clinician, "2020-01-05", 3)
        trajectory.refresh([patient.pk])
        return Trajectory.objects.get(patient=patient)

    def event():
        someone = make_patient(centre, clinician, family_name="Worse")
        for day, edss in (("2019-12-05", 2), ("2021-01-05", 4), ("2021-08-05", 4), ("2022-08-05", 4)):
            visit(someone, clinician, day, edss)
        course(someone, clinician, "2020-01-05")
        trajectory.refresh([someone.pk])
        return DisabilityEvent.objects.filter(patient=someone).first()

    def other_patient(row):
        row_of = make_patient(centre, clinician, family_name="Another")
        return {"since_status": "x", "patient_id": row_of.pk}

    return {
        "trajectory_since_known": Refusal(computed, other_patient),
        "trajectory_overall_known": Refusal(
            computed, lambda row: other_patient(row) | {"since_status": "stable", "overall_status": "x"}
        ),
        "one_event_a_number": Refusal(event, lambda row: {"number": row.number}, None, lambda row: another(row)),
        "event_kind_known": Refusal(event, {"kind": "x", "number": 99}),
    }


def another(row: DisabilityEvent) -> DisabilityEvent:
    values = {f.attname: getattr(row, f.attname) for f in row._meta.concrete_fields if not f.primary_key}
    return DisabilityEvent.objects.create(**values | {"number": 98})


NAMES = sorted(
    constraints_of(*(m for m in apps.get_app_config("outcomes").get_models() if "Historical" not in m.__name__))
)


def test_every_rule_has_its_case(refusals):
    assert sorted(refusals) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_database_refuses(refusals, name):
    check(name, refusals[name])
    for patient in DisabilityEvent.objects.values_list("patient", flat=True).distinct():
        DisabilityEvent.objects.filter(patient=patient, number=98).delete()
