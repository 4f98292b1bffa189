"""The cohort as a file: who is in it, what a row says, and that screen and file agree."""

import json
from datetime import date, timedelta
from itertools import product

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from engine import VERSION
from outcomes import cohorts, demo, trajectory
from outcomes.cohorts import CohortFilter
from outcomes.exchange import cohort_rows, dictionary, exporting
from outcomes.exchange.cohort_columns import COHORT
from outcomes.models import Trajectory
from patients.models import AccessEvent, Centre, Consent, Decision, Freshness, Membership, Participation, Patient, Role
from tests.factories import course, make_patient, make_user, relapse, visit
from tests.house.test_docs import ROOT
from tests.outcomes.exports import consenting, decide, exported, rows_of, treated
from treatments.models import Course, Drug, Infusion, Treatment
from treatments.services import record_course, record_treatments

pytestmark = pytest.mark.django_db
NAMES = [column.name for column in COHORT]
G, R, W = Decision.GIVEN, Decision.REFUSED, Decision.WITHDRAWN


def codes(by, **wanted):
    return [row["patient"] for row in rows_of(exported(by, **wanted))]


# Who is in the file


def test_only_those_who_take_part_and_last_said_yes(centre, clinician, admin):
    """Every row of up to two decisions, taking part or not."""
    expected, wrong = [], []
    for participation in Participation:
        for decisions in [(), *product((G, R, W), repeat=1), *product((G, R, W), repeat=2)]:
            patient = make_patient(centre, clinician)
            for number, decision in enumerate(decisions):
                decide(patient, clinician, decision, f"2020-01-0{number + 1}")
            Patient.objects.filter(pk=patient.pk).update(participation=participation)
            good = decisions[-1:] == (G,) and participation == Participation.ENROLLED
            (expected if good else wrong).append(patient.code)

    assert codes(admin) == expected
    found = exporting.tally(CohortFilter(), [centre.pk])
    assert (found.rows, found.everybody) == (len(expected), len(expected) + len(wrong)) == (4, 26)


@pytest.mark.parametrize(("first", "second"), [(G, W), (W, G)])
def test_the_latest_day_counts_not_the_order_of_recording(centre, clinician, admin, first, second):
    patient = make_patient(centre, clinician)
    decide(patient, clinician, second, "2021-01-01")
    decide(patient, clinician, first, "2020-01-01")  # recorded later, decided earlier

    assert bool(codes(admin)) == (second == G)


@pytest.mark.parametrize(("first", "second"), [(G, W), (W, G), (G, R)])
def test_of_one_day_the_decision_recorded_last_counts(centre, clinician, admin, first, second):
    patient = make_patient(centre, clinician)
    later = decide(patient, clinician, second, "2020-01-01")
    earlier = decide(patient, clinician, first, "2020-01-01")
    Consent.objects.filter(pk=earlier.pk).update(recorded_at=later.recorded_at - timedelta(hours=1))

    assert bool(codes(admin)) == (second == G)


def test_those_left_out_are_counted_by_reason(centre, clinician):
    for decision in (None, R, W, G, G):
        patient = make_patient(centre, clinician)
        if decision:
            decide(patient, clinician, decision)
    gone = consenting(centre, clinician)
    Patient.objects.filter(pk=gone.pk).update(participation=Participation.WITHDRAWN)

    found = exporting.tally(CohortFilter(), [centre.pk])

    assert (found.rows, found.undecided, found.refused, found.withdrawn, found.left) == (2, 1, 1, 1, 1)


def test_an_admin_takes_out_the_centres_they_administer_and_no_other(centre, other_centre, clinician, registry_admin):
    here, there = consenting(centre, clinician), consenting(other_centre, clinician_of(other_centre))
    mixed = make_user("mixed", centre=centre, role=Role.ADMIN)
    Membership.objects.create(user=mixed, centre=other_centre, role=Role.NEUROLOGIST)

    assert codes(mixed) == [here.code]
    assert codes(registry_admin) == [here.code, there.code]
    with pytest.raises(PermissionDenied):
        exported(mixed, centre=other_centre.pk)


