"""Importing assessments: every row is taken, set aside by a declared rule, or listed; all or nothing."""

import random
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied
from django.db import transaction

from assessments.models import Assessment, Relapse
from assessments.services import amend_assessment, void_assessment
from outcomes import trajectory
from outcomes.exchange import importing
from outcomes.exchange.mapping import read_mapping
from outcomes.exchange.reading import FileError
from outcomes.models import ImportBatch, Trajectory
from patients import writing
from patients.models import AccessEvent, AccessKind, Identity, Membership, Patient, Role
from tests.factories import make_patient, make_user, relapse, visit
from tests.outcomes.import_files import (
    SAMPLE,
    SYSTEM_COLUMNS,
    checked,
    example,
    imported,
    listed,
    sample_rows,
    table_of,
    toml,
)

pytestmark = pytest.mark.django_db
GRADES = "visual brainstem pyramidal cerebellar sensory bowel_bladder cerebral ambulation"
ALL = f"patient date edss {GRADES}"
HEAD = ALL.replace(" ", ",") + "\n"
SCORED = {
    "ambulation_scheme": "legacy", "legacy_code1": "4.0", "visual_grades": "raw", "bowel_bladder_grades": "raw",
    "cerebral_grade1": "count",
}  # fmt: skip


def stored_rows() -> int:
    return sum(model.objects.count() for model in (Patient, Identity, Assessment, Relapse, ImportBatch, AccessEvent))


@pytest.fixture
def sample(admin):
    return imported(SAMPLE.read_bytes(), example(), admin)


# the public sample


def test_the_sample_is_accounted_for_row_by_row(sample, admin):
    report, batch = sample
    rows = sample_rows()

    assert report.rows == len(rows) == 798
    assert (len(report.assessments), report.already, report.set_aside, report.listed) == (798, [], {}, [])
    assert Assessment.objects.filter(import_id=batch.id).count() == 798
    assert {one.import_row for one in Assessment.objects.all()} == set(range(2, 800))
    assert Patient.objects.filter(import_id=batch.id).count() == len({row["ID"] for row in rows}) == 40
    assert Assessment.history.filter(history_user=admin, history_type="+").count() == 798
    event = AccessEvent.objects.get(kind=AccessKind.IMPORT)
    assert event.detail == f"{batch.id}: 798 assessments, 40 new patients"


def test_every_value_of_the_sample_is_stored_as_it_is(sample):
    wanted = {(row["ID"], row["dateEDSS"]): row for row in sample_rows()}

    for one in Assessment.objects.select_related("patient__identity"):
        row = wanted.pop((one.patient.identity.local_number, one.day.isoformat()))
        assert one.edss_rater == (Decimal(row["EDSS"]) if row["EDSS"] else None)
        assert one.ambulation == (int(row["FSamb"]) if row["FSamb"] else None)
        assert one.ambulation_scheme == "legacy"
        for system, column in SYSTEM_COLUMNS.items():
            assert getattr(one, system) == (int(row[column]) if row[column] else None)
        complete = row["FSamb"] and all(row[column] for column in SYSTEM_COLUMNS.values())
        assert (one.edss_calculated is not None) == bool(complete)
        if row["EDSS"]:
            assert one.edss == Decimal(row["EDSS"])
    assert wanted == {}


def test_the_counts_are_those_of_the_file(sample):
    counts, rows = sample[0].counts(), sample_rows()
    full = [row for row in rows if row["FSamb"] and all(row[column] for column in SYSTEM_COLUMNS.values())]
    without = [row for row in rows if not row["EDSS"]]

    assert counts["edss_from_file"] == len(rows) - len(without) == 539
    assert counts["edss_calculated"] == sum(row in without for row in full)
    assert counts["incomplete"] == len(without) - counts["edss_calculated"]
    assert counts == sample[1].counts


