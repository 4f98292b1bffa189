"""Users and their roles. A user is never deleted, because the history of changes names them; deactivated instead."""

import zlib
from collections.abc import Iterable

from allauth.mfa.models import Authenticator
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from patients import audit, throttle
from patients.links import end_sessions, make_link, revoke_tokens, void_links
from patients.models import AccessKind, Centre, Membership, Role, User
from patients.writing import Conflict

Roles = dict[int, set[str]]  # centre id to roles


def administered(by: User) -> QuerySet[Centre]:
    """Centres whose users and settings this user may change."""
    if by.is_registry_admin:
        return Centre.objects.all()
    return Centre.objects.filter(pk__in=[centre for centre, roles in by.roles.items() if Role.ADMIN in roles])


def manageable(by: User) -> QuerySet[User]:
    """Users with a role in a centre that `by` administers, and former ones there who have no role anywhere now."""
    users = User.objects.order_by("name", "pk")
    if by.is_registry_admin:
        return users
    ever = Membership.objects.filter(user=OuterRef("pk"))
    live, here = ever.filter(ended_at=None), administered(by)
    return users.filter(
        Exists(live.filter(centre__in=here)) | (Exists(ever.filter(centre__in=here)) & ~Exists(live)),
    )


def controls(by: User, user: User) -> bool:
    """Whether `by` may change what holds for the whole account: name, link, deactivation.

    Only who administers every centre of that user: else a link would open another centre's patients.
    """
    if by.is_registry_admin:
        return True
    return not user.is_registry_admin and set(user.roles) <= set(administered(by).values_list("pk", flat=True))


def require_control(by: User, user: User) -> None:
    if not (manageable(by).filter(pk=user.pk).exists() and controls(by, user)):
        raise PermissionDenied("This account also belongs to a centre that you do not administer.")


def state_number(user: User, centres: Iterable[Centre]) -> int:
    """A number that changes with what a user's form shows: tells that somebody else saved meanwhile."""
    roles = sorted((centre.pk, *sorted(user.roles.get(centre.pk, ()))) for centre in centres)
    return zlib.crc32(repr((user.name, user.is_registry_admin, roles)).encode())


def lock_user(user: User) -> User:
    """The user as stored now, locked together with every registry admin, in one order."""
    admins = User.objects.filter(is_registry_admin=True).values_list("pk", flat=True)
    rows = {row.pk: row for row in User.objects.select_for_update().filter(pk__in={user.pk, *admins}).order_by("pk")}
    return rows[user.pk]


def invite(*, by: User, email: str, name: str, roles: Roles, registry_admin: bool = False) -> tuple[User, str | None]:
    """A new user with roles and the token of an invitation; an address that has an account only gets the roles.

    Raises ValidationError, PermissionDenied.
    """
    if not any(roles.values()) and not registry_admin:
        raise ValidationError("Choose at least one role.")
    if registry_admin and not by.is_registry_admin:
        raise PermissionDenied("Only a registry admin makes a registry admin.")
    with transaction.atomic():
        known = User.objects.filter(email__iexact=email).first()
        if known:
            return add_roles(lock_user(known), roles, by=by), None
        user = User(email=email.lower(), name=name, is_registry_admin=registry_admin)
        user.set_unusable_password()
        user.full_clean(validate_unique=False, validate_constraints=False)
        try:
            with transaction.atomic():
                audit.stamp(user, by, "invited").save(force_insert=True)
        except IntegrityError:
            raise ValidationError({"email": "This address has just been invited by somebody else."}) from None
        set_roles(user, roles, by=by)
        audit.note(by, AccessKind.ACCOUNT, detail=f"user {user.pk}: invited")
        return user, make_link(user, by=by, purpose="invite")


def add_roles(user: User, roles: Roles, *, by: User) -> User:
    """Give roles to an account that exists. Its name and password stay its own."""
    if user.pk == by.pk:
        raise ValidationError({"email": "This is your own address."})
    if not user.is_active or (user.is_registry_admin and not by.is_registry_admin):
        raise ValidationError({"email": "This address has an account that only a registry admin can change."})
    set_roles(user, {centre: held | user.roles.get(centre, set()) for centre, held in roles.items()}, by=by)
    return user


def set_roles(user: User, roles: Roles, *, by: User) -> bool:
    """Make the roles in these centres exactly these; other centres stay. True if anything changed."""
    allowed = set(administered(by).values_list("pk", flat=True))
    changed = False
    for centre_id, wanted in roles.items():
        held = user.roles.get(centre_id, set())
        if wanted == held:
            continue
        if centre_id not in allowed:
            raise PermissionDenied("You can give roles only in centres that you administer.")
        changed = True
        for role in sorted(wanted - held):
            given = Membership(user=user, centre_id=centre_id, role=role)
            given.full_clean(exclude=["user", "centre"], validate_unique=False, validate_constraints=False)
            audit.stamp(given, by, "role given").save()
        for row in Membership.objects.filter(user=user, centre=centre_id, ended_at=None, role__in=held - wanted):
            row.ended_at = timezone.now()
            audit.stamp(row, by, "role ended").save()
    if changed:
        user.__dict__.pop("roles", None)
        end_sessions(user)
        audit.note(by, AccessKind.ACCOUNT, detail=f"user {user.pk}: roles changed")
    return changed