def clinician_of(centre):
    return make_user(f"of{centre.pk}", centre=centre, role=Role.CLINICIAN)


@pytest.mark.parametrize("role", [Role.CLINICIAN, Role.NEUROLOGIST, None])
def test_nobody_else_can(centre, clinician, role):
    consenting(centre, clinician)
    user = make_user("other", centre=centre if role else None, role=role)

    with pytest.raises(PermissionDenied):
        exported(user)
    assert not AccessEvent.objects.filter(kind="export").exists()


# What a row says


def test_a_row_of_a_treated_patient(centre, clinician, admin):
    patient = treated(centre, clinician, sex="male", birth=date(1980, 5, 17), onset=date(2015, 6, 1))
    relapse(patient, clinician, "2020-02-03")
    relapse(patient, clinician, "2022-01-01", onset_precision="year")
    record_treatments(
        [
            Treatment(patient=patient, drug=Drug.OTHER, drug_name="=SECRET()", start=date(2016, 1, 1)),
            Treatment(patient=patient, drug=Drug.INTERFERON_BETA, drug_name="Rebif", start=date(2012, 1, 1)),
            Treatment(patient=patient, drug=Drug.INTERFERON_BETA, start=date(2017, 1, 1)),
            Treatment(patient=patient, drug=Drug.ALEMTUZUMAB_BEFORE, start=date(2005, 1, 1)),
            Treatment(patient=patient, drug=Drug.NATALIZUMAB),
            Treatment(patient=patient, drug=Drug.FINGOLIMOD, start=date(2020, 1, 1), start_precision="year"),
            Treatment(patient=patient, drug=Drug.OCRELIZUMAB, start=date(2022, 1, 1)),
        ],
        by=clinician,
    )
    trajectory.refresh([patient.pk])

    (row,) = rows_of(exported(admin))

    told = {name: value for name, value in row.items() if value}
    version = Freshness.objects.get(patient=patient, kind="trajectory").data_version
    assert told.pop("snapshot_at").startswith(f"{timezone.now():%Y-%m-%dT}")
    assert len(told.pop("event_definition_hash")) == 64
    assert told == {
        "patient": patient.code, "centre": "Centre Nord", "synthetic": "false", "sex": "male", "birth_year": "1980",
        "onset_year": "2015", "courses": "1", "complete_courses": "1", "course_1_day": "2020-02-03",
        "course_1_precision": "day", "course_1_infusions": "5", "course_1_state": "complete", "prior_drugs": "2",
        "prior_drug_list": "interferon_beta;other", "prior_drugs_unsure": "2",
            "relapses": "3", "relapses_before": "2", "relapses_after": "1",
        "relapses_unsure": "0", "baseline_edss": "4.0", "baseline_day": "2020-01-05", "baseline_after_start": "false",
        "last_edss": "3.0", "last_visit": "2021-06-01", "last_visit_precision": "day",
            "status": "improved", "status_since": "2020-09-01",
        "status_certainty": "confirmed", "counted": "true", "overall_status": "improved",
            "overall_baseline_edss": "4.0", "overall_baseline_day": "2020-01-05",
        "overall_since": "2020-09-01", "worsenings": "0", "worsenings_raw": "0", "worsenings_pira": "0",
        "improvement_day": "2020-09-01", "improvements": "1", "follow_up_days": "513", "assessments": "3",
        "assessments_scored": "3", "assessments_imprecise": "0", "relapses_imprecise": "1",
        "first_infusion_imprecise": "false", "result": "stored", "status_rule": "carems_6m",
        "event_definition": "carems_6m", "engine_version": VERSION, "data_version": str(version),
    }  # fmt: skip


