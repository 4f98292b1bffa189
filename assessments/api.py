"""EDSS assessments and relapses for other systems."""

import re
from decimal import Decimal
from typing import Any, cast

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from assessments import services
from assessments.forms.assessment import WARNINGS
from assessments.forms.fields import FARTHEST
from assessments.models import (
    Aid,
    Assessment,
    Mark,
    Mode,
    Observed,
    Recovery,
    Relapse,
    Scheme,
    Severity,
    Steroid,
    VisitType,
)
from engine.edss import EDSS_STEPS, GRADE_MAX, SYSTEMS
from patients.api.fields import (
    ChangeSerializer,
    ChoiceField,
    DayField,
    MomentField,
    PersonalTextField,
    PlainNumberField,
    StrictSerializer,
    TextField,
    WholeField,
    YesNoField,
    precision_field,
)
from patients.api.listing import DayFilter, RecordFilters
from patients.api.records import RecordSerializer, RecordView, written
from patients.models import Patient, User

STEP = r"[0-9]{1,2}(\.[05])?"
NO_STEP = "Not a step of the EDSS: 0, then 1.0 to 10.0 by 0.5, with a point."


class StepField(PlainNumberField):
    """A step of the EDSS."""

    default_error_messages = {"wrong": NO_STEP}

    def __init__(self, **options: Any):
        super().__init__(pattern=STEP, least=EDSS_STEPS[0], most=EDSS_STEPS[-1], **options)

    def fits(self, value: Decimal) -> bool:
        return value in EDSS_STEPS

    def to_internal_value(self, data) -> Decimal:
        return super().to_internal_value(data).quantize(EDSS_STEPS[-1])

    def number_schema(self) -> dict[str, Any]:
        return {"type": "number", "enum": [float(step) for step in EDSS_STEPS]}


class ConfirmedSerializer(StrictSerializer):
    """Warning to the reason why its value is right. A save that meets a warning without a reason names it."""

    def get_fields(self):
        return {name: TextField(max_length=200, required=False, allow_blank=True) for name in WARNINGS}


class WarningSerializer(serializers.Serializer):
    """A warning that stood when the assessment was saved, and why it was right."""

    id = serializers.CharField(read_only=True)
    reason = PersonalTextField(read_only=True)
    sentence = serializers.CharField(read_only=True)


class AssessmentSerializer(RecordSerializer):
    """One EDSS assessment. `edss` is what counts: the rater's value where there is one, else the calculated one."""

    day = DayField(help_text="In the centre's time zone; a day known to the month or year is its first day.")
    day_precision = precision_field()
    at = MomentField(required=False, allow_null=True)
    visit_type = ChoiceField(choices=VisitType.choices, required=False)
    mode = ChoiceField(choices=Mode.choices, required=False)
    rater = serializers.CharField(source="rated_by", read_only=True)
    rater_name = TextField(
        max_length=80, required=False, allow_blank=True,
        help_text="Who rated, where that is not the user of this request.",
    )  # fmt: skip
    ambulation = WholeField(required=False, allow_null=True, min_value=0, max_value=16)
    ambulation_scheme = ChoiceField(choices=Scheme.choices, required=False)
    distance_m = WholeField(required=False, allow_null=True, min_value=0, max_value=FARTHEST)
    distance_unlimited = YesNoField(required=False)
    aid = ChoiceField(choices=Aid.choices, required=False, allow_blank=True)
    observed = ChoiceField(choices=Observed.choices, required=False, allow_blank=True)
    edss_rater = StepField(required=False, allow_null=True)
    rater_reason = PersonalTextField(max_length=200, required=False, allow_blank=True)
    incomplete_reason = PersonalTextField(max_length=200, required=False, allow_blank=True)
    edss_calculated = StepField(read_only=True, allow_null=True)
    edss = StepField(read_only=True, allow_null=True)
    matched_row = serializers.IntegerField(read_only=True, allow_null=True)
    algorithm_version = serializers.CharField(read_only=True)
    steroids_30_days = YesNoField(required=False)
    fever = YesNoField(required=False)
    fatigue_drove_cerebral = YesNoField(required=False)
    confirmed = ConfirmedSerializer(required=False, write_only=True)
    confirmed_warnings = WarningSerializer(many=True, read_only=True)
    note = PersonalTextField(max_length=4000, required=False, allow_blank=True)
    known_dates = ("day",)

    def get_fields(self):
        found = super().get_fields()
        for system in SYSTEMS:
            found[system] = WholeField(required=False, allow_null=True, min_value=0, max_value=GRADE_MAX[system])
            found[f"{system}_mark"] = ChoiceField(choices=Mark.choices, required=False, allow_blank=True)
        return found


class AssessmentChangeSerializer(ChangeSerializer, AssessmentSerializer):
    pass


