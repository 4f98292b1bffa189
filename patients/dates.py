"""Dates as a clinic knows them: to the day, the month or the year.

Stored as the first day of the period plus its precision, so that no day is invented. What an imprecise date means for a
result is decided by the engine, which takes the whole interval (`engine.types.Interval`).
"""

import re
from datetime import date
from typing import cast

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from engine.types import Interval
from engine.types import Precision as Known

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)
WRITTEN = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)


class Precision(models.TextChoices):
    DAY = "day", "to the day"
    MONTH = "month", "to the month"
    YEAR = "year", "to the year"


def precision_field(**options) -> models.CharField:
    return models.CharField(max_length=5, choices=Precision.choices, default=Precision.DAY, **options)


def known_date_checks(table: str, field: str, precision: str | None = None) -> list[models.CheckConstraint]:
    """The database's own rules for a date: inside two centuries, and unknown parts are 1."""
    checks = [
        models.CheckConstraint(
            name=f"{table}_{field}_in_range",
            condition=Q(**{f"{field}__isnull": True}) | Q(**{f"{field}__range": (FIRST_DAY, LAST_DAY)}),
        )
    ]
    if precision:
        checks.append(
            models.CheckConstraint(
                name=f"{table}_{field}_precision",
                condition=Q(**{f"{field}__isnull": True, precision: "day"})
                | Q(**{f"{field}__isnull": False, precision: "day"})
                | Q(**{precision: "month", f"{field}__day": 1})
                | Q(**{precision: "year", f"{field}__day": 1, f"{field}__month": 1}),
            )
        )
    return checks


def not_before(table: str, later: str, earlier: str) -> models.CheckConstraint:
    """Two dates of one row in their order, where both are known to the day; imprecise ones are the service's task."""
    return models.CheckConstraint(
        name=f"{table}_{later}_after_{earlier}",
        condition=Q(**{f"{later}__isnull": True})
        | Q(**{f"{earlier}__isnull": True})
        | ~Q(**{f"{later}_precision": "day", f"{earlier}_precision": "day"})
        | Q(**{f"{later}__gte": F(earlier)}),
    )


def interval(day: date | None, precision: str = "day") -> Interval | None:
    return None if day is None else Interval.of(day, cast(Known, precision))


def read_known_date(text: str) -> tuple[date, str]:
    """`2019-03-05`, `2019-03` or `2019` to (first day, precision). A ValidationError says what is accepted."""
    found = WRITTEN.fullmatch(text.strip())
    if not found:
        raise ValidationError("Write the date as 2019-03-05, or 2019-03 or 2019 if no more is known.", code="format")
    year, month, day = found.groups()
    try:
        value = date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        raise ValidationError(f"{text.strip()} is not a date of the calendar.", code="calendar") from None
    if not FIRST_DAY <= value <= LAST_DAY:
        raise ValidationError(f"{text.strip()} lies outside 1900 to 2199.", code="range")
    return value, "day" if day else "month" if month else "year"


def write_known_date(day: date | None, precision: str = "day") -> str:
    """The inverse of `read_known_date`."""
    if day is None:
        return ""
    return day.isoformat()[: {"day": 10, "month": 7, "year": 4}[precision]]


def say_known_date(day: date | None, precision: str = "day") -> str:
    """For people: `5 Mar 2019`, `Mar 2019, day not known`, `2019, day not known`."""
    if day is None:
        return ""
    if precision == "day":
        return f"{day.day} {day:%b %Y}"
    return f"{day:%b %Y}, day not known" if precision == "month" else f"{day.year}, day not known"


class KnownDateField(forms.CharField):
    """A date as known: cleaned to (first day, precision), or (None, "day") when left empty."""

    def __init__(self, **options):
        options.setdefault("max_length", 10)
        options.setdefault("help_text", "2019-03-05, or 2019-03 or 2019 if no more is known")
        super().__init__(**options)
        self.widget.attrs |= {"inputmode": "numeric", "autocomplete": "off", "placeholder": ""}

    def clean(self, value):
        text = super().clean(value)
        return read_known_date(text) if text else (None, "day")