def test_a_relapse_for_every_onset_that_the_days_point_to(sample):
    onsets = {
        (row["ID"], date.fromisoformat(row["dateEDSS"]) - timedelta(days=abs(int(row["daysPostRelapse"]))))
        for row in sample_rows()
        if row["daysPostRelapse"]
    }

    assert set(Relapse.objects.values_list("patient__identity__local_number", "onset")) == onsets


def test_all_people_have_a_status(sample):
    trajectory.refresh(Patient.objects.values_list("pk", flat=True))

    assert Trajectory.objects.count() == 40
    assert len(Counter(Trajectory.objects.values_list("overall_status", flat=True))) > 1


def test_a_second_import_changes_nothing_and_says_so(sample, admin):
    before = stored_rows()

    report, batch = imported(SAMPLE.read_bytes(), example(), admin)

    assert batch is None
    assert report.nothing_new
    assert len(report.already) == 798
    assert report.relapses_already == len(sample[0].relapses)
    assert stored_rows() == before


def test_rows_without_edss_are_set_aside_when_the_mapping_says_so(admin):
    report, _ = imported(SAMPLE.read_bytes(), example(rows_without_edss="set_aside"), admin)

    assert {rule: len(lines) for rule, lines in report.set_aside.items()} == {"rows_without_edss": 259}
    assert Assessment.objects.count() == 539


def test_complete_grades_without_edss_are_settled_by_a_rule_or_listed(admin):
    report = checked(SAMPLE.read_bytes(), example(complete_grades_without_edss="set_aside"), admin)
    assert len(report.set_aside["complete_grades_without_edss"]) == 4

    report = checked(SAMPLE.read_bytes(), example(complete_grades_without_edss=None), admin)
    assert len(report.listed) == 4
    assert "declare complete_grades_without_edss" in report.listed[0].reason


def test_without_relapses_from_days_there_are_none(admin):
    imported(SAMPLE.read_bytes(), example(relapses_from_days="ignore", days_sign=None), admin)

    assert Relapse.objects.count() == 0


# the walking scheme


def test_an_undeclared_scheme_is_refused_with_what_the_codes_look_like(admin):
    with pytest.raises(FileError) as refused:
        checked(SAMPLE.read_bytes(), example(ambulation_scheme=None), admin)

    assert "in 57 of 232 rows by the neurostatus scheme and in 231 of 232 rows by the legacy scheme" in str(
        refused.value
    )
    assert "speaks for legacy" in str(refused.value)


def test_a_file_whose_codes_settle_nothing_says_so(admin):
    with pytest.raises(FileError, match="That settles nothing"):
        checked("patient,date,ambulation\na,2020-01-01,3\n", toml("patient date ambulation"), admin)


def test_the_wrong_scheme_is_shown_as_unlikely(admin):
    report = checked(SAMPLE.read_bytes(), example(ambulation_scheme="neurostatus"), admin)

    assert report.unlike.startswith("The walking codes are declared as neurostatus")
    assert checked(SAMPLE.read_bytes(), example(), admin).unlike == ""


# single rows


