"""How every clinical write is done, once: transaction, patient lock, permission, rules, row and history, hint.

Cross-row rules need no other guard, because every path holds the patient's lock while it checks them.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import TypeVar, cast
from uuid import UUID

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from simple_history.utils import bulk_create_with_history

from patients import access, hints
from patients.audit import stamp
from patients.models import ClinicalRecord, Patient, Submission

Record = TypeVar("Record", bound=ClinicalRecord)


KEPT = timedelta(days=7)  # how long a repetition of a submission is known as one


class Conflict(Exception):
    """Somebody saved this record since it was read. Carries the row as it is now."""

    def __init__(self, current):
        super().__init__("Somebody saved this record while you wrote.")
        self.current = current


class AlreadySubmitted(Exception):
    """The same key came with other content: an error of the caller, not a retry."""


def column_of(model: type[models.Model], field: str) -> str:
    return cast(models.Field, model._meta.get_field(field)).column or ""


def violated(error: IntegrityError, model: type[models.Model]) -> str:
    """The name of the constraint that an IntegrityError speaks of, on either database."""
    cause = error.__cause__
    name = getattr(getattr(cause, "diag", None), "constraint_name", None)
    if name:
        return name
    text = str(error)
    for constraint in model._meta.constraints:
        columns = [f"{model._meta.db_table}.{column_of(model, f)}" for f in getattr(constraint, "fields", ())]
        if constraint.name in text or (columns and text.endswith(": " + ", ".join(columns))):
            return constraint.name
    return ""


@contextmanager
def named_errors(model: type[models.Model], sentences: dict[str, tuple[str, str]]):
    """Turn what the database refuses into a ValidationError with a field and a sentence.

    `sentences`: constraint name to (field, sentence); one that is not listed is named as it is.
    """
    try:
        yield
    except IntegrityError as error:
        name = violated(error, model)
        if not name:
            raise
        field, sentence = sentences.get(
            name, (NON_FIELD_ERRORS, f"The database refuses this: {name.replace('_', ' ')}.")
        )
        raise ValidationError({field: sentence}) from error


def lock(patient_ids: Iterable[int]) -> dict[int, Patient]:
    """The patients, locked in ascending order, with their centres. To be called inside a transaction.

    Not a key lock: storing a first trajectory refers to the patient while it holds what a save waits for.
    """
    rows = Patient.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=set(patient_ids))
    return {patient.pk: patient for patient in rows.select_related("centre").order_by("pk")}


def tell(patient_ids: Iterable[int]) -> None:
    """Hint the worker once this transaction is committed; a failing hint must not look like a failing save."""
    transaction.on_commit(partial(hints.send, set(patient_ids)), robust=True)


def save_new(
    records: Sequence[Record],
    *,
    by,
    action: str,
    check: Callable[[Record], None],
    sentences: dict[str, tuple[str, str]],
    reason: str = "",
) -> Sequence[Record]:
    """Save new records of one model, with history, all or none. Raises ValidationError, PermissionDenied."""
    if not records:
        return records
    model = type(records[0])
    with transaction.atomic(), named_errors(model, sentences):
        patients = lock(record.patient_id for record in records)
        access.require(by, action, (patient.centre_id for patient in patients.values()))
        for record in records:
            record.patient = patients[record.patient_id]
            record.created_by = by
            check(record)
        bulk_create_with_history(records, model, batch_size=500, default_user=by, default_change_reason=reason or None)
        tell(patients)
    return records


def amend(
    record: Record,
    *,
    by,
    action: str,
    check: Callable[[Record], None],
    sentences: dict[str, tuple[str, str]],
    reason: str,
    row_version: int,
) -> Record:
    """Save a changed record if nobody saved it since `row_version`. Raises Conflict, ValidationError."""
    if not reason.strip():
        raise ValidationError({"reason": "Say why the saved record is changed."})
    model = type(record)
    with transaction.atomic(), named_errors(model, sentences):
        patient = lock([record.patient_id])[record.patient_id]
        access.require(by, action, [patient.centre_id])
        current = model._default_manager.get(pk=record.pk, patient=patient)
        if current.row_version != row_version or current.voided_at:
            raise Conflict(current)
        record.patient = patient
        record.row_version = row_version + 1
        check(record)
        stamp(record, by, reason).save()
        tell([patient.pk])
    return record


def void(record: Record, *, by, action: str, reason: str, row_version: int) -> Record:
    """Mark a record as entered in error. It stays, out of every calculation."""
    if not reason.strip():
        raise ValidationError({"reason": "Say why the record is wrong."})
    with transaction.atomic():
        patient = lock([record.patient_id])[record.patient_id]
        access.require(by, action, [patient.centre_id])
        current = type(record)._default_manager.get(pk=record.pk, patient=patient)
        if current.row_version != row_version or current.voided_at:
            raise Conflict(current)
        current.voided_at, current.void_reason = timezone.now(), reason.strip()[:200]
        current.row_version += 1
        stamp(current, by, reason.strip()).save()
        tell([patient.pk])
    return current  # type: ignore[return-value]  # the manager of a type variable is that of its bound


def once(by, key: UUID | None, digest: str, work: Callable[[], str]) -> str:
    """Do the work once for this key and give its answer again for every repetition. Without a key: just do it."""
    if key is None:
        return work()
    try:
        with transaction.atomic():
            done = Submission.objects.filter(user=by, key=key).first()
            if done is None:
                answer = work()
                Submission.objects.create(user=by, key=key, digest=digest, answer=answer)
                return answer
    except (IntegrityError, ValidationError, Conflict):
        # The same key in parallel: the other one has committed, ours is rolled back. It may have met the other's row
        # before the key, as a second assessment of that day; what counts is the answer of the first.
        done = Submission.objects.filter(user=by, key=key).first()
        if done is None:
            raise
    if done.digest != digest:
        raise AlreadySubmitted("This form was already saved with other content.")
    return done.answer


def purge() -> int:
    """Forget the answers to submissions that nobody repeats any more."""
    return Submission.objects.filter(at__lt=timezone.now() - KEPT).delete()[0]
