"""Rules between records, broken the only way that is left: by hand, in the database."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from assessments.models import Assessment
from edss_tracker.cli import main
from outcomes import rules
from patients.models import Consent, Patient, Phenotype
from tests.factories import course, relapse, visit
from treatments.models import Course, Infusion

pytestmark = pytest.mark.django_db


@pytest.fixture
def whole(patient, clinician):
    visit(patient, clinician, "2019-05-06", 3)
    relapse(patient, clinician, "2019-07-01", end=date(2019, 8, 1))
    course(patient, clinician, "2016-03-01", "2016-03-02")
    course(patient, clinician, "2017-03-01", "2017-03-02")
    Phenotype.objects.create(patient=patient, kind="RRMS", since=date(2014, 1, 1), created_by=clinician)
    Consent.objects.create(patient=patient, decision="given", day=date(2016, 1, 1))
    return patient


def set_patient(patient, **facts):
    Patient.objects.filter(pk=patient.pk).update(**facts)


BREAKS = {
    "a visit in the future": lambda p: Assessment.objects.update(day=timezone.now().date() + timedelta(days=3)),
    "a birth after a visit": lambda p: set_patient(p, birth=date(2019, 6, 1), onset=None, diagnosis=None),
    "a birth after a consent": lambda p: set_patient(p, birth=date(2016, 2, 1), onset=None, diagnosis=None),
    "a death before the end of a relapse": lambda p: set_patient(p, death=date(2019, 7, 15), death_cause="other"),
    "a death in the future": lambda p: set_patient(p, death=date(2150, 7, 15), death_cause="other"),
    "a course within another": lambda p: Infusion.objects.filter(day=date(2016, 3, 2)).update(day=date(2017, 3, 3)),
    "an infusion in a course of another": lambda p: Course.objects.filter(infusions__day=date(2017, 3, 1)).update(
        patient=Patient.objects.create(centre=p.centre, sex="male")
    ),
    "EDSS 10 of the living": lambda p: Assessment.objects.update(edss=10, edss_rater=10, edss_calculated=None),
}


def test_nothing_is_wrong_with_what_the_services_wrote(whole):
    assert rules.broken() == []


@pytest.mark.parametrize("name", BREAKS)
def test_each_broken_rule_is_found_and_names_no_value(whole, name, capsys):
    BREAKS[name](whole)

    [line] = rules.broken()
    assert line.startswith(f"patient {whole.pk}: ")
    assert not any(year in line for year in ("2016", "2017", "2019", "2150"))
    assert main(["recompute", "--check"]) == 1
    assert line in capsys.readouterr().out


def test_dates_known_to_the_year_contradict_nothing(whole):
    set_patient(whole, death=date(2019, 1, 1), death_precision="year", death_cause="other")

    assert rules.broken() == []


def test_days_known_to_the_month_may_lie_beside_another_course(whole):
    Infusion.objects.filter(day=date(2016, 3, 1)).update(day=date(2017, 3, 1), day_precision="month")
    Infusion.objects.filter(day=date(2016, 3, 2)).update(day=date(2017, 4, 2))

    assert rules.broken() == []