@pytest.mark.parametrize(("cells", "column", "words"), [
    (",2020-01-01,2.0,0,0,0,0,0,0,0,0", "patient", "empty"),
    (" a,2020-01-01,2.0,0,0,0,0,0,0,0,0", "patient", "space around"),
    ("a" * 41 + ",2020-01-01,2.0,0,0,0,0,0,0,0,0", "patient", "41 characters"),
    ("\ufdfa" * 20 + ",2020-01-01,2.0,0,0,0,0,0,0,0,0", "patient", "no part of a number"),
    ("a,,2.0,0,0,0,0,0,0,0,0", "date", "empty"),
    ("a,01/02/2020,2.0,0,0,0,0,0,0,0,0", "date", "is no date as 2019-03-05"),
    ("a,2020-W01-1,2.0,0,0,0,0,0,0,0,0", "date", "is no date as 2019-03-05"),
    ("a,2020-02-30,2.0,0,0,0,0,0,0,0,0", "date", "not a date of the calendar"),
    ("a, 2020-02-03,2.0,0,0,0,0,0,0,0,0", "date", "is no date as 2019-03-05"),
    ("a,1899-12-31,2.0,0,0,0,0,0,0,0,0", "date", "outside 1900 to 2199"),
    ("a,2199-01-01,2.0,0,0,0,0,0,0,0,0", "date", "in the future"),
    ('a,2020-01-01,"2,0",0,0,0,0,0,0,0,0', "edss", "decimal comma. Write a point: 2.0"),
    ("a,2020-01-01,0.5,0,0,0,0,0,0,0,0", "edss", "not a step of the EDSS"),
    ("a,2020-01-01,10.5,0,0,0,0,0,0,0,0", "edss", "not a step of the EDSS"),
    ("a,2020-01-01,2.50,0,0,0,0,0,0,0,0", "edss", "not a step of the EDSS"),
    ("a,2020-01-01,1e0,0,0,0,0,0,0,0,0", "edss", "not a step of the EDSS"),
    ("a,2020-01-01,1_0,0,0,0,0,0,0,0,0", "edss", "not a step of the EDSS"),
    ("a,2020-01-01,\u0662,0,0,0,0,0,0,0,0", "edss", "not a step of the EDSS"),
    ("a,2020-01-01, 2.0,0,0,0,0,0,0,0,0", "edss", "not a step of the EDSS"),
    ("a,2020-01-01,10.0,0,0,0,0,0,0,0,0", "edss", "EDSS 10 needs a death from MS"),
    ("a,2020-01-01,2.0,7,0,0,0,0,0,0,0", "visual", "is not a grade"),
    ("a,2020-01-01,2.0,0,6,0,0,0,0,0,0", "brainstem", "Grade 6 is not between 0 and 5"),
    ("a,2020-01-01,2.0,0,0,1.0,0,0,0,0,0", "pyramidal", "is not a grade"),
    ("a,2020-01-01,2.0,0,0,NT,0,0,0,0,0", "pyramidal", "is not a grade"),
    ("a,2020-01-01,2.0,0,0,-1,0,0,0,0,0", "pyramidal", "is not a grade"),
    ('a,2020-01-01,2.0,0,0,"1,0",0,0,0,0,0', "pyramidal", "decimal comma"),
    ("a,2020-01-01,2.0,0,0,0,0,0,0,0,14", "ambulation", "no walking code of the legacy scheme, 0 to 13"),
    ("a,2020-01-01,2.0,0,0,0,0,0,0,0,-1", "ambulation", "no walking code of the legacy scheme"),
    ("a,2020-01-01,2.0,0,0,0,0,0,0,0,x", "ambulation", "not a whole number"),
    ("a,2020-01-01,,0,0,0,0,0,0,0,0", "edss", "declare complete_grades_without_edss"),
])  # fmt: skip
def test_a_row_that_cannot_be_is_listed_with_line_column_and_reason(admin, cells, column, words):
    good = "b,2020-01-01,2.0,0,0,1,1,2,0,0,0\n"
    before = stored_rows()

    report, batch = imported(HEAD + good + cells + "\n", toml(ALL, **SCORED), admin)

    assert [(line, name) for line, name, _ in listed(report)] == [(3, column)]
    assert words in report.listed[0].reason
    assert batch is None
    assert stored_rows() == before


def test_every_fault_of_a_row_and_of_the_file_is_listed(admin):
    report = checked(HEAD + "a,x,y,0,0,0,0,0,0,0,z\nb,2020-13,2.0,,,,,,,,\n", toml(ALL, **SCORED), admin)

    assert [(line, name) for line, name, _ in listed(report)] == [
        (2, "ambulation"), (2, "date"), (2, "edss"), (3, "date"),
    ]  # fmt: skip
    assert report.counts()["listed"] == 2


