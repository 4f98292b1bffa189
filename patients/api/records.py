"""Records of a patient: listed, read, changed and voided by their id, made below their patient.

Every read starts from `visible_to`, so what belongs to another centre does not exist. Every write goes to the service
that the page calls; a view only reads what was sent and says what is stored.
"""

from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from patients import access, audit
from patients.api.fields import ChangeSerializer, PersonalTextField, StrictSerializer, VoidSerializer
from patients.api.listing import FixedOrdering, Pages, StrictFilters, visible_patients
from patients.api.saving import REPLAYED, once, version_of, with_version
from patients.models import AccessKind, ClinicalRecord, Patient
from patients.writing import Conflict


class ApiView(viewsets.GenericViewSet):
    """What all views share. `orderings`: word to fields; `service_names`: beginnings of the services' field names."""

    pagination_class = Pages
    filter_backends = [StrictFilters, FixedOrdering]
    orderings: ClassVar[dict[str, tuple[str, ...]]] = {}
    service_names: ClassVar[dict[str, str]] = {}
    change_serializer_class: ClassVar[type[serializers.Serializer]] = ChangeSerializer

    def note(self, *, patient: Patient | None = None, detail: str = "") -> None:
        page = getattr(self.request.resolver_match, "view_name", "")
        audit.note(self.request.user, AccessKind.READ, patient=patient, page=page, detail=detail)

    def list(self, request: Request) -> Response:
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        shown = self.get_serializer(rows, many=True).data
        self.note_list(request, len(shown))
        return self.get_paginated_response(shown)

    def note_list(self, request: Request, number: int) -> None:
        """Who read how many; of a list of one patient's records, whose."""
        code = request.query_params.get("patient")
        patient = visible_patients(request.user).filter(code=code).first() if code else None
        self.note(patient=patient, detail=f"{number} rows")

    def replay_noted(self, response: Response, patient: Patient) -> Response:
        """An answer that is given again is read again."""
        if REPLAYED in response:
            self.note(patient=patient)
        return response

    def represent(self, record: Any) -> dict[str, Any]:
        return dict(self.get_serializer(record).data)

    def read(self, request: Request, record: Any = None) -> dict[str, Any]:
        """What was sent, checked for its form; for a change only what is to be changed, and its reason."""
        if record is None:
            reader = self.get_serializer(data=request.data)
        else:
            context = self.get_serializer_context()
            reader = self.change_serializer_class(record, data=request.data, partial=True, context=context)
        reader.is_valid(raise_exception=True)
        return dict(reader.validated_data)

    def patient(self, code: str, action: str) -> Patient:
        """The patient of the address: 404 outside the user's centres, 403 where they may not do this."""
        patient = get_object_or_404(visible_patients(self.request.user), code=code)
        access.require(self.request.user, action, [patient.centre_id])
        return patient


class RecordSerializer(StrictSerializer):
    """What every record says of itself. A free text may name a person: null for those who may not see names."""

    id = serializers.IntegerField(read_only=True)
    patient = serializers.CharField(source="patient.code", read_only=True, help_text="Registry code.")
    row_version: serializers.Field = serializers.IntegerField(
        read_only=True, help_text="Rises with each change; also the ETag."
    )
    created_at = serializers.DateTimeField(read_only=True)
    voided_at = serializers.DateTimeField(read_only=True, allow_null=True, help_text="When it was marked as an error.")
    void_reason = PersonalTextField(read_only=True)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        found = super().to_representation(instance)
        named = access.may(self.context["request"].user, "identity.see", instance.patient.centre_id)
        return found if named else without_texts(self, found)


def without_texts(serializer: serializers.Serializer, found: dict[str, Any]) -> dict[str, Any]:
    """What was represented, null where a text may name a person; in the lists below it, too."""
    for name, field in serializer.fields.items():
        if name in found and isinstance(field, PersonalTextField):
            found[name] = None
        elif name in found and isinstance(field, serializers.ListSerializer):
            below = cast(serializers.Serializer, field.child)
            found[name] = [without_texts(below, one) for one in found[name]]
    return found


class RecordView(ApiView):
    """One kind of record. A subclass says how it is written: `add`, `change` and `void_record` call its services."""

    model: ClassVar[type[ClinicalRecord]]
    word: ClassVar[str]  # of its actions in the rules: assessment.add, assessment.change
    void_serializer_class = VoidSerializer

    def get_queryset(self) -> QuerySet:
        return self.model._default_manager.visible_to(self.request.user).select_related("patient__centre")

    def found(self, pk: int) -> Any:
        return get_object_or_404(self.get_queryset(), pk=pk)

    def retrieve(self, request: Request, pk: int) -> Response:
        record = self.found(pk)
        self.note(patient=record.patient)
        body = self.represent(record)
        return with_version(Response(body), body)

    def create(self, request: Request, code: str) -> Response:
        patient = self.patient(code, f"{self.word}.add")
        data = self.read(request)
        return self.replay_noted(once(request, 201, lambda: self.represent(self.add(patient, data))), patient)

    def partial_update(self, request: Request, pk: int) -> Response:
        record, version = self.to_change(request, pk)
        data = self.read(request, record)
        reason = data.pop("reason")
        data.pop("row_version", None)
        if not data:
            raise serializers.ValidationError("Nothing is changed: send at least one field.")
        self.check_version(record, version)
        body = self.represent(self.change(record, data, reason, version))
        return with_version(Response(body), body)

    def void(self, request: Request, pk: int) -> Response:
        """Mark it as entered in error."""
        record, version = self.to_change(request, pk)
        reader = self.void_serializer_class(data=request.data)
        reader.is_valid(raise_exception=True)
        reason = reader.validated_data["reason"]

        def work() -> dict[str, Any]:
            return self.represent(self.void_record(record, reason, version))

        return self.replay_noted(once(request, 200, work), record.patient)

    def to_change(self, request: Request, pk: int) -> tuple[Any, int]:
        """The record and the version that the change builds on; 404, 403 or 428 before anything is read."""
        record = self.found(pk)
        access.require(request.user, f"{self.word}.change", [record.patient.centre_id])
        return record, version_of(request)

    def check_version(self, record: Any, version: int) -> None:
        """What is not sent keeps the value read here, so that must be of the version the change builds on.

        The service asks again under the lock.
        """
        if record.row_version != version or record.voided_at:
            raise Conflict(record)

    def add(self, patient: Patient, data: dict[str, Any]) -> Any:
        raise NotImplementedError

    def change(self, record: Any, data: dict[str, Any], reason: str, version: int) -> Any:
        raise NotImplementedError

    def void_record(self, record: Any, reason: str, version: int) -> Any:
        raise NotImplementedError


def written(record: Any, data: dict[str, Any]) -> Any:
    """The record with these fields set, unsaved."""
    for name, value in data.items():
        setattr(record, name, value)
    return record
