"""Forms of Lemtrada courses with their infusion days, and of other drugs."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BaseFormSet, formset_factory

from engine.lemtrada import FULL_DOSE_MG
from patients.dates import KnownDateField, write_known_date
from patients.forming import WritingForm
from patients.forms.fields import DayField, reason_field
from treatments import services
from treatments.models import Course, CourseState, Drug, Infusion, RuleSet, StopReason, Treatment

MOST_DAYS = 10
MOST_ROWS = 20  # infusion days of one course
PLAIN = re.compile(r"\d{1,3}(?:\.\d{1,2})?", re.ASCII)


class DoseField(forms.CharField):
    """A dose in mg, written with a point. A comma is refused with a sentence that says so."""

    def __init__(self, **options):
        super().__init__(max_length=6, **options)
        self.widget.attrs |= {"inputmode": "decimal", "autocomplete": "off"}

    def clean(self, value) -> Decimal | None:
        text = super().clean(value)
        if not text:
            return None
        if not PLAIN.fullmatch(text):
            raise ValidationError("Write the dose in mg with a point, like 12 or 7.5.")
        dose = Decimal(text)
        if dose > 100:
            raise ValidationError("A dose lies between 0 and 100 mg.")
        return dose


class FillForm(forms.Form):
    """A quick fill of infusion days in a row; a first day known to the month or year fills rows that say only that."""

    first_day = KnownDateField(label="First infusion")
    days = forms.IntegerField(min_value=1, max_value=MOST_DAYS, label="Days in a row")

    def rows(self) -> list[dict[str, str]]:
        first, precision = self.cleaned_data["first_day"]
        steps = range(self.cleaned_data["days"])
        days = [first + timedelta(days=step if precision == "day" else 0) for step in steps]
        return [{"day": write_known_date(day, precision), "dose_mg": str(FULL_DOSE_MG)} for day in days]


class InfusionRow(forms.Form):
    """One infusion day. An empty row is no day."""

    day = KnownDateField(required=False, label="Day", help_text="")
    dose_mg = DoseField(required=False, label="Dose, mg")

    def clean(self):
        super().clean()
        data = self.cleaned_data
        day, dose = data.get("day", (None, ""))[0], data.get("dose_mg")
        if "day" in data and "dose_mg" in data:
            if day and dose is None:
                self.add_error("dose_mg", "A day needs its dose, 0 if nothing was given.")
            if dose is not None and not day:
                self.add_error("day", "A dose needs its day.")
        return data

    @staticmethod
    def values_of(infusion: Infusion) -> dict[str, str]:
        day = write_known_date(infusion.day, infusion.day_precision)
        return {"day": day, "dose_mg": f"{infusion.dose_mg.normalize():f}"}


class InfusionRows(BaseFormSet):
    def infusions(self) -> list[Infusion]:
        """The days that were filled in, not saved."""
        found = []
        for form in self.forms:
            day, precision = form.cleaned_data.get("day", (None, "day"))
            if day:
                found.append(Infusion(day=day, day_precision=precision, dose_mg=form.cleaned_data["dose_mg"]))
        return found


def infusion_rows(data=None, *, initial=(), extra: int = 1) -> InfusionRows:
    made = formset_factory(
        InfusionRow, InfusionRows, extra=extra, max_num=MOST_ROWS, absolute_max=MOST_ROWS, validate_max=True
    )
    # what was sent is never compared with what the page held: an unchanged row is a row
    return cast(InfusionRows, made(data, initial=None if data is not None else list(initial), prefix="infusions"))


class CourseForm(WritingForm):
    """A Lemtrada course without its infusion days. `infusions` collects what a service says about those."""

    state = forms.ChoiceField(choices=CourseState.choices, initial=CourseState.COMPLETE)
    rule_set = forms.ChoiceField(
        choices=RuleSet.choices, initial=RuleSet.EU, label="Label", help_text="Whose rules the monitoring follows"
    )
    planned_start = DayField(
        required=False, label="Planned for", help_text="Like 2019-03-05, while nothing is given yet"
    )
    note = forms.CharField(required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 2}))
    # never shown: its errors lead to the part of the page that holds the rows
    infusions = forms.CharField(required=False)

    def write_to(self, course: Course) -> Course:
        for name in ("state", "rule_set", "planned_start", "note"):
            setattr(course, name, self.cleaned_data[name])
        return course


class AmendCourseForm(CourseForm):
    reason = reason_field()

    @staticmethod
    def values_of(course: Course) -> dict[str, Any]:
        return {
            "row_version": course.row_version,
            "state": course.state,
            "rule_set": course.rule_set,
            "planned_start": write_known_date(course.planned_start),
            "note": course.note,
        }


class TreatmentForm(WritingForm):
    """A disease-modifying drug other than Lemtrada."""

    drug = forms.ChoiceField(choices=[("", "Choose"), *Drug.choices])
    drug_name = forms.CharField(required=False, max_length=80, label="Its name", help_text="If it is another drug")
    start = KnownDateField(required=False)
    stop = KnownDateField(required=False, help_text="Empty while it goes on")
    stop_reason = forms.ChoiceField(
        choices=[("", "Not stopped"), *StopReason.choices], required=False, label="Why stopped"
    )
    note = forms.CharField(required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 2}))

    def clean(self):
        super().clean()
        data = self.cleaned_data
        if data.get("stop_reason") and not data.get("stop", (True,))[0]:
            self.add_error("stop", "A reason to stop needs a date, if only the year.")
        return data

    def save(self, patient, *, by) -> Treatment:
        data = dict(self.cleaned_data)
        start, stop = data["start"], data["stop"]
        row = Treatment(
            patient=patient,
            start=start[0],
            start_precision=start[1],
            stop=stop[0],
            stop_precision=stop[1],
            **{name: data[name] for name in ("drug", "drug_name", "stop_reason", "note")},
        )
        return services.record_treatments([row], by=by)[0]


class VoidForm(WritingForm):
    reason = reason_field("Why is it wrong?")
