"""Forms of users, roles, centres and one-time links."""

from typing import cast
from zoneinfo import available_timezones

from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts

from patients import accounts
from patients.forming import WritingForm
from patients.models import Centre, Role, User


class RolesForm(WritingForm):
    """Mixin: one row of tick boxes for each centre in which `by` may give roles."""

    def __init__(self, *args, by: User, **options):
        super().__init__(*args, **options)
        self.by = by
        self.centres = list(accounts.administered(by))
        for centre in self.centres:
            self.fields[f"roles_{centre.pk}"] = forms.MultipleChoiceField(
                label=centre.name, choices=Role.choices, widget=forms.CheckboxSelectMultiple, required=False
            )
        if by.is_registry_admin:
            self.fields["is_registry_admin"] = forms.BooleanField(
                label="Registry admin", required=False, help_text="Admin of every centre. Sees codes, not names."
            )

    def role_fields(self) -> list[forms.BoundField]:
        return [self[f"roles_{centre.pk}"] for centre in self.centres if f"roles_{centre.pk}" in self.fields]

    def roles(self) -> accounts.Roles:
        given = ((centre.pk, self.cleaned_data.get(f"roles_{centre.pk}")) for centre in self.centres)
        return {pk: set(roles) for pk, roles in given if roles is not None}


class InviteForm(RolesForm):
    name = forms.CharField(max_length=120)
    email = forms.EmailField(max_length=254, label="Email", help_text="The login. Nothing is sent to it.")
    field_order = ["name", "email"]

    def save(self) -> tuple[User, str | None]:
        return accounts.invite(
            by=self.by,
            email=self.cleaned_data["email"],
            name=self.cleaned_data["name"],
            roles=self.roles(),
            registry_admin=self.cleaned_data.get("is_registry_admin", False),
        )


class UserForm(RolesForm):
    """Name and roles of a user. What `by` may not change is shown and not a field."""

    name = forms.CharField(max_length=120)
    confirm = forms.BooleanField(required=False, label="Leave the centre without an admin")
    field_order = ["name"]

    def __init__(self, *args, by: User, user: User, **options):
        super().__init__(*args, by=by, initial=self.values_of(by, user), **options)
        self.user = user
        self.fields["name"].disabled = not accounts.controls(by, user)
        if user.pk == by.pk and not by.is_registry_admin:
            for centre in self.centres:
                del self.fields[f"roles_{centre.pk}"]

    @staticmethod
    def values_of(by: User, user: User) -> dict:
        centres = list(accounts.administered(by))
        roles = {f"roles_{centre.pk}": sorted(user.roles.get(centre.pk, ())) for centre in centres}
        number = accounts.state_number(user, centres)
        return {"name": user.name, "is_registry_admin": user.is_registry_admin, "row_version": number, **roles}

    def save(self) -> User:
        data = self.cleaned_data
        return accounts.amend_user(
            self.user,
            by=self.by,
            name=data["name"],
            roles=self.roles(),
            registry_admin=data.get("is_registry_admin"),
            seen=data["row_version"],
            confirmed=data["confirm"],
        )


class DeactivateForm(WritingForm):
    confirm = forms.BooleanField(required=False, label="Leave the centre without an admin")


class CentreForm(WritingForm):
    name = forms.CharField(max_length=120)
    time_zone = forms.ChoiceField(help_text="Decides what day it is for the patients of this centre.")
    synthetic = forms.BooleanField(
        required=False, label="Invented data", help_text="All its patients are invented. Every page says so."
    )

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        field = cast(forms.ChoiceField, self.fields["time_zone"])
        field.choices = [(zone, zone) for zone in sorted(available_timezones())]

    def write_to(self, centre: Centre) -> Centre:
        for name in ("name", "time_zone", "synthetic"):
            if name in self.fields:
                setattr(centre, name, self.cleaned_data[name])
        return centre

    @staticmethod
    def values_of(centre: Centre) -> dict:
        return {"name": centre.name, "time_zone": centre.time_zone, "row_version": centre.row_version}


class PasswordForm(WritingForm):
    """A new password, twice. Whether it is good enough is asked when it is set."""

    password = forms.CharField(
        label="New password",
        strip=False,
        max_length=128,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label="The same again",
        strip=False,
        max_length=128,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    rules = staticmethod(password_validators_help_texts)

    def clean(self):
        super().clean()
        data = self.cleaned_data
        if data.get("password") and data.get("again") and data["password"] != data["again"]:
            self.add_error("again", "The two passwords differ.")
        return data