def test_marks_and_partly_known_grades_are_stored_as_known(admin):
    imported(HEAD + "a,2020-01-01,2.0,2X,1P,,,,,,\n", toml(ALL, **SCORED), admin)

    one = Assessment.objects.get()
    assert one.grades["visual"] == (2, "X")
    assert one.grades["brainstem"] == (1, "P")
    assert one.grades["pyramidal"] == (None, "")
    assert (one.edss, one.edss_calculated) == (Decimal("2.0"), None)


def test_a_row_with_nothing_but_patient_and_date_is_an_incomplete_assessment(admin):
    imported("patient,date,edss\na,2020-01-01,\n", toml(), admin)

    one = Assessment.objects.get()
    assert (one.edss, one.incomplete_reason) == (None, "No EDSS in the file.")
    assert (one.visit_type, one.mode) == ("unknown", "unknown")


def test_converted_grades_are_never_kept_as_raw_ones(admin):
    cells = "a,2020-01-01,2.0,4,0,1,1,0,3,0,0\n"
    mapping = toml(ALL, **SCORED | {"visual_grades": "converted"})

    report, _ = imported(HEAD + cells, mapping, admin)

    one = Assessment.objects.get()
    assert (one.visual, one.bowel_bladder, one.edss_calculated) == (None, 3, None)
    assert report.counts()["left_out"] == {"visual": 1}
    assert listed(checked(HEAD + cells.replace(",4,", ",5,"), mapping, admin))[0][1] == "visual"


def test_dates_are_kept_as_known(admin):
    imported("patient,date,edss\na,2019-03,2.0\na,2018,1.0\n", toml(), admin)

    assert {one.say_day() for one in Assessment.objects.all()} == {"Mar 2019, day not known", "2018, day not known"}


def test_words_of_the_file_are_translated_and_others_listed(admin):
    columns = "patient date edss sex birth visit_type mode rater note"
    head = columns.replace(" ", ",") + "\n"
    mapping = toml(columns, words='[words.sex]\nF = "female"\n[words.visit_type]\nplan = "scheduled"')

    imported(head + 'a,2020-01-01,2.0,F,1980,plan,video,AB,"two\nlines"\n', mapping, admin)
    report = checked(head + "b,2020-01-01,2.0,W,1980,planned,video,AB,x\n", mapping, admin)

    one = Assessment.objects.get()
    assert (one.patient.sex, one.patient.say("birth")) == ("female", "1980, day not known")
    assert (one.visit_type, one.mode, one.rater_name, one.note) == ("scheduled", "video", "AB", "two\nlines")
    assert [name for _, name, _ in listed(report)] == ["sex", "visit_type"]


def test_one_patient_is_described_once(admin):
    columns = "patient date edss sex birth"
    head = columns.replace(" ", ",") + "\n"

    report = checked(head + "a,2020-01-01,2.0,female,\na,2021-01-01,2.0,male,2020-06-01\n", toml(columns), admin)

    assert listed(report)[0] == (2, "date", "1 Jan 2020 lies before the birth, 1 Jun 2020.")
    assert listed(report)[1] == (3, "sex", "Line 2 says otherwise of this patient.")


def test_the_same_patient_and_day_twice_is_listed(admin):
    report = checked("patient,date,edss\na,2020-01-01,2.0\na,2020-01-01,2.0\n", toml(), admin)

    assert listed(report) == [(3, "date", "Line 2 has the same patient and date.")]


@pytest.mark.parametrize("model", [Patient, Assessment, Relapse])
def test_the_history_of_an_import_is_that_of_a_save(sample, admin, model):
    """The import copies rows in the database; here they are compared with what django-simple-history would write."""
    _, batch = sample
    kept = {row.id: row for row in model.history.all()}

    for one in model.objects.all():
        row = kept.pop(one.pk)
        for field in model._meta.concrete_fields:
            assert getattr(row, field.attname) == getattr(one, field.attname), field.name
        assert (row.history_type, row.history_user, row.history_change_reason) == ("+", admin, f"import {batch.id}")
        assert abs(row.history_date - batch.at) < timedelta(minutes=1)
        assert one.created_by == admin
    assert kept == {}


