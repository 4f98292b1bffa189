"""What templates say: figures and dates in the house's words, the frame, forms."""

from datetime import date, datetime, timedelta

from django import forms, template
from django.forms.forms import BaseForm

from engine.status import RULE_NAME

register = template.Library()

MINUS, NONE = "−", "–"

# pages that belong to a section without being its own address; a prefix of the address name
SECTION_PAGES = {
    "outcomes:patients": ("outcomes:patient", "patients:patient", "assessments:", "treatments:"),
    "outcomes:imports": ("outcomes:import", "outcomes:quarantine"),
    "patients:users": ("patients:user",),
    "patients:centres": ("patients:centre",),
}
WORDS = {"insufficient": "Insufficient", "course": "Lemtrada course", "ok": "Done"}
ICONS = {  # the rest have a drawing of their own name
    **dict.fromkeys(("critical", "error", "overdue", "warning"), "alert"),
    **dict.fromkeys(("ok", "success"), "check"),
    **dict.fromkeys(("due", "debug"), "info"),
    "better": "improved",  # the roles of a visit in `why`
    "worse": "progressed",
    "within": "stable",
}
NOTICES = {"success": "ok", "warning": "pending", "error": "critical", "info": "", "debug": ""}  # Django's words


# Words and figures


@register.filter
def edss(value) -> str:
    """An EDSS always with one decimal; a dash where there is none."""
    return NONE if value is None or value == "" else f"{float(value):.1f}"


@register.filter
def signed(value) -> str:
    """A difference: +1.5, −1.0, 0.0."""
    if value is None or value == "":
        return ""
    number = float(value)
    return f"{number:.1f}" if number == 0 else f"{'+' if number > 0 else MINUS}{abs(number):.1f}"


@register.filter
def day(value) -> str:
    """A date of the calendar, or its ISO text, as 19 Sep 2023."""
    if not value:
        return ""
    if isinstance(value, datetime):
        value = value.date()
    value = value if isinstance(value, date) else date.fromisoformat(str(value)[:10])
    return f"{value.day} {value:%b %Y}"


@register.filter
def days(first, last) -> str:
    """An interval of days: 19 Sep 2023; Mar 2019, day not known; 2019, day not known; 3 Mar 2019 to 9 Apr 2019."""
    if not first or not last or str(first) == str(last):
        return day(first or last)
    first, last = (value if isinstance(value, date) else date.fromisoformat(str(value)) for value in (first, last))
    month_ends = (last + timedelta(days=1)).day == 1
    if first.day == 1 and month_ends and (first.year, first.month) == (last.year, last.month):
        return f"{first:%b %Y}, day not known"
    if (first.month, first.day, last.month, last.day) == (1, 1, 12, 31) and first.year == last.year:
        return f"{first.year}, day not known"
    return f"{day(first)} to {day(last)}"


@register.filter
def born(patient) -> str:
    """The birth date as known, for telling one patient from another before something is recorded."""
    return patient.say("birth")


@register.filter
def count(value) -> str:
    """A whole number with a comma at the thousand."""
    return NONE if value is None else f"{int(value):,}"


@register.filter
def many(number, words: str) -> str:
    """`3|many:"visit,visits"` is `3 visits`."""
    one, more = words.split(",")
    return f"{int(number):,} {one if int(number) == 1 else more}"


@register.filter
def word(kind) -> str:
    """The word of a chip: `improved` is Improved."""
    return WORDS.get(kind, str(kind).replace("_", " ").capitalize())


@register.filter
def icon_of(kind) -> str:
    """The drawing of a chip or notice: a status has its own, the rest share the general ones."""
    return ICONS.get(kind, kind or "info")


@register.filter
def why_class(role: str) -> str:
    """The class of a visit in `why`."""
    return {"not_used": "out", "before_anchor": "before"}.get(role, role)


@register.filter
def notice_kind(kind) -> str:
    """A notice's kind from Django's level of a message."""
    return NOTICES.get(kind, kind)


@register.filter
def grouped(code) -> str:
    """A secret in blocks of four, to be typed from a screen."""
    return " ".join(code[at : at + 4] for at in range(0, len(code), 4))


# The frame


@register.simple_tag
def current(address: str, view_name) -> str:
    """The aria-current of a section: `page` on itself, `true` on a page below it, otherwise nothing."""
    if not view_name:
        return ""
    if view_name == address:
        return "page"
    return "true" if view_name.startswith(SECTION_PAGES.get(address, ("\0",))) else ""


@register.simple_tag
def rule_name() -> str:
    """The rule that every status on every page is found with."""
    return RULE_NAME


# Forms


@register.filter
def control(field, keep: str = "") -> str:
    """A bound field's widget with the classes of the house; the rest of its attributes are Django's.

    A placeholder is dropped, for the label says it; `control:"placeholder"` keeps it (a search box).
    """
    widget = field.field.widget
    if isinstance(widget, forms.Select) and not isinstance(widget, forms.RadioSelect):
        names = ["form-select"]
    elif isinstance(widget, forms.CheckboxInput | forms.RadioSelect | forms.CheckboxSelectMultiple):
        names = ["form-check-input"]
    else:
        names = ["form-control"]
    if field.errors:
        names.append("is-invalid")
    given = widget.attrs.get("class", "")
    attrs = {"class": " ".join([*names, *given.split()])}
    return field.as_widget(attrs=attrs if keep == "placeholder" else {**attrs, "placeholder": False})


@register.filter
def is_check(field) -> bool:
    """One tick box, which carries its label behind it."""
    return isinstance(field.field.widget, forms.CheckboxInput)


@register.simple_tag
def errors_of(*given) -> list[dict]:
    """The lines of an error summary: what is wrong, and the field to go to. Takes forms and form sets."""
    lines: list[dict] = []
    for item in given:
        if isinstance(item, BaseForm):
            lines += _lines(item)
        elif item is not None and item != "":
            lines += [{"text": text} for text in getattr(item, "non_form_errors", list)()]
            lines += [line for form in item for line in _lines(form)]
    return lines


def _lines(form: BaseForm) -> list[dict]:
    if not form.is_bound:
        return []
    lines = [{"text": text} for text in form.non_field_errors()]
    for name, texts in form.errors.items():
        if name not in form.fields:
            continue
        field = form[name]
        # a set of radio buttons has no element of its own id: its first one takes the focus
        target = f"{field.auto_id}_0" if field.use_fieldset and field.auto_id else field.id_for_label or field.auto_id
        place = {} if field.is_hidden else {"label": field.label, "target": target}
        lines += [{"text": text, **place} for text in texts]
    return lines


BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
SYSTEMS = ("Windows", "Android", "iPhone", "iPad", "Mac OS X", "CrOS", "Linux")


@register.filter
def browser(user_agent: str) -> str:
    """A browser as its user would name it, like `Firefox on Windows`; what is not known stays as it is."""
    name = next((words for mark, words in BROWSERS if mark in user_agent), "")
    system = next((mark for mark in SYSTEMS if mark in user_agent), "")
    return f"{name} on {system}" if name and system else user_agent
