"""Lists: filters and orders from fixed maps, pages of a size. What is not in the maps is refused by name."""

import re
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.filters import BaseFilterBackend
from rest_framework.pagination import PageNumberPagination

from patients.forms.fields import DayField
from patients.models import Patient

NUMBER = re.compile(r"[1-9][0-9]{0,8}")
PAGING = ("page", "page_size", "ordering")


class NumberField(forms.CharField):
    """A positive number in ASCII digits; other ways of writing one are refused."""

    def clean(self, value):
        text = super().clean(value)
        if text and not NUMBER.fullmatch(text):
            raise ValidationError("Write a whole number from 1.")
        return int(text) if text else None


@extend_schema_field(OpenApiTypes.INT)
class NumberFilter(django_filters.Filter):
    field_class = NumberField


@extend_schema_field(OpenApiTypes.DATE)
class DayFilter(django_filters.Filter):
    """A day as YYYY-MM-DD."""

    field_class = DayField


class CodeFilter(django_filters.CharFilter):
    """A registry code, whole."""

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, max_length=20, **options)


class RecordFilters(FilterSet):
    """What every list of records can be narrowed by."""

    patient = CodeFilter(field_name="patient__code", label="Registry code of the patient.")
    centre = NumberFilter(field_name="patient__centre_id", label="Id of the centre.")
    voided = django_filters.ChoiceFilter(
        choices=[("no", "no"), ("yes", "yes"), ("any", "any")],
        method="keep",
        label="Records entered in error: no (as without this filter), yes (only those), any.",
    )

    def keep(self, rows, name, value):  # the choice is applied below, also when it was not made
        return rows

    def filter_queryset(self, queryset):
        rows, voided = super().filter_queryset(queryset), self.form.cleaned_data.get("voided")
        return rows if voided == "any" else rows.filter(voided_at__isnull=voided != "yes")


class StrictFilters(DjangoFilterBackend):
    """As django-filter, but a name that is no filter, or one that is sent twice or empty, is refused."""

    def filter_queryset(self, request, queryset, view):
        known = {*self.names(view), *PAGING}
        errors = {name[:60]: ["There is no such filter."] for name in request.query_params if name not in known}
        repeated = [name for name, values in request.query_params.lists() if name in known and len(values) > 1]
        errors |= {name: ["Send this once."] for name in repeated}
        blank = [n for n, value in request.query_params.items() if n in known and (not value or value != value.strip())]
        errors |= {name: ["Send a value without blanks around it, or leave this out."] for name in blank}
        if errors:
            raise serializers.ValidationError(errors)
        return super().filter_queryset(request, queryset, view)

    def names(self, view) -> list[str]:
        filters = getattr(view, "filterset_class", None)
        return list(filters.base_filters) if filters else []


class FixedOrdering(BaseFilterBackend):
    """`ordering` takes one of the view's words; the first is the order without it. Ties are in the order of making."""

    def filter_queryset(self, request, queryset: QuerySet, view):
        orders = view.orderings
        wanted = request.query_params.get("ordering", next(iter(orders)))
        if wanted not in orders:
            raise serializers.ValidationError({"ordering": [f"Choose one of: {', '.join(orders)}."]})
        return queryset.order_by(*orders[wanted])

    def get_schema_operation_parameters(self, view) -> list[dict[str, Any]]:
        orders = list(view.orderings)
        described = f"The order of the list; without it: {orders[0]}."
        schema = {"type": "string", "enum": orders}
        return [{"name": "ordering", "in": "query", "required": False, "description": described, "schema": schema}]


class Pages(PageNumberPagination):
    page_size = 50
    max_page_size = 500
    page_size_query_param = "page_size"

    def get_page_number(self, request, paginator) -> int:
        return number_of(request, self.page_query_param, 1)

    def get_page_size(self, request) -> int:
        return number_of(request, "page_size", self.page_size, most=self.max_page_size)

    def get_schema_operation_parameters(self, view) -> list[dict[str, Any]]:
        found = super().get_schema_operation_parameters(view)
        for parameter, most in zip(found, (999_999_999, self.max_page_size), strict=True):
            parameter["schema"] |= {"minimum": 1, "maximum": most}
        return found


def number_of(request, name: str, default: int, most: int = 999_999_999) -> int:
    """A number of the address, or a refusal that names it."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not NUMBER.fullmatch(text) or int(text) > most:
        raise serializers.ValidationError({name: [f"Write a whole number from 1 to {most}."]})
    return int(text)


def visible_patients(user) -> QuerySet[Patient]:
    return Patient.objects.visible_to(user).select_related("centre")
