"""Writing patients: register, amend, consent, phenotype, centres, and who a new patient may already be."""

from collections.abc import Callable, Sequence
from contextlib import contextmanager

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from simple_history.utils import bulk_create_with_history

from patients import access, audit, erasing, writing
from patients.dates import interval, say_known_date
from patients.models import AccessKind, Centre, Consent, Erasure, Identity, Patient, Phenotype
from patients.querysets import folded, search_text
from patients.writing import Conflict, lock, named_errors, tell

SENTENCES = {
    "one_patient_a_local_number": ("local_number", "Another patient of this centre has this local number."),
    "patient_onset_after_birth": ("onset", "The first symptom lies before the birth."),
    "patient_diagnosis_after_birth": ("diagnosis", "The diagnosis lies before the birth."),
    "patient_death_after_birth": ("death", "The death lies before the birth."),
    "patient_death_after_onset": ("death", "The death lies before the first symptom."),
    "patient_death_after_diagnosis": ("death", "The death lies before the diagnosis."),
}


def check_patient(patient: Patient) -> None:
    """Rules the database cannot state: nothing in the future, by the centre's calendar. Raises ValidationError."""
    patient.full_clean(validate_unique=False, validate_constraints=False)
    today = patient.centre.today()
    for field in ("birth", "onset", "diagnosis", "death"):
        day = getattr(patient, field)
        if day and day > today:
            raise ValidationError({field: f"{patient.say(field)} is in the future. Today is {today:%-d %b %Y}."})
    if patient.participation_since and patient.participation_since > today:
        raise ValidationError({"participation_since": f"This day is in the future. Today is {today:%-d %b %Y}."})


# What the records of a patient say against changed facts. The apps above, which know their records, register here;
# each rule takes the changed patient and raises ValidationError.
LIFETIME = ("birth", "birth_precision", "death", "death_precision", "death_cause")  # what they look at
RECORD_RULES: list[Callable[[Patient], None]] = []


def check_records(patient: Patient) -> None:
    """Birth, death and its cause cannot be moved past what was recorded of the living."""
    phenotypes = Phenotype.objects.live().filter(patient=patient)
    check_lifetime(patient, phenotypes, "since", "course of MS")
    birth = patient.known("birth")
    decided = Consent.objects.filter(patient=patient, day__lt=birth.first).order_by("day").first() if birth else None
    if decided:
        raise ValidationError({"birth": f"There is an earlier decision on consent, on {decided.day:%-d %b %Y}."})
    for rule in RECORD_RULES:
        rule(patient)


def check_lifetime(patient: Patient, rows: QuerySet, field: str, word: str) -> None:
    """One kind of record against birth and death. `field`: its date, beside `field`_precision; `word`: its name."""
    birth, death = patient.known("birth"), patient.known("death")
    later = rows.filter(**{f"{field}__gt": death.last}).order_by(field).first() if death else None
    if later:
        raise ValidationError({"death": f"There is a later {word}, on {getattr(later, field):%-d %b %Y}."})
    for row in rows.filter(**{f"{field}__lt": birth.first}).order_by(field) if birth else ():
        known = interval(getattr(row, field), getattr(row, f"{field}_precision"))
        if known and birth and known.last < birth.first:
            raise ValidationError({"birth": f"There is an earlier {word}, on {getattr(row, field):%-d %b %Y}."})


def check_consent(consent: Consent) -> None:
    """A decision has a day that has come. Raises ValidationError on `decision` or `day`."""
    consent.full_clean(exclude=["patient"], validate_unique=False, validate_constraints=False)
    today = consent.patient.centre.today()
    if consent.day > today:
        raise ValidationError({"day": f"{consent.day:%-d %b %Y} is in the future. Today is {today:%-d %b %Y}."})
    birth = consent.patient.known("birth")
    if birth and consent.day < birth.first:
        born = consent.patient.say("birth")
        raise ValidationError({"day": f"{consent.day:%-d %b %Y} lies before the birth, {born}."})


