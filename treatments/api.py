"""Lemtrada courses with their infusion days, and other drugs, for other systems."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import django_filters
from django.db.models import Prefetch
from rest_framework import serializers

from engine.lemtrada import FULL_DOSE_MG
from patients.api.fields import (
    ChangeSerializer,
    ChoiceField,
    DayField,
    PersonalTextField,
    PlainNumberField,
    StrictSerializer,
    TextField,
    precision_field,
)
from patients.api.listing import DayFilter, RecordFilters
from patients.api.records import RecordSerializer, RecordView, written
from patients.models import Patient
from treatments import services
from treatments.forms import MOST_ROWS
from treatments.models import Course, CourseState, Drug, Infusion, RuleSet, StopReason, Treatment


class DoseField(PlainNumberField):
    default_error_messages = {"wrong": "Write the dose in mg, 0 to 100, with a point and at most two decimals."}

    def __init__(self, **options: Any):
        super().__init__(pattern=r"[0-9]{1,3}(\.[0-9]{1,2})?", least=Decimal(0), most=Decimal(100), **options)

    def fits(self, value: Decimal) -> bool:
        return super().fits(value) and value == value.quantize(Decimal("0.01"))

    def number_schema(self) -> dict[str, Any]:
        return super().number_schema() | {"multipleOf": 0.01}


class InfusionSerializer(StrictSerializer):
    """One infusion day; given when its dose is above 0."""

    id = serializers.IntegerField(read_only=True)
    day = DayField()
    day_precision = precision_field()
    dose_mg = DoseField(required=False, help_text=f"Without it: {FULL_DOSE_MG}.")
    known_dates = ("day",)

    def to_internal_value(self, data):
        if isinstance(data, dict) and "day" not in data:  # a change of a course may leave out fields, a new day may not
            raise serializers.ValidationError({"day": "This field is required."})
        return super().to_internal_value(data)


class CourseSerializer(RecordSerializer):
    """One Lemtrada course with its infusion days. A change that sends `infusions` makes them exactly those."""

    number = serializers.SerializerMethodField(help_text="Its rank among the courses given, by first infusion day.")
    state = ChoiceField(choices=CourseState.choices)
    rule_set = ChoiceField(choices=RuleSet.choices, required=False)
    planned_start = DayField(required=False, allow_null=True)
    infusions = InfusionSerializer(many=True, required=False, max_length=MOST_ROWS)  # type: ignore[call-arg]
    note = PersonalTextField(max_length=4000, required=False, allow_blank=True)

    def get_number(self, course: Course) -> int | None:
        patient: Any = course.patient
        ranks = services.given_courses(patient.live_courses, patient.live_days)
        return next((one.number for one in ranks if one.course.pk == course.pk), None)


class CourseChangeSerializer(ChangeSerializer, CourseSerializer):
    pass


class CourseFilters(RecordFilters):
    state = django_filters.ChoiceFilter(choices=CourseState.choices)


class CourseView(RecordView):
    """Lemtrada courses."""

    model, word = Course, "course"
    serializer_class = CourseSerializer
    change_serializer_class = CourseChangeSerializer
    filterset_class = CourseFilters
    orderings = {"created": ("created_at", "pk"), "-created": ("-created_at", "-pk")}

    def get_queryset(self):
        """With all that decides the rank of a course, in a constant number of queries."""
        live = Infusion.objects.live()
        return (
            super()
            .get_queryset()
            .prefetch_related(
                Prefetch("infusions", live),
                Prefetch("patient__courses", Course.objects.live(), to_attr="live_courses"),
                Prefetch("patient__infusions", live, to_attr="live_days"),
            )
        )

    def represent(self, record: Course) -> dict[str, Any]:
        return super().represent(self.found(record.pk))

    def add(self, patient: Patient, data: dict[str, Any]) -> Course:
        days = days_of(data.pop("infusions", ()))
        return services.record_course(Course(patient=patient, **data), days, by=self.request.user)

    def change(self, record: Course, data: dict[str, Any], reason: str, version: int) -> Course:
        sent = data.pop("infusions", None)
        days = list(record.infusions.all()) if sent is None else days_of(sent)
        changed = written(record, data)
        return services.amend_course(changed, days, by=self.request.user, reason=reason, row_version=version)

    def void_record(self, record: Course, reason: str, version: int) -> Course:
        return services.void_course(record, by=self.request.user, reason=reason, row_version=version)


def days_of(sent: Iterable[dict[str, Any]]) -> list[Infusion]:
    return [Infusion(**one) for one in sent]


class TreatmentSerializer(RecordSerializer):
    """A disease-modifying drug other than Lemtrada, from start to stop."""

    drug = ChoiceField(choices=Drug.choices)
    drug_name = TextField(max_length=80, required=False, allow_blank=True, help_text="Of another drug.")
    start = DayField(required=False, allow_null=True)
    start_precision = precision_field()
    stop = DayField(required=False, allow_null=True)
    stop_precision = precision_field()
    stop_reason = ChoiceField(choices=StopReason.choices, required=False, allow_blank=True)
    note = PersonalTextField(max_length=4000, required=False, allow_blank=True)
    known_dates = ("start", "stop")


class TreatmentChangeSerializer(ChangeSerializer, TreatmentSerializer):
    pass


class TreatmentFilters(RecordFilters):
    drug = django_filters.ChoiceFilter(choices=Drug.choices)
    start_from = DayFilter(field_name="start", lookup_expr="gte", label="The start is this day or later.")
    start_to = DayFilter(field_name="start", lookup_expr="lte", label="The start is this day or earlier.")


class TreatmentView(RecordView):
    """Drugs other than Lemtrada."""

    model, word = Treatment, "treatment"
    serializer_class = TreatmentSerializer
    change_serializer_class = TreatmentChangeSerializer
    filterset_class = TreatmentFilters
    orderings = {"created": ("created_at", "pk"), "-created": ("-created_at", "-pk"), "start": ("start", "pk")}

    def add(self, patient: Patient, data: dict[str, Any]) -> Treatment:
        return services.record_treatments([Treatment(patient=patient, **data)], by=self.request.user)[0]

    def change(self, record: Treatment, data: dict[str, Any], reason: str, version: int) -> Treatment:
        changed = written(record, data)
        return services.amend_treatment(changed, by=self.request.user, reason=reason, row_version=version)

    def void_record(self, record: Treatment, reason: str, version: int) -> Treatment:
        return services.void_treatment(record, by=self.request.user, reason=reason, row_version=version)