def test_names_local_numbers_days_of_birth_and_free_text_stay_here(centre, clinician, admin):
    patient = consenting(
        centre, clinician, family_name="Geheim", given_name="Zoë", local_number="LOC-77", birth=date(1981, 11, 23)
    )
    visit(patient, clinician, "2020-01-05", 4, note="note-of-the-rater")
    course(patient, clinician, "2020-03-02", note="note-of-the-course")

    for form in ("csv", "json"):
        text = exported(admin, form).decode()
        assert patient.code in text
        for secret in ("Geheim", "Zoë", "LOC-77", "1981-11-23", "note-of", clinician.name, clinician.email):
            assert secret not in text


def test_imprecise_dates_are_marked_and_no_day_is_invented(centre, clinician, admin):
    patient = consenting(centre, clinician)
    course(patient, clinician, "2020-03-01", precision="month", state="stopped_early")
    relapse(patient, clinician, "2020-01-01", onset_precision="year")
    visit(patient, clinician, "2021-01-01", 3, day_precision="month")

    (row,) = rows_of(exported(admin))

    assert (row["course_1_day"], row["course_1_precision"]) == ("2020-03-01", "month")
    assert (row["relapses_before"], row["relapses_after"], row["relapses_unsure"]) == ("0", "0", "1")
    assert (row["first_infusion_imprecise"], row["assessments_imprecise"], row["relapses_imprecise"]) == (
        "true", "1", "1",
    )  # fmt: skip
    assert row["status_reason"] == "course_date_imprecise" or row["status"] == "insufficient"
    assert (row["last_visit"], row["last_visit_precision"]) == ("2021-01-01", "month")
    assert (row["overall_baseline_day"], row["overall_baseline_edss"]) == ("", "")


def test_another_infusion_of_the_course_bounds_a_first_day_that_is_known_less_well(centre, clinician, admin):
    patient = consenting(centre, clinician)
    rows = [Infusion(day=date(2020, 3, 1), day_precision="month"), Infusion(day=date(2020, 3, 8))]
    record_course(Course(patient=patient, state="stopped_early"), rows, by=clinician)

    (row,) = rows_of(exported(admin))

    assert [row[f"course_1_{name}"] for name in ("day", "precision", "infusions")] == ["2020-03-01", "range", "2"]
    assert row["first_infusion_imprecise"] == "true"


def test_more_courses_than_columns_are_listed(centre, clinician, admin):
    patient = consenting(centre, clinician)
    for year in range(2014, 2021):
        course(patient, clinician, f"{year}-03-02")

    (row,) = rows_of(exported(admin))

    assert row["courses"] == "7"
    assert row["course_5_day"] == "2018-03-02"
    assert row["later_courses"] == "2019-03-02 complete;2020-03-02 complete"


# Stale, failing, missing


def test_who_is_stale_is_computed_from_the_rows_and_says_so(centre, clinician, admin):
    patient = treated(centre, clinician)
    trajectory.refresh([patient.pk])
    for day in ("2022-06-01", "2023-06-01"):
        visit(patient, clinician, day, 6)

    (row,) = rows_of(exported(admin))

    assert (row["status"], row["result"], row["last_edss"]) == ("progressed", "computed", "6.0")
    assert (row["worsening_day"], row["worsenings"], row["worsening_label"]) == ("2022-06-01", "1", "PIRA")
    assert Trajectory.objects.get(patient=patient).since_status == "improved"  # nothing was stored


def test_who_cannot_be_computed_is_in_the_file_without_a_status(centre, clinician, admin, settings):
    patient = treated(centre, clinician)
    trajectory.refresh([patient.pk])
    visit(patient, clinician, "2022-06-01", 6)
    Freshness.objects.filter(patient=patient).update(attempts=9)

    (row,) = rows_of(exported(admin))

    assert (row["result"], row["status"], row["last_edss"], row["courses"]) == ("missing", "", "", "1")
    assert rows_of(exported(admin, status="improved")) == []  # nobody can say so
    assert "whole: 0 rows, 1 without a result left out" in AccessEvent.objects.latest("pk").detail
    for wanted, waiting, failing in ((CohortFilter(), 0, 0), (CohortFilter(status="improved"), 0, 1)):
        found = exporting.tally(wanted, [centre.pk])
        assert (found.waiting, found.failing) == (waiting, failing)


