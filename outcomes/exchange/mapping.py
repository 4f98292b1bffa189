"""The mapping file: what the columns and values of somebody else's file mean. Nothing it leaves open is guessed."""

import tomllib
from collections.abc import Mapping as AnyMapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from engine.edss import POLICY_CHOICES, SYSTEMS, Policies
from outcomes.exchange.reading import DELIMITERS, shown
from outcomes.exchange.tables import BY_KEY

MAX_BYTES = 100_000
CHOICES: AnyMapping[str, tuple[str, ...]] = {
    "delimiter": tuple(DELIMITERS),
    "edss_meaning": ("rater",),
    "ambulation_scheme": ("neurostatus", "legacy"),
    "legacy_code1": POLICY_CHOICES["legacy_code1"],
    "visual_grades": ("raw", "converted"),
    "bowel_bladder_grades": ("raw", "converted"),
    "cerebral_grade1": POLICY_CHOICES["cerebral_grade1"],
    "rows_without_edss": ("incomplete", "set_aside"),
    "complete_grades_without_edss": ("calculate", "set_aside"),
    "relapses_from_days": ("make", "ignore"),
    "days_sign": ("negative", "positive"),
    "new_patients": ("create", "refuse"),
}
TEXTS = {"centre": 120, "rater_reason": 200, "confirm_because": 200}  # key: most characters
TABLES = ("columns", "words")


