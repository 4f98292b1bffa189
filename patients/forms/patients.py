"""Forms of a patient: register, amend, consent, phenotype."""

from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError

from patients import audit, services
from patients.dates import KnownDateField, write_known_date
from patients.forming import WritingForm
from patients.forms.fields import DayField, reason_field
from patients.models import (
    AccessKind,
    Activity,
    Centre,
    Consent,
    DeathCause,
    Decision,
    Participation,
    Patient,
    Phenotype,
    PhenotypeKind,
    Sex,
)

DATES = ("birth", "onset", "diagnosis", "death")
NAMES = ("family_name", "given_name", "local_number")


def choose(choices, words: str = "Choose") -> list[tuple[str, str]]:
    """Choices without a default: the first says that nothing is chosen yet."""
    return [("", words), *choices]


class PatientForm(WritingForm):
    """The facts of a person that registering and amending share."""

    sex = forms.ChoiceField(choices=choose(Sex.choices))
    family_name = forms.CharField(max_length=80, required=False)
    given_name = forms.CharField(max_length=80, required=False)
    local_number = forms.CharField(max_length=40, required=False, help_text="The number in your clinic")
    birth = KnownDateField(required=False, label="Birth")
    onset = KnownDateField(required=False, label="First symptom")
    diagnosis = KnownDateField(required=False, label="Diagnosis")

    def identity(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in NAMES}

    def write_to(self, patient: Patient) -> Patient:
        """Put what this form holds into the patient, without saving."""
        for name, value in self.cleaned_data.items():
            if name in DATES:
                setattr(patient, name, value[0])
                setattr(patient, f"{name}_precision", value[1])
            elif name in ("sex", "participation", "participation_since", "death_cause"):
                setattr(patient, name, value)
        return patient


class RegisterForm(PatientForm):
    """A new patient. Nothing about consent is filled in beforehand."""

    centre = forms.ModelChoiceField(queryset=Centre.objects.none(), empty_label="Choose")
    phenotype_kind = forms.ChoiceField(
        choices=choose(PhenotypeKind.choices, "Not recorded"), required=False, label="Course of MS"
    )
    phenotype_activity = forms.ChoiceField(
        choices=Activity.choices, initial=Activity.UNKNOWN, required=False, label="Activity"
    )
    phenotype_since = KnownDateField(required=False, label="Since")
    consent_decision = forms.ChoiceField(
        choices=choose(Decision.choices, "Not asked yet"), required=False, label="Consent to research use"
    )
    consent_day = DayField(required=False, label="Day of the decision")
    participation = forms.ChoiceField(choices=Participation.choices, initial=Participation.ENROLLED)
    another_person = forms.BooleanField(required=False, label="This is another person")

    def __init__(self, *args, user, **options):
        super().__init__(*args, **options)
        self.user = user
        self.duplicates: list[Patient] = []
        centres = Centre.objects.filter(pk__in=user.name_centre_ids)
        field = cast(forms.ModelChoiceField, self.fields["centre"])
        field.queryset = centres
        if len(centres) == 1:  # nothing to choose
            field.widget = forms.HiddenInput()
            field.initial = centres[0].pk

    def clean(self):
        super().clean()
        data = self.cleaned_data
        if bool(data.get("consent_decision")) != bool(data.get("consent_day")) and "consent_day" not in self.errors:
            field = "consent_day" if data.get("consent_decision") else "consent_decision"
            self.add_error(field, "A decision needs its day, and a day its decision.")
        if not data.get("phenotype_kind") and data.get("phenotype_since", (None,))[0]:
            self.add_error("phenotype_kind", "A date needs the course of MS it belongs to.")
        return data

    def save(self) -> Patient:
        """Register, unless somebody alike is known and was not said to be another person. Raises ValidationError."""
        data = self.cleaned_data
        self.refuse_duplicates()
        consent = phenotype = None
        if data["consent_decision"]:
            consent = Consent(decision=data["consent_decision"], day=data["consent_day"])
        if data["phenotype_kind"]:
            since, precision = data["phenotype_since"]
            phenotype = Phenotype(
                kind=data["phenotype_kind"],
                activity=data["phenotype_activity"] or Activity.UNKNOWN,
                since=since,
                since_precision=precision,
            )
        patient = self.write_to(Patient(centre=data["centre"]))
        return services.register(patient, by=self.user, identity=self.identity(), consent=consent, phenotype=phenotype)

    def refuse_duplicates(self) -> None:
        data = self.cleaned_data
        self.duplicates = services.likely_duplicates(
            self.user, data["centre"], birth=data["birth"][0], sex=data["sex"], **self.identity()
        )
        if self.duplicates and not data["another_person"]:
            raise ValidationError(
                {"another_person": "Somebody alike is registered. Open that record, or tick the box."}
            )

    def alike(self) -> list[tuple[Patient, str]]:
        """The likely duplicates with their birth in words."""
        return [(patient, patient.say("birth")) for patient in self.duplicates]

    def note_duplicates(self) -> None:
        """Names were shown: that is a read of those patients."""
        for patient in self.duplicates:
            audit.note(self.user, AccessKind.READ, patient=patient, page="patients:patient_add")


