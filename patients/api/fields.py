"""What the API reads: plain JSON values that mean one thing. A refusal says what is wanted, not what was sent."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

from django.core.exceptions import ValidationError
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.settings import api_settings

from patients.dates import FIRST_DAY, LAST_DAY, Precision, read_known_date, write_known_date

ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
ISO_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})", re.ASCII)


class TextField(serializers.CharField):
    """A JSON string; a number is not made into one."""

    default_error_messages = {"invalid": "Send a text."}

    def run_validation(self, data: Any = serializers.empty):
        if data not in (serializers.empty, None) and not isinstance(data, str):
            self.fail("invalid")
        return super().run_validation(data)


class PersonalTextField(TextField):
    """Text that may name a person: null for those who may not see names."""


class PersonalTextSchema(OpenApiSerializerFieldExtension):
    target_class = PersonalTextField

    def map_serializer_field(self, auto_schema, direction):
        most = {"maxLength": self.target.max_length} if self.target.max_length else {}
        return {"type": ["string", "null"] if direction == "response" else "string", **most}


class ChoiceField(serializers.ChoiceField):
    """One word of a list."""

    def to_internal_value(self, data):
        if not isinstance(data, str) or (data not in self.choices and not (data == "" and self.allow_blank)):
            raise serializers.ValidationError(f"Choose one of: {', '.join(str(key) for key in self.choices if key)}.")
        return data


class YesNoField(serializers.BooleanField):
    """true or false, and no word for it."""

    def to_internal_value(self, data):
        if not isinstance(data, bool):
            raise serializers.ValidationError("Send true or false.")
        return data


class WholeField(serializers.IntegerField):
    """A JSON number without a fraction."""

    def to_internal_value(self, data):
        whole = isinstance(data, int | Decimal) and not isinstance(data, bool) and data == int(data)
        if not whole:
            raise serializers.ValidationError("Send a whole number.")
        return int(data)


@extend_schema_field(OpenApiTypes.DATE)
class DayField(serializers.Field):
    """A date as YYYY-MM-DD, from 1900 to 2199, and no other way of writing one."""

    def to_internal_value(self, data) -> date:
        if not isinstance(data, str) or not ISO_DAY.fullmatch(data):
            raise serializers.ValidationError("Write the date as 2019-03-05.")
        try:
            return read_known_date(data)[0]
        except ValidationError as error:
            raise serializers.ValidationError(error.messages) from error

    def to_representation(self, value) -> str:
        return value.isoformat()


@extend_schema_field(OpenApiTypes.DATETIME)
class MomentField(serializers.Field):
    """A moment with its offset from UTC."""

    def to_internal_value(self, data) -> datetime:
        try:
            if isinstance(data, str) and ISO_MOMENT.fullmatch(data):
                found = datetime.fromisoformat(data)
                if FIRST_DAY < found.date() < LAST_DAY:  # not the first and last day: the zone may still move it
                    return found
        except ValueError:
            pass
        raise serializers.ValidationError("Write the moment with its offset, as 2019-03-05T14:20:00Z.")

    def to_representation(self, value) -> str:
        return value.isoformat().replace("+00:00", "Z")


class PlainNumberField(serializers.Field):
    """A number within bounds, as JSON number or as a string that is written as `pattern` says."""

    default_error_messages = {"wrong": "Write a plain number with a point."}

    def __init__(self, *, pattern: str, least: Decimal, most: Decimal, **options: Any):
        super().__init__(**options)
        self.pattern, self.least, self.most = pattern, least, most

    def to_internal_value(self, data) -> Decimal:
        text = isinstance(data, str) and re.fullmatch(self.pattern, data, re.ASCII)
        plain = isinstance(data, int | Decimal) and not isinstance(data, bool)
        if not (text or plain) or not self.fits(Decimal(data)):
            self.fail("wrong")
        return Decimal(data)

    def fits(self, value: Decimal) -> bool:
        return self.least <= value <= self.most

    def to_representation(self, value) -> float:
        return float(value)

    def number_schema(self) -> dict[str, Any]:
        return {"type": "number", "minimum": float(self.least), "maximum": float(self.most)}


class PlainNumberSchema(OpenApiSerializerFieldExtension):
    """Read as a number or a string, always written as a number."""

    target_class = PlainNumberField
    match_subclasses = True

    def map_serializer_field(self, auto_schema, direction):
        number = self.target.number_schema()
        if direction == "response":
            return number
        return {"oneOf": [number, {"type": "string", "pattern": f"^{self.target.pattern}$"}]}


def precision_field() -> ChoiceField:
    return ChoiceField(choices=Precision.choices, required=False)


class StrictSerializer(serializers.Serializer):
    """Reads a JSON object and refuses every name it does not know. `known_dates`: those with a precision beside."""

    known_dates: tuple[str, ...] = ()

    def to_internal_value(self, data):
        if not isinstance(data, dict):
            raise serializers.ValidationError({api_settings.NON_FIELD_ERRORS_KEY: ["Send a JSON object."]})
        errors = {name[:60]: [self.why_not(name)] for name in data if not self.writable(name)}
        try:
            found = super().to_internal_value(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError(errors | cast(dict, error.detail)) from error
        if errors:
            raise serializers.ValidationError(errors)
        return found

    def writable(self, name: str) -> bool:
        return name in self.fields and not self.fields[name].read_only

    def why_not(self, name: str) -> str:
        return "This field is set by the registry." if name in self.fields else "There is no such field."

    def validate(self, attrs):
        errors: dict[str, str] = {}
        for name in self.known_dates:
            errors |= self.check_known_date(name, attrs)
        if errors:
            raise serializers.ValidationError(errors)
        return attrs

    def check_known_date(self, name: str, attrs: dict[str, Any]) -> dict[str, str]:
        """A date to the month or year is its first day; no date has no precision."""
        beside = f"{name}_precision"
        if name not in attrs and beside not in attrs:
            return {}
        day = attrs.get(name, getattr(self.instance, name, None))
        precision = attrs.get(beside, getattr(self.instance, beside, Precision.DAY))
        if day is None:
            if attrs.get(beside, Precision.DAY) != Precision.DAY:
                return {beside: "A precision needs its date."}
            attrs[beside] = Precision.DAY
        elif read_known_date(write_known_date(day, precision)) != (day, precision):
            return {name: f"A date to the {precision} is written as its first day, with {beside} beside it."}
        return {}


class ChangeSerializer(StrictSerializer):
    """What each change of a saved record needs beside the changed fields."""

    reason = TextField(max_length=200, write_only=True, help_text="Why the saved record is changed.")
    row_version: serializers.Field = WholeField(
        min_value=1, max_value=2**31 - 1, required=False, write_only=True,
        help_text="The version that is changed, unless If-Match says it.",
    )  # fmt: skip

    def validate(self, attrs):
        if "reason" not in attrs:  # a change may leave out any other field
            raise serializers.ValidationError({"reason": "Say why the saved record is changed."})
        return super().validate(attrs)


class VoidSerializer(ChangeSerializer):
    """Marks a record as entered in error. It stays in the history."""
