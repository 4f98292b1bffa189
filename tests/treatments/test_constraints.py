"""Each rule of the database about courses, infusions and drugs, broken in every way a value can come."""

from datetime import date

import pytest
from django.apps import apps
from django.utils import timezone

from patients import writing
from tests.factories import course
from tests.patients.refusing import Refusal, check, constraints_of
from treatments import services
from treatments.models import Course, Infusion, Treatment

LATE, PARTS = date(2300, 1, 1), date(1990, 3, 2)


@pytest.fixture
def refusals(patient, clinician):
    def drug():
        row = Treatment(patient=patient, drug="fingolimod", start=date(2015, 1, 2))
        return services.record_treatments([row], by=clinician)[0]

    def add_drug(row):
        return services.record_treatments([row], by=clinician)

    def given():
        return course(patient, clinician, "2021-05-03", "2021-05-04")

    def planned():
        return course(patient, clinician, state="planned")

    def add_course(row):
        return services.record_course(row, [Infusion(day=date(2024, 5, 6))], by=clinician)

    def infusion():
        return given().infusions.first()

    def add_infusion(row):
        return services.record_course(Course(patient=patient, state="stopped_early"), [row], by=clinician)

    def void(row):
        saved = type(row).objects.first()
        return writing.void(saved, by=clinician, action="course.change", reason="", row_version=saved.row_version)

    dates = {
        f"{table}_{field}_{rule}": Refusal(
            make, {field: day} | ({f"{field}_precision": "month"} if day == PARTS else {}), add
        )
        for table, field, make, add in (
            ("treatment", "start", drug, add_drug),
            ("treatment", "stop", drug, add_drug),
            ("infusion", "day", infusion, add_infusion),
        )
        for rule, day in (("in_range", LATE), ("precision", PARTS))
    }
    voided = {"voided_at": timezone.now()}
    return dates | {
        "treatment_drug_known": Refusal(drug, {"drug": "x"}, add_drug),
        "treatment_other_drug_named": Refusal(drug, {"drug": "other"}, add_drug),
        "treatment_stop_reason_known": Refusal(drug, {"stop_reason": "x"}, add_drug),
        "treatment_stop_after_start": Refusal(drug, {"stop": date(2015, 1, 1)}, add_drug),
        "treatments_treatment_void_reason": Refusal(drug, voided, void),
        "one_open_course": Refusal(
            planned,
            {"state": "in_progress"},
            lambda row: services.record_course(row, [], by=clinician),
            lambda _: given(),
        ),
        "course_state_known": Refusal(given, {"state": "x"}, add_course),
        "course_rule_set_known": Refusal(given, {"rule_set": "XX"}, add_course),
        "course_planned_start_in_range": Refusal(given, {"planned_start": LATE}, add_course),
        "treatments_course_void_reason": Refusal(given, voided, void),
        "one_live_infusion_a_day": Refusal(
            infusion, {"day": date(2021, 5, 3)}, add_infusion, lambda row: row.course.infusions.last()
        ),
        "infusion_dose_mg": Refusal(infusion, {"dose_mg": 101}, add_infusion),
        "treatments_infusion_void_reason": Refusal(infusion, voided, void),
    }


MODELS = [model for model in apps.get_app_config("treatments").get_models() if "Historical" not in model.__name__]
NAMES = sorted(constraints_of(*MODELS))


def test_every_rule_has_its_case(refusals):
    assert sorted(refusals) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_database_refuses(refusals, name):
    check(name, refusals[name])
