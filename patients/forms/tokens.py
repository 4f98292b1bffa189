"""The form that makes a personal access token."""

from django import forms

from patients import tokens
from patients.forming import WritingForm
from patients.models import ApiToken, User


class TokenForm(WritingForm):
    name = forms.CharField(max_length=80, label="What is it for?", help_text="The system that uses it")
    days = forms.TypedChoiceField(
        choices=[(30, "30 days"), (90, "90 days"), (180, "180 days"), (tokens.MOST_DAYS, f"{tokens.MOST_DAYS} days")],
        coerce=int,
        initial=90,
        label="It lasts",
    )

    def save(self, user: User) -> tuple[ApiToken, str]:
        return tokens.make_token(user, name=self.cleaned_data["name"], days=self.cleaned_data["days"])
