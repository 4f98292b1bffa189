"""Signing in with allauth: by address and password, with a second factor where it is set up, without any mail."""

from collections.abc import Iterator
from contextlib import contextmanager

from allauth.account.adapter import DefaultAccountAdapter, get_adapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.signals import password_changed
from allauth.core import context
from allauth.mfa import signals as mfa
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.core.exceptions import ValidationError

from patients import audit, sessions, throttle
from patients.models import AccessKind, User


def count_try(request, *wanted: tuple[str, str]) -> throttle.Try:
    """Count a try of this (kind, whom) and of the network address it comes from. Raises ValidationError at a limit.

    The sentence is the same whichever limit it was, and for accounts that do not exist.
    """
    try:
        address = throttle.network(get_adapter().get_client_ip(request))
        return throttle.count(*wanted, ("from a network address", address))
    except throttle.TooMany as limit:
        request.retry_after = limit.seconds  # the answer says it to machines too
        raise ValidationError(str(limit), code="too_many_tries") from None


@contextmanager
def limited(request, *wanted: tuple[str, str]) -> Iterator[None]:
    """Count the block as a failed try unless it ends without an error."""
    tried = count_try(request, *wanted)
    yield
    tried.rollback()


class ActiveUserBackend(AuthenticationBackend):
    """Refuses deactivated users, and the demo accounts in production."""

    def user_can_authenticate(self, user):
        return super().user_can_authenticate(user) and not (settings.PRODUCTION and user.is_demo)

    def get_user(self, user_id):
        user = super().get_user(user_id)
        return user if user and self.user_can_authenticate(user) else None

    def has_perm(self, user_obj, perm, obj=None):
        return False

    def has_module_perms(self, user_obj, app_label):
        return False


class SecondFactorAdapter(DefaultMFAAdapter):
    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": "This is not the right code. Enter the one that the app shows now."
    }


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": "Email and password do not fit. Look for typing errors, then try again.",
        "incorrect_password": "This is not your password.",
        "enter_current_password": "This is not your password.",
    }

    def is_open_for_signup(self, request):
        return False

    def add_message(self, *args, **options):
        """Pages say what happened themselves."""

    def pre_login(self, request, user, **options):
        """A demo account meets the page of a closed account in production, before it gets a session."""
        if settings.PRODUCTION and user.is_demo:
            return self.respond_user_inactive(request, user)
        return super().pre_login(request, user, **options)

    def pre_authenticate(self, request, **credentials):
        """Our limits for the library's: it rolls the try back when the password was right."""
        whom = credentials.get("email", "").strip().lower()
        self._login_failed_rl_usage = count_try(request, ("password of an account", whom))

    def is_reauthentication_required(self, **options):
        """Before a change of the second factor; who has signed in a moment ago is not asked at once again."""
        return super().is_reauthentication_required(**options) and not sessions.is_fresh(context.request)

    def send_mail(self, *args, **options):
        """There is no mail: an admin hands out one-time links."""


def signed_in(user, request, **_):
    user.skip_history_when_saving = True  # Django notes the moment on the user next; that is no change of the account
    sessions.begin(request)
    audit.note(user, AccessKind.SIGN_IN)


def signed_out(user, **_):
    if user is not None:  # the session may have been over already
        audit.note(user, AccessKind.SIGN_OUT)


def sign_in_failed(credentials, **_):
    known = User.objects.filter(email__iexact=credentials.get("email", "")).first()
    audit.note(known, AccessKind.SIGN_IN_FAILED)


def code_failed(user, **_):
    audit.note(user, AccessKind.SIGN_IN_FAILED, detail="second factor")


def account_changed(what: str):
    return lambda user, **_: audit.note(user, AccessKind.ACCOUNT, detail=f"user {user.pk}: {what}")


def connect():
    """Sign-ins are access events. Third-party signals; the product has none of its own."""
    for signal, noted in (
        (user_logged_in, signed_in),
        (user_logged_out, signed_out),
        (user_login_failed, sign_in_failed),
        (password_changed, account_changed("password changed")),
        (mfa.authentication_failed, code_failed),
        (mfa.authenticator_added, account_changed("second factor added")),
        (mfa.authenticator_reset, account_changed("recovery codes made anew")),
        (mfa.authenticator_removed, account_changed("second factor removed")),
    ):
        signal.connect(noted, weak=False)