class StepFormField(forms.CharField):
    def clean(self, value):
        text = super().clean(value)
        if text and not (re.fullmatch(STEP, text) and Decimal(text) in EDSS_STEPS):
            raise ValidationError(NO_STEP)
        return Decimal(text) if text else None


@extend_schema_field({"type": "number", "enum": [float(step) for step in EDSS_STEPS]})
class StepFilter(django_filters.Filter):
    field_class = StepFormField


class AssessmentFilters(RecordFilters):
    day_from = DayFilter(field_name="day", lookup_expr="gte", label="The day is this one or later.")
    day_to = DayFilter(field_name="day", lookup_expr="lte", label="The day is this one or earlier.")
    edss_from = StepFilter(field_name="edss", lookup_expr="gte", label="The EDSS is this or higher.")
    edss_to = StepFilter(field_name="edss", lookup_expr="lte", label="The EDSS is this or lower.")


class AssessmentView(RecordView):
    """EDSS assessments."""

    model, word = Assessment, "assessment"
    serializer_class = AssessmentSerializer
    change_serializer_class = AssessmentChangeSerializer
    filterset_class = AssessmentFilters
    orderings = {"day": ("day", "pk"), "-day": ("-day", "-pk"), "created": ("created_at", "pk")}
    service_names = {"confirm_": "confirmed."}

    def get_queryset(self):
        return super().get_queryset().select_related("rater")

    def add(self, patient: Patient, data: dict[str, Any]) -> Assessment:
        reasons = dict(data.pop("confirmed", {}))
        rater = None if data.get("rater_name") else cast(User, self.request.user)
        one = Assessment(patient=patient, rater=rater, **data)
        return services.record_assessment(one, by=self.request.user, confirmed=reasons_of(one, reasons))

    def change(self, record: Assessment, data: dict[str, Any], reason: str, version: int) -> Assessment:
        """Reasons given before still confirm the warnings that say the same."""
        reasons = dict(data.pop("confirmed", {}))
        if "rater_name" in data:  # somebody rated it: without a name the one who says so
            record.rater = None if data["rater_name"] else record.rater or cast(User, self.request.user)
        written(record, data)
        return services.amend_assessment(
            record, by=self.request.user, confirmed=reasons_of(record, reasons), reason=reason, row_version=version
        )

    def void_record(self, record: Assessment, reason: str, version: int) -> Assessment:
        return services.void_assessment(record, by=self.request.user, reason=reason, row_version=version)


def reasons_of(assessment: Assessment, reasons: dict[str, str]) -> dict[str, str]:
    """The reason for one's own value answers W1, which is about nothing else."""
    return {"W1": assessment.rater_reason, **{name: text for name, text in reasons.items() if text}}


class RelapseSerializer(RecordSerializer):
    """One relapse, dated by its onset."""

    onset = DayField()
    onset_precision = precision_field()
    end = DayField(required=False, allow_null=True)
    end_precision = precision_field()
    systems = serializers.ListField(child=ChoiceField(choices=SYSTEMS), required=False, max_length=len(SYSTEMS))
    severity = ChoiceField(choices=Severity.choices, required=False)
    recovery = ChoiceField(choices=Recovery.choices, required=False)
    steroid = ChoiceField(choices=Steroid.choices, required=False)
    hospital = YesNoField(required=False)
    confirmed = YesNoField(required=False, help_text="By an examiner.")
    note = PersonalTextField(max_length=4000, required=False, allow_blank=True)
    known_dates = ("onset", "end")


class RelapseChangeSerializer(ChangeSerializer, RelapseSerializer):
    pass


class RelapseFilters(RecordFilters):
    onset_from = DayFilter(field_name="onset", lookup_expr="gte", label="The onset is this day or later.")
    onset_to = DayFilter(field_name="onset", lookup_expr="lte", label="The onset is this day or earlier.")


class RelapseView(RecordView):
    """Relapses."""

    model, word = Relapse, "relapse"
    serializer_class = RelapseSerializer
    change_serializer_class = RelapseChangeSerializer
    filterset_class = RelapseFilters
    orderings = {"onset": ("onset", "pk"), "-onset": ("-onset", "-pk"), "created": ("created_at", "pk")}

    def add(self, patient: Patient, data: dict[str, Any]) -> Relapse:
        return services.record_relapses([Relapse(patient=patient, **data)], by=self.request.user)[0]

    def change(self, record: Relapse, data: dict[str, Any], reason: str, version: int) -> Relapse:
        changed = written(record, data)
        return services.amend_relapse(changed, by=self.request.user, reason=reason, row_version=version)

    def void_record(self, record: Relapse, reason: str, version: int) -> Relapse:
        return services.void_relapse(record, by=self.request.user, reason=reason, row_version=version)
