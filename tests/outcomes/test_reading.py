"""The one statement that reads what the engine needs: which rows count, in which order, and as what."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.db.utils import ConnectionDoesNotExist
from django.utils import timezone

from assessments.models import Assessment
from assessments.services import void_assessment, void_relapse
from engine.types import Interval, Visit
from outcomes.reading import PARTS, Rows, read_rows
from outcomes.snapshot import Snapshot
from tests.factories import course, make_patient, relapse, visit
from treatments.models import Course, Drug, Infusion, Treatment
from treatments.services import record_course, record_treatments, void_course, void_treatment

pytestmark = pytest.mark.django_db
WRONG = {"reason": "test", "row_version": 1}


def exact(text: str) -> Interval:
    return Interval(date.fromisoformat(text), date.fromisoformat(text))


def between(first: str, last: str) -> Interval:
    return Interval(date.fromisoformat(first), date.fromisoformat(last))


@pytest.fixture
def full(centre, clinician):
    """A patient with every kind of row, and beside each kind what does not count."""
    patient = make_patient(centre, clinician, death=date(2022, 6, 1), death_precision="month", death_cause="ms")
    for day, edss in (("2021-02-01", "4.5"), ("2020-01-01", 3), ("2020-06-01", None)):
        visit(patient, clinician, day, edss)
    void_assessment(visit(patient, clinician, "2020-07-01", 6), by=clinician, **WRONG)
    relapse(patient, clinician, "2020-05-01", onset_precision="month")
    relapse(patient, clinician, "2019-05-07")
    void_relapse(relapse(patient, clinician, "2021-05-07"), by=clinician, **WRONG)
    void_course(course(patient, clinician, "2021-09-01"), by=clinician, **WRONG)
    infusions = [Infusion(day=date(2021, 3, day), dose_mg=dose) for day, dose in ((4, 12), (3, 12), (2, 6), (1, 0))]
    record_course(Course(patient=patient, state="stopped_early"), infusions, by=clinician)
    Infusion.objects.filter(day=date(2021, 3, 4)).update(voided_at=timezone.now(), void_reason="test")
    course(patient, clinician, "2022-03-01", precision="month")
    by_hand = course(patient, clinician, "2018-03-01")  # voided without its infusion
    Course.objects.filter(pk=by_hand.pk).update(voided_at=timezone.now(), void_reason="test")
    drugs = [
        Treatment(patient=patient, drug=Drug.NATALIZUMAB, drug_name="Tysabri", start=date(2010, 1, 1),
                  start_precision="year", stop=date(2011, 4, 1), stop_precision="month"),
        Treatment(patient=patient, drug=Drug.OTHER, drug_name=" Trial 7"),
        Treatment(patient=patient, drug=Drug.ALEMTUZUMAB_BEFORE, start=date(2012, 1, 1)),
        Treatment(patient=patient, drug=Drug.OTHER, drug_name="wrong", start=date(2013, 1, 1)),
    ]  # fmt: skip
    void_treatment(record_treatments(drugs, by=clinician)[-1], by=clinician, **WRONG)
    return patient


def test_what_counts_is_read_in_order_of_days_and_nothing_else(full):
    (rows,) = read_rows([full.pk])

    refs = dict(Assessment.objects.values_list("day", "pk"))
    assert rows.visits == [
        Visit(exact("2020-01-01"), 3.0, refs[date(2020, 1, 1)]),
        Visit(exact("2020-06-01"), None, refs[date(2020, 6, 1)]),
        Visit(exact("2021-02-01"), 4.5, refs[date(2021, 2, 1)]),
    ]
    assert all(isinstance(each.edss, float) for each in rows.visits if each.edss is not None)
    assert rows.relapses == [exact("2019-05-07"), between("2020-05-01", "2020-05-31")]
    assert list(rows.infusions.values()) == [
        [exact("2021-03-02"), exact("2021-03-03")],
        [between("2022-03-01", "2022-03-31")],
    ]
    assert rows.first_infusions == [exact("2021-03-02"), between("2022-03-01", "2022-03-31")]
    assert sorted(rows.drugs) == [
        ("natalizumab", between("2010-01-01", "2010-12-31"), between("2011-04-01", "2011-04-30")),
        ("other trial 7", None, None),
    ]
    assert rows.death == between("2022-06-01", "2022-06-30")
    assert rows.prior_drugs == 1
    assert rows.horizon == date(2022, 6, 30) + timedelta(days=90)


def test_each_patient_gets_their_own_rows_in_the_order_asked_for(full, centre, clinician):
    other, nobody = make_patient(centre, clinician), make_patient(centre, clinician)
    visit(other, clinician, "2018-01-01", 2)

    found = read_rows([other.pk, 10**6, full.pk, nobody.pk])

    assert [rows.patient_id for rows in found] == [other.pk, 10**6, full.pk, nobody.pk]
    assert [len(rows.visits) for rows in found] == [1, 0, 3, 0]
    assert found[1:4:2] == [Rows(10**6), Rows(nobody.pk)]
    assert found[2] == read_rows([full.pk])[0]
    assert read_rows([]) == []


@pytest.mark.parametrize("part", PARTS)
def test_a_part_can_be_read_alone(full, part):
    names = {"visit": "visits", "relapse": "relapses", "infusion": "infusions", "drug": "drugs", "death": "death"}
    (whole,), (alone,) = read_rows([full.pk]), read_rows([full.pk], [part])

    for each, name in names.items():
        assert getattr(alone, name) == getattr(whole if each == part else Rows(full.pk), name)


def test_rows_of_one_day_come_in_the_order_of_their_ids(full):
    """PostgreSQL would give them as they lie in the table; their order is part of what is stored."""
    late = date(2021, 8, 1)
    for pk in (10**6 + 1, 10**6):
        row = Assessment(
            pk=pk, patient=full, day=late, day_precision="month", edss=5, edss_rater=5, rater=full.created_by
        )
        Assessment.objects.bulk_create([row])

    assert [each.ref for each in read_rows([full.pk])[0].visits][-2:] == [10**6, 10**6 + 1]


def test_an_infusion_in_a_course_of_another_patient_counts_for_neither(full, centre, clinician):
    other = make_patient(centre, clinician)
    Course.objects.filter(infusions__day=date(2022, 3, 1)).update(patient=other)

    both, alone = read_rows([full.pk, other.pk]), [read_rows([pk])[0] for pk in (full.pk, other.pk)]

    assert both == alone
    assert [len(rows.infusions) for rows in both] == [1, 0]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has a type for dates")
def test_a_date_written_by_hand_is_read_as_django_reads_it(full):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE assessments_assessment SET day = '2018-1-5' WHERE day = '2020-01-01'")

    assert exact("2018-01-05") in [each.day for each in read_rows([full.pk])[0].visits]


def test_it_reads_from_the_snapshot_that_is_open(full):
    elsewhere = Snapshot(timezone.now(), "no such database")

    with elsewhere.reading(), pytest.raises(ConnectionDoesNotExist):
        read_rows([full.pk])
