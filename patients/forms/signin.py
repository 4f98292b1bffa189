"""The library's forms that ask for a password or a code, with our limits in front."""

from collections.abc import Callable

from allauth.account.forms import ChangePasswordForm as PlainChangePasswordForm
from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm as PlainAuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as PlainReauthenticateForm

from patients import second_factor, signin


def one_code(form, clean: Callable[[], str]) -> str:
    """The code, counted as a failed try unless it is right and was not used before."""
    with signin.limited(context.request, ("second factor of an account", str(form.user.pk))):
        code = clean()
        second_factor.use_code(form.authenticator, code)
    return code


class AuthenticateForm(PlainAuthenticateForm):
    def clean_code(self) -> str:
        return one_code(self, super().clean_code)


class ReauthenticateForm(PlainReauthenticateForm):
    def clean_code(self) -> str:
        return one_code(self, super().clean_code)


class ChangePasswordForm(PlainChangePasswordForm):
    def clean_oldpassword(self) -> str:
        with signin.limited(context.request, ("password of an account", self.user.email)):
            return super().clean_oldpassword()
