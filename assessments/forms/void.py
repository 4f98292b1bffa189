"""The form that marks a record as entered in error."""

from django import forms

from patients.forming import WritingForm
from patients.models import ClinicalRecord


class VoidForm(WritingForm):
    reason = forms.CharField(label="Why is it wrong?", max_length=200, error_messages={"required": "Say why."})

    def __init__(self, data=None, *, instance: ClinicalRecord):
        super().__init__(data, initial={"row_version": instance.row_version})