def test_a_filter_asks_the_stale_ones_again(centre, clinician, admin, monkeypatch):
    """However many there are: also more than a page would compute."""
    monkeypatch.setattr(cohorts, "IN_MEMORY", 1)
    better, worse = treated(centre, clinician, 3), treated(centre, clinician, 6)
    was_better = treated(centre, clinician, 3)
    trajectory.refresh([better.pk, was_better.pk])
    for day in ("2022-06-01", "2023-06-01"):
        visit(was_better, clinician, day, 6)

    assert codes(admin, status="improved") == [better.code]
    assert codes(admin, status="progressed") == [worse.code, was_better.code]
    assert codes(admin, status="stable") == []
    started = AccessEvent.objects.filter(page=exporting.STARTED).latest("pk")
    assert "csv, 0 people and some of 2 to compute; status=stable; a test" in started.detail


def test_a_block_that_is_too_much_is_not_counted_as_sent(centre, clinician, admin, settings, monkeypatch):
    """Of stale people nobody knows beforehand whether the filter fits: the limit is met while the file is written."""
    settings.EXPORT_MAX_ROWS = 2
    monkeypatch.setattr(cohorts, "IN_MEMORY", 1)
    monkeypatch.setattr(cohort_rows, "BLOCK", 2)
    for _ in range(3):
        treated(centre, clinician)

    with pytest.raises(exporting.Refused):
        exported(admin, status="improved")

    assert "broken (Refused): 2 rows" in AccessEvent.objects.latest("pk").detail


def test_the_longest_filter_is_cut_and_keeps_its_centre(centre, clinician, admin):
    wanted = {"courses": "1", "baseline": "mild", "drugs": "3", "status": "improved", "pending": True, "seen": "year"}
    consenting(centre, clinician)
    exported(admin, centre=centre.pk, **wanted)

    start, end = AccessEvent.objects.filter(kind="export").order_by("pk")

    assert "seen=year; a test" in start.detail
    assert f"; centre={centre.pk} " in end.detail
    assert end.detail.endswith(" …")


def test_results_of_another_engine_are_not_exported(centre, clinician, admin):
    patient = treated(centre, clinician)
    trajectory.refresh([patient.pk])
    Freshness.objects.update(computed_engine="0.0.1")
    Trajectory.objects.update(engine_version="0.0.1", since_status="progressed")

    (row,) = rows_of(exported(admin))

    assert (row["status"], row["result"], row["engine_version"]) == ("improved", "computed", VERSION)


# Screen and file

FILTERS = [
    {}, {"courses": "0"}, {"courses": "1"}, {"courses": "2"}, {"courses": "3"}, {"baseline": "low"},
    {"baseline": "mild"}, {"drugs": "1"}, {"drugs": "3", "courses": "2"},
]  # fmt: skip


