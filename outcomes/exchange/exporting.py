"""The cohort as a file: who may take it, what is noted of it, and the stream itself.

Two access events tell of each export: one before the first byte, with filter, reason and the number of people, and one
when the stream ends or breaks, with the rows that were sent. An export without the second was cut by a dying process.
"""

import logging
import secrets
import textwrap
from collections import Counter
from collections.abc import Collection, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, fields
from datetime import timedelta
from hashlib import sha256
from typing import NamedTuple

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from outcomes import snapshot
from outcomes.cohorts import CohortFilter, select_among
from outcomes.exchange.cohort_rows import Person, blocks
from outcomes.exchange.columns import said_moment
from outcomes.exchange.formats import FORMATS
from patients import access, audit
from patients.models import AccessEvent, AccessKind, Centre, Decision, Participation, Patient, User
from patients.querysets import PatientQuerySet
from patients.research import latest_decision, participating

log = logging.getLogger(__name__)
REASON_LENGTH = 70  # with the longest filter it fits into an access event
STARTED, ENDED = "export_start", "export_end"  # pages of the two events
HOUR = timedelta(hours=1)


class Refused(Exception):
    """Why there is no export; the text is a sentence for the user."""


class Tally(NamedTuple):
    """The people of a filter, each counted once: those in the file, and why the others are not."""

    rows: int
    undecided: int  # no decision about research use on record
    refused: int
    withdrawn: int  # the consent
    left: int  # the registry
    waiting: int  # stale and not yet computed: the file computes them and holds those who fit
    failing: int  # put aside as they cannot be computed: a filter by results leaves them out

    @property
    def everybody(self) -> int:
        return sum(self[:5])


@dataclass(frozen=True)
class Order:
    """What somebody wants to take out. `by`: None for the command line, which the operating system guards."""

    wanted: CohortFilter
    form: str  # a key of FORMATS
    reason: str
    by: User | None


def centres_of(by: User | None) -> list[Centre]:
    """Centres whose people this user may take out."""
    if by is None:
        return list(Centre.objects.all())
    return [centre for centre in Centre.objects.visible_to(by) if access.may(by, "export", centre.pk)]


def people_of(centres: Collection[int]) -> PatientQuerySet:
    return Patient.objects.filter(centre__in=centres)


def tally(wanted: CohortFilter, centres: Collection[int]) -> Tally:
    """Count the people of a filter in these centres by what they decided."""
    selection = select_among(people_of(centres), wanted)
    people = selection.kept().order_by().annotate(decision=latest_decision())
    found: Counter[tuple[str, str | None]] = Counter()
    for participation, decision, number in people.values_list("participation", "decision").annotate(Count("pk")):
        found["left" if participation == Participation.WITHDRAWN else "here", decision] += number
    left = sum(number for (side, _), number in found.items() if side == "left")
    here = {decision: number for (side, decision), number in found.items() if side == "here"}
    failing = selection.put_aside() if wanted.derived else 0
    return Tally(
        rows=here.get(Decision.GIVEN, 0),
        undecided=here.get(None, 0),
        refused=here.get(Decision.REFUSED, 0),
        withdrawn=here.get(Decision.WITHDRAWN, 0),
        left=left,
        waiting=max(0, selection.waiting - failing) if wanted.derived else 0,
        failing=failing,
    )


def start(order: Order) -> "Stream":
    """Check that this may be exported, note that it begins, and give the file. Raises Refused, PermissionDenied."""
    reason = " ".join(order.reason.split())
    if not reason:
        raise Refused("Say what the file is for.")
    if len(reason) > REASON_LENGTH:
        raise Refused(f"The reason has {len(reason)} characters; {REASON_LENGTH} is the limit.")
    centres = [centre.pk for centre in centres_of(order.by)]
    if not centres or order.wanted.centre not in (None, *centres):
        raise PermissionDenied("export is not allowed for this account in this centre.")
    found = tally(order.wanted, centres)
    rows = found.rows
    if rows > settings.EXPORT_MAX_ROWS:
        raise Refused(f"{rows:,} rows are more than the {settings.EXPORT_MAX_ROWS:,} of one file. Narrow the filter.")
    name = secrets.token_hex(4)
    more = f" and some of {found.waiting} to compute" if found.waiting else ""
    detail = f"{name} {order.form}, {rows} people{more}; {said(order.wanted)}; {reason}"
    with transaction.atomic():
        if order.by:
            check_rate(order.by)
        audit.note(order.by, AccessKind.EXPORT, page=STARTED, detail=detail)
    return Stream(order, name, centres)


