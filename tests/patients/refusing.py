"""How a test shows that the database itself refuses a value, whichever way it comes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction

from patients.models import new_code
from patients.writing import violated

UNIQUE = {"code": new_code, "email": lambda: f"{uuid4()}@example.org", "token_hash": lambda: uuid4().hex, "key": uuid4}


@dataclass(frozen=True)
class Refusal:
    """How to make a good row, what makes it bad, and the service that must say so."""

    row: Callable[[], models.Model]
    bad: dict | Callable[[models.Model], dict]  # or what repeats a value of the good row
    service: Callable[[models.Model], object] | None = None  # None: no service takes this value at all
    like: Callable[[models.Model], models.Model] | None = None  # for a rule between rows: the other row


def copied(row: models.Model) -> models.Model:
    """The same row again, unsaved, with other values where every row has its own."""
    values = {
        field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if not field.primary_key
    }
    return type(row)(**values | {name: make() for name, make in UNIQUE.items() if name in values})


def check(name: str, refusal: Refusal) -> None:
    """Try the bad value by service, bulk_create, update() and SQL; each is refused, by this constraint."""
    row = refusal.row()
    model = type(row)
    bad = refusal.bad(row) if callable(refusal.bad) else refusal.bad
    if refusal.service:
        with pytest.raises(ValidationError), transaction.atomic():
            refusal.service(changed(copied(row), bad))
    with pytest.raises(IntegrityError) as bulk, transaction.atomic():
        model._base_manager.bulk_create([changed(copied(row), bad)])
    other = refusal.like(row) if refusal.like else row
    with pytest.raises(IntegrityError) as updated, transaction.atomic():
        model._base_manager.filter(pk=other.pk).update(**bad)
    columns = ", ".join(f'"{model._meta.get_field(field).column}" = %s' for field in bad)
    values = [plain(model._meta.get_field(field), value) for field, value in bad.items()]
    with pytest.raises(IntegrityError) as by_hand, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'UPDATE "{model._meta.db_table}" SET {columns} WHERE id = %s', [*values, other.pk])
    assert {violated(error.value, model) for error in (bulk, updated, by_hand)} == {name}


def changed(row: models.Model, bad: dict) -> models.Model:
    for field, value in bad.items():
        setattr(row, field, value)
    return row


def plain(field: models.Field, value):
    """As a person at a database prompt would write it."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    return field.get_db_prep_value(value, connection)


def constraints_of(*found: type[models.Model]) -> set[str]:
    return {constraint.name for model in found for constraint in model._meta.constraints}
