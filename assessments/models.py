"""What was found: EDSS assessments and relapses."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from engine.edss import EDSS_STEPS, GRADE_MAX, SYSTEMS
from patients.dates import interval, known_date_checks, not_before, precision_field, say_known_date
from patients.models import ClinicalRecord, User


class Mark(models.TextChoices):
    NONE = "", "None"
    INTERFERED = "X", "X, hard to test"
    NOT_MS = "P", "P, not due to MS"
    NOT_DONE = "not_done", "Not done"


class Mode(models.TextChoices):
    IN_PERSON = "in_person", "In person"
    VIDEO = "video", "Video"
    PHONE = "phone", "Telephone"
    UNKNOWN = "unknown", "Not known"


class VisitType(models.TextChoices):
    SCHEDULED = "scheduled", "Scheduled"
    UNSCHEDULED = "unscheduled", "Unscheduled"
    RELAPSE = "relapse", "For a relapse"
    POST_INFUSION = "post_infusion", "After an infusion"
    UNKNOWN = "unknown", "Not known"


class Scheme(models.TextChoices):
    NEUROSTATUS = "neurostatus", "0 to 16"
    LEGACY = "legacy", "Legacy, 0 to 13"


class Aid(models.TextChoices):
    NONE = "none", "None"
    ONE_SIDE = "one_side", "One side"
    BOTH_SIDES = "both_sides", "Both sides"
    WHEELCHAIR = "wheelchair", "Wheelchair"
    BED = "bed", "Bed"


class Observed(models.TextChoices):
    SEEN = "seen", "Seen"
    TOLD = "told", "Told"


def grade_field(system: str) -> models.PositiveSmallIntegerField:
    return models.PositiveSmallIntegerField(f"{system.replace('_', ' and ')} grade, raw", null=True, blank=True)


def mark_field() -> models.CharField:
    return models.CharField(max_length=8, choices=Mark.choices, blank=True, default="")


def edss_field(name: str) -> models.DecimalField:
    return models.DecimalField(name, max_digits=3, decimal_places=1, null=True, blank=True)


def on_scale(field: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(**{field: None}) | Q(**{f"{field}__in": EDSS_STEPS}), name=f"assessment_{field}_on_scale"
    )


class Assessment(ClinicalRecord):
    """One EDSS assessment of one patient on one day by one rater.

    Raw grades are kept, never the converted ones. `edss` is the value that counts: the rater's where one was given,
    else the calculated one, else none. Both are kept.
    """

    free_text = ("void_reason", "note", "rater_reason", "incomplete_reason", "confirmed_warnings")

    day = models.DateField()  # in the centre's time zone
    day_precision = precision_field()
    at = models.DateTimeField("moment", null=True, blank=True)  # old charts know no more than the day
    visit_type = models.CharField(max_length=13, choices=VisitType.choices, default=VisitType.SCHEDULED)
    mode = models.CharField(max_length=9, choices=Mode.choices, default=Mode.IN_PERSON)
    rater = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    rater_name = models.CharField("rater, where not a user", max_length=80, blank=True)

    visual, visual_mark = grade_field("visual"), mark_field()
    brainstem, brainstem_mark = grade_field("brainstem"), mark_field()
    pyramidal, pyramidal_mark = grade_field("pyramidal"), mark_field()
    cerebellar, cerebellar_mark = grade_field("cerebellar"), mark_field()
    sensory, sensory_mark = grade_field("sensory"), mark_field()
    bowel_bladder, bowel_bladder_mark = grade_field("bowel_bladder"), mark_field()
    cerebral, cerebral_mark = grade_field("cerebral"), mark_field()

    ambulation = models.PositiveSmallIntegerField("ambulation code", null=True, blank=True)
    ambulation_scheme = models.CharField(max_length=11, choices=Scheme.choices, default=Scheme.NEUROSTATUS)
    distance_m = models.PositiveIntegerField("walking distance, metres", null=True, blank=True)
    distance_unlimited = models.BooleanField("walks without limit", default=False)
    aid = models.CharField(max_length=10, choices=Aid.choices, blank=True)
    observed = models.CharField("seen or told", max_length=4, choices=Observed.choices, blank=True)

    edss_calculated = edss_field("EDSS, calculated")
    algorithm_version = models.CharField(max_length=20, blank=True, editable=False)
    policies = models.JSONField(default=dict, editable=False)
    matched_row = models.PositiveSmallIntegerField(null=True, editable=False)
    edss_rater = edss_field("EDSS, your value")
    rater_reason = models.CharField("reason for your value", max_length=200, blank=True)
    edss = edss_field("EDSS")
    incomplete_reason = models.CharField("why there is no EDSS", max_length=200, blank=True)

    steroids_30_days = models.BooleanField("steroids in the last 30 days", default=False)
    fever = models.BooleanField("fever or infection", default=False)
    fatigue_drove_cerebral = models.BooleanField("cerebral grade driven by fatigue", default=False)
    confirmed_warnings = models.JSONField(default=list, editable=False)  # [{"id": "W1", "reason": "..."}]
    note = models.TextField(blank=True, max_length=4000)
    import_row = models.PositiveIntegerField(null=True, editable=False)  # line of the file

    history = HistoricalRecords()

    class Meta:
        ordering = ["day", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "day"],
                condition=Q(voided_at=None, day_precision="day"),
                name="one_live_assessment_a_day",
            ),
            *(on_scale(field) for field in ("edss", "edss_calculated", "edss_rater")),
            *(
                models.CheckConstraint(
                    condition=Q(**{system: None}) | Q(**{f"{system}__range": (0, GRADE_MAX[system])}),
                    name=f"assessment_{system}_grade",
                )
                for system in SYSTEMS
            ),
            *(
                models.CheckConstraint(
                    condition=Q(**{f"{system}_mark__in": Mark.values})
                    & (~Q(**{f"{system}_mark": Mark.NOT_DONE}) | Q(**{system: None}))
                    & (~Q(**{f"{system}_mark__in": ["X", "P"]}) | Q(**{f"{system}__isnull": False})),
                    name=f"assessment_{system}_mark",
                )
                for system in SYSTEMS
            ),
            models.CheckConstraint(
                condition=Q(ambulation=None)
                | Q(ambulation_scheme="neurostatus", ambulation__range=(0, 16))
                | Q(ambulation_scheme="legacy", ambulation__range=(0, 13)),
                name="assessment_ambulation_code",
            ),
            models.CheckConstraint(
                condition=Q(edss_rater__isnull=False, edss=models.F("edss_rater"))
                | Q(edss_rater=None, edss_calculated__isnull=False, edss=models.F("edss_calculated"))
                | Q(edss_rater=None, edss_calculated=None, edss=None),
                name="assessment_edss_that_counts",
            ),
            models.CheckConstraint(
                condition=Q(distance_m=None) | Q(distance_m__lte=50_000), name="assessment_distance_m"
            ),
            models.CheckConstraint(condition=Q(mode__in=Mode.values), name="assessment_mode_known"),
            models.CheckConstraint(condition=Q(visit_type__in=VisitType.values), name="assessment_visit_type_known"),
            models.CheckConstraint(condition=Q(aid__in=["", *Aid.values]), name="assessment_aid_known"),
            models.CheckConstraint(condition=Q(observed__in=["", *Observed.values]), name="assessment_observed_known"),
            *known_date_checks("assessment", "day", "day_precision"),
            *ClinicalRecord.Meta.constraints,
        ]
        indexes = [models.Index(fields=["patient", "day"], name="assessment_by_day")]

    def __str__(self):
        return f"EDSS {'incomplete' if self.edss is None else self.edss} on {self.say_day()}"

    def say_day(self) -> str:
        return say_known_date(self.day, self.day_precision)

    @property
    def interval(self):
        return interval(self.day, self.day_precision)

    @property
    def grades(self) -> dict[str, tuple[int | None, str]]:
        """System to (raw grade, mark)."""
        return {system: (getattr(self, system), getattr(self, f"{system}_mark")) for system in SYSTEMS}

    @property
    def rated_by(self) -> str:
        return self.rater.name if self.rater else self.rater_name


class Severity(models.TextChoices):
    MILD = "mild", "Mild"
    MODERATE = "moderate", "Moderate"
    SEVERE = "severe", "Severe"
    UNKNOWN = "unknown", "Not known"


class Recovery(models.TextChoices):
    COMPLETE = "complete", "Complete"
    PARTIAL = "partial", "Partial"
    NONE = "none", "None"
    UNKNOWN = "unknown", "Not known"


class Steroid(models.TextChoices):
    NONE = "none", "None"
    IV = "iv", "Intravenous"
    ORAL = "oral", "Oral"
    UNKNOWN = "unknown", "Not known"


class Relapse(ClinicalRecord):
    """One relapse, dated by its onset."""

    free_text = ("void_reason", "note")

    onset = models.DateField()
    onset_precision = precision_field()
    end = models.DateField(null=True, blank=True)
    end_precision = precision_field()
    systems = models.JSONField("systems affected", default=list, blank=True)  # names from engine.edss.SYSTEMS
    severity = models.CharField(max_length=8, choices=Severity.choices, default=Severity.UNKNOWN)
    recovery = models.CharField(max_length=8, choices=Recovery.choices, default=Recovery.UNKNOWN)
    steroid = models.CharField(max_length=8, choices=Steroid.choices, default=Steroid.UNKNOWN)
    hospital = models.BooleanField("stay in hospital", default=False)
    confirmed = models.BooleanField("confirmed by an examiner", default=False)
    note = models.TextField(blank=True, max_length=4000)

    history = HistoricalRecords()

    class Meta:
        ordering = ["onset", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "onset"],
                condition=Q(voided_at=None, onset_precision="day"),
                name="one_live_relapse_an_onset",
            ),
            models.CheckConstraint(condition=Q(severity__in=Severity.values), name="relapse_severity_known"),
            models.CheckConstraint(condition=Q(recovery__in=Recovery.values), name="relapse_recovery_known"),
            models.CheckConstraint(condition=Q(steroid__in=Steroid.values), name="relapse_steroid_known"),
            *known_date_checks("relapse", "onset", "onset_precision"),
            *known_date_checks("relapse", "end", "end_precision"),
            not_before("relapse", "end", "onset"),
            *ClinicalRecord.Meta.constraints,
        ]

    def __str__(self):
        return f"Relapse of {self.say_onset()}"

    def say_onset(self) -> str:
        return say_known_date(self.onset, self.onset_precision)

    @property
    def interval(self):
        return interval(self.onset, self.onset_precision)

    def clean(self):
        end = interval(self.end, self.end_precision)
        if end and end.last < self.interval.first:
            raise ValidationError({"end": "The end lies before the onset."})
        unknown = set(self.systems) - set(SYSTEMS)
        if unknown:
            raise ValidationError({"systems": f"Not a functional system: {', '.join(sorted(unknown))}."})
        if len(set(self.systems)) < len(self.systems):
            raise ValidationError({"systems": "Name each functional system once."})
