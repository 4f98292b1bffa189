"""Makers and readers for the tests of the cohort export."""

import csv
import io
import time
from datetime import date

from outcomes.cohorts import CohortFilter
from outcomes.exchange import exporting
from patients.models import Consent, Decision
from patients.services import record_consent
from tests.factories import PASSWORD, course, make_patient, relapse, visit


def decide(patient, by, decision=Decision.GIVEN, day="2019-01-01"):
    return record_consent(Consent(patient=patient, decision=decision, day=date.fromisoformat(day)), by=by)


def consenting(centre, by, **fields):
    patient = make_patient(centre, by, **fields)
    decide(patient, by)
    return patient


def treated(centre, by, last_edss=3, **fields):
    """Somebody who consents, with a complete course, a baseline and two visits after it."""
    patient = consenting(centre, by, **fields)
    visit(patient, by, "2020-01-05", 4)
    course(patient, by, *(f"2020-02-{day:02}" for day in range(3, 8)))
    relapse(patient, by, "2019-03-01")
    for day in ("2020-09-01", "2021-06-01"):
        visit(patient, by, day, last_edss)
    return patient


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline=""), strict=True))


def exported(by, form="csv", **wanted) -> bytes:
    stream = exporting.start(exporting.Order(CohortFilter(**wanted), form, "a test", by=by))
    try:
        return b"".join(stream)
    finally:
        stream.close()


def confirm(client, by) -> None:
    """Sign in and confirm the password, as the pages do it."""
    client.post("/account/login/", {"login": by.email, "password": PASSWORD})
    client.post("/account/reauthenticate/", {"password": PASSWORD})


def confirmed_long_ago(client, seconds: int) -> None:
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] = time.time() - seconds
    session.save()
