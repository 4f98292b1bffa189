"""What was given: drugs, Lemtrada courses and their infusion days."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from engine.lemtrada import FULL_DOSE_MG
from patients.dates import interval, known_date_checks, not_before, precision_field, say_known_date
from patients.models import ClinicalRecord


class Drug(models.TextChoices):
    ALEMTUZUMAB_BEFORE = "campath", "Alemtuzumab, as Campath"
    AZATHIOPRINE = "azathioprine", "Azathioprine"
    CLADRIBINE = "cladribine", "Cladribine"
    CYCLOPHOSPHAMIDE = "cyclophosphamide", "Cyclophosphamide"
    DACLIZUMAB = "daclizumab", "Daclizumab"
    DIMETHYL_FUMARATE = "dimethyl_fumarate", "Dimethyl fumarate"
    DIROXIMEL_FUMARATE = "diroximel_fumarate", "Diroximel fumarate"
    FINGOLIMOD = "fingolimod", "Fingolimod"
    GLATIRAMER = "glatiramer", "Glatiramer acetate"
    HSCT = "hsct", "Stem cell transplantation"
    INTERFERON_BETA = "interferon_beta", "Interferon beta"
    METHOTREXATE = "methotrexate", "Methotrexate"
    MITOXANTRONE = "mitoxantrone", "Mitoxantrone"
    NATALIZUMAB = "natalizumab", "Natalizumab"
    OCRELIZUMAB = "ocrelizumab", "Ocrelizumab"
    OFATUMUMAB = "ofatumumab", "Ofatumumab"
    OZANIMOD = "ozanimod", "Ozanimod"
    PEGINTERFERON = "peginterferon", "Peginterferon beta"
    PONESIMOD = "ponesimod", "Ponesimod"
    RITUXIMAB = "rituximab", "Rituximab"
    SIPONIMOD = "siponimod", "Siponimod"
    TERIFLUNOMIDE = "teriflunomide", "Teriflunomide"
    UBLITUXIMAB = "ublituximab", "Ublituximab"
    OTHER = "other", "Another drug"


class StopReason(models.TextChoices):
    PREFERENCE = "preference", "Patient's preference"
    ACTIVITY = "activity", "Disease activity"
    ADVERSE_EVENT = "adverse_event", "Adverse event"
    INTOLERANCE = "intolerance", "Intolerance"
    PREGNANCY = "pregnancy", "Pregnancy or wish for a child"
    NOT_ELIGIBLE = "not_eligible", "No longer eligible"
    SWITCH = "switch", "Switch"
    TRIAL = "trial", "Entry into a trial"
    DEATH = "death", "Death"
    UNKNOWN = "unknown", "Not known"


class Treatment(ClinicalRecord):
    """A disease-modifying drug other than Lemtrada, from start to stop."""

    free_text = ("void_reason", "note")

    drug = models.CharField(max_length=20, choices=Drug.choices)
    drug_name = models.CharField("name of another drug", max_length=80, blank=True)
    start = models.DateField(null=True, blank=True)
    start_precision = precision_field()
    stop = models.DateField(null=True, blank=True)
    stop_precision = precision_field()
    stop_reason = models.CharField(max_length=13, choices=StopReason.choices, blank=True)
    note = models.TextField(blank=True, max_length=4000)

    history = HistoricalRecords()

    class Meta:
        ordering = ["start", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(drug__in=Drug.values), name="treatment_drug_known"),
            models.CheckConstraint(condition=~Q(drug="other") | ~Q(drug_name=""), name="treatment_other_drug_named"),
            models.CheckConstraint(
                condition=Q(stop_reason__in=["", *StopReason.values]), name="treatment_stop_reason_known"
            ),
            *known_date_checks("treatment", "start", "start_precision"),
            *known_date_checks("treatment", "stop", "stop_precision"),
            not_before("treatment", "stop", "start"),
            *ClinicalRecord.Meta.constraints,
        ]

    @property
    def label(self) -> str:
        return self.drug_name if self.drug == Drug.OTHER else self.get_drug_display()

    def say_start(self) -> str:
        return say_known_date(self.start, self.start_precision)

    def say_stop(self) -> str:
        return say_known_date(self.stop, self.stop_precision)

    def clean(self):
        start, stop = interval(self.start, self.start_precision), interval(self.stop, self.stop_precision)
        if start and stop and stop.last < start.first:
            raise ValidationError({"stop": "The stop lies before the start."})
        if self.drug == Drug.OTHER and not self.drug_name:
            raise ValidationError({"drug_name": "Name the drug."})
        if self.stop_reason and not self.stop:
            raise ValidationError({"stop": "A reason to stop needs a date, if only the year."})


class RuleSet(models.TextChoices):
    EU = "EU", "European Union"
    US = "US", "United States"


class CourseState(models.TextChoices):
    PLANNED = "planned", "Planned"
    IN_PROGRESS = "in_progress", "In progress"
    COMPLETE = "complete", "Complete"
    STOPPED_EARLY = "stopped_early", "Stopped early"


class Course(ClinicalRecord):
    """One Lemtrada course. Its number is its rank by first infusion day and is never stored."""

    free_text = ("void_reason", "note")

    state = models.CharField(max_length=13, choices=CourseState.choices)
    rule_set = models.CharField(max_length=2, choices=RuleSet.choices, default=RuleSet.EU)
    planned_start = models.DateField(null=True, blank=True)
    note = models.TextField(blank=True, max_length=4000)

    history = HistoricalRecords()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["patient"],
                condition=Q(voided_at=None, state__in=["planned", "in_progress"]),
                name="one_open_course",
            ),
            models.CheckConstraint(condition=Q(state__in=CourseState.values), name="course_state_known"),
            models.CheckConstraint(condition=Q(rule_set__in=RuleSet.values), name="course_rule_set_known"),
            *known_date_checks("course", "planned_start"),
            *ClinicalRecord.Meta.constraints,
        ]


class Infusion(ClinicalRecord):
    """One infusion day. Given when its dose is above 0."""

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="infusions")
    day = models.DateField()
    day_precision = precision_field()
    dose_mg = models.DecimalField("dose, mg", max_digits=5, decimal_places=2, default=FULL_DOSE_MG)

    history = HistoricalRecords()

    class Meta:
        ordering = ["day", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "day"],
                condition=Q(voided_at=None, day_precision="day"),
                name="one_live_infusion_a_day",
            ),
            models.CheckConstraint(condition=Q(dose_mg__range=(0, 100)), name="infusion_dose_mg"),
            *known_date_checks("infusion", "day", "day_precision"),
            *ClinicalRecord.Meta.constraints,
        ]

    @property
    def interval(self):
        return interval(self.day, self.day_precision)

    def say_day(self) -> str:
        return say_known_date(self.day, self.day_precision)