# what is stored already


@pytest.fixture
def known(centre, clinician):
    return make_patient(centre, clinician, local_number="a")


def test_a_stored_assessment_that_says_otherwise_is_a_conflict(admin, clinician, known):
    visit(known, clinician, "2020-01-01", "3.0")

    report, _ = imported("patient,date,edss\na,2020-01-01,3.5\na,2021-01-01,3.5\n", toml(), admin)

    words = "This patient has another assessment on this day: edss stored 3.0, in the file 3.5."
    assert listed(report) == [(2, "date", words)]
    assert Assessment.objects.count() == 1


def test_known_patients_get_the_new_rows_only(admin, clinician, known):
    visit(known, clinician, "2020-01-01", "3.0")

    report, batch = imported("patient,date,edss\na,2020-01-01,3.0\na,2021-01-01,3.5\n", toml(), admin)

    assert (report.already, report.counts()["new"], report.patients_known) == ([2], 1, 1)
    assert known.assessments.get(import_id=batch.id).edss == Decimal("3.5")


def test_a_stored_patient_described_otherwise_is_listed(admin, known):
    columns = "patient date edss birth"

    report = checked("patient,date,edss,birth\na,2020-01-01,3.0,1985-03-03\n", toml(columns), admin)

    assert listed(report)[0][:2] == (2, "birth")


def test_new_patients_can_be_refused(admin, known):
    text = "patient,date,edss\na,2020-01-01,3.0\nb,2020-01-01,3.0\n"

    report = checked(text, toml(new_patients="refuse"), admin)

    assert listed(report) == [(3, "patient", '"b" is not registered in Centre Nord.')]


def test_after_an_undo_the_file_can_be_imported_again(admin, clinician):
    text = "patient,date,edss\na,2020-01-01,3.0\n"
    imported(text, toml(), admin)
    one = Assessment.objects.get()
    void_assessment(one, by=clinician, reason="wrong file", row_version=one.row_version)

    _, batch = imported(text, toml(), admin)

    assert Assessment.objects.live().get().import_id == batch.id


# relapses

DAYS = "patient date edss days_since_relapse"
MAKE = {"relapses_from_days": "make", "days_sign": "positive"}


def days_file(*rows) -> str:
    return DAYS.replace(" ", ",") + "\n" + "".join(f"a,{day},2.0,{days}\n" for day, days in rows)


def test_equal_onsets_are_one_relapse_and_close_ones_are_counted(admin):
    text = days_file(("2020-01-11", "10"), ("2020-01-21", "20"), ("2020-03-01", "50"))

    report, _ = imported(text, toml(DAYS, **MAKE), admin)

    assert list(Relapse.objects.values_list("onset", flat=True)) == [date(2020, 1, 1), date(2020, 1, 11)]
    assert report.relapses_close == 1


@pytest.mark.parametrize(("day", "days", "words"), [
    ("2020-01-11", "-10", "not zero or positive"),
    ("2020-01-11", "1.5", "not a whole number"),
    ("2020-01-11", "999999", "before 1900"),
    ("2020-01", "5", "date to the day"),
    ("2020-01-11", "14000", "before the birth"),
])  # fmt: skip
def test_days_that_cannot_be_are_listed(admin, known, day, days, words):
    report = checked(days_file((day, days)), toml(DAYS, **MAKE), admin)

    assert [(line, name) for line, name, _ in listed(report)] == [(2, "days_since_relapse")]
    assert words in report.listed[0].reason


def test_a_stored_relapse_is_not_made_again(admin, clinician, known):
    relapse(known, clinician, "2020-01-01")

    report, _ = imported(days_file(("2020-01-11", "10")), toml(DAYS, **MAKE), admin)

    assert (report.relapses_already, Relapse.objects.count()) == (1, 1)


