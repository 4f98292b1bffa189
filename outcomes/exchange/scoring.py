"""Seven grades and a walking code to the EDSS with row, contested policies and warnings. The rules are the engine's.

Rows of one outline (`engine.edss_outline`) get the same answer, which is worked out once: a table may hold millions of
different rows, but there are few thousand outlines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from operator import getitem, itemgetter
from typing import Final, NamedTuple

from engine.edss import GRADE_MAX, SYSTEMS, Policies, counted_grade, score
from engine.edss_checks import SEEN_FROM, AssessmentFacts, Finding, warnings
from engine.edss_grades import GRADE_TEXTS
from engine.edss_outline import GRADE_WEIGHTS, Outline, code_weight, outline
from engine.walking import SCHEMES
from outcomes.exchange.grades import NEEDED, WALKING

_SOME_DAY: Final = date(2000, 1, 1)  # a row is looked at by itself: no warning about it knows the day
_SEEN: Final = itemgetter(*map(NEEDED.index, (*SEEN_FROM, WALKING)))

Fault = tuple[str, str]  # column, why


class Scored(NamedTuple):
    """What is added to a row. `faults`: (column, why) of every cell that cannot be; `missing`: empty needed cells."""

    cells: tuple[str, str, str, str]
    faults: tuple[Fault, ...] = ()
    missing: bool = False


@dataclass(frozen=True)
class Reading:
    """The texts that the eight cells may hold under a scheme: by text the number that counts, and its weight."""

    scheme: str
    numbers: tuple[Mapping[str, int], ...]
    weights: tuple[Mapping[str, int], ...]
    known: dict[tuple[int | None, ...], str] = field(default_factory=dict)  # warnings without an EDSS

    def incomplete(self, cells: Sequence[str]) -> Scored:
        """What is said when each of the eight cells is in order or empty, and one at least is empty."""
        numbers = [texts.get(cell) for texts, cell in zip(self.numbers, cells, strict=False)]
        seen = _SEEN(numbers)
        if (said := self.known.get(seen)) is None:
            said = self.known[seen] = in_words(warnings(self.facts(numbers), None))
        missing = ", ".join([column for column, number in zip(NEEDED, numbers, strict=True) if number is None])
        return Scored(("", "", "", joined(f"not scored, missing: {missing}", said)), missing=True)

    def facts(self, numbers: Sequence[int | None]) -> AssessmentFacts:
        *grades, code = numbers
        by_system = dict(zip(SYSTEMS, grades, strict=True))
        return AssessmentFacts(day=_SOME_DAY, grades=by_system, ambulation=code, scheme=self.scheme)


@lru_cache
def reading_for(scheme: str) -> Reading:
    numbers = []
    for top in GRADE_MAX.values():
        fitting = {text: grade for text, grade in GRADE_TEXTS.items() if grade.value in range(top + 1)}
        numbers.append({text: counted_grade(grade) or 0 for text, grade in fitting.items()})
    codes = {str(level.code): level.code for level in SCHEMES[scheme].levels}
    weights = [
        {text: GRADE_WEIGHTS[system][number] for text, number in texts.items()}
        for system, texts in zip(SYSTEMS, numbers, strict=True)
    ]
    weights.append({text: code_weight(code) for text, code in codes.items()})
    return Reading(scheme, (*numbers, codes), tuple(weights))


@dataclass(frozen=True)
class Plan:
    """How the rows of one scheme and one set of policies are scored, and what is known of them so far."""

    policies: Policies
    reading: Reading
    known: dict[Outline, Scored] = field(default_factory=dict)

    def complete(self, cells: Sequence[str]) -> Scored:
        """Raises KeyError if one of the eight cells is empty or cannot be."""
        key = outline(sum(map(getitem, self.reading.weights, cells)))
        if (scored := self.known.get(key)) is None:
            scored = self.known[key] = self._scored(cells)
        return scored

    def _scored(self, cells: Sequence[str]) -> Scored:
        facts = self.reading.facts([*map(getitem, self.reading.numbers, cells)])
        result = score(facts.grades, facts.ambulation, self.policies, facts.scheme)
        said = in_words(warnings(facts, result))
        return Scored((str(result.edss), str(result.row), " ".join(result.contested), said))


@lru_cache(maxsize=64)  # more than there are
def plan_for(policies: Policies, scheme: str) -> Plan:
    return Plan(policies, reading_for(scheme))


def in_words(findings: Sequence[Finding]) -> str:
    return " | ".join([f"{finding.id}: {finding.sentence}" for finding in findings])


def joined(first: str, second: str) -> str:
    return f"{first} | {second}" if second else first
