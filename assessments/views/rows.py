"""The rows of keys of the assessment form: what is chosen, what it was last time, and the words of each grade."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.forms import BoundField

from assessments.forms.assessment import AssessmentForm
from assessments.models import Assessment
from assessments.wording import AID_KEYS, MARKS, OBSERVED_KEYS, WORDS, counts_as, grade_words
from engine.edss import GRADE_MAX, SYSTEMS

MINUS = "−"


@dataclass(frozen=True)
class Key:
    """One key: what it sends, what it shows, and whether it is chosen now or was last time."""

    value: str
    text: str
    key: str
    words: str
    chosen: bool
    was: bool
    counts: int | None = None  # the converted grade, where it differs
    change: str = ""  # against last time


@dataclass(frozen=True)
class Row:
    """A row of keys; `was` says what it was last time."""

    name: str
    label: str
    hint: str
    keys: Sequence[Key]
    marks: Sequence[Key]
    was: str
    error: str


def grade_rows(form: AssessmentForm, previous: Assessment | None) -> list[Row]:
    return [grade_row(form, system, previous) for system in SYSTEMS]


def grade_row(form: AssessmentForm, system: str, previous: Assessment | None) -> Row:
    before, mark_before = previous.grades[system] if previous else (None, "")
    chosen, marked = form[system].value(), form[f"{system}_mark"].value() or ()
    grades = [
        Key(
            value=str(grade),
            text=str(grade),
            key=str(grade),
            words=grade_words(system, grade),
            chosen=str(chosen) == str(grade),
            was=before == grade,
            counts=counts_as(system, grade),
            change=signed(grade - before) if before is not None else "",
        )
        for grade in range(GRADE_MAX[system] + 1)
    ]
    marks = [
        Key(value, key, key.lower(), words, chosen=value in as_list(marked), was=value == mark_before)
        for value, (key, words) in MARKS.items()
    ]
    was = f"was {before}{f' {mark_before}' if mark_before in ('X', 'P') else ''}" if before is not None else ""
    errors = " ".join(map(str, [*form.errors.get(system, ()), *form.errors.get(f"{system}_mark", ())]))
    return Row(system, WORDS[system].label, WORDS[system].hint, grades, marks, was, errors)


def choice_row(field: BoundField, label: str, hint: str, letters: dict[str, str], before: str) -> Row:
    """A row of keys for a short list: aid, seen or told, help, bed."""
    listed = [(value, words) for value, words in field.field.choices if value]  # type: ignore[attr-defined]
    keys = [
        Key(value, words, letters.get(value, ""), words, chosen=field.value() == value, was=value == before)
        for value, words in listed
    ]
    was = next((f"was {key.text.lower()}" for key in keys if key.was), "")
    return Row(field.name, label, hint, keys, (), was, " ".join(map(str, field.errors)))


def walking_rows(form: AssessmentForm, previous: Assessment | None) -> dict[str, Row]:
    aid, observed = (previous.aid, previous.observed) if previous else ("", "")
    return {
        "aid": choice_row(form["aid"], "Aid", "an ankle brace is no aid", AID_KEYS, aid),
        "wheelchair_help": choice_row(form["wheelchair_help"], "Help", "to transfer or to wheel", {}, ""),
        "in_bed": choice_row(form["in_bed"], "In bed", "and what the arms can do", {}, ""),
        "observed": choice_row(form["observed"], "Seen or told", "", OBSERVED_KEYS, observed),
    }


def distance_was(previous: Assessment | None) -> str:
    if previous is None:
        return ""
    if previous.distance_unlimited:
        return "was unlimited"
    if previous.distance_m is not None:
        return f"was {previous.distance_m:,} m"
    return f"was code {previous.ambulation}" if previous.ambulation is not None else ""


def as_list(value) -> list:
    return [value] if isinstance(value, str) else list(value)


def signed(change: int) -> str:
    return "" if change == 0 else f"{'+' if change > 0 else MINUS}{abs(change)}"