def test_a_visit_near_an_imported_relapse_is_confirmed_by_the_files_reason(admin):
    report, _ = imported(days_file(("2020-01-11", "10")), toml(DAYS, **MAKE), admin)

    [warning] = Assessment.objects.get().confirmed_warnings
    assert (warning["id"], warning["reason"]) == ("W11", "old records")
    assert report.counts()["warnings"] == {"W11": 1}


def test_the_warnings_are_those_of_the_services(admin):
    """Neighbours found in bulk by the check, against those that the services read from the database row by row."""
    from assessments.checks import calculate, findings, neighbours

    imported(SAMPLE.read_bytes(), example(), admin)

    for one in Assessment.objects.select_related("patient", "rater"):
        kept = [warning["id"] for warning in one.confirmed_warnings]
        assert kept == [finding.id for finding in findings(one, calculate(one), neighbours(one))]


# columns, centres, permission


@pytest.mark.parametrize(("head", "words"), [
    ("patient,date,EDSS,x", 'what these columns are: "x"'),
    ("patient,day,EDSS", 'columns that the file has not: "date"'),
])  # fmt: skip
def test_columns_must_be_those_of_the_mapping(admin, head, words):
    mapping = toml().replace(b'edss = "edss"', b'edss = "EDSS"')

    with pytest.raises(FileError, match=words):
        checked(f"{head}\n" + ",".join("a" * (head.count(",") + 1)) + "\n", mapping, admin)


def test_columns_can_be_ignored(admin):
    mapping = b"ignore_columns = ['x']\n" + toml()

    assert checked("patient,date,edss,x\na,2020-01-01,2.0,?\n", mapping, admin).clean


@pytest.mark.parametrize("who", ["clinician", "neurologist", "outsider"])
def test_only_an_admin_of_the_centre_may_import(request, who):
    with pytest.raises(FileError, match='no centre "Centre Nord" in which this account may import'):
        checked("patient,date,edss\na,2020-01-01,2.0\n", toml(), request.getfixturevalue(who))


def test_an_admin_of_another_centre_is_refused(other_centre, centre):
    other = make_user("other", centre=other_centre, role=Role.ADMIN)

    with pytest.raises(FileError, match="no centre"):
        checked("patient,date,edss\na,2020-01-01,2.0\n", toml(), other)


def test_a_role_ended_after_the_check_stops_the_import(admin, centre):
    report = checked("patient,date,edss\na,2020-01-01,2.0\n", toml(), admin)
    Membership.objects.filter(user=admin).delete()
    del admin.roles

    with pytest.raises(PermissionDenied):
        importing.apply(report, by=admin)

    assert Assessment.objects.count() == 0


# all or nothing


def test_a_listed_row_cannot_be_applied(admin):
    with pytest.raises(importing.Blocked):
        importing.apply(checked("patient,date,edss\na,x,2.0\n", toml(), admin), by=admin)


def test_a_failure_in_the_middle_leaves_nothing(admin, monkeypatch):
    report = checked(SAMPLE.read_bytes(), example(), admin)
    before = stored_rows()

    def fail(*_, **__):
        raise RuntimeError("power cut")

    monkeypatch.setattr(writing, "tell", fail)
    with pytest.raises(RuntimeError):
        importing.apply(report, by=admin)

    assert stored_rows() == before


@pytest.mark.parametrize("change", ["added", "amended", "relapse", "registered"])
def test_what_changes_after_the_check_makes_the_plan_void(admin, centre, clinician, known, change):
    visit(known, clinician, "2019-01-01", "3.0")
    report = checked("patient,date,edss\na,2020-01-01,2.0\nb,2020-01-01,2.0\n", toml(), admin)
    if change == "added":
        visit(known, clinician, "2020-01-01", "3.0")
    elif change == "amended":
        one = Assessment.objects.get()
        one.note = "looked at again"
        amend_assessment(
            one, by=clinician, confirmed=dict.fromkeys(("W1", "W14"), "x"), reason="typo", row_version=one.row_version
        )
    elif change == "relapse":
        relapse(known, clinician, "2019-12-30")
    else:
        make_patient(centre, clinician, local_number="b")
    before = stored_rows()

    with pytest.raises(importing.Changed):
        importing.apply(report, by=admin)

    assert stored_rows() == before


