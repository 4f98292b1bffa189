"""Which rows a person may see, and which derived rows are out of date."""

import unicodedata
from datetime import timedelta

from django.db import models
from django.db.models import Case, F, Q, When
from django.utils import timezone

from engine import VERSION

QUARANTINE_AFTER = 5
SEARCHED = 240  # characters of a search text
LEASE = timedelta(seconds=30)  # longer than the hard limit of a task, doubling with each failed try
QUARANTINE_PAUSE = timedelta(hours=1)


# letters that Unicode does not take apart into a plain one and an accent
PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"})


def folded(text: str) -> str:
    """Text for searching: without case and accents, the same on every database."""
    plain = unicodedata.normalize("NFKD", text.casefold()).translate(PLAIN)
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())


def search_text(*parts: str) -> str:
    """What a name is found by. Some letters unfold into many, so it is cut to its column."""
    return folded(" ".join(parts))[:SEARCHED]


class ScopedQuerySet(models.QuerySet):
    """Rows that belong to a centre, directly or through `centre_path`."""

    centre_path = "patient__centre"

    def visible_to(self, user):
        """Rows of the centres in which this user has a role; nothing for anybody else."""
        if not user.is_active:
            return self.none()
        if user.is_registry_admin:
            return self
        return self.filter(**{f"{self.centre_path}__in": user.centre_ids})

    def live(self):
        """Without the rows entered in error."""
        return self.filter(voided_at=None)


class PatientQuerySet(ScopedQuerySet):
    centre_path = "centre"

    def search(self, text, *, names_of=()):
        """Patients whose code contains the text, or, in the centres `names_of`, whose name or local number does."""
        found = self
        for word in folded(text).split():
            found = found.filter(Q(code__icontains=word) | Q(centre__in=names_of, identity__search_text__contains=word))
        return found


class FreshnessQuerySet(models.QuerySet):
    def stale(self, kind="trajectory"):
        """Derived data made from older rows, or by another engine version, than those of now."""
        return self.filter(kind=kind).filter(Q(computed_version__lt=F("data_version")) | ~Q(computed_engine=VERSION))

    def claimable(self, kind="trajectory"):
        now = timezone.now()
        return self.stale(kind).filter(Q(not_before=None) | Q(not_before__lte=now))

    def quarantined(self, kind="trajectory"):
        return self.stale(kind).filter(attempts__gte=QUARANTINE_AFTER)

    def take_lease(self):
        """Count an attempt and keep others away until it must be over; one UPDATE for all rows of this set."""
        now = timezone.now()
        waits = [When(attempts=n, then=now + LEASE * 2**n) for n in range(QUARANTINE_AFTER - 1)]
        return self.update(
            not_before=Case(*waits, default=now + QUARANTINE_PAUSE, output_field=models.DateTimeField()),
            attempts=F("attempts") + 1,
        )
