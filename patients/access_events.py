"""The access log as an admin reads it: which events are theirs to see, and what each says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from patients.models import AccessEvent, AccessKind, Centre, Membership, Role, User

FILTER = r"^[^;]*;[^;]*"  # of an export's detail: what it is, then its filter, then the rest
NOBODY = {AccessKind.EXPORT: "Command line", AccessKind.SIGN_IN_FAILED: "Not known"}


def visible(by: User, centres: Sequence[Centre]) -> QuerySet[AccessEvent]:
    """Events of the patients of these centres; of their people where no patient is named; exports that took theirs.

    A registry admin sees all. Failed sign-ins belong to nobody yet, so only a registry admin sees those. An export took
    from every centre of which its maker was an admin at that time.
    """
    rows = AccessEvent.objects.select_related("user", "patient__centre").order_by("-pk")
    if by.is_registry_admin:
        return rows
    ids = [centre.pk for centre in centres]
    member = Exists(Membership.objects.filter(user=OuterRef("user"), centre__in=ids))
    elsewhere = Q(detail__regex=f"{FILTER}centre=") & ~Q(
        detail__regex=rf"{FILTER}centre=({'|'.join(map(str, ids))})([ ;]|$)"
    )
    export = Q(kind=AccessKind.EXPORT)
    admin = Exists(
        Membership.objects.filter(user=OuterRef("user"), centre__in=ids, role=Role.ADMIN).filter(
            Q(ended_at=None) | Q(ended_at__gt=OuterRef("at"))
        )
    )
    states = User.history.filter(id=OuterRef("user"), history_date__lte=OuterRef("at")).order_by("-history_date", "-pk")
    rows = rows.alias(
        by_registry_admin=Coalesce(Subquery(states.values("is_registry_admin")[:1]), "user__is_registry_admin")
    )
    of_ours = export & (Q(user=None) | Q(by_registry_admin=True) | Q(admin)) & ~elsewhere
    return rows.filter(Q(patient__centre__in=ids) | Q(patient=None) & (Q(member) & ~export | of_ours))


def narrowed(
    rows: QuerySet[AccessEvent],
    zone: ZoneInfo,
    *,
    person: int | None = None,
    kind: str = "",
    patient: str = "",
    first: date | None = None,
    last: date | None = None,
) -> QuerySet[AccessEvent]:
    """What the form asks for; days are those of `zone`, the last one included."""
    if person is not None:
        rows = rows.filter(user=person)
    if kind:
        rows = rows.filter(kind=kind)
    if patient:
        rows = rows.filter(patient__code__iexact=patient)
    if first:
        rows = rows.filter(at__gte=datetime.combine(first, time.min, zone))
    if last:
        rows = rows.filter(at__lt=datetime.combine(last + timedelta(days=1), time.min, zone))
    return rows


def zone_of(centres: Sequence[Centre]) -> ZoneInfo:
    """The time zone of these centres, or UTC where they have several."""
    names = {centre.time_zone for centre in centres}
    return ZoneInfo(names.pop() if len(names) == 1 else "UTC")


def people(by: User, centres: Sequence[Centre]) -> QuerySet[User]:
    """Those to choose from: who has or had a role in these centres; for a registry admin everybody."""
    users = User.objects.order_by("name", "pk")
    if by.is_registry_admin:
        return users
    return users.filter(Exists(Membership.objects.filter(user=OuterRef("pk"), centre__in=centres)))


@dataclass(frozen=True)
class Line:
    """One event as the page shows it."""

    event: AccessEvent
    zone: ZoneInfo  # where the event names no patient

    @cached_property
    def here(self) -> datetime:
        """The moment in the time zone of the patient's centre, or of the page."""
        patient = self.event.patient
        return self.event.at.astimezone(ZoneInfo(patient.centre.time_zone) if patient else self.zone)

    @property
    def when(self) -> str:
        return f"{self.here:%-d %b %Y, %H:%M} {self.here:%Z}"

    @property
    def utc(self) -> str:
        """The same in UTC, where that is written otherwise."""
        if not self.here.utcoffset():
            return ""
        at = self.event.at.astimezone(ZoneInfo("UTC"))
        return f"{at:%H:%M} UTC" if at.date() == self.here.date() else f"{at:%-d %b %Y, %H:%M} UTC"

    @property
    def who(self) -> str:
        return self.event.user.name if self.event.user else NOBODY.get(AccessKind(self.event.kind), "The system")

    @property
    def details(self) -> list[str]:
        """Line by line; of an export what it is or how it ended, its filter, and at its start the reason."""
        if self.event.kind != AccessKind.EXPORT:
            return [self.event.detail]
        named = zip(("Export", "Filter:", "Reason:"), self.event.detail.split("; ", 2), strict=False)
        return [f"{name} {words}" for name, words in named]

    @property
    def page(self) -> str:
        return self.event.page.rpartition(":")[2].replace("_", " ").capitalize()