def test_a_change_in_between_is_checked_again_by_itself(admin, clinician, known, monkeypatch):
    apply = importing.apply

    def late(report, **options):
        monkeypatch.setattr(importing, "apply", apply)
        visit(known, clinician, "2020-01-01", "2.0")
        return apply(report, **options)

    monkeypatch.setattr(importing, "apply", late)

    report, batch = imported("patient,date,edss\na,2020-01-01,2.0\na,2021-01-01,2.0\n", toml(), admin)

    assert (report.already, len(report.assessments)) == ([2], 1)
    assert batch


def test_a_registry_code_that_is_taken_is_replaced(admin, known, monkeypatch):
    codes = iter([known.code, "MS-AAAAAA", "MS-AAAAAA", "MS-BBBBBB"])
    monkeypatch.setattr(importing, "new_code", lambda: next(codes))
    report = checked("patient,date,edss\nb,2020-01-01,2.0\nc,2020-01-01,2.0\n", toml(), admin)
    for patient in report.patients.values():
        patient.code = known.code

    importing.apply(report, by=admin)

    assert set(Patient.objects.values_list("code", flat=True)) == {known.code, "MS-AAAAAA", "MS-BBBBBB"}
    assert set(Identity.objects.values_list("local_number", "search_text")) >= {("b", "b"), ("c", "c")}


def mutated(content: bytes, rng: random.Random) -> bytes:
    """The file after one or two small accidents."""
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 2])):
        at = rng.randrange(len(data))
        kind = rng.randrange(9)
        if kind == 0:
            data[at] = rng.randrange(256)
        elif kind == 1:
            data[at:at] = rng.choice([b'"', b",", b"\n", b"\r", b";", b"\xef\xbb\xbf", b"\x00", b"9", b"X", b"-", b"."])
        elif kind == 2:
            del data[at : at + rng.randint(1, 40)]
        elif kind == 3:
            data[at:at] = data[at : at + rng.randint(1, 80)]
        elif kind == 4 and rng.random() < 0.3:
            data[at:] = b""
        elif kind == 5:
            data[at : at + 1] = rng.choice(["é", "٣", "\u2028", "１", "\u00a0"]).encode()
        elif kind == 6:
            other = rng.randrange(len(data))
            data[at], data[other] = data[other], data[at]
        else:  # another digit
            digits = [place for place, byte in enumerate(data) if 48 <= byte <= 57]
            data[rng.choice(digits)] = rng.randrange(48, 58)
        data = data or bytearray(b"x")
    return bytes(data)


@pytest.mark.slow
def test_a_damaged_file_is_refused_or_taken_whole(admin):
    content = b"".join(SAMPLE.read_bytes().splitlines(keepends=True)[:25])
    mapping, rng, fates = read_mapping(example()), random.Random(7), Counter()
    before = stored_rows()

    for _ in range(300):
        with transaction.atomic():
            try:
                report, batch = importing.run(table_of(mutated(content, rng)), mapping, by=admin)
            except FileError:
                fates["refused"] += 1
                assert stored_rows() == before
                continue
            parts = [report.assessments, report.already, *report.set_aside.values(), report.listed_lines]
            assert sum(map(len, parts)) == report.rows
            assert Assessment.objects.count() == (len(report.assessments) if batch else 0)
            fates["taken" if batch else "listed"] += 1
            transaction.set_rollback(True)

    assert sum(fates.values()) == 300
    assert min(fates[fate] for fate in ("refused", "listed", "taken")) > 20
    assert stored_rows() == before
