"""The columns that an import of assessments knows, and how each cell of them is read: strictly, or not at all."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from django.core.exceptions import ValidationError

from assessments.models import Mode, VisitType
from engine.edss import CONVERSIONS, EDSS_STEPS, GRADE_MAX, SYSTEMS, Grade, GradeError, parse_grade
from outcomes.exchange.reading import shown
from patients.dates import read_known_date
from patients.models import Sex
from patients.querysets import folded

EDSS_WRITTEN = re.compile(r"\d{1,2}(\.[05])?", re.ASCII)
WHOLE = re.compile(r"-?\d{1,6}", re.ASCII)
DECIMAL_COMMA = re.compile(r"-?\d+,\d+", re.ASCII)


class CellError(ValueError):
    """Why one cell cannot be taken; the text is a sentence without the name of the column."""


@dataclass(frozen=True)
class Column:
    """One thing an import can read. `words`: the values it may have, where a file's own words can be translated."""

    key: str
    says: str
    read: Callable[[str], Any]
    words: tuple[str, ...] = ()


def refuse_comma(text: str) -> None:
    if DECIMAL_COMMA.fullmatch(text):
        raise CellError(f"{shown(text)} has a decimal comma. Write a point: {text.replace(',', '.')}.")


def read_edss(text: str) -> Decimal:
    refuse_comma(text)
    if not EDSS_WRITTEN.fullmatch(text) or Decimal(text) not in EDSS_STEPS:
        raise CellError(f"{shown(text)} is not a step of the EDSS: 0, then 1.0 to 10.0 by 0.5.")
    return Decimal(text).quantize(Decimal("0.1"))


def read_whole(text: str) -> int:
    refuse_comma(text)
    if not WHOLE.fullmatch(text):
        raise CellError(f"{shown(text)} is not a whole number.")
    return int(text)


def grade_reader(system: str) -> Callable[[str], Grade]:
    def read_grade(text: str) -> Grade:
        refuse_comma(text)
        try:
            grade = parse_grade(text)
        except GradeError:
            raise CellError(f"{shown(text)} is not a grade. Write 0 to {GRADE_MAX[system]}, with X or P after it "
                            "if marked; leave it empty if not known.") from None  # fmt: skip
        check_grade(grade, GRADE_MAX[system])
        return grade

    return read_grade


def check_grade(grade: Grade, top: int) -> None:
    if grade.value is not None and grade.value > top:
        raise CellError(f"Grade {grade.value} is not between 0 and {top}.")


def check_converted(system: str, grade: Grade) -> None:
    """A converted grade cannot be higher than the conversion gives."""
    check_grade(grade, max(CONVERSIONS[system]))


def read_date(text: str) -> tuple:
    """(first day, precision); ISO dates only."""
    try:
        if text != text.strip():
            raise ValidationError("", code="format")
        return read_known_date(text)
    except ValidationError as error:
        if error.code == "format":
            raise CellError(f"{shown(text)} is no date as 2019-03-05; 2019-03 or 2019 if no more is known.") from None
        raise CellError(error.messages[0]) from None


def one_of(values: tuple[str, ...]) -> Callable[[str], str]:
    def read_choice(text: str) -> str:
        if text not in values:
            raise CellError(f"{shown(text)} is not one of {', '.join(values)}, nor a word that the mapping translates.")
        return text

    return read_choice


def text_up_to(limit: int, *, lines: bool = False) -> Callable[[str], str]:
    def read_text(text: str) -> str:
        stripped = text.strip()
        if len(stripped) > limit:
            raise CellError(f"There are {len(stripped)} characters; {limit} is the limit.")
        if not all(c.isprintable() or (lines and c in "\r\n\t") for c in stripped):
            raise CellError(f"{shown(stripped)} holds characters that cannot be shown.")
        return stripped

    return read_text


def read_number(text: str) -> str:
    """A patient's local number: as it is, or refused. A space more or less would make another person."""
    if text != text.strip() or not text.isprintable():
        raise CellError(f"{shown(text)} has a space around it or characters that cannot be shown.")
    if len(folded(text)) > 200:  # a few characters unfold into many, and the search text has its own limit
        raise CellError(f"{shown(text)} holds characters that are no part of a number.")
    return text_up_to(40)(text)


COLUMNS: Final = (
    Column("patient", "The clinic's own number of the patient", read_number),
    Column("date", "Day of the assessment, 2019-03-05; 2019-03 or 2019 if no more is known", read_date),
    Column("edss", "EDSS, 0 or 1.0 to 10.0 by 0.5", read_edss),
    *(
        Column(name, f"{name.replace('_', ' and ').capitalize()} grade, 0 to {GRADE_MAX[name]}", grade_reader(name))
        for name in SYSTEMS
    ),
    Column("ambulation", "Walking code, by the scheme that the mapping names", read_whole),
    Column("days_since_relapse", "Days from the onset of the last relapse to the assessment", read_whole),
    Column("visit_type", "Kind of visit", one_of(tuple(VisitType.values)), tuple(VisitType.values)),
    Column("mode", "Way of examining", one_of(tuple(Mode.values)), tuple(Mode.values)),
    Column("rater", "Name or initials of the rater", text_up_to(80)),
    Column("note", "Note on the assessment", text_up_to(4000, lines=True)),
    Column("sex", "Sex of a patient who is new to the registry", one_of(tuple(Sex.values)), tuple(Sex.values)),
    Column("birth", "Birth of a patient who is new, as known", read_date),
)
BY_KEY: Final[Mapping[str, Column]] = MappingProxyType({column.key: column for column in COLUMNS})
