"""The assessment form: reads what was entered into an unsaved `Assessment`. It calculates nothing itself."""

import copy
from contextlib import contextmanager
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError

from assessments.forms.beginning import OTHER, PLAIN, initial_of, raters_of
from assessments.forms.fields import (
    ChangeFields,
    ClockField,
    GradeField,
    MarkField,
    MetresField,
    NoteField,
    choice,
    drop_change_fields,
    keys,
)
from assessments.forms.walking import Walking, read_walking
from assessments.models import Aid, Assessment, Mode, Observed, VisitType
from assessments.wording import HELP, IN_BED, WORDS
from engine.edss import EDSS_STEPS, GRADE_MAX, SYSTEMS
from engine.walking import SCHEMES
from patients.dates import KnownDateField
from patients.forming import WritingForm
from patients.models import User

EMPTY = Assessment()
WARNINGS = tuple(f"W{number}" for number in range(1, 15))
SERVICE_NAMES = (
    {"at": "time"} | {f"confirm_{id_}": f"reason_{id_}" for id_ in WARNINGS} | {"confirm_W1": "rater_reason"}
)


class AssessmentForm(ChangeFields, WritingForm):
    """One assessment, new or stored. Invalid parts are named; the rest is still read, for the live result."""

    day = KnownDateField(label="Date of the visit")
    time = ClockField(label="Time")
    visit_type = choice("Reason for the visit", VisitType.choices)
    mode = choice("How", Mode.choices)
    rater = choice("Rater", ())
    rater_name = forms.CharField(label="Name of the rater", required=False, max_length=80)
    steroids_30_days = forms.BooleanField(label="Steroids in the last 30 days", required=False)
    fever = forms.BooleanField(label="Fever or infection", required=False)
    fatigue_drove_cerebral = forms.BooleanField(label="Cerebral grade driven by fatigue", required=False)
    distance_m = MetresField(label="Distance")
    distance_unlimited = forms.BooleanField(label="Unlimited", required=False)
    aid = keys("Aid", Aid.choices)
    observed = keys("Seen or told", Observed.choices)
    wheelchair_help = keys("Help to transfer or wheel", HELP)
    in_bed = keys("In bed", IN_BED)
    ambulation = choice("Walking code", (), required=False)
    edss_rater = choice("Your value", (), required=False)
    rater_reason = forms.CharField(label="Reason for your value", required=False, max_length=200)
    incomplete_reason = forms.CharField(label="Why there is no EDSS", required=False, max_length=200)
    note = NoteField()

    def __init__(self, data=None, *, instance: Assessment, user: User):
        self.instance = instance
        super().__init__(data, initial=initial_of(instance, user))
        for system in SYSTEMS:
            self.fields[system] = GradeField(most=GRADE_MAX[system], label=WORDS[system].label)
            self.fields[f"{system}_mark"] = MarkField(label=f"{WORDS[system].label}, mark")
        for warning in WARNINGS:
            self.fields[f"reason_{warning}"] = forms.CharField(label="To confirm", required=False, max_length=200)
        self._fill_choices(user)
        if not instance.pk:
            drop_change_fields(self)

    def _fill_choices(self, user: User) -> None:
        died = self.instance.patient.died_of_ms
        steps = [step for step in EDSS_STEPS if step < 10 or died or self.instance.edss_rater == step]
        set_choices(self, "edss_rater", [("", "As calculated"), *((str(step), str(step)) for step in steps)])
        levels = SCHEMES[self.instance.ambulation_scheme].levels
        set_choices(self, "ambulation", [("", "Choose the code"), *((str(one.code), one.label) for one in levels)])
        self.raters = raters_of(self.instance, user)
        names = [(str(pk), rater.name) for pk, rater in self.raters.items()]
        set_choices(self, "rater", [*names, (OTHER, "Somebody else")])

    @property
    def values(self) -> dict:
        """What is known of the fields: cleaned data once sent, else what the form begins with."""
        return getattr(self, "cleaned_data", {}) if self.is_bound else dict(self.initial)

    @property
    def walking(self) -> Walking:
        return read_walking(self.values, self.instance)

    @property
    def worked_out(self) -> dict[str, str]:
        """For the comparison of two versions: a walking code counts as entered only where it had to be chosen."""
        walking = self.walking
        return {"ambulation": "" if walking.code is None or not walking.choices else str(walking.code)}

    def clean(self):
        values = super().clean() or self.cleaned_data
        if values.get("time") and values.get("day", (None, ""))[1] not in ("day", ""):
            self.add_error("time", "A time needs a date to the day.")
        if values.get("rater") == OTHER and not values.get("rater_name") and not self.instance.pk:
            self.add_error("rater_name", "Name the rater.")
        if self.instance.pk and values.get("change") and not self.change_reason():
            self.add_error("reason", "Say why the saved record is changed.")
        self._check_clock()
        self._check_marks()
        if not values.get("incomplete_reason") and not self._only_a_value():
            self._check_complete()
        return values

    def _check_clock(self) -> None:
        """A time between the hours when the clocks go forward is on no clock of that day."""
        clock, (day, precision) = self.cleaned_data.get("time"), self.cleaned_data.get("day", (None, ""))
        if not clock or day is None or precision != "day":
            return
        zone = ZoneInfo(self.instance.patient.centre.time_zone)
        there = datetime.combine(day, clock, zone)
        if there.astimezone(UTC).astimezone(zone).time() != clock:
            self.add_error("time", f"{clock:%H:%M} did not exist on {day:%-d %b %Y}: the clocks went forward.")

    def _check_marks(self) -> None:
        for system in SYSTEMS:
            grade, mark = (self.cleaned_data.get(name) for name in (system, f"{system}_mark"))
            if mark == "not_done" and grade is not None:
                self.add_error(system, "a grade and “not done”. Take one of them away.")
            elif mark in ("X", "P") and grade is None:
                self.add_error(system, f"{mark} needs a grade.")

    def _only_a_value(self) -> bool:
        """An EDSS from an old chart, without any grade: nothing is missing from the grades then."""
        names = (name for system in SYSTEMS for name in (system, f"{system}_mark"))
        return bool(self.cleaned_data.get("edss_rater")) and all(self.cleaned_data.get(n) in (None, "") for n in names)

    def _check_complete(self) -> None:
        for system in SYSTEMS:
            graded = self.cleaned_data.get(system) is not None or self.cleaned_data.get(f"{system}_mark") == "not_done"
            if not graded and system not in self.errors:
                self.add_error(system, "no grade. Enter one, or mark it not done.")
        if "distance_m" not in self.errors and self.walking.code is None:
            self.add_error("ambulation" if self.walking.choices else "distance_m", f"no code. {self.walking.sentence}")

    def assessment(self) -> Assessment:
        """The record as entered, unsaved; what is invalid is left empty."""
        one, values = copy.copy(self.instance), self.values
        if not self.is_bound:
            return one
        for name in PLAIN:
            setattr(one, name, values.get(name, getattr(EMPTY, name)))
        for system in SYSTEMS:  # a mark that does not fit its grade is this form's error: the live result goes on
            mark = f"{system}_mark"
            if getattr(one, mark) == "not_done":
                setattr(one, system, None)
            elif getattr(one, system) is None:
                setattr(one, mark, "")
        one.ambulation = self.walking.code
        one.edss_rater = next((step for step in EDSS_STEPS if str(step) == values.get("edss_rater")), None)
        one.rater = next((rater for pk, rater in self.raters.items() if str(pk) == values.get("rater")), None)
        one.rater_name = "" if one.rater else one.rater_name
        one.incomplete_reason = values.get("incomplete_reason", "")
        self._place(one)
        return one

    def _place(self, one: Assessment) -> None:
        """Set the day, its precision and the moment, in the centre's time zone."""
        fallback = (one.patient.centre.today(), "day")
        one.day, one.day_precision = self.cleaned_data.get("day", fallback)
        clock = self.cleaned_data.get("time")
        zone = ZoneInfo(one.patient.centre.time_zone)
        moment = datetime.combine(one.day, clock, zone) if clock and one.day_precision == "day" else None
        one.at = moment.astimezone(UTC) if moment else None

    def confirmed(self) -> dict[str, str]:
        """Warning to reason. The reason for one's own value answers W1."""
        given = {id_: self.cleaned_data.get(f"reason_{id_}", "") for id_ in WARNINGS}
        return given | {"W1": given["W1"] or self.cleaned_data.get("rater_reason", "")}

    @contextmanager
    def collecting_errors(self):
        """As everywhere, with the service's names for a moment and for a warning put in this form's words."""
        with super().collecting_errors():
            try:
                yield
            except ValidationError as error:
                if not hasattr(error, "error_dict"):
                    raise
                raise ValidationError({SERVICE_NAMES.get(k, k): v for k, v in error.error_dict.items()}) from error


def set_choices(form: forms.Form, name: str, choices) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    field.choices = choices
