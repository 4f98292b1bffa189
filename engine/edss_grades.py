"""A grade as it is recorded: a raw number and a mark. Source: docs/engine.md, "Marks on a grade"."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeGuard, get_args

Mark = Literal["", "X", "P", "not_done"]

_WRITTEN: Final[tuple[Mark, ...]] = ("", "X", "P")


class GradeError(ValueError):
    """Text or a value that is no grade."""


def is_whole(value: object) -> TypeGuard[int]:
    """True for an integer that is not a boolean."""
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True)
class Grade:
    """A raw grade and its mark: X hard to test (counts), P not due to MS (does not count), not_done (no grade).

    Raises GradeError for what is not a whole number, and for a mark that does not fit the grade.
    Range depends on the system: `score` checks it.
    """

    value: int | None
    mark: Mark = ""

    def __post_init__(self) -> None:
        if self.value is not None and not is_whole(self.value):
            raise GradeError(f"{self.value!r} is not a whole number")
        if self.mark not in get_args(Mark):
            raise GradeError(f"{self.mark!r} is not a mark")
        if self.mark == "not_done" and self.value is not None:
            raise GradeError("not done has no grade")
        if self.mark in ("X", "P") and self.value is None:
            raise GradeError(f"mark {self.mark} needs a grade")


# Every grade that can be written, by its text.
GRADE_TEXTS: Final[Mapping[str, Grade]] = {
    f"{value}{mark}": Grade(value, mark) for value in range(7) for mark in _WRITTEN
}


def parse_grade(text: object) -> Grade:
    """A grade from "2", "2X", "2P" or the integer 2; GradeError for everything else, blanks and booleans included."""
    if isinstance(text, str) and text in GRADE_TEXTS:
        return GRADE_TEXTS[text]
    if isinstance(text, int) and is_whole(text) and 0 <= text <= 6:
        return Grade(text)
    raise GradeError(f"{text!r} is not a grade: write 0 to 6, with X or P after it if marked")


def counted_grade(grade: Grade | int | None) -> int | None:
    """The raw grade as it counts: 0 when not due to MS, None when there is none."""
    if isinstance(grade, Grade):
        return 0 if grade.mark == "P" else grade.value
    return grade


def all_plain(values: Iterable[object]) -> bool:
    """True when each value is an integer without a mark, as nearly always: then none needs a look by itself."""
    return set(map(type, values)) == {int}
