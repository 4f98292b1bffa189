"""Patients by their code, registered in a centre; and the centres themselves."""

from typing import Any

import django_filters
from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from patients import access, services
from patients.api.fields import (
    ChangeSerializer,
    ChoiceField,
    DayField,
    PersonalTextField,
    StrictSerializer,
    YesNoField,
    precision_field,
)
from patients.api.listing import NumberFilter, visible_patients
from patients.api.records import ApiView, written
from patients.api.saving import once, version_of, with_version
from patients.models import (
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
from patients.writing import Conflict

NAMES = ("family_name", "given_name", "local_number")


class CentreSerializer(serializers.Serializer):
    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(read_only=True)
    time_zone = serializers.CharField(read_only=True)
    synthetic = serializers.BooleanField(read_only=True, help_text="All its patients are invented.")


class ConsentSerializer(StrictSerializer):
    """A decision about research use, and its day."""

    id = serializers.IntegerField(read_only=True)
    decision = ChoiceField(choices=Decision.choices)
    day = DayField()


class PhenotypeSerializer(StrictSerializer):
    """The course of MS from a date on."""

    id = serializers.IntegerField(read_only=True)
    kind = ChoiceField(choices=PhenotypeKind.choices)
    activity = ChoiceField(choices=Activity.choices, required=False)
    since = DayField(required=False, allow_null=True)
    since_precision = precision_field()
    known_dates = ("since",)


class PatientSerializer(StrictSerializer):
    """A person. Names and the local number are null for those who may not see them, and once erased."""

    code = serializers.CharField(read_only=True)
    centre = CentreSerializer(read_only=True)
    family_name = PersonalTextField(max_length=80, required=False, allow_blank=True)
    given_name = PersonalTextField(max_length=80, required=False, allow_blank=True)
    local_number = PersonalTextField(max_length=40, required=False, allow_blank=True)
    sex = ChoiceField(choices=Sex.choices)
    birth = DayField(required=False, allow_null=True)
    birth_precision = precision_field()
    onset = DayField(required=False, allow_null=True, help_text="First symptom.")
    onset_precision = precision_field()
    diagnosis = DayField(required=False, allow_null=True)
    diagnosis_precision = precision_field()
    death = DayField(required=False, allow_null=True)
    death_precision = precision_field()
    death_cause = ChoiceField(choices=DeathCause.choices, required=False, allow_blank=True)
    participation = ChoiceField(choices=Participation.choices, required=False)
    participation_since = DayField(required=False, allow_null=True)
    consents = ConsentSerializer(many=True, read_only=True)
    phenotypes = serializers.SerializerMethodField()
    row_version: serializers.Field = serializers.IntegerField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    known_dates = ("birth", "onset", "diagnosis", "death")

    @extend_schema_field(PhenotypeSerializer(many=True))
    def get_phenotypes(self, patient: Patient) -> list[dict[str, Any]]:
        live = [row for row in patient.phenotypes.all() if row.voided_at is None]  # read ahead for a whole list
        return list(PhenotypeSerializer(live, many=True).data)

    def to_representation(self, instance: Patient) -> dict[str, Any]:
        found = super().to_representation(instance)
        named = access.may(self.context["request"].user, "identity.see", instance.centre_id)
        identity = getattr(instance, "identity", None) if named else None
        return found | {name: getattr(identity, name, None) for name in NAMES}


class NewPatientSerializer(PatientSerializer):
    """A new patient, with consent and course of MS where they are known."""

    consent = ConsentSerializer(required=False, write_only=True)
    phenotype = PhenotypeSerializer(required=False, write_only=True)
    another_person = YesNoField(
        required=False, write_only=True, help_text="Registers the patient though somebody alike is known."
    )


class PatientChangeSerializer(ChangeSerializer, PatientSerializer):
    pass


class PatientFilters(django_filters.FilterSet):
    centre = NumberFilter(field_name="centre_id", label="Id of the centre.")
    sex = django_filters.ChoiceFilter(choices=Sex.choices)
    participation = django_filters.ChoiceFilter(choices=Participation.choices)


class CentreView(ApiView):
    """The centres in which this account has a role."""

    serializer_class = CentreSerializer
    orderings = {"name": ("name", "pk")}

    def get_queryset(self):
        return Centre.objects.visible_to(self.request.user)

    def note_list(self, request: Request, number: int) -> None:
        """No patient is read."""


class PatientView(ApiView):
    """Patients, addressed by their registry code."""

    serializer_class = PatientSerializer
    change_serializer_class = PatientChangeSerializer
    filterset_class = PatientFilters
    orderings = {"code": ("code",), "created": ("created_at", "pk"), "-created": ("-created_at", "-pk")}
    service_names = {"consent_": "consent.", "phenotype_": "phenotype."}

    def get_queryset(self):
        rows = visible_patients(self.request.user).select_related("identity")
        return rows.prefetch_related("consents", "phenotypes")

    def get_serializer_class(self):
        return NewPatientSerializer if self.action == "create" else self.serializer_class

    def retrieve(self, request: Request, code: str) -> Response:
        patient = get_object_or_404(self.get_queryset(), code=code)
        self.note(patient=patient)
        body = self.represent(patient)
        return with_version(Response(body), body)

    def create(self, request: Request, pk: int) -> Response:
        """Register in this centre. The answer is kept for a retry without the names, which must stay erasable."""
        centre = get_object_or_404(Centre.objects.visible_to(request.user), pk=pk)
        access.require(request.user, "patient.add", [centre.pk])
        data = self.read(request)
        alike: list[Patient] = []

        def work() -> dict[str, Any]:
            alike[:] = likely(request.user, centre, data)
            if alike and not data.get("another_person"):
                raise ValidationError({"another_person": said_alike(alike)})
            return self.represent(register(centre, data, request.user)) | dict.fromkeys(NAMES)

        try:
            response = once(request, 201, work)
        finally:
            for patient in alike:  # that somebody has this name and birth was told
                self.note(patient=patient)
        return self.with_names(response)

    def with_names(self, response: Response) -> Response:
        patient = visible_patients(self.request.user).get(code=response.data["code"])
        identity = services.identity_of(patient)
        response.data |= {name: getattr(identity, name, None) for name in NAMES}
        return self.replay_noted(response, patient)

    def partial_update(self, request: Request, code: str) -> Response:
        patient = get_object_or_404(self.get_queryset(), code=code)
        access.require(request.user, "patient.change", [patient.centre_id])
        version = version_of(request)
        data = self.read(request, patient)
        reason = data.pop("reason")
        data.pop("row_version", None)
        if not data:
            raise serializers.ValidationError("Nothing is changed: send at least one field.")
        if patient.row_version != version:
            raise Conflict(patient)
        names = {name: data.pop(name) for name in NAMES if name in data}
        identity = names_of(patient) | names if names else None
        written(patient, data)
        services.amend(patient, by=request.user, identity=identity, reason=reason, row_version=version)
        body = self.represent(get_object_or_404(self.get_queryset(), code=code))
        return with_version(Response(body), body)


class PartView(ApiView):
    """What is added to a patient and never overwritten."""

    def create(self, request: Request, code: str) -> Response:
        patient = self.patient(code, "patient.change")
        data = self.read(request)
        return self.replay_noted(once(request, 201, lambda: self.represent(self.add(patient, data))), patient)

    def add(self, patient: Patient, data: dict[str, Any]) -> Any:
        raise NotImplementedError


class ConsentView(PartView):
    serializer_class = ConsentSerializer

    def add(self, patient: Patient, data: dict[str, Any]) -> Consent:
        return services.record_consent(Consent(patient=patient, **data), by=self.request.user)


class PhenotypeView(PartView):
    serializer_class = PhenotypeSerializer

    def add(self, patient: Patient, data: dict[str, Any]) -> Phenotype:
        return services.record_phenotype(Phenotype(patient=patient, **data), by=self.request.user)


def names_of(patient: Patient) -> dict[str, str]:
    identity = services.identity_of(patient)
    return {name: getattr(identity, name, "") for name in NAMES}


def likely(user, centre: Centre, data: dict[str, Any]) -> list[Patient]:
    named = {name: data.get(name, "") for name in NAMES}
    return services.likely_duplicates(user, centre, birth=data.get("birth"), sex=data["sex"], **named)


def said_alike(alike: list[Patient]) -> str:
    codes = ", ".join(patient.code for patient in alike)
    return f"Somebody alike is registered: {codes}. Use that record, or send another_person: true."


def register(centre: Centre, data: dict[str, Any], user) -> Patient:
    apart = {"consent", "phenotype", "another_person", *NAMES}
    patient = Patient(centre=centre, **{name: value for name, value in data.items() if name not in apart})
    return services.register(
        patient,
        by=user,
        identity={name: data.get(name, "") for name in NAMES},
        consent=Consent(**data["consent"]) if "consent" in data else None,
        phenotype=Phenotype(**data["phenotype"]) if "phenotype" in data else None,
    )
