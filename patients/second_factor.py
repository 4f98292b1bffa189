"""The second factor: who must have one, and that a code of it works once."""

import hashlib
import time

from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from patients.models import Role, User

CODE_SECONDS = 5 * 60  # longer than any code of the app is accepted


def required(user: User) -> bool:
    """Whether this account may do nothing without a second factor: one that can give rights to others."""
    if not settings.SECOND_FACTOR_REQUIRED:
        return False
    return user.is_registry_admin or any(Role.ADMIN in roles for roles in user.roles.values())


def present(user: User) -> bool:
    return Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists()


def missing(user: User) -> bool:
    return required(user) and not present(user)


def use_code(authenticator: Authenticator, code: str) -> None:
    """A code of the app works once, in whichever process it arrives. Raises ValidationError the second time."""
    if authenticator.type != Authenticator.Type.TOTP:
        return  # recovery codes are crossed out when they are used
    now, said = int(time.time()), hashlib.sha256(normalize_user_code(code).encode()).hexdigest()
    with transaction.atomic():
        row = Authenticator.objects.select_for_update().get(pk=authenticator.pk)
        used = [(old, at) for old, at in row.data.get("used", []) if at > now - CODE_SECONDS]
        if said in dict(used):
            raise ValidationError("This code was used already. Wait for the next one.")
        row.data["used"] = [*used, (said, now)]
        row.save(update_fields=["data"])
