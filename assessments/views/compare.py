"""Two people wrote at once: both versions side by side, and the choice of which to keep, field by field."""

from collections.abc import Callable
from dataclasses import dataclass

from django import forms
from django.http import HttpResponse, QueryDict
from django.shortcuts import render

from assessments.views.saving import clock, shown_again

THEIRS = "theirs"
NOT_COMPARED = ("submission", "row_version", "change", "reason")


@dataclass(frozen=True)
class Compared:
    """One field in both versions, in words."""

    name: str
    label: str
    theirs: str
    mine: str

    @property
    def differs(self) -> bool:
        return self.theirs != self.mine


def compare(request, form, theirs, template: str) -> HttpResponse:
    """The page that lets a person choose; its form sends everything again, with the version now stored."""
    current = form.conflict
    names = [name for name in form.fields if name not in NOT_COMPARED and not name.startswith("reason_W")]
    rows = [row for name in names if (row := compared(form, theirs, name))]
    last = current.history.select_related("history_user").first()
    sent = [(name, value) for name in form.fields if name != "row_version" for value in values_of(form.data, name)]
    context = {
        "form": form,
        "patient": current.patient,
        "current": current,
        "differing": [row for row in rows if row.differs],
        "equal": [row for row in rows if not row.differs],
        "sent": sent,
        "by": last.history_user if last else None,
        "at": clock(current.patient.centre, last.history_date) if last else "",
        "next_version": current.row_version + 1,
    }
    shown_again(request, current.patient)
    return render(request, template, context, status=409)


def merged(data: QueryDict, stored: Callable[[], forms.Form]) -> QueryDict:
    """What was sent, with the stored value put back wherever the person chose theirs."""
    names = [key.removeprefix("keep_") for key, value in data.items() if key.startswith("keep_") and value == THEIRS]
    if not names:
        return data
    form, data = stored(), data.copy()
    for name in names:
        if name in form.fields and name not in NOT_COMPARED:
            data.pop(name, None)
            if value := as_sent(form[name].value()):
                data.setlist(name, value)
    return data


def compared(form, theirs, name: str) -> Compared | None:
    """None where the field is empty in both versions."""
    mine = form[name]
    words = said(mine, value_of(theirs, name)), said(mine, value_of(form, name))
    return Compared(name, str(mine.label), *words) if any(words) else None


def value_of(form, name: str):
    """A field's value, or what stands for it where a form works it out from other fields."""
    return getattr(form, "worked_out", {}).get(name, form[name].value())


def said(field, value) -> str:
    """A value as the form shows it."""
    choices = {str(key): str(words) for key, words in getattr(field.field, "choices", ())}
    if isinstance(field.field, forms.BooleanField):
        return "yes" if field.field.to_python(value) else "no"
    return ", ".join(choices.get(one, one) for one in as_sent(value) if one)


def as_sent(value) -> list[str]:
    """A field's value as a browser would send it."""
    if value is None or value is False:
        return []
    if isinstance(value, list | tuple):
        return [str(one) for one in value]
    return ["on"] if value is True else [str(value)]


def values_of(data, name: str) -> list[str]:
    return [str(value) for value in data.getlist(name)]
