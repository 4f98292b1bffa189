"""Limits on failed tries to sign in, counted in the database: all web processes share them, and no broker or cache that
is away can switch them off.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from patients.models import Attempts

Limit = tuple[int, int]  # so many failed tries in so many seconds

MINUTE, HOUR, DAY = 60, 3600, 86_400
LIMITS: dict[str, tuple[Limit, ...]] = {
    "password of an account": ((5, 5 * MINUTE),),
    "from a network address": ((10, MINUTE), (100, HOUR)),
    "second factor of an account": ((5, 5 * MINUTE), (20, DAY)),  # six digits can be guessed by who has the password
}


class TooMany(Exception):
    """The limit is reached; `seconds` until a try is allowed again."""

    def __init__(self, seconds: int):
        super().__init__(f"Too many failed tries. Try again in {in_words(seconds)}.")
        self.seconds = seconds


@dataclass(frozen=True)
class Try:
    """A try that was counted as failed until it succeeds."""

    keys: tuple[str, ...]
    moment: float

    def rollback(self) -> None:
        """It succeeded: only failures count."""
        with transaction.atomic():
            for row in Attempts.objects.select_for_update().filter(key__in=self.keys).order_by("key"):
                if self.moment in row.moments:
                    row.moments.remove(self.moment)
                    row.save(update_fields=["moments"])


def key_of(kind: str, whom: str) -> str:
    """What a row is found by. Keyed and hashed: the table tells no address of a person or a machine."""
    return salted_hmac("patients.throttle", f"{kind} {whom}", algorithm="sha256").hexdigest()


def count(*wanted: tuple[str, str]) -> Try:
    """Count one try for each (kind, whom); raises TooMany, and then counts nothing.

    To be called before the password is looked at, so that parallel tries cannot slip through together.
    """
    kinds = {key_of(kind, whom): LIMITS[kind] for kind, whom in wanted}
    with transaction.atomic():
        for key in sorted(kinds):
            Attempts.objects.get_or_create(key=key, defaults={"until": timezone.now()})
        rows = list(Attempts.objects.select_for_update().filter(key__in=kinds).order_by("key"))
        now = time.time()
        wait = max(seconds_to_wait(row.moments, kinds[row.key], now) for row in rows)
        if wait > 0:
            raise TooMany(int(wait) + 1)
        for row in rows:
            longest = max(seconds for _, seconds in kinds[row.key])
            row.moments = [*(moment for moment in row.moments if moment > now - longest), now]
            row.until = datetime.fromtimestamp(now + longest, UTC)
            row.save(update_fields=["moments", "until"])
    return Try(tuple(kinds), now)


def seconds_to_wait(moments: list[float], limits: tuple[Limit, ...], now: float) -> float:
    """Until fewer tries than each limit lie in its time; 0 or less: now."""
    return max(moments[-number] + seconds - now if len(moments) >= number else 0.0 for number, seconds in limits)


def network(address: str) -> str:
    """The network of an address: of IPv6 a household or clinic has a whole /64, so that is counted as one."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((found, 64), strict=False)) if found.version == 6 else str(found)


def forget(kind: str, whom: str) -> None:
    """Begin anew, as after an admin has reset what was tried."""
    Attempts.objects.filter(key=key_of(kind, whom)).delete()


def purge() -> None:
    """Rows that limit nothing any more. Called by the sweep."""
    Attempts.objects.filter(until__lt=timezone.now()).delete()


def in_words(seconds: int) -> str:
    """Rounded up, so that who waits as long as it says is let in."""
    for unit, word in ((HOUR, "hour"), (MINUTE, "minute")):
        if seconds > unit:
            number = -(-seconds // unit)
            return f"{number} {word}s" if number > 1 else f"1 {word}"
    return "1 minute"
