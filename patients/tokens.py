"""Personal access tokens: another system speaks to the API as the user who made one. Shown once, kept as a hash."""

import secrets
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from patients import audit
from patients.links import digest
from patients.models import AccessKind, ApiToken, User
from patients.signin import ActiveUserBackend

MOST_DAYS = 365
MOST_OPEN = 20  # of one user: more are hard to keep an eye on
PREFIX = "edss_"  # so that a token in a file or a log is recognised as one


def make_token(user: User, *, name: str, days: int) -> tuple[ApiToken, str]:
    """A new token and its text, which is stored nowhere. Raises ValidationError on `name` or `days`."""
    if not 1 <= days <= MOST_DAYS:
        raise ValidationError({"days": f"A token lasts 1 to {MOST_DAYS} days."})
    text = PREFIX + secrets.token_urlsafe(32)
    now = timezone.now()
    token = ApiToken(user=user, name=name, token_hash=digest(text), expires_at=now + timedelta(days=days))
    token.clean_fields(exclude=["last_used", "revoked_at"])
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        if ApiToken.objects.filter(user=user, revoked_at=None, expires_at__gt=now).count() >= MOST_OPEN:
            raise ValidationError(f"You have {MOST_OPEN} open tokens. Revoke one that is no longer used.")
        token.save(force_insert=True)
        audit.note(user, AccessKind.ACCOUNT, detail=f"user {user.pk}: API token {token.pk} made, {days} days")
    return token, text


def revoke(token: ApiToken, *, by: User) -> None:
    """End a token at once. Revoking it again changes nothing."""
    with transaction.atomic():
        if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
            audit.note(by, AccessKind.ACCOUNT, detail=f"user {token.user_id}: API token {token.pk} revoked")


def find_token(text: str) -> ApiToken | None:
    """The open token of this text, with its user, who may sign in; else None. Notes the day of its use."""
    if not text.isascii() or len(text) > 100:
        return None
    wanted, now = digest(text), timezone.now()
    token = ApiToken.objects.filter(token_hash=wanted, revoked_at=None, expires_at__gt=now).first()
    if token is None or not secrets.compare_digest(token.token_hash, wanted):
        return None
    user = ActiveUserBackend().get_user(token.user_id)
    if user is None:
        return None
    token.user = user
    if token.last_used is None or token.last_used < now.date():
        ApiToken.objects.filter(pk=token.pk).update(last_used=now.date())
    return token
