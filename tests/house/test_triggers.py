"""The triggers count every changed row, history cannot be rewritten, and a migration loses none of them."""

from datetime import date

import pytest
from django.apps import apps
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import DatabaseError, connection, migrations, models, transaction
from django.db.migrations.executor import MigrationExecutor

from patients import freshness, services
from patients.models import AccessEvent, Consent, Erasure, Freshness, Patient, Phenotype
from tests.factories import course, make_patient, relapse, visit
from treatments.models import Course, Infusion, Treatment
from treatments.services import record_treatments


def version(patient) -> int:
    return Freshness.objects.get(patient=patient, kind="trajectory").data_version


def settle(patient) -> None:
    """Derived rows as they should be, so that the check after each test finds nothing stale."""
    from outcomes import trajectory

    trajectory.refresh([patient.pk])


def by_hand(statement: str, *values) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount


@pytest.fixture
def rows(patient, clinician):
    """Three changed rows of each table, as model, rows to insert, and a harmless change of them."""
    given = course(patient, clinician, "2020-03-02")
    return {
        "treatments_course": (Course, [Course(patient=patient, state="stopped_early") for _ in range(3)], "note"),
        "treatments_infusion": (
            Infusion,
            [Infusion(patient=patient, course=given, day=date(2020, 3, day)) for day in (3, 4, 5)],
            "void_reason",
        ),
    }


@pytest.mark.parametrize("table", ["treatments_course", "treatments_infusion"])
def test_each_changed_row_raises_the_version_by_one(patient, rows, table):
    model, new, column = rows[table]
    before = version(patient)

    model.objects.bulk_create(new)
    assert version(patient) == before + 3
    ids = tuple(model.objects.order_by("-pk").values_list("pk", flat=True)[:3])
    assert model.objects.filter(pk__in=ids).update(row_version=2) == 3
    assert version(patient) == before + 6
    assert by_hand(f"UPDATE {table} SET {column} = {column} WHERE id IN (%s, %s, %s)", *ids) == 3
    assert version(patient) == before + 9
    assert by_hand(f"DELETE FROM {table} WHERE id IN (%s, %s, %s)", *ids) == 3
    assert version(patient) == before + 12

    settle(patient)


def test_of_the_patient_only_the_death_counts(patient):
    before = version(patient)

    Patient.objects.filter(pk=patient.pk).update(sex="male", onset=date(2010, 1, 1), participation="withdrawn")
    assert version(patient) == before
    Patient.objects.filter(pk=patient.pk).update(death=date(2024, 1, 2), death_cause="ms")
    assert version(patient) == before + 1
    by_hand("UPDATE patients_patient SET death = NULL, death_cause = '' WHERE id = %s", patient.pk)
    assert version(patient) == before + 2

    settle(patient)


def test_a_row_that_moves_to_another_patient_raises_both(patient, clinician, centre):
    other = make_patient(centre, clinician, family_name="Zhou", sex="male")
    row = course(patient, clinician, "2020-03-02")
    before = version(patient), version(other)

    Course.objects.filter(pk=row.pk).update(patient=other)
    Infusion.objects.filter(course=row).update(patient=other)

    assert (version(patient), version(other)) == (before[0] + 2, before[1] + 2)
    settle(patient)
    settle(other)


def test_another_patient_stays_fresh(patient, clinician, centre):
    other = make_patient(centre, clinician, family_name="Zhou", sex="male")
    before = version(other)

    course(patient, clinician, "2020-03-02")
    visit(patient, clinician, "2020-03-01", 3)

    assert version(other) == before


def test_a_change_that_is_rolled_back_raises_nothing(patient, clinician):
    before = version(patient)

    with transaction.atomic():
        course(patient, clinician, "2020-03-02")
        transaction.set_rollback(True)

    assert version(patient) == before


@pytest.fixture
def history(patient, clinician):
    """At least one row in every table that may only grow."""
    visit(patient, clinician, "2020-03-01", 3)
    relapse(patient, clinician, "2020-02-01")
    course(patient, clinician, "2020-03-02")
    record_treatments([Treatment(patient=patient, drug="fingolimod")], by=clinician)
    services.record_consent(Consent(patient=patient, decision="given", day=date(2020, 1, 1)), by=clinician)
    services.record_phenotype(Phenotype(patient=patient, kind="RRMS"), by=clinician)
    Erasure.objects.create(code="MS-NOBODY", reason="for this test")


@pytest.mark.parametrize("table", freshness.APPEND_ONLY)
def test_history_can_neither_be_changed_nor_deleted(history, table):
    column = {"patients_accessevent": "detail", freshness.ERASURES: "reason"}.get(table, "history_change_reason")
    count = f"SELECT count(*) FROM {table}"
    with connection.cursor() as cursor:
        cursor.execute(count)
        (before,) = cursor.fetchone()
    assert before > 0

    for statement in (f"UPDATE {table} SET {column} = 'nothing happened'", f"DELETE FROM {table}"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            by_hand(statement)

    with connection.cursor() as cursor:
        cursor.execute(count)
        assert cursor.fetchone() == (before,)


def test_the_orm_cannot_rewrite_history_either(history, patient):
    for rows in (patient.history.all(), AccessEvent.objects.all(), Infusion.history.all()):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            rows.delete()


def test_every_history_table_is_guarded():
    tables = {model._meta.db_table for model in apps.get_models() if model.__name__.startswith("Historical")}

    assert tables <= set(freshness.APPEND_ONLY)


def present() -> set[str]:
    return freshness.existing(connection)


def wanted() -> set[str]:
    return freshness.expected(set(connection.introspection.table_names()))


def alter(tables: set[str], *, signals: bool) -> None:
    """Migrate as `migrate` does: rebuild each of these tables by adding and removing a field."""
    state = MigrationExecutor(connection).loader.project_state()
    if signals:
        emit_pre_migrate_signal(0, False, "default", apps=state.apps, plan=[])
    by_app: dict[str, list] = {}
    for model in state.apps.get_models(include_auto_created=True):
        if model._meta.db_table in tables:
            flag = models.BooleanField(default=False)  # with a default, so that SQLite rebuilds the table
            by_app.setdefault(model._meta.app_label, []).append(
                (
                    migrations.AddField(model._meta.model_name, "flag", flag),
                    migrations.RemoveField(model._meta.model_name, "flag"),
                )
            )
    for at in (0, 1):
        for app, pairs in by_app.items():
            migration = migrations.Migration("altered", app)
            migration.operations = [pair[at] for pair in pairs]
            with connection.schema_editor() as editor:
                state = migration.apply(state, editor)
    if signals:
        emit_post_migrate_signal(0, False, "default", apps=state.apps, plan=[])


@pytest.mark.django_db(transaction=True)
def test_after_a_migration_of_every_watched_table_every_trigger_is_there_and_works(patient, clinician):
    assert present() == wanted()

    alter({*freshness.INPUTS, *freshness.APPEND_ONLY}, signals=True)

    assert present() == wanted()
    before = version(patient)
    Course.objects.create(patient=patient, state="stopped_early")
    assert version(patient) == before + 1
    with pytest.raises(DatabaseError, match="append-only"):
        by_hand(
            "DELETE FROM treatments_historicalcourse"
            if Course.history.exists()
            else "DELETE FROM patients_historicalpatient"
        )
    settle(patient)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite drops the triggers of a table it rebuilds")
def test_without_the_signals_the_same_migration_would_lose_triggers():
    alter({"treatments_course"}, signals=False)

    assert wanted() - present() == set(freshness.names("treatments_course"))
    freshness.create()
    assert present() == wanted()