def check_phenotype(phenotype: Phenotype) -> None:
    """A course of MS begins within the life of the patient and not in the future. Raises ValidationError."""
    phenotype.full_clean(exclude=["patient"], validate_unique=False, validate_constraints=False)
    patient, since = phenotype.patient, interval(phenotype.since, phenotype.since_precision)
    if since is None:
        return
    said, today = say_known_date(phenotype.since, phenotype.since_precision), patient.centre.today()
    birth, death = patient.known("birth"), patient.known("death")
    if since.first > today:
        raise ValidationError({"since": f"{said} is in the future. Today is {today:%-d %b %Y}."})
    if birth and since.last < birth.first:
        raise ValidationError({"since": f"{said} lies before the birth, {patient.say('birth')}."})
    if death and since.first > death.last:
        raise ValidationError({"since": f"{said} lies after the death, {patient.say('death')}."})


@contextmanager
def errors_of(part: str):
    """Name the errors of a part of a larger form: `day` of a consent becomes `consent_day`."""
    try:
        yield
    except ValidationError as error:
        raise ValidationError({f"{part}_{field}": text for field, text in error.message_dict.items()}) from error


def identity_of(patient: Patient) -> Identity | None:
    """Name and local number, or None once erased. The caller has made sure that the reader may see them."""
    return Identity.objects.filter(patient=patient).first()


def save_identity(patient: Patient, *, by, family_name="", given_name="", local_number="") -> None:
    """Set name and local number. Refuses a local number in use, and what was erased; an access event, no history."""
    fields = {"family_name": family_name, "given_name": given_name, "local_number": local_number}
    if erasing.is_erased(patient):
        said = "The identity of this patient was erased and is not kept again."
        if wrong := {name: said for name, value in fields.items() if value}:
            raise ValidationError(wrong)
        return
    fields["search_text"] = search_text(local_number, given_name, family_name)
    with transaction.atomic(), named_errors(Identity, SENTENCES):
        Identity.objects.update_or_create(patient=patient, defaults={"centre": patient.centre, **fields})
        audit.note(by, AccessKind.IDENTITY, patient=patient)


def register(
    patient: Patient,
    *,
    by,
    identity: dict[str, str],
    consent: Consent | None = None,
    phenotype: Phenotype | None = None,
) -> Patient:
    """Register a new patient with identity and, where known, consent and phenotype.

    Raises ValidationError; what is wrong with the consent is named `consent_day`, with the phenotype `phenotype_since`.
    """
    check_patient(patient)
    with transaction.atomic(), named_errors(Patient, SENTENCES):
        access.require(by, "patient.add", [patient.centre_id])
        patient.created_by = by
        audit.stamp(patient, by).save(force_insert=True)
        save_identity(patient, by=by, **identity)
        if consent is not None:
            consent.patient = patient
            with errors_of("consent"):
                check_consent(consent)
            audit.stamp(consent, by).save(force_insert=True)
        if phenotype is not None:
            phenotype.patient, phenotype.created_by = patient, by
            with errors_of("phenotype"):
                check_phenotype(phenotype)
            audit.stamp(phenotype, by).save(force_insert=True)
        tell([patient.pk])
    return patient


def register_bulk(patients: Sequence[Patient], *, by, identities: Sequence[dict[str, str]] = ()) -> Sequence[Patient]:
    """Register many patients of centres that `by` may write in; for imports and the demo. All or none."""
    with transaction.atomic(), named_errors(Patient, SENTENCES):
        action = "import" if all(patient.import_id for patient in patients) else "patient.add"
        access.require(by, action, {patient.centre_id for patient in patients})
        for patient in patients:
            patient.created_by = by
            check_patient(patient)
        bulk_create_with_history(patients, Patient, batch_size=500, default_user=by)
        rows = [
            Identity(
                patient=patient,
                centre_id=patient.centre_id,
                search_text=search_text(*fields.values()),
                **fields,
            )
            for patient, fields in zip(patients, identities, strict=False)
        ]
        Identity.objects.bulk_create(rows, batch_size=500)
        tell(patient.pk for patient in patients)
    return patients