class AmendForm(PatientForm):
    """The facts of a saved patient, with death, participation and the reason for the change."""

    death = KnownDateField(required=False, label="Death")
    death_cause = forms.ChoiceField(choices=choose(DeathCause.choices, "Alive"), required=False, label="Cause of death")
    participation = forms.ChoiceField(choices=Participation.choices)
    participation_since = DayField(required=False, label="Participation since")
    reason = reason_field()

    @staticmethod
    def values_of(patient: Patient) -> dict[str, Any]:
        """The saved patient as this form shows it."""
        identity = services.identity_of(patient)
        dates = {
            name: write_known_date(getattr(patient, name), getattr(patient, f"{name}_precision")) for name in DATES
        }
        return {
            "row_version": patient.row_version,
            "sex": patient.sex,
            "death_cause": patient.death_cause,
            "participation": patient.participation,
            "participation_since": write_known_date(patient.participation_since),
            **dates,
            **{name: getattr(identity, name, "") for name in NAMES},
        }


class EraseForm(WritingForm):
    """The erasure of a patient's identity, confirmed by the code."""

    reason = forms.CharField(
        max_length=200, help_text="Kept on the list of erasures. For instance: asked for by letter of 3 May. No names."
    )
    code = forms.CharField(max_length=20, label="Registry code, to confirm")

    def __init__(self, *args, patient: Patient, **options):
        super().__init__(*args, **options)
        self.patient = patient

    def clean_code(self) -> str:
        code = self.cleaned_data["code"].strip().upper()
        if code != self.patient.code.upper():
            raise ValidationError(f"Type {self.patient.code} to confirm that this patient is meant.")
        return code

    def save(self, *, by) -> str:
        services.erase_identity(self.patient, by=by, reason=self.cleaned_data["reason"])
        return self.patient.code


class ConsentForm(WritingForm):
    """Another decision about research use."""

    decision = forms.ChoiceField(choices=choose(Decision.choices))
    day = DayField(label="Day of the decision")

    def save(self, patient: Patient, *, by) -> None:
        consent = Consent(patient=patient, decision=self.cleaned_data["decision"], day=self.cleaned_data["day"])
        services.record_consent(consent, by=by)


class PhenotypeForm(WritingForm):
    """The course of MS from a date on."""

    kind = forms.ChoiceField(choices=choose(PhenotypeKind.choices), label="Course of MS")
    activity = forms.ChoiceField(choices=Activity.choices, initial=Activity.UNKNOWN)
    since = KnownDateField(required=False, label="Since")

    def save(self, patient: Patient, *, by) -> None:
        since, precision = self.cleaned_data["since"]
        kind, activity = self.cleaned_data["kind"], self.cleaned_data["activity"]
        row = Phenotype(patient=patient, kind=kind, activity=activity, since=since, since_precision=precision)
        services.record_phenotype(row, by=by)
