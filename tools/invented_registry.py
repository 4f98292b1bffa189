"""An invented registry for measuring, written as fast as the database takes it: a fast path of benchmarks only.

It goes around the services, so nothing here has a history. Visits lie in the table as clinics enter them, by day, so
that those of one patient are scattered. Triggers are off while it writes; what they would have counted is written.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

import numpy as np
from django.db import connection, models, transaction
from django.db.models import F
from django.utils import timezone

from assessments.models import Assessment, Relapse
from engine import VERSION
from outcomes import trajectory
from outcomes.models import DisabilityEvent, Trajectory
from patients import freshness
from patients.models import Centre, Consent, Freshness, Identity, Membership, Patient, Role, User
from treatments.models import Course, Infusion

VISITS = 15
START = date(2012, 1, 1).toordinal()
STEPS = np.array([0.0, *(half / 2 for half in range(2, 20))])


def fill(patients: int, seed: int = 7, visits: int = VISITS) -> User:
    """Write one centre, one clinician and this many patients; returns the clinician. The database must be empty."""
    if Patient.objects.exists():
        raise SystemExit("The benchmark writes into an empty database only.")
    centre = Centre.objects.create(name="Benchmark", synthetic=True)
    user = User.objects.create_user("bench@example.org", "not-a-secret-of-anyone", name="Dr Bench")
    Membership.objects.create(user=user, centre=centre, role=Role.CLINICIAN)
    rng = np.random.default_rng(seed)
    freshness.drop()
    with transaction.atomic():
        ids = range(1, patients + 1)
        insert(Patient, ("id", "code"), ((pk, f"MS-B{pk:07}") for pk in ids), centre_id=centre.pk, sex="female")
        insert(Identity, ("patient_id",), ((pk,) for pk in ids), centre_id=centre.pk)
        scored = visit_rows(patients, visits, rng)
        insert(Assessment, ("patient_id", "day", "edss", "edss_rater"), scored, rater_id=user.pk)
        insert(Relapse, ("patient_id", "onset"), relapse_rows(patients, rng))
        insert(Course, ("id", "patient_id"), ((pk, pk) for pk in ids if pk % 5), state="complete")
        infusions = infusion_rows(patients, rng)
        insert(Infusion, ("patient_id", "course_id", "day"), infusions, dose_mg=12)
        insert(Freshness, ("patient_id",), ((pk,) for pk in ids), kind="trajectory", data_version=visits)
        reset_sequences((Patient, Course))
    freshness.create()
    settle()
    return user


def settle() -> None:
    """What a server does in its own time with rows that are new; else it would do it while something is measured."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def fill_consents(patients: int) -> None:
    """Nine patients of ten said yes to research."""
    rows = ((pk, "given" if pk % 10 else "refused") for pk in range(1, patients + 1))
    insert(Consent, ("patient_id", "decision"), rows, day=date(2015, 1, 1))


def fill_results(patients: int, models_of: int = 1000) -> None:
    """Fresh trajectories for everybody: those of the first patients as computed, those of the rest copied from them.

    So a million take a minute. The copies do not belong to their patients' rows; nothing may check them.
    """
    trajectory.compute(range(1, min(models_of, patients) + 1))
    for model in (Trajectory, DisabilityEvent):
        columns = [f.column for f in model._meta.concrete_fields if f.name not in ("id", "patient")]
        names = ", ".join(f'"{name}"' for name in columns)
        copied = ", ".join(f't."{name}"' for name in columns)
        table = model._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} (patient_id, {names}) SELECT p.id, {copied} FROM patients_patient p "  # noqa: S608
                f"JOIN {table} t ON t.patient_id = (p.id - 1) %% %s + 1 WHERE p.id > %s",
                [models_of, models_of],
            )
    Freshness.objects.update(computed_version=F("data_version"), computed_engine=VERSION)
    settle()


def visit_rows(patients: int, visits: int, rng: np.random.Generator) -> Iterator[tuple[int, date, float, float]]:
    """About two visits a year, and a score that wanders over the scale; in order of days."""
    days = START + rng.integers(0, 900, (patients, 1)) + np.cumsum(rng.integers(90, 270, (patients, visits)), axis=1)
    moves = rng.choice([-2, -1, 0, 0, 0, 0, 1, 2], (patients, visits))
    at = np.clip(rng.integers(2, 10, (patients, 1)) + np.cumsum(moves, axis=1), 0, len(STEPS) - 1)
    order = np.argsort(days, axis=None, kind="stable")
    owners = np.repeat(np.arange(1, patients + 1), visits)[order].tolist()
    for owner, day, edss in zip(owners, days.ravel()[order].tolist(), STEPS[at].ravel()[order].tolist(), strict=True):
        yield owner, date.fromordinal(day), edss, edss


def relapse_rows(patients: int, rng: np.random.Generator) -> Iterator[tuple[int, date]]:
    """Two a patient on average, at most one in 400 days."""
    for owner, number in enumerate(rng.poisson(2, patients).tolist(), start=1):
        for nth, wait in enumerate(rng.integers(0, 400, number).tolist()):
            yield owner, date.fromordinal(START + 400 * nth + wait)


def infusion_rows(patients: int, rng: np.random.Generator) -> Iterator[tuple[int, int, date]]:
    """Five days, for four patients of five."""
    for pk in range(1, patients + 1):
        first = date.fromordinal(START + 900 + int(rng.integers(0, 1200)))
        if pk % 5:
            yield from ((pk, pk, first + timedelta(days=n)) for n in range(5))


def insert(model: type[models.Model], columns: tuple[str, ...], rows: Iterable[tuple], **constant) -> None:
    """Rows of these columns; every other column has its constant or the model's default."""
    fields = [f for f in model._meta.concrete_fields if f.attname not in columns and not f.primary_key]
    values = {f.column: f.get_db_prep_save(constant.get(f.attname, filler(f)), connection) for f in fields}
    with connection.cursor() as cursor:
        types = ", ".join(f"{name} {model._meta.get_field(name).db_type(connection)}" for name in columns)
        cursor.execute(f"CREATE TEMPORARY TABLE bench_rows ({types.replace('GENERATED BY DEFAULT AS IDENTITY', '')})")
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY bench_rows ({', '.join(columns)}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            marks = ", ".join(["%s"] * len(columns))
            cursor.executemany(f"INSERT INTO bench_rows VALUES ({marks})", list(rows))  # noqa: S608
        names = ", ".join(f'"{name}"' for name in (*columns, *values))
        marks = ", ".join([*columns, *["%s"] * len(values)])
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({names}) SELECT {marks} FROM bench_rows",  # noqa: S608
            list(values.values()),
        )
        cursor.execute("DROP TABLE bench_rows")


def filler(field: models.Field):
    """What a column holds that a benchmark does not care about."""
    if field.has_default():
        return field.get_default()
    if field.null:
        return None
    return timezone.now() if isinstance(field, models.DateTimeField) else field.get_default()


def reset_sequences(tables: Iterable[type[models.Model]]) -> None:
    from django.core.management.color import no_style

    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(tables)):
            cursor.execute(statement)
