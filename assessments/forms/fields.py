"""Fields of the clinical forms. They read plain ASCII and refuse everything else with a sentence."""

import re
from datetime import time

from django import forms
from django.core.exceptions import ValidationError

from assessments.models import Mark
from assessments.wording import CHANGE_REASONS

CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
METRES = re.compile(r"\d{1,5}", re.ASCII)
FARTHEST = 50_000  # metres, as the database has it


class GradeField(forms.ChoiceField):
    """One raw grade as a row of keys; None when no key is chosen."""

    widget = forms.RadioSelect

    def __init__(self, *, most: int, **options):
        wrong = {"invalid_choice": f"no such grade. Choose 0 to {most}."}
        choices = [(str(grade), str(grade)) for grade in range(most + 1)]
        super().__init__(choices=choices, required=False, error_messages=wrong, **options)

    def clean(self, value):
        text = super().clean(value)
        return int(text) if text else None


class MarkField(forms.MultipleChoiceField):
    """At most one mark on a grade. Tick boxes, so that it can be taken away again without a script."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **options):
        choices = [(mark.value, mark.label) for mark in Mark if mark.value]
        super().__init__(choices=choices, required=False, error_messages={"invalid_choice": "no such mark."}, **options)

    def clean(self, value):
        chosen = sorted(set(super().clean(value)))
        if len(chosen) > 1:
            raise ValidationError("one mark only.", code="several")
        return chosen[0] if chosen else ""


class ClockField(forms.CharField):
    """A time of day as 14:20, or None."""

    def __init__(self, **options):
        super().__init__(max_length=5, required=False, **options)
        self.widget.attrs |= {"autocomplete": "off", "placeholder": ""}

    def clean(self, value):
        text = super().clean(value)
        if not text:
            return None
        found = CLOCK.fullmatch(text)
        if not found:
            raise ValidationError("Write the time as 14:20.", code="format")
        return time(int(found[1]), int(found[2]))


class MetresField(forms.CharField):
    """A distance in whole metres, or None."""

    def __init__(self, **options):
        super().__init__(required=False, **options)
        self.widget.attrs |= {"inputmode": "numeric", "autocomplete": "off", "size": "5"}

    def clean(self, value):
        text = super().clean(value)
        if not text:
            return None
        if not METRES.fullmatch(text) or int(text) > FARTHEST:
            raise ValidationError("Write whole metres, 0 to 50,000.", code="format")
        return int(text)


class NoteField(forms.CharField):
    """Free text of a record."""

    def __init__(self, **options):
        area = forms.Textarea(attrs={"rows": 2})
        super().__init__(label="Note", required=False, max_length=4000, widget=area, **options)


def choice(label: str, choices, **options) -> forms.ChoiceField:
    """A choice whose refusal says what to do instead of naming what was sent."""
    wrong = {"invalid_choice": "Choose one of the list."}
    return forms.ChoiceField(label=label, choices=choices, error_messages=wrong, **options)


def keys(label: str, choices, **options) -> forms.ChoiceField:
    """An optional choice shown as a row of keys."""
    return choice(label, choices, widget=forms.RadioSelect, required=False, **options)


class ChangeFields(forms.Form):
    """Why a saved record is changed: a list and, where it does not fit, a text."""

    change = choice("Why is it changed?", [("", "Choose a reason"), *((words, words) for words in CHANGE_REASONS)])
    reason = forms.CharField(label="In words", required=False, max_length=200)

    def change_reason(self) -> str:
        """Both parts in one sentence, for the history."""
        listed, text = self.cleaned_data["change"], self.cleaned_data["reason"]
        if listed == CHANGE_REASONS[-1]:
            return text
        return f"{listed}: {text}" if text else listed


def drop_change_fields(form: forms.Form) -> None:
    """A new record needs no reason."""
    for name in ChangeFields.base_fields:
        form.fields.pop(name, None)
