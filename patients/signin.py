"""Signing in with allauth: by address and password, with a second factor where it is set up, without any mail."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed

from patients import audit
from patients.models import AccessKind


def recently_confirmed(request) -> bool:
    """Whether this person gave the password or the second factor once more within the last five minutes.

    ACCOUNT_REAUTHENTICATION_TIMEOUT of allauth; signing in does not count.
    """
    return did_recently_reauthenticate(request)


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


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request):
        return False

    def add_message(self, *args, **options):
        """Pages say what happened themselves."""

    def pre_login(self, request, user, **options):
        """A demo account meets the page of a closed account in production, before it gets a session."""
        if settings.PRODUCTION and user.is_demo:
            return self.respond_user_inactive(request, user)
        return super().pre_login(request, user, **options)

    def send_mail(self, *args, **options):
        """There is no mail: an admin hands out one-time links."""


def signed_in(user, **_):
    user.skip_history_when_saving = True  # Django notes the moment on the user next; that is no change of the account
    audit.note(user, AccessKind.SIGN_IN)


def signed_out(user, **_):
    if user is not None:  # the session may have been over already
        audit.note(user, AccessKind.SIGN_OUT)


def connect():
    """Sign-ins are access events. Third-party signals; the product has none of its own."""
    user_logged_in.connect(signed_in, weak=False)
    user_logged_out.connect(signed_out, weak=False)
    user_login_failed.connect(lambda **_: audit.note(None, AccessKind.SIGN_IN_FAILED), weak=False)
