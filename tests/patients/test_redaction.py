"""What an error leaves in the log: where and what kind, never the data it met."""

import logging

import pytest
from django.db import IntegrityError, transaction

from patients.models import Identity
from patients.redaction import TypesOnly

pytestmark = pytest.mark.django_db


def test_the_traceback_of_a_database_error_holds_no_value(patient, centre):
    Identity.objects.update(local_number="SECRET-77")
    record = None
    try:
        with transaction.atomic():
            Identity.objects.create(patient=patient, centre=centre, local_number="SECRET-77", family_name="Hidden")
    except IntegrityError as error:
        record = logging.LogRecord(
            "x", logging.ERROR, "", 0, "went wrong", (), (IntegrityError, error, error.__traceback__)
        )

    said = TypesOnly("%(message)s").format(record)

    assert "IntegrityError" in said
    assert "test_redaction.py" in said
    assert "SECRET-77" not in said.replace('local_number="SECRET-77"', "")  # the source line of this test