def amend(patient: Patient, *, by, identity: dict[str, str] | None, reason: str, row_version: int | None) -> Patient:
    """Save changed facts of a patient, and the identity if given. Raises Conflict, ValidationError."""
    if not reason.strip():
        raise ValidationError({"reason": "Say why the saved record is changed."})
    check_patient(patient)
    with transaction.atomic(), named_errors(Patient, SENTENCES):
        current = lock([patient.pk])[patient.pk]
        access.require(by, "patient.change", [current.centre_id])
        if current.row_version != row_version:
            raise Conflict(current)
        if any(getattr(patient, field) != getattr(current, field) for field in LIFETIME):
            check_records(patient)
        patient.row_version = current.row_version + 1
        audit.stamp(patient, by, reason.strip()).save()
        if identity is not None:
            save_identity(patient, by=by, **identity)
        tell([patient.pk])
    return patient


def erase_identity(patient: Patient, *, by, reason: str) -> None:
    """Delete name and local number and erase every free text of a patient, also in the history. It cannot be undone.

    The code goes on the list of erasures, so that a restored backup is erased again. `by` is None for the command.
    Raises ValidationError where there is no reason, or it was done before.
    """
    reason = reason.strip()
    if not reason or len(reason) > 200:
        raise ValidationError({"reason": "Say why, in at most 200 characters and without naming the person."})
    with transaction.atomic():
        current = lock([patient.pk])[patient.pk]
        if by is not None:
            access.require(by, "identity.erase", [current.centre_id])
        if erasing.is_erased(current):
            raise ValidationError({"reason": "The identity of this patient was erased before."})
        Erasure.objects.create(code=current.code, by=by, reason=reason)
        erasing.forget(current, by)
        transaction.on_commit(erasing.after_erasure)


def record_consent(consent: Consent, *, by) -> Consent:
    """Add a decision about research use. Earlier decisions stay."""
    with transaction.atomic():
        patient = lock([consent.patient_id])[consent.patient_id]
        access.require(by, "patient.change", [patient.centre_id])
        consent.patient = patient
        check_consent(consent)
        consent.recorded_at = timezone.now()
        audit.stamp(consent, by).save()
    return consent


def record_phenotype(phenotype: Phenotype, *, by) -> Phenotype:
    """Add the course of MS from a date on. Earlier rows stay."""
    writing.save_new([phenotype], by=by, action="patient.change", check=check_phenotype, sentences={})
    return phenotype


def likely_duplicates(user, centre, *, family_name="", given_name="", local_number="", birth=None, sex=""):
    """Patients this user may see that may be the same person: same local number, or name and birth date, or name alike.

    Only patients of centres whose names the user sees. Returns a list of patients, the likeliest first, ten at most.
    """
    rows = Patient.objects.visible_to(user).filter(centre__in=user.name_centre_ids).select_related("identity", "centre")
    scored = []
    words = set(folded(f"{given_name} {family_name}").split())
    family = folded(family_name)
    candidates = rows.filter(identity__search_text__contains=family) if family else rows.none()
    if local_number:
        candidates = candidates | rows.filter(centre=centre, identity__local_number=local_number)
    for patient in candidates.distinct()[:500]:
        known = set(folded(patient.identity.full_name).split())
        score = 3 * (bool(local_number) and patient.identity.local_number == local_number)
        score += 2 * (bool(words) and words == known) + (bool(words & known))
        score += 2 * (birth is not None and patient.birth == birth) + (bool(sex) and patient.sex == sex)
        if score >= 4:
            scored.append((score, patient))
    return [patient for _, patient in sorted(scored, key=lambda pair: -pair[0])[:10]]


@contextmanager
def one_name():
    """The only thing that is unique of a centre is its name."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise ValidationError({"name": "Another centre has this name."}) from error


def add_centre(centre: Centre, *, by) -> Centre:
    """A new centre. Only a registry admin adds one."""
    if not by.is_registry_admin:
        raise PermissionDenied("Only a registry admin adds a centre.")
    centre.full_clean(validate_unique=False, validate_constraints=False)
    with one_name():
        audit.stamp(centre, by, "added").save(force_insert=True)
    return centre


def amend_centre(centre: Centre, *, by, row_version: int | None) -> Centre:
    """Save name and time zone of a centre. Raises Conflict, ValidationError."""
    access.require(by, "centre.change", [centre.pk])
    centre.full_clean(validate_unique=False, validate_constraints=False)
    with one_name():
        current = Centre.objects.select_for_update().get(pk=centre.pk)
        if current.row_version != row_version:
            raise Conflict(current)
        centre.row_version = current.row_version + 1
        audit.stamp(centre, by, "settings changed").save()
    return centre
