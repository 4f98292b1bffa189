"""The filters of the patient list and of the cohort, and the search. They read; nothing here writes a record."""

from collections.abc import Iterable

from django import forms

from outcomes.cohorts import BANDS, MANY_COURSES, MANY_DRUGS, SEEN, CohortFilter
from outcomes.exchange.exporting import REASON_LENGTH
from outcomes.models import Status
from outcomes.roster import ORDERS
from patients.models import Centre

COURSES = [
    ("", "Any courses"),
    ("0", "No course"),
    ("1", "1 course"),
    ("2", "2 courses"),
    (str(MANY_COURSES), f"{MANY_COURSES} courses or more"),
]


BASELINES = [("", "Any baseline"), *((name, f"{low:.1f} to {high:.1f}") for name, (low, high) in BANDS.items())]
DRUGS = [
    ("", "Any earlier drugs"),
    ("0", "None"),
    ("1", "1 drug"),
    ("2", "2 drugs"),
    (str(MANY_DRUGS), f"{MANY_DRUGS} drugs or more"),
]


class PeopleForm(forms.Form):
    """Centre and courses received. A value that is not among the choices narrows nothing."""

    centre = forms.TypedChoiceField(required=False, label="Centre")  # its choices depend on who asks
    courses = forms.ChoiceField(choices=COURSES, required=False, label="Courses received")

    use_required_attribute = False

    def __init__(self, data, *, user, centres: Iterable[Centre] | None = None, **options):
        """`centres`: those to choose from, where they are fewer than the user sees."""
        super().__init__(data, **options)
        found = Centre.objects.visible_to(user) if centres is None else centres
        choices = [("", "All centres"), *((centre.pk, centre.name) for centre in found)]
        self.fields["centre"] = forms.TypedChoiceField(
            choices=choices,
            coerce=int,
            empty_value=None,
            required=False,
            label="Centre",
        )
        self.is_valid()

    def kept(self) -> dict:
        """Fields with a proper value that is not empty."""
        return {name: value for name, value in self.cleaned_data.items() if value not in ("", None, False)}

    def filter(self) -> CohortFilter:
        fields = CohortFilter.__dataclass_fields__
        return CohortFilter(**{name: value for name, value in self.kept().items() if name in fields})


class CohortForm(PeopleForm):
    """The filters of the cohort."""

    baseline = forms.ChoiceField(choices=BASELINES, required=False, label="EDSS before Lemtrada")
    drugs = forms.ChoiceField(choices=DRUGS, required=False, label="Earlier drugs")


class PatientsForm(PeopleForm):
    """The filters of the patient list."""

    seen = forms.ChoiceField(choices=[("", "Any last visit"), *SEEN.items()], required=False, label="Last visit")
    status = forms.ChoiceField(
        choices=[("", "All"), *Status.choices], required=False, label="Status since Lemtrada", widget=forms.RadioSelect
    )
    pending = forms.BooleanField(required=False, label="With a pending change")
    order = forms.ChoiceField(
        choices=[(name, order.words) for name, order in ORDERS.items()], required=False, label="Order"
    )

    def order_by(self) -> str:
        return self.cleaned_data.get("order") or next(iter(ORDERS))


class ExportedForm(CohortForm):
    """Every filter there is: whichever page a link to the export comes from, none of it is passed over."""

    seen = forms.ChoiceField(choices=[("", "Any last visit"), *SEEN.items()], required=False, label="Last visit")
    status = forms.ChoiceField(choices=[("", "All"), *Status.choices], required=False, label="Status since Lemtrada")
    pending = forms.BooleanField(required=False, label="With a pending change")


class ExportForm(forms.Form):
    """What a file is for, and its form."""

    reason = forms.CharField(
        max_length=REASON_LENGTH,
        label="What is the file for?",
        help_text="Kept in the access log. For instance: ethics vote 2026-114, pregnancy outcomes",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Say what the file is for."},
    )
    form = forms.ChoiceField(
        choices=[("csv", "CSV, for R, pandas or a spreadsheet"), ("json", "JSON, with the dictionary inside")],
        initial="csv",
        label="Format",
        widget=forms.RadioSelect,
    )

    use_required_attribute = False


class SearchForm(forms.Form):
    """What is searched for. Sent in the body of a request and kept nowhere."""

    q = forms.CharField(max_length=60, required=False, label="Search by code, local number or name", strip=True)
