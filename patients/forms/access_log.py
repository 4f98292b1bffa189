"""The filters of the access log."""

from collections.abc import Iterable

from django import forms

from patients.forms.fields import DayField
from patients.models import AccessKind, User


class AccessLogForm(forms.Form):
    """Person, kind, patient and days. What is not among the choices is an error, and nothing is listed then."""

    person = forms.TypedChoiceField(required=False)  # its choices depend on who asks
    kind = forms.ChoiceField(choices=[("", "Anything"), *AccessKind.choices], required=False, label="What")
    patient = forms.CharField(max_length=20, required=False, label="Registry code")
    first = DayField(required=False, label="From", help_text="")
    last = DayField(required=False, label="To", help_text="")

    use_required_attribute = False

    def __init__(self, data, *, people: Iterable[User], **options):
        super().__init__(data, **options)
        choices = [("", "Anybody"), *((user.pk, user.name) for user in people)]
        self.fields["person"] = forms.TypedChoiceField(
            choices=choices, coerce=int, empty_value=None, required=False, label="Who"
        )
        self.order_fields(["person", "kind", "patient", "first", "last"])

    def clean(self):
        first, last = self.cleaned_data.get("first"), self.cleaned_data.get("last")
        if first and last and last < first:
            self.add_error("last", "This day lies before the first one.")
