"""An erased identity is gone from every table, stays gone, and leaves the clinical record as it was."""

import json
from datetime import date

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, connection, models, transaction
from django.urls import reverse

from assessments.models import Assessment
from assessments.services import record_assessments, void_assessment
from outcomes import trajectory
from patients import erasing, freshness, services
from patients.models import AccessEvent, Consent, Erasure, Identity, Patient
from tests.calling import Caller, key
from tests.factories import course, make_patient, relapse, visit
from treatments.models import Treatment
from treatments.services import record_treatments

pytestmark = pytest.mark.django_db
NAME = "Zaphodia"  # in no other text of the registry


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def told(centre, clinician):
    """A patient whose name somebody typed wherever text can be typed, then changed."""
    patient = make_patient(centre, clinician, family_name=NAME, given_name="Beata", local_number="L-77")
    row = Assessment(
        patient=patient, day=date(2020, 1, 5), edss_rater=3, rater_reason=f"{NAME} says", rater=clinician,
        note=f"Mrs {NAME} came with her son",
    )  # fmt: skip
    record_assessments([row], by=clinician, confirm_because=f"{NAME} insists", action="assessment.add", reason=NAME)
    wrong = visit(patient, clinician, "2020-02-05", 4, note=NAME)
    void_assessment(wrong, by=clinician, reason=f"that was not {NAME}", row_version=wrong.row_version)
    relapse(patient, clinician, "2019-06-01", note=f"{NAME} fell")
    course(patient, clinician, "2020-03-02", note=f"for {NAME}")
    record_treatments([Treatment(patient=patient, drug="fingolimod", note=NAME)], by=clinician)
    services.record_consent(Consent(patient=patient, decision="given", day=date(2020, 1, 1)), by=clinician)
    patient.sex = "other"
    services.amend(patient, by=clinician, identity=None, reason=f"{NAME} told us", row_version=1)
    sent = {"onset": "2019-09-01", "note": f"{NAME} wrote"}
    made = Caller(clinician).post(f"/patients/{patient.code}/relapses/", sent, idempotency_key=key())
    assert made.status_code == 201
    trajectory.refresh([patient.pk])
    return patient


