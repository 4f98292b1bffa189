"""JSON as one way of writing it and no other: refused before it costs anything, and read without guessing."""

import json
import re
from decimal import Decimal
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

DEEPEST = 20
LONGEST_NUMBER = 20  # characters
STRING = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)  # an open one reaches to the end: one pass only
BRACKETS = re.compile(r"[\[\]{}]")
REFUSED = re.compile(r"[\x00\ud800-\udfff]")


class StrictJSONParser(BaseParser):
    """Refuses what other parsers guess at: equal names, NaN, huge numbers, deep nesting, NUL, lone surrogates."""

    media_type = "application/json"

    def parse(self, stream, media_type=None, parser_context=None) -> Any:
        try:
            text = stream.read().decode("utf-8")
            check_depth(text)
            return json.loads(
                text,
                object_pairs_hook=object_of,
                parse_constant=refuse_constant,
                parse_int=whole_number,
                parse_float=number,
            )
        except UnicodeDecodeError:
            raise ParseError("The body is not UTF-8.") from None
        except json.JSONDecodeError as error:
            raise ParseError(f"The body is not JSON: line {error.lineno}, column {error.colno}.") from None


def check_depth(text: str) -> None:
    """Before the parser, which would go down with every bracket."""
    depth = 0
    for bracket in BRACKETS.findall(STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > DEEPEST:
            raise ParseError(f"The body is nested deeper than {DEEPEST} levels.")


def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        check_text(name)
        check_value(value)
        if name in found:
            raise ParseError(f"The name {name[:60]!r} stands twice.")
        found[name] = value
    return found


def check_value(value: Any) -> None:
    """Texts, also those in lists; what lies in an object was checked when that was made."""
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, list):
        for inner in value:
            check_value(inner)


def check_text(text: str) -> None:
    if REFUSED.search(text):
        raise ParseError("A text holds a NUL or half a character (a lone surrogate).")


def refuse_constant(name: str) -> None:
    raise ParseError(f"{name} is no number.")


def whole_number(text: str) -> int:
    return int(short(text))


def number(text: str) -> Decimal:
    found = Decimal(short(text))
    if abs(found.adjusted()) > LONGEST_NUMBER:
        raise ParseError("A number is too large or too small.")
    return found


def short(text: str) -> str:
    if len(text) > LONGEST_NUMBER:
        raise ParseError("A number is too long.")
    return text