class MappingError(ValueError):
    """What is wrong with a mapping file: one sentence for each fault."""

    def __init__(self, *faults: str) -> None:
        super().__init__(" ".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class Mapping:
    """A checked mapping file. `ambulation_scheme` "": not declared, so that a file with walking codes is refused."""

    centre: str
    columns: dict[str, str]  # our key to the file's column
    new_patients: str
    confirm_because: str
    rows_without_edss: str = ""
    complete_grades_without_edss: str = ""
    edss_meaning: str = ""
    rater_reason: str = ""
    ambulation_scheme: str = ""
    legacy_code1: str = ""
    visual_grades: str = ""
    bowel_bladder_grades: str = ""
    cerebral_grade1: str = ""
    relapses_from_days: str = ""
    days_sign: str = ""
    delimiter: str = ","
    ignore_columns: tuple[str, ...] = ()
    words: dict[str, dict[str, str]] = field(default_factory=dict)

    @cached_property
    def policies(self) -> dict[str, str]:
        """The declared policies, the others by default; kept with every assessment."""
        declared = {name: getattr(self, name) for name in ("cerebral_grade1", "legacy_code1")}
        return Policies.from_mapping({name: value for name, value in declared.items() if value}).as_mapping()

    @cached_property
    def converted(self) -> tuple[str, ...]:
        """Systems whose grades stand converted in the file: they cannot be kept as raw ones."""
        return tuple(s for s in ("visual", "bowel_bladder") if getattr(self, f"{s}_grades") == "converted")

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def read_mapping(content: bytes) -> Mapping:
    """A mapping file (TOML) to its value. Raises MappingError that names every key at fault."""
    if len(content) > MAX_BYTES:
        raise MappingError(f"The mapping file has {len(content):,} bytes; {MAX_BYTES:,} is the limit.")
    try:
        given = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise MappingError("The mapping file is not UTF-8 text.") from None
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as problem:
        raise MappingError(f"The mapping file is not TOML: {str(problem)[:200] or 'too deep'}.") from None
    checks = (unknown_keys, wrong_texts, wrong_choices, wrong_columns, wrong_words)
    faults = [fault for find in checks for fault in find(given)] or list(missing(given))
    if faults:
        raise MappingError(*faults)
    values = {key: value.strip() if key in TEXTS else value for key, value in given.items()}
    return Mapping(**values | {"ignore_columns": tuple(given.get("ignore_columns", ()))})


def unknown_keys(given: dict[str, Any]):
    known = {*CHOICES, *TEXTS, *TABLES, "ignore_columns"}
    yield from (f"{shown(key)} is not a key of a mapping." for key in given if key not in known)


def wrong_texts(given: dict[str, Any]):
    for key, limit in TEXTS.items():
        value = given.get(key, "-")
        if not isinstance(value, str) or not value.strip() or len(value.strip()) > limit or not value.isprintable():
            yield f"{key} must be a text of 1 to {limit} characters on one line."


def wrong_choices(given: dict[str, Any]):
    for key, allowed in CHOICES.items():
        if key in given and given[key] not in allowed:
            yield f"{key} is {said(given[key])}; it must be {' or '.join(shown(one) for one in allowed)}."


def said(value: Any) -> str:
    """A value of a mapping in a message; a number may have more digits than can be written."""
    try:
        return shown(str(value))
    except ValueError:
        return "no text"


def wrong_columns(given: dict[str, Any]):
    """Names of columns are texts, and each column of the file means one thing."""
    columns, ignored = given.get("columns", {}), given.get("ignore_columns", [])
    if not isinstance(columns, dict):
        yield 'columns must be a table: [columns], then lines like edss = "EDSS".'
        return
    if not isinstance(ignored, list) or not all(isinstance(name, str) for name in ignored):
        yield "ignore_columns must be a list of names of columns."
        return
    used: dict[str, str] = dict.fromkeys(ignored, "ignore_columns")
    for key, name in columns.items():
        if key not in BY_KEY:
            yield f"columns: {shown(key)} is not known. There are {', '.join(BY_KEY)}."
        elif not isinstance(name, str) or not name:
            yield f"columns: {key} must be the name of a column."
        elif name in used:
            yield f"columns: {shown(name)} stands for both {used[name]} and {key}."
        else:
            used[name] = key


def wrong_words(given: dict[str, Any]):
    """[words.sex] F = "female": the file's words to ours, for the columns that are mapped and have a list of values."""
    words, columns = given.get("words", {}), given.get("columns", {})
    if not isinstance(words, dict):
        yield 'words must hold tables: [words.sex], then lines like F = "female".'
        return
    for key, table in words.items():
        allowed = BY_KEY[key].words if key in BY_KEY else ()
        if not allowed:
            yield f"words: {shown(key)} has no words to translate."
        elif not isinstance(table, dict):
            yield f"words.{key} must be a table of words."
        elif isinstance(columns, dict) and key not in columns:
            yield f"words.{key} translates a column that [columns] does not name."
        else:
            yield from (
                f"words.{key}: {shown(word)} holds characters that cannot be shown."
                for word in table
                if not word.isprintable()
            )
            yield from (
                f"words.{key}: {said(value)} is not one of {', '.join(allowed)}."
                for value in table.values()
                if value not in allowed
            )


def missing(given: dict[str, Any]):
    """What these columns need declared. The walking scheme is asked for with the file, whose codes give a hint."""
    columns = given.get("columns", {})
    wanted = ["centre", "new_patients", "confirm_because", "rows_without_edss"]
    wanted += [f"columns.{key}" for key in ("patient", "date") if key not in columns]
    for column, keys in {
        "edss": ("edss_meaning", "rater_reason"),
        "visual": ("visual_grades",),
        "bowel_bladder": ("bowel_bladder_grades",),
        "cerebral": ("cerebral_grade1",),
        "days_since_relapse": ("relapses_from_days",),
    }.items():
        wanted += keys if column in columns else ()
    if "ambulation" in columns and given.get("ambulation_scheme") == "legacy":
        wanted.append("legacy_code1")
    if given.get("relapses_from_days") == "make":
        wanted.append("days_sign")
        if "days_since_relapse" not in columns:
            yield 'relapses_from_days is "make", and [columns] names no days_since_relapse.'
    for key in wanted:
        if key not in given:
            choices = f": {' or '.join(shown(one) for one in CHOICES[key])}" if key in CHOICES else ""
            yield f"{key} is not declared{choices}."
    if not {"edss", "ambulation", *SYSTEMS} & columns.keys():
        yield "[columns] names neither an EDSS nor a grade."
