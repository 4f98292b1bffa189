"""Fields and comparisons that forms of records share."""

from datetime import date
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from patients.dates import KnownDateField

REASON_HELP = "Kept in the history of changes. For instance: typing error, or a letter came later."


class DayField(KnownDateField):
    """A date that must be known to the day: cleaned to a date, or None when left empty."""

    def __init__(self, **options):
        options.setdefault("help_text", "Known to the day, like 2019-03-05")
        super().__init__(**options)

    def clean(self, value) -> date | None:
        day, precision = super().clean(value)
        if precision != "day":
            raise ValidationError("Here the day must be known. Write it as 2019-03-05.")
        return day


def reason_field(label: str = "Reason for the change") -> forms.CharField:
    """Why a saved record is changed or voided."""
    suggestions = forms.TextInput(attrs={"list": "reasons", "autocomplete": "off"})
    return forms.CharField(max_length=200, label=label, help_text=REASON_HELP, widget=suggestions)


def said(field: forms.Field, value: Any) -> str:
    """A form's raw value in words: the label of a choice, or what was typed."""
    words = {str(key): str(label) for key, label in getattr(field, "choices", ())}
    values = value if isinstance(value, list) else [value]
    return ", ".join(words.get(str(one), str(one)) for one in values if one not in (None, ""))


def differences(form: forms.Form, theirs: dict[str, Any], skip: tuple[str, ...] = ("reason",)) -> list[dict[str, Any]]:
    """Rows of the conflict page: label, what somebody else saved, what was typed here, and whether they differ."""
    rows = []
    for name, field in form.fields.items():
        if field.widget.is_hidden or name in skip or name not in theirs:
            continue
        saved, typed = said(field, theirs[name]), said(field, form[name].value())
        rows.append(
            {"label": field.label or form[name].label, "theirs": saved, "mine": typed, "differs": saved != typed}
        )
    return rows


def rebase(form: forms.Form, version: int) -> None:
    """After a conflict: the next save of this form builds on the version that was shown beside it."""
    data = cast(QueryDict, form.data).copy()
    data[form.add_prefix("row_version")] = str(version)
    form.data = data
