"""The relapse form."""

from django import forms
from django.core.exceptions import ValidationError

from assessments.forms.fields import ChangeFields, NoteField, choice, drop_change_fields
from assessments.models import Recovery, Relapse, Severity, Steroid
from assessments.wording import WORDS
from patients.dates import KnownDateField, write_known_date
from patients.forming import WritingForm

PLAIN = ("systems", "severity", "recovery", "steroid", "hospital", "confirmed", "note")


class RelapseForm(ChangeFields, WritingForm):
    """One relapse, new or stored."""

    onset = KnownDateField(label="Onset")
    end = KnownDateField(label="End", required=False)
    systems = forms.MultipleChoiceField(
        label="Systems affected",
        choices=[(name, words.label) for name, words in WORDS.items()],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        error_messages={"invalid_choice": "Choose from the list."},
    )
    severity = choice("Severity", Severity.choices, widget=forms.RadioSelect)
    recovery = choice("Recovery", Recovery.choices, widget=forms.RadioSelect)
    steroid = choice("Steroids", Steroid.choices, widget=forms.RadioSelect)
    hospital = forms.BooleanField(label="Stay in hospital", required=False)
    confirmed = forms.BooleanField(label="Confirmed by an examiner", required=False)
    note = NoteField()

    field_order = ("onset", "end", *PLAIN, "change", "reason")

    def __init__(self, data=None, *, instance: Relapse):
        self.instance = instance
        super().__init__(data, initial=initial_of(instance))
        if not instance.pk:
            drop_change_fields(self)

    def clean(self):
        values = super().clean() or self.cleaned_data
        if self.instance.pk and values.get("change") and not self.change_reason():
            raise ValidationError({"reason": "Say why the saved record is changed."})
        return values

    def relapse(self) -> Relapse:
        """The record as entered, unsaved. To be called on a valid form."""
        values = self.cleaned_data
        self.instance.onset, self.instance.onset_precision = values["onset"]
        self.instance.end, self.instance.end_precision = values["end"]
        for name in PLAIN:
            setattr(self.instance, name, values[name])
        return self.instance


def initial_of(relapse: Relapse) -> dict:
    values = {name: getattr(relapse, name) for name in PLAIN}
    if relapse.pk:
        values |= {
            "onset": write_known_date(relapse.onset, relapse.onset_precision),
            "end": write_known_date(relapse.end, relapse.end_precision),
            "row_version": relapse.row_version,
        }
    return values
