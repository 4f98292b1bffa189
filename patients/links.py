"""One-time links to set a password. An admin hands them over, so the product works without mail."""

import hashlib
import secrets
from datetime import timedelta

from allauth.usersessions.models import UserSession
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from patients import audit, throttle
from patients.models import AccessKind, AccountLink, ApiToken, User

HOURS = 72


class LinkClosed(Exception):
    """Expired, used, replaced by a newer one, of a deactivated account, or never made: the caller is not told which."""


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def make_link(user: User, *, by: User, purpose: str) -> str:
    """A new link; earlier ones stop working. Returns its token, of which only the hash is kept."""
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        void_links(user)
        link = AccountLink.objects.create(
            user=user,
            purpose=purpose,
            token_hash=digest(token),
            made_by=by,
            expires_at=timezone.now() + timedelta(hours=HOURS),
        )
        audit.note(by, AccessKind.ACCOUNT, detail=f"user {user.pk}: link {link.pk} made, {purpose}")
    return token


def open_links() -> QuerySet[AccountLink]:
    """Links that can still be used."""
    return AccountLink.objects.filter(used_at=None, expires_at__gt=timezone.now(), user__is_active=True)


def void_links(user: User) -> None:
    now = timezone.now()
    AccountLink.objects.filter(user=user, used_at=None, expires_at__gt=now).update(expires_at=now)


def find_link(token: str, links: QuerySet[AccountLink] | None = None) -> AccountLink:
    """The open link of this token, or LinkClosed. Looking does not use it up.

    The database compares hashes of 256 random bits, of which timing tells nothing; the last comparison takes the same
    time whatever it finds.
    """
    wanted = digest(token)
    found = (open_links() if links is None else links).filter(token_hash=wanted).first()
    if found is None or not secrets.compare_digest(found.token_hash, wanted):
        raise LinkClosed
    return found


def use_link(token: str, password: str) -> User:
    """Set the password of the link's user, once; ends sessions and API tokens. Raises LinkClosed, ValidationError."""
    with transaction.atomic():
        link = find_link(token, open_links().select_for_update(of=("self",)))
        user = User.objects.select_for_update().get(pk=link.user_id)
        try:
            validate_password(password, user)
        except ValidationError as error:
            raise ValidationError({"password": error.messages}) from error
        if not AccountLink.objects.filter(pk=link.pk, used_at=None).update(used_at=timezone.now()):
            raise LinkClosed
        user.set_password(password)
        audit.stamp(user, user, "password set through a one-time link").save(update_fields=["password"])
        void_links(user)
        end_sessions(user)
        revoke_tokens(user)  # who needed a new password may have lost a token with the old one
        throttle.forget("password of an account", user.email.lower())  # who has forgotten it has just tried too often
        audit.note(user, AccessKind.ACCOUNT, detail=f"user {user.pk}: link {link.pk} used")
    return user


def end_sessions(user: User) -> None:
    """Sign this user out everywhere, at once."""
    for session in UserSession.objects.filter(user=user):
        session.end()


def revoke_tokens(user: User) -> None:
    """End every API token of this user, at once."""
    ApiToken.objects.filter(user=user, revoked_at=None).update(revoked_at=timezone.now())
