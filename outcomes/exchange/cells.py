"""The cells of a column to values: dates as far as they are known, scores, yes and no; a wrong one is a fault."""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from engine.cohort import DENIALS
from engine.types import Interval
from outcomes.exchange.reading import shown
from outcomes.exchange.visit_tables import Faults, Records

ORDERS = {"iso": "2019-12-31", "dmy": "31.12.2019 or 31/12/2019", "mdy": "12/31/2019"}
YES = ("1", "true", "yes", "y", "t")
NOTHING = ("na", "n/a", "#n/a", "nan", "null", "none", ".")  # as programs write that there is nothing
YEARS = range(1900, 2200)
TIME = r" \d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp][Mm])?"


class Cells(dict[str, Any]):
    """Texts of one column to values; each distinct text is read once. `wrong`: those that cannot be read."""

    def __init__(self, read: Callable[[str], Any]) -> None:
        self.read = read
        self.wrong: dict[str, str] = {}

    def __missing__(self, text: str) -> Any:
        try:
            value = self.read(text.strip())
        except ValueError as problem:
            self.wrong[text] = str(problem)
            value = None
        self[text] = value
        return value


def column(records: Records, key: str, read: Callable[[str], Any], faults: Faults) -> list[Any]:
    """The values of one column; None for an empty cell or one that is a fault."""
    cells = Cells(read)
    texts = records.cells[key]
    values = [cells[text] for text in texts]
    if cells.wrong:
        for line, text in zip(records.lines, texts, strict=True):
            if text in cells.wrong:
                faults.add(records.file, line, cells.wrong[text], records.names[key])
    return values


def day_reader(order: str) -> Callable[[str], Interval | None]:
    """Reads a date, known to the day, the month ("2019-12", "12.2019") or the year; a time of the day is cut off."""

    def read(text: str) -> Interval | None:
        if not text:
            return None
        try:
            found = _interval(text, order)
        except ValueError:
            found = None
        if found is None:
            raise ValueError(f"{shown(text)} is not a date such as {ORDERS[order]}.{advice(text, order)}")
        if found.first.year not in YEARS:
            raise ValueError(f"{shown(text)} is not between {YEARS[0]} and {YEARS[-1]}.")
        return found

    return read


def advice(text: str, order: str) -> str:
    """What to do about a date that is written in another way, as far as it can be told."""
    if re.fullmatch(r"[1-7]\d{4}(\.\d+)?", text):
        return " It looks like a day counted by Excel: format the column as a date, and save the file again."
    if parts := re.fullmatch(r"(\d{4})[/.-](\d{1,2})[/.-](\d{1,2})", text):
        return f" Write {parts[1]}-{parts[2]:0>2}-{parts[3]:0>2}."
    if order == "iso" and re.fullmatch(r"(\d{1,2}[./-])?\d{1,2}[./-]\d{4}( .+)?", text):
        return " Say --date-order dmy, or mdy for month before day."
    if text.casefold() in NOTHING:
        return " Leave the cell empty where there is none."
    return ""


def _interval(text: str, order: str) -> Interval | None:
    """ISO dates in any order: there is one way to read them."""
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}([T ].+)?", text):
        return Interval.of(datetime.fromisoformat(text).date())
    if re.fullmatch(r"\d{4}-\d{2}", text):
        return Interval.of(date.fromisoformat(f"{text}-01"), "month")
    if re.fullmatch(r"\d{4}", text):
        return Interval.of(date(int(text), 1, 1), "year")
    if order == "iso":
        return None
    if parts := re.fullmatch(r"(\d{1,2})[./-](\d{4})", text):
        return Interval.of(date(int(parts[2]), int(parts[1]), 1), "month")
    parts = re.fullmatch(rf"(\d{{1,2}})[./-](\d{{1,2}})[./-](\d{{4}})({TIME})?", text)
    if parts is None:
        return None
    first, second, year = (int(part) for part in parts.groups()[:3])
    day, month = (first, second) if order == "dmy" else (second, first)
    return Interval.of(date(year, month, day))


def score_reader(decimal_comma: bool) -> Callable[[str], float | None]:
    def read(text: str) -> float | None:
        if not text:
            return None
        written = text.replace(",", ".") if decimal_comma else text
        if not re.fullmatch(r"[+-]?(\d{1,9}\.?\d{0,9}|\.\d{1,9})", written):
            raise ValueError(f"{shown(text)} is not a number.{missing_or_comma(text)}")
        return float(written)

    return read


def missing_or_comma(text: str) -> str:
    """What to do about a score that is no number."""
    if text.casefold() in NOTHING:
        return " Leave the cell empty where nothing was scored."
    return f" Write {text.replace(',', '.')}." if re.fullmatch(r"\d{1,2},\d", text) else ""


def read_flag(text: str) -> bool:
    """Whether a visit may confirm: yes unless it says no."""
    if not text or text.casefold() in YES:
        return True
    if text.casefold() in DENIALS:
        return False
    raise ValueError(f"{shown(text)} is neither yes nor no (1 or 0, true or false).")