def check_rate(by: User) -> None:
    """So many an hour. The lock on the user keeps two requests at once from both being the last one allowed."""
    User.objects.select_for_update(no_key=True).get(pk=by.pk)
    events = AccessEvent.objects.filter(user=by, kind=AccessKind.EXPORT, page=STARTED)
    if events.filter(at__gt=timezone.now() - HOUR).count() >= settings.EXPORTS_AN_HOUR:
        raise Refused(f"There were {settings.EXPORTS_AN_HOUR} exports in the last hour, which is the limit. Try later.")


def said(wanted: CohortFilter) -> str:
    """A filter in the words of its address."""
    values = ((field.name, getattr(wanted, field.name)) for field in fields(wanted))
    return " ".join(f"{name}={value}" for name, value in values if value not in ("", None, False)) or "no filter"


class Stream:
    """The parts of the file, as bytes. However it ends, that is noted, once."""

    def __init__(self, order: Order, name: str, centres: Collection[int]) -> None:
        self.order, self.name, self.centres = order, name, centres
        self.today = timezone.localdate()
        self.rows, self.at, self.ended = 0, "", False
        self.failing = 0  # left out, as a filter asks for a result and there is none
        self.hash = sha256()
        self.parts = self.make()

    @property
    def file_name(self) -> str:
        return f"cohort-{timezone.now():%Y%m%d-%H%M%S}-{self.name}.{self.order.form}"

    def __iter__(self) -> "Stream":
        return self

    def __next__(self) -> bytes:
        try:
            part = next(self.parts).encode()
        except StopIteration:
            self.end("whole")
            raise
        except BaseException as problem:
            self.end(f"broken ({type(problem).__name__})")
            raise
        self.hash.update(part)
        return part

    def close(self) -> None:
        """Called by the server at the end of the answer, also when the reader went away."""
        self.parts.close()
        self.end("broken (the reader left)")

    def end(self, how: str) -> None:
        if self.ended:
            return
        self.ended = True
        at = f", state of {self.at}" if self.at else ""
        failing = f", {self.failing} without a result left out" if self.failing else ""
        detail = f"{self.name} {how}: {self.rows} rows{failing}{at}, sha256 {self.hash.hexdigest()}; "
        detail += textwrap.shorten(said(self.order.wanted), 200 - len(detail), placeholder=" …")
        audit.note(self.order.by, AccessKind.EXPORT, page=ENDED, detail=detail)
        log.info("export %s %s: %d rows", self.name, how, self.rows)

    def make(self) -> Generator[str]:
        _, _, parts = FORMATS[self.order.form]
        people = participating(people_of(self.centres))
        with snapshot.taken() as state:
            self.at = said_moment(state.at)
            about = {"export": self.name, "filter": said(self.order.wanted), "reason": self.order.reason}
            with closing(blocks(people, self.order.wanted, state, self.today, self.leave_out)) as found:
                yield from parts(self.counted(found), state, about)

    def counted(self, found: Iterator[list[Person]]) -> Iterator[list[Person]]:
        for people in found:
            self.check()
            if self.rows + len(people) > settings.EXPORT_MAX_ROWS:
                raise Refused("More people than one file may hold.")
            self.rows += len(people)
            yield people

    def leave_out(self, people: int) -> None:
        self.failing += people

    def check(self) -> None:
        """Whether the person may still do this: an account closed or a role ended meanwhile ends the file too."""
        if self.order.by:
            access.require(User.objects.get(pk=self.order.by.pk), "export", self.centres)
