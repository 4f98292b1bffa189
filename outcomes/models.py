"""Everything derived from the records, and the imports that made some of them."""

import json
import uuid
from datetime import date
from functools import cached_property
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from assessments.models import edss_field
from engine.history import EventHistory, histories
from engine.records import scored, unpack
from engine.status import Classification, anniversary
from patients.models import Centre, Patient, User
from patients.querysets import ScopedQuerySet


class Status(models.TextChoices):
    IMPROVED = "improved", "Improved"
    STABLE = "stable", "Stable"
    PROGRESSED = "progressed", "Progressed"
    INSUFFICIENT = "insufficient", "Insufficient"


class Trajectory(models.Model):
    """A patient's derived course of disability, and exactly what it was computed from. Written by `trajectory` only.

    A pure function of the rows and the engine version: what depends on today is decided when it is shown.
    """

    patient = models.OneToOneField(Patient, on_delete=models.PROTECT, related_name="trajectory")
    data_version = models.BigIntegerField()
    engine_version = models.CharField(max_length=20)
    computed_at = models.DateTimeField(default=timezone.now)

    since_status = models.CharField(max_length=12, choices=Status.choices)
    since_reason = models.CharField(max_length=24, blank=True)
    since_pending = models.CharField(max_length=11, blank=True)  # direction of a pending change
    overall_status = models.CharField(max_length=12, choices=Status.choices)
    overall_reason = models.CharField(max_length=24, blank=True)
    overall_pending = models.CharField(max_length=11, blank=True)

    baseline_edss = edss_field("EDSS at the baseline before Lemtrada")
    last_edss = edss_field("EDSS at the last usable visit")
    last_visit = models.DateField(null=True)
    first_infusion = models.DateField(null=True)  # its last possible day: what follows from it holds for all of them
    courses = models.PositiveSmallIntegerField(default=0)
    complete_courses = models.PositiveSmallIntegerField(default=0)
    prior_drugs = models.PositiveSmallIntegerField(null=True)  # distinct drugs begun before the first infusion
    baseline_day = models.DateField(null=True)
    follow_up_days = models.IntegerField(null=True)  # from the baseline before Lemtrada to the last usable visit
    worsening_day = models.DateField(null=True)  # onset of the first confirmed one since the baseline
    improvement_day = models.DateField(null=True)
    changes = models.JSONField(default=list)  # [year after the first infusion, label or null, change in points or null]
    unseen_from = models.DateField(null=True)  # from this day on the patient counts as not seen lately
    record = models.TextField()  # both verdicts with their evidence, as `engine.records` packs them: JSON
    events: "list[DisabilityEvent]"  # of a computed trajectory, not stored with it

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(since_status__in=Status.values), name="trajectory_since_known"),
            models.CheckConstraint(condition=Q(overall_status__in=Status.values), name="trajectory_overall_known"),
        ]
        indexes = [models.Index(fields=["since_status"], name="trajectory_since")]

    @cached_property
    def codes(self) -> dict[str, Any]:
        """The record: what was decided and the rows it was decided from, without a word."""
        return json.loads(self.record)

    @cached_property
    def classification(self) -> Classification:
        """What was decided, from what is stored."""
        return unpack(self.codes)

    @cached_property
    def history(self) -> EventHistory:
        """The confirmed events since the baseline, and the changes that were not confirmed, with their words."""
        return histories([self.classification], compiled=False)[0]

    @cached_property
    def result(self) -> dict[str, Any]:
        """Both verdicts with all evidence and every word, from what is stored; made when asked for, then kept."""
        found = self.classification.evidence_mapping()
        del found["unseen_from"]  # the column says it
        return found | {"landmarks": self.codes["landmarks"]}

    def landmarks(self, today: date) -> list[tuple[int, str]]:
        """(year after the first infusion, unconfirmed label) for the anniversaries that have certainly come."""
        if self.first_infusion is None:
            return []
        labels = {int(year): label for year, label in self.codes["landmarks"].items()}
        first = self.first_infusion
        return [(year, label) for year, label in sorted(labels.items()) if anniversary(first, year) <= today]

    @property
    def points(self) -> list[tuple[date, float]]:
        """(first possible day, EDSS) of the scored visits, for the small chart of a list."""
        return scored(self.codes)


class DisabilityEvent(models.Model):
    """A confirmed event since the baseline before Lemtrada, by the app's preset. Written with its trajectory only."""

    class Kind(models.TextChoices):
        WORSENING = "CDW", "Confirmed worsening"
        IMPROVEMENT = "CDI", "Confirmed improvement"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="disability_events")
    number = models.PositiveSmallIntegerField()  # of this patient, by onset
    preset = models.CharField(max_length=24)
    kind = models.CharField(max_length=3, choices=Kind.choices)
    label = models.CharField(max_length=16, blank=True)  # of a worsening: RAW, PIRA, undefined
    onset = models.DateField()
    edss = edss_field("EDSS at the onset")
    baseline_day = models.DateField()
    baseline_edss = edss_field("EDSS at the baseline")
    confirmed_on = models.DateField(null=True)
    sustained_days = models.IntegerField()
    sustained_to_last = models.BooleanField()
    evidence = models.JSONField()  # the ids of the assessments that made it

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["patient", "number"]
        constraints = [
            models.UniqueConstraint(fields=["patient", "number"], name="one_event_a_number"),
            models.CheckConstraint(condition=Q(kind__in=["CDW", "CDI"]), name="event_kind_known"),
        ]
        indexes = [models.Index(fields=["kind", "onset"], name="event_kind_onset")]


class ImportBatchQuerySet(ScopedQuerySet):
    centre_path = "centre"


class ImportBatch(models.Model):
    """One applied import: which file, under which mapping, and what became of each row. No row content is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    centre = models.ForeignKey(Centre, on_delete=models.PROTECT, related_name="imports")
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=20, default="assessments")
    file_name = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=64)
    mapping = models.JSONField()
    counts = models.JSONField()

    objects = ImportBatchQuerySet.as_manager()

    class Meta:
        ordering = ["-at"]