def amend_user(
    user: User, *, by: User, name: str, roles: Roles, registry_admin: bool | None, seen: int | None, confirmed: bool
) -> User:
    """Save name and roles, if they are still what the form showed (`seen`). Raises Conflict, ValidationError."""
    with transaction.atomic():
        user = lock_user(user)
        if seen != state_number(user, administered(by)):
            raise Conflict(user)
        if roles and user.pk == by.pk and not by.is_registry_admin:
            raise PermissionDenied("Another admin changes your roles.")
        if user.is_registry_admin and not by.is_registry_admin:
            raise PermissionDenied("Only a registry admin changes a registry admin.")
        if registry_admin is not None and registry_admin != user.is_registry_admin:
            set_registry_admin(user, registry_admin, by=by)
        ended = {centre for centre, wanted in roles.items() if Role.ADMIN not in wanted}
        check_admins_left(user, ended, confirmed)
        if name != user.name:
            require_control(by, user)
            user.name = name
            audit.stamp(user, by, "name changed").save(update_fields=["name"])
            audit.note(by, AccessKind.ACCOUNT, detail=f"user {user.pk}: name changed")
        set_roles(user, roles, by=by)
    return user


def set_registry_admin(user: User, value: bool, *, by: User) -> None:
    if not by.is_registry_admin:
        raise PermissionDenied("Only a registry admin makes a registry admin.")
    if user.pk == by.pk:
        raise ValidationError({"is_registry_admin": "Another registry admin takes this right from you."})
    user.is_registry_admin = value
    audit.stamp(user, by, "registry admin changed").save(update_fields=["is_registry_admin"])
    end_sessions(user)
    audit.note(by, AccessKind.ACCOUNT, detail=f"user {user.pk}: registry admin {value}")


def check_admins_left(user: User, centre_ids: Iterable[int], confirmed: bool) -> None:
    """Refuse to leave a centre without an admin unless that was confirmed."""
    theirs = [centre for centre in centre_ids if Role.ADMIN in user.roles.get(centre, ())]
    others = Membership.objects.filter(role=Role.ADMIN, ended_at=None, user__is_active=True).exclude(user=user)
    bare = Centre.objects.filter(pk__in=theirs).exclude(pk__in=others.values("centre"))
    if bare and not confirmed:
        names = ", ".join(centre.name for centre in bare)
        raise ValidationError({"confirm": f"{user.name} is the last admin of {names}. Tick the box to go on."})


def deactivate(user: User, *, by: User, confirmed: bool = False) -> User:
    """End the account: its sessions, links and tokens end at once, its rows stay. Raises ValidationError."""
    with transaction.atomic():
        user = lock_user(user)
        require_control(by, user)
        if user.pk == by.pk:
            raise ValidationError("You cannot deactivate your own account.")
        others = User.objects.filter(is_registry_admin=True, is_active=True).exclude(pk=user.pk)
        if user.is_registry_admin and not others.exists():
            raise ValidationError("This is the last registry admin.")
        check_admins_left(user, user.roles, confirmed)
        user.is_active = False
        audit.stamp(user, by, "deactivated").save(update_fields=["is_active"])
        void_links(user)
        revoke_tokens(user)
        end_sessions(user)
        audit.note(by, AccessKind.ACCOUNT, detail=f"user {user.pk}: deactivated")
    return user


def reactivate(user: User, *, by: User) -> User:
    """Let a deactivated user sign in again, with the roles they had and their old password."""
    with transaction.atomic():
        user = lock_user(user)
        require_control(by, user)
        user.is_active = True
        audit.stamp(user, by, "reactivated").save(update_fields=["is_active"])
        audit.note(by, AccessKind.ACCOUNT, detail=f"user {user.pk}: reactivated")
    return user


def reset_link(user: User, *, by: User) -> str:
    """The token of a new link with which this user sets a password. The second factor stays as it is."""
    with transaction.atomic():
        user = lock_user(user)
        require_control(by, user)
        if not user.is_active:
            raise ValidationError("Reactivate the account first.")
        return make_link(user, by=by, purpose="reset" if user.has_usable_password() else "invite")


def reset_second_factor(user: User, *, by: User | None) -> User:
    """Take app and recovery codes away, for a lost phone. The password stays; who needs a second factor sets up anew.

    `by`: who controls the whole account, and never the user: a screen left open must not be enough. None: the command
    line.
    """
    with transaction.atomic():
        user = lock_user(user)
        if by is not None:
            require_control(by, user)
            if by.pk == user.pk:
                raise PermissionDenied("You replace your own second factor on your account page.")
        Authenticator.objects.filter(user=user).delete()
        throttle.forget("second factor of an account", str(user.pk))
        end_sessions(user)
        revoke_tokens(user)
        audit.note(by, AccessKind.ACCOUNT, detail=f"user {user.pk}: second factor reset")
    return user
