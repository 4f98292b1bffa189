"""Each rule of the database about assessments and relapses, broken in every way a value can come."""

from datetime import date
from decimal import Decimal

import pytest
from django.apps import apps
from django.utils import timezone

from assessments import services
from assessments.models import Assessment, Relapse
from engine.edss import GRADE_MAX, SYSTEMS
from patients import writing
from tests.assessments.entries import scored
from tests.factories import relapse, visit
from tests.patients.refusing import Refusal, check, constraints_of

LATE, PARTS = date(2300, 1, 1), date(1990, 3, 2)


@pytest.fixture
def refusals(patient, clinician):
    def assessed():
        return scored(patient, clinician, date(2020, 1, 5))

    def rated():
        return visit(patient, clinician, "2020-01-05", 3)

    def save(row):
        return services.record_assessments([row], by=clinician, confirm_because="test", action="assessment.add")

    def add(row):
        row.day = row.day if row.day != date(2020, 1, 5) else date(2020, 1, 7)  # the good row has that day
        return save(row)

    def relapsed():
        return relapse(patient, clinician, "2020-02-10")

    def add_relapse(row):
        return services.record_relapses([row], by=clinician)

    def void(row):
        return writing.void(
            row if row.pk else type(row).objects.first(), by=clinician, action="assessment.change", reason=" ",
            row_version=1,
        )  # fmt: skip

    voided = {"voided_at": timezone.now()}
    grades = {
        f"assessment_{system}_grade": Refusal(assessed, {system: GRADE_MAX[system] + 1}, add) for system in SYSTEMS
    }
    marks = {f"assessment_{system}_mark": Refusal(assessed, {f"{system}_mark": "not_done"}, add) for system in SYSTEMS}
    return grades | marks | {
        "one_live_assessment_a_day": Refusal(
            assessed,
            {"day": date(2020, 1, 5)},
            save,
            lambda _: scored(patient, clinician, date(2021, 1, 5)),
        ),
        "assessment_edss_on_scale": Refusal(rated, {"edss": Decimal("3.2"), "edss_rater": Decimal("3.2")}, add),
        "assessment_edss_rater_on_scale": Refusal(rated, {"edss_rater": Decimal("0.5")}, add),
        "assessment_edss_calculated_on_scale": Refusal(
            rated, {"edss_calculated": Decimal("3.3")}, None  # no service takes it: it is calculated
        ),
        "assessment_edss_that_counts": Refusal(rated, {"edss": Decimal("6.0")}, None),  # nor this one
        "assessment_ambulation_code": Refusal(assessed, {"ambulation": 17}, add),
        "assessment_distance_m": Refusal(assessed, {"distance_m": 50_001}, add),
        "assessment_mode_known": Refusal(assessed, {"mode": "x"}, add),
        "assessment_visit_type_known": Refusal(assessed, {"visit_type": "x"}, add),
        "assessment_aid_known": Refusal(assessed, {"aid": "x"}, add),
        "assessment_observed_known": Refusal(assessed, {"observed": "x"}, add),
        "assessment_day_in_range": Refusal(assessed, {"day": LATE}, add),
        "assessment_day_precision": Refusal(assessed, {"day": PARTS, "day_precision": "month"}, add),
        "assessments_assessment_void_reason": Refusal(assessed, voided, void),
        "one_live_relapse_an_onset": Refusal(
            relapsed,
            {"onset": date(2020, 2, 10)},
            add_relapse,
            lambda _: relapse(patient, clinician, "2021-02-10"),
        ),
        "relapse_severity_known": Refusal(relapsed, {"severity": "x"}, add_relapse),
        "relapse_recovery_known": Refusal(relapsed, {"recovery": "x"}, add_relapse),
        "relapse_steroid_known": Refusal(relapsed, {"steroid": "x"}, add_relapse),
        "relapse_onset_in_range": Refusal(relapsed, {"onset": date(1899, 12, 31)}, add_relapse),
        "relapse_onset_precision": Refusal(relapsed, {"onset": PARTS, "onset_precision": "month"}, add_relapse),
        "relapse_end_in_range": Refusal(relapsed, {"end": LATE}, add_relapse),
        "relapse_end_precision": Refusal(relapsed, {"end": date(2020, 3, 2), "end_precision": "month"}, add_relapse),
        "relapse_end_after_onset": Refusal(relapsed, {"end": date(2020, 2, 9)}, add_relapse),
        "assessments_relapse_void_reason": Refusal(relapsed, voided, void),
    }  # fmt: skip


NAMES = sorted(
    constraints_of(*(m for m in apps.get_app_config("assessments").get_models() if "Historical" not in m.__name__))
)


def test_every_rule_has_its_case(refusals):
    assert sorted(refusals) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_database_refuses(refusals, name):
    check(name, refusals[name])


@pytest.mark.parametrize("edss", ["0.5", "10.5", "-1.0", "3.2", "99.9"])
def test_no_edss_off_the_scale_is_stored_by_sql(patient, clinician, edss):
    from django.db import DatabaseError, connection, transaction

    row = visit(patient, clinician, "2020-01-05", 3)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE assessments_assessment SET edss = %s, edss_rater = %s WHERE id = %s", [edss, edss, row.pk]
        )
    assert Assessment.objects.get().edss == 3
    assert not Relapse.objects.exists()