@pytest.fixture(scope="class")
def registry(django_db_setup, django_db_blocker):
    """The demo, written once; every test changes its own savepoint of it."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield demo.seed(patients=60, on=date(2026, 1, 1))
        transaction.set_rollback(True)


@pytest.fixture
def everywhere(registry, registry_admin):
    return registry_admin


class TestRegistry:
    """The demo registry as a file."""

    def test_the_file_has_just_the_people_that_the_cohort_page_counts(self, client, everywhere):
        client.force_login(everywhere)
        Consent.objects.bulk_create(
            Consent(patient=patient, decision=G, day=date(2026, 1, 2)) for patient in Patient.objects.all()
        )  # everybody says yes, on the last day of all
        Patient.objects.update(participation=Participation.ENROLLED)

        for wanted in [*FILTERS, {"centre": Centre.objects.first().pk}]:
            page = client.get(reverse("outcomes:cohort"), wanted).context["overview"]
            rows = rows_of(exported(everywhere, **wanted))
            assert len(rows) == page.people, wanted
            assert sum(row["counted"] == "true" for row in rows) == page.counted, wanted
            for status in ("improved", "stable", "progressed"):
                found = [row for row in rows if row["status"] == status and row["counted"] == "true"]
                assert len(found) == page.of(status), wanted

    def test_the_file_and_the_page_differ_by_those_without_consent(self, client, everywhere):
        client.force_login(everywhere)
        centres = list(Centre.objects.values_list("pk", flat=True))

        for wanted in FILTERS:
            page = client.get(reverse("outcomes:cohort"), wanted).context["overview"]
            found = exporting.tally(CohortFilter(**wanted), centres)
            assert found.everybody == page.people, wanted
            assert found.rows == len(rows_of(exported(everywhere, **wanted))), wanted
        assert exporting.tally(CohortFilter(), centres).rows < 60

    @pytest.mark.parametrize("wanted", [*FILTERS, {"status": "improved"}, {"pending": True}, {"seen": "year"}])
    def test_whom_sql_keeps_python_keeps_too(self, everywhere, wanted):
        choice, today = CohortFilter(**wanted), date(2026, 1, 1)
        kept = cohorts.keeps(choice, today)
        found = {t.patient_id for t in Trajectory.objects.all() if kept(t)}

        assert set(cohorts.possible(Patient.objects.all(), choice, today).values_list("pk", flat=True)) == found

    def test_the_json_says_the_same_as_the_csv(self, everywhere):
        table, whole = rows_of(exported(everywhere)), json.loads(exported(everywhere, "json"))

        assert whole["rows"] == len(whole["patients"]) == len(table) > 20
        for old, new in zip(table, whole["patients"], strict=True):
            for column in COHORT:
                value = new[column.name]
                said = "" if value is None else ";".join(value) if column.type == "list" else str(value)
                said = said.lower() if column.type == "boolean" else said
                assert said == old[column.name] or column.name == "snapshot_at"
        assert [column["name"] for column in whole["dictionary"]] == NAMES
        assert whole["about"]["engine_version"] == VERSION

    def test_every_code_in_the_file_is_in_the_dictionary(self, everywhere):
        for row in rows_of(exported(everywhere)):
            for column in COHORT:
                if column.values and row[column.name]:
                    assert set(row[column.name].split(";")) <= set(column.values), (column.name, row[column.name])

    def test_a_block_costs_the_same_queries_however_many_are_in_it(self, everywhere, monkeypatch):
        numbers = {}
        for size in (5, 10):
            monkeypatch.setattr(cohort_rows, "BLOCK", size)
            with CaptureQueriesContext(connection) as queries:
                rows = len(rows_of(exported(everywhere)))
            numbers[-(-rows // size)] = len(queries)

        (many, most), (few, least) = numbers.items()
        assert (most - least) / (many - few) <= 14


# The dictionary


def test_the_dictionary_in_the_documents_is_up_to_date():
    """If not: `edss-tracker export docs/data-dictionary.md --dictionary`."""
    assert (ROOT / "docs/data-dictionary.md").read_text(encoding="utf-8") == dictionary.markdown()


def test_every_column_is_named_once_and_said():
    assert len(set(NAMES)) == len(NAMES)
    for column in COHORT:
        assert column.name == column.name.lower()
        assert column.says
        assert bool(column.values) == (column.type == "code") or column.name == "prior_drug_list", column.name


def test_the_dictionary_as_csv_has_a_row_for_each_value():
    rows = rows_of(dictionary.csv_text().encode())

    assert list(dict.fromkeys(row["name"] for row in rows)) == NAMES
    assert {row["value"] for row in rows if row["name"] == "status"} == {
        "improved",
        "stable",
        "progressed",
        "insufficient",
    }
