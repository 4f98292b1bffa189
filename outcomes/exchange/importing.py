"""A checked file into the registry, in one transaction: all of it or nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from assessments.models import Assessment, Relapse
from assessments.services import ASSESSMENT_SENTENCES, RELAPSE_SENTENCES
from outcomes.exchange.checking import check
from outcomes.exchange.loading import Load
from outcomes.exchange.mapping import Mapping
from outcomes.exchange.reading import FileError, Table
from outcomes.exchange.report import Report
from outcomes.exchange.stored import chunks, read_versions
from outcomes.models import ImportBatch
from patients import access, audit, writing
from patients.models import AccessKind, Centre, Identity, Patient, new_code
from patients.querysets import search_text
from patients.services import SENTENCES

TRIES = 3


class Blocked(Exception):
    """The report lists rows: nothing is written until none is left."""


class Changed(Exception):
    """Somebody changed these patients since the check, which must be made again."""


def run(table: Table, mapping: Mapping, *, by, batch_id: UUID | None = None) -> tuple[Report, ImportBatch | None]:
    """Check and apply; the batch is None when rows are listed or nothing is new. Raises FileError, PermissionDenied.

    Where the registry changes between the two, both are done again: the lock is held for the writing only.
    """
    why = ""
    for _ in range(TRIES):
        report = check(table, mapping, by=by)
        if not report.clean or report.nothing_new:
            return report, None
        try:
            return report, apply(report, by=by, batch_id=batch_id)
        except Changed as changed:
            why = str(changed)
    raise FileError(f"Nothing was written. {why} Try again.")


def apply(report: Report, *, by, batch_id: UUID | None = None) -> ImportBatch:
    """Write what the report plans, with history and under one import id. Raises Blocked, Changed, PermissionDenied."""
    if not report.clean:
        raise Blocked
    batch = ImportBatch(
        id=batch_id or uuid4(),
        centre=report.centre,
        by=by,
        file_name=report.file_name[:120],
        sha256=report.sha256,
        mapping=report.mapping.as_json(),
        counts=report.counts(),
    )
    loads = ready(report, batch)
    try:
        with transaction.atomic():
            lock_unchanged(report, by)
            batch.save(force_insert=True)
            write(report, batch, by, loads)
            detail = f"{batch.id}: {len(report.assessments)} assessments, {len(report.patients)} new patients"
            audit.note(by, AccessKind.IMPORT, page="import", detail=detail)
    except ValidationError as error:
        # Every row was checked: only a new patient or assessment of another writer can still be in the way.
        raise Changed(" ".join(error.messages)) from error
    except IntegrityError as error:
        raise Changed("The database refused a row.") from error
    return batch


@dataclass(frozen=True)
class Loads:
    """Values made ready before the lock, in the order in which they are written."""

    patients: Load
    identities: Load
    records: tuple[Load, ...]


def ready(report: Report, batch: ImportBatch) -> Loads:
    """All that can be done before the lock: the records marked with their import, and their values made ready."""
    records: list[Any] = [*report.patients.values(), *report.relapses, *report.assessments]
    for record in records:
        record.import_id, record.created_by = batch.id, batch.by
    patients = list(report.patients.values())
    own_codes(patients)
    identities = [
        Identity(patient=patient, centre=report.centre, local_number=number, search_text=search_text(number))
        for number, patient in report.patients.items()
    ]
    return Loads(
        Load(Patient, patients, SENTENCES),
        Load(Identity, identities, SENTENCES),
        (Load(Relapse, report.relapses, RELAPSE_SENTENCES), Load(Assessment, report.assessments, ASSESSMENT_SENTENCES)),
    )


def own_codes(patients: Sequence[Patient]) -> None:
    """Give another code to each whose code is taken: among many at once that happens."""
    doubtful = list(patients)
    while doubtful:
        codes = Counter(patient.code for patient in patients)
        for chunk in chunks([patient.code for patient in doubtful]):
            codes.update(Patient.objects.filter(code__in=chunk).values_list("code", flat=True))
        doubtful = [patient for patient in doubtful if codes[patient.code] > 1]
        for patient in doubtful:
            patient.code = new_code()


def lock_unchanged(report: Report, by) -> None:
    """Take the locks, the centre's first: one import of a centre at a time. Raises Changed, PermissionDenied.

    Every row was checked against the patients as they were; where their versions are the same now, the check holds.
    """
    centre = Centre.objects.select_for_update(no_key=True).get(pk=report.centre.pk)
    access.require(by, "import", [centre.pk])
    writing.lock(pk for pk, *_ in report.versions.values())
    numbers = {*report.patients, *report.versions}
    if read_versions(centre, sorted(numbers)) != report.versions:
        raise Changed("Others are changing the same patients.")


def write(report: Report, batch: ImportBatch, by, loads: Loads) -> None:
    reason = f"import {batch.id}"
    loads.patients.write(batch.id, by=by, reason=reason)
    ids = dict(Patient.objects.filter(import_id=batch.id).values_list("code", "pk"))
    for patient in report.patients.values():
        patient.pk = ids[patient.code]
    for load in (loads.identities, *loads.records):
        load.write(batch.id, by=by, reason=reason)
    writing.tell({record.patient.pk for load in loads.records for record in load.records} | set(ids.values()))
