"""What was changed in a patient's records: who, when, old, new, why. Reads the append-only history tables."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assessments.models import Assessment, Relapse
from patients.models import Consent, Patient, Phenotype
from treatments.models import Course, Infusion, Treatment

RECORDS = (
    (Assessment, "EDSS assessment"),
    (Relapse, "Relapse"),
    (Course, "Lemtrada course"),
    (Infusion, "Infusion day"),
    (Treatment, "Drug"),
    (Phenotype, "Course of MS"),
    (Consent, "Consent"),
)
NOT_SHOWN = "a text"  # which one is for those who see names
SILENT = {"row_version", "voided_at", "void_reason", "created_at", "created_by", "import_id", "recorded_at"}
DERIVED = {"policies", "algorithm_version", "matched_row", "confirmed_warnings", "import_row"}


@dataclass(frozen=True)
class Change:
    """One change of one record. `fields`: (name, old, new) of what differs; empty for a new record."""

    at: datetime
    by: str
    record: str
    what: str  # added, changed, entered in error
    reason: str
    fields: tuple[tuple[str, str, str], ...]


def changes_of(patient: Patient, *, texts: bool) -> list[Change]:
    """Every change, the latest first. `texts`: with what people wrote, which may name a person."""
    found = read(Patient.history.filter(id=patient.pk), "Patient", texts)
    for model, name in RECORDS:
        found += read(model.history.filter(patient_id=patient.pk), name, texts)
    return sorted(found, key=lambda change: change.at, reverse=True)


def read(rows, name: str, texts: bool) -> list[Change]:
    """History rows of one model into changes, each compared with the row before it of the same record."""
    found: list[Change] = []
    before: dict[int, Any] = {}
    for row in rows.select_related("history_user").order_by("history_date", "history_id"):
        earlier = before.get(row.id)
        before[row.id] = row
        found.append(
            Change(
                at=row.history_date,
                by=row.history_user.name if row.history_user else "the system",
                record=f"{name} of {said_day(row)}" if said_day(row) else name,
                what=what(row, earlier),
                reason=(row.history_change_reason or "") if texts else "",
                fields=differences(earlier, row, texts) if earlier else (),
            )
        )
    return found


def what(row, earlier) -> str:
    if earlier is None:
        return "added"
    if getattr(row, "voided_at", None) and not earlier.voided_at:
        return "entered in error"
    return "changed"


def said_day(row) -> str:
    for field in ("day", "onset", "start", "planned_start", "since"):
        value = getattr(row, field, None)
        if value and not hasattr(row, "death_cause"):
            return f"{value:%-d %b %Y}"
    return ""


def differences(earlier, row, texts: bool) -> tuple[tuple[str, str, str], ...]:
    found = []
    hidden = () if texts else getattr(row.instance_type, "free_text", ())
    for field in row.instance_type._meta.concrete_fields:
        if field.name in SILENT | DERIVED or field.primary_key or field.name == "patient":
            continue
        old, new = getattr(earlier, field.attname), getattr(row, field.attname)
        if old != new:
            words = [NOT_SHOWN if value and field.name in hidden else said(field, value) for value in (old, new)]
            found.append((str(field.verbose_name), words[0], words[1]))
    return tuple(found)


def said(field, value) -> str:
    if value in (None, "", []):
        return "empty"
    if field.choices:
        return str(dict(field.flatchoices).get(value, value))
    return str(value)
