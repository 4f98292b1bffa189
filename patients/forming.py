"""What every form that writes shares: its submission key, and how a service's refusal becomes a field's error."""

import hashlib
import uuid
from contextlib import contextmanager
from typing import cast

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import QueryDict

from patients.writing import AlreadySubmitted, Conflict


class WritingForm(forms.Form):
    """Mixin of forms that save a record. `submission` is made when the form is rendered: a double click saves once."""

    submission = forms.UUIDField(widget=forms.HiddenInput, required=False)
    row_version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    conflict = None  # the row as somebody else saved it, once a save has met it

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.fields["submission"].initial = uuid.uuid4

    def digest(self) -> str:
        """Of everything that was sent: tells a retry from another form with the same key."""
        sent_data = cast(QueryDict, self.data)
        sent = sorted((k, tuple(sent_data.getlist(k))) for k in sent_data if k != "csrfmiddlewaretoken")
        return hashlib.sha256(repr(sent).encode()).hexdigest()

    @contextmanager
    def collecting_errors(self):
        """Turn what a service refuses into errors of this form; nothing the user typed is lost.

        An error on a field that this form does not show is shown above it.
        """
        try:
            yield
        except ValidationError as error:
            found = error.message_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.messages}
            for field, messages in found.items():
                for message in messages:
                    self.add_error(field if field in self.fields else None, message)
        except Conflict as conflict:
            self.conflict = conflict.current
            self.add_error(None, "Somebody saved this record while you wrote. Nothing of yours is lost.")
        except AlreadySubmitted as error:
            self.add_error(None, str(error))