def everything() -> str:
    """Each value of each table of this database, as text."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found += [repr((table, row)) for row in cursor.fetchall()]
    return "\n".join(found)


def erase(patient, by=None, reason="asked for by letter"):
    services.erase_identity(patient, by=by, reason=reason)
    trajectory.refresh([patient.pk])


def test_no_table_knows_the_name_any_more(told):
    before = everything().lower()
    assert before.count(NAME.lower()) > 15
    assert "l-77" in before

    erase(told)

    after = everything().lower()
    assert NAME.lower() not in after
    assert "beata" not in after
    assert "l-77" not in after


def test_the_clinical_record_and_who_changed_it_stay(told, clinician):
    def facts():
        trajectory.refresh([told.pk])
        return (
            list(Assessment.objects.filter(patient=told).values_list("day", "edss", "voided_at").order_by("pk")),
            [(row.since_status, row.last_edss) for row in [Patient.objects.get(pk=told.pk).trajectory]],
        )

    before, rows = facts(), Assessment.history.filter(patient=told).count()

    erase(told)

    assert facts() == before
    assert Assessment.history.filter(patient=told).count() > rows  # the erasure is a change of its own
    assert {row.history_user for row in Assessment.history.filter(patient=told)} == {clinician, None}
    assert Assessment.history.filter(patient=told).latest("history_id").history_change_reason == "identity erased"


def test_somebody_else_keeps_every_word(told, centre, clinician):
    other = make_patient(centre, clinician, family_name="Other", given_name="Ola")
    visit(other, clinician, "2020-01-05", 3, note="her own words")
    trajectory.refresh([other.pk])

    erase(told)

    assert Identity.objects.get(patient=other).family_name == "Other"
    assert Assessment.objects.get(patient=other).note == "her own words"
    assert Assessment.history.get(patient=other).note == "her own words"


def test_an_admin_of_the_centre_erases_and_nobody_else_does(told, admin, clinician, outsider):
    for somebody in (clinician, outsider):
        with pytest.raises(PermissionDenied):
            services.erase_identity(told, by=somebody, reason="no right")
    assert Identity.objects.filter(patient=told).exists()

    erase(told, by=admin)

    event = AccessEvent.objects.filter(patient=told, kind="identity").first()
    assert (event.user, event.detail) == (admin, "erased")
    assert Erasure.objects.get().by == admin


@pytest.mark.parametrize("reason", ["", "   ", "x" * 201])
def test_a_reason_is_asked_for(told, reason):
    with pytest.raises(ValidationError):
        services.erase_identity(told, by=None, reason=reason)
    assert Identity.objects.filter(patient=told).exists()


def test_it_happens_once_and_the_name_cannot_be_given_again(told, clinician):
    erase(told)

    with pytest.raises(ValidationError, match="before"):
        services.erase_identity(told, by=None, reason="again")
    with pytest.raises(ValidationError, match="not kept again"):
        services.save_identity(told, by=clinician, family_name="Back")
    services.save_identity(told, by=clinician)  # a form without a name saves the rest
    assert not Identity.objects.exists()


# The history lets itself be erased, and nothing more ------------------------------------------------------------------


def by_hand(statement):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(
    "change",
    ["note = 'better words'", "note = ''", "edss = 1", "history_user_id = NULL", "note = '[erased]', edss = NULL",
     "patient_id = patient_id + 1", "history_change_reason = 'why not'"],
)  # fmt: skip
def test_an_erasure_opens_no_door_to_rewrite_history(told, change):
    erase(told)
    for table in ("assessments_historicalassessment",):
        with pytest.raises(DatabaseError, match="append-only"):
            by_hand(f"UPDATE {table} SET {change}")
        with pytest.raises(DatabaseError, match="append-only"):
            by_hand(f"DELETE FROM {table}")


def test_who_is_not_on_the_list_has_a_history_that_cannot_be_erased(told):
    with pytest.raises(DatabaseError, match="append-only"):
        by_hand("UPDATE assessments_historicalassessment SET note = '[erased]'")


def test_the_list_itself_cannot_be_shortened(told):
    erase(told)
    for statement in ("DELETE FROM patients_erasure", "UPDATE patients_erasure SET code = 'MS-OTHER'"):
        with pytest.raises(DatabaseError, match="append-only"):
            by_hand(statement)


KEPT = {  # typed, and kept: what it names is no patient, and why docs/adr/0017 says
    "rater_name", "drug_name", "algorithm_version",
}  # fmt: skip


def test_every_text_of_a_record_is_erased_or_kept_for_a_reason():
    for model in erasing.RECORDS:
        texts = {
            field.name
            for field in model._meta.concrete_fields
            if isinstance(field, (models.CharField, models.TextField)) and not field.choices
        }
        texts -= {name for name in texts if name.endswith(("_precision", "_mark"))}
        assert texts - KEPT <= set(model.free_text), model
        columns = set(freshness.ERASABLE[model.history.model._meta.db_table][1])
        assert columns == {*model.free_text, "history_change_reason"}, model


def test_every_history_of_a_patient_can_be_erased():
    from patients.models import ClinicalRecord

    assert set(ClinicalRecord.__subclasses__()) == set(erasing.RECORDS)


# The list in the data folder -----------------------------------------------------------------------------------------


def test_the_erasure_is_in_the_file_too(told, folder, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        erase(told)

    (line,) = (folder / "erasures.jsonl").read_text().splitlines()
    assert json.loads(line)["code"] == told.code
    assert (folder / "erasures.jsonl").stat().st_mode & 0o777 == 0o600
    assert [entry.code for entry in erasing.read_list(folder / "erasures.jsonl")] == [told.code]


def test_a_line_that_was_cut_off_is_written_again(told, folder):
    erase(told)
    erasing.keep_list()
    path = folder / "erasures.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    assert erasing.read_list(path) == []

    erasing.keep_list()
    erasing.keep_list()

    assert [entry.code for entry in erasing.read_list(path)] == [told.code]


def test_a_list_that_was_spoiled_is_not_half_read(told, folder):
    path = folder / "erasures.jsonl"
    for text in ("nonsense\n", '{"code": "MS-1"}\n', "[]\n", '{"code": 1, "at": "", "reason": "", "by": null}\n'):
        path.write_text(text)
        with pytest.raises(erasing.ListUnreadable, match="Line 1"):
            erasing.read_list(path)


def test_a_replayed_list_erases_who_is_there_and_remembers_who_is_not(told, clinician):
    entries = [erasing.Entry(told.code, "2024-05-01T10:00:00+00:00", "letter", clinician.pk),
               erasing.Entry("MS-LATER", "2024-05-02T10:00:00+00:00", "letter", 999_999)]  # fmt: skip

    assert erasing.replay(entries) == 1
    assert erasing.replay(entries) == 0

    assert NAME not in everything()
    assert set(Erasure.objects.values_list("code", "by")) == {(told.code, clinician.pk), ("MS-LATER", None)}
    trajectory.refresh([told.pk])


# The pages -----------------------------------------------------------------------------------------------------------


def test_an_admin_erases_on_a_page_that_asks_for_the_code(client, told, admin):
    client.force_login(admin)
    address = reverse("patients:patient_erase", args=[told.code])
    assert "Erase identity" in client.get(reverse("outcomes:patient", args=[told.code])).text

    refused = client.post(address, {"reason": "letter", "code": "MS-WRONG"})
    assert refused.status_code == 200
    assert f"Type {told.code} to confirm" in refused.text
    assert Identity.objects.filter(patient=told).exists()

    done = client.post(address, {"reason": "letter of 3 May", "code": told.code.lower()}, follow=True)

    assert f"The identity of {told.code} is erased." in done.text
    assert "Identity erased" in done.text
    assert "Erase identity<" not in done.text
    assert "letter of 3 May" in client.get(address).text
    trajectory.refresh([told.pk])


def test_a_clinician_sees_that_it_is_erased_and_may_write_on(client, told, clinician):
    erase(told)
    client.force_login(clinician)

    assert "Identity erased" in client.get(reverse("outcomes:patient", args=[told.code])).text
    assert not Patient.objects.search(NAME, names_of=[told.centre_id]).exists()
    for name in ("outcomes:patient_history", "outcomes:patient_print", "patients:patient_edit",
                 "assessments:assessment_add", "treatments:course_add"):  # fmt: skip
        page = client.get(reverse(name, args=[told.code]))
        assert page.status_code == 200
        assert NAME not in page.text
    visit(told, clinician, "2021-05-05", 3)
    trajectory.refresh([told.pk])
