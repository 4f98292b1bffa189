"""What the EDSS and the warnings of one assessment depend on: 5,678 outlines among 8.8 million combinations.

Whoever scores millions of assessments scores one of each outline by `edss.score` and `edss_checks.warnings` and gives
the others the same answer. No rule stands here, only which grades a rule cannot tell apart.
"""

from collections.abc import Mapping
from typing import Any, Final

from engine.edss import GRADE_MAX, POLICY_CHOICES, SYSTEMS, Policies
from engine.edss_checks import SEEN_FROM
from engine.edss_table import Places, lists
from engine.walking import NEUROSTATUS

Outline = tuple[int, int, int]

# Grades are counted by the table and by nothing else; of all policies this one alone changes how they count.
_READINGS: Final[tuple[Places, ...]] = tuple(
    lists(Policies.from_mapping({"cerebral_grade1": choice}), NEUROSTATUS.name)
    for choice in POLICY_CHOICES["cerebral_grade1"]
)
_ROWS: Final[Any] = _READINGS[0].rows
# A weight holds, from the lowest bit: what is added to the key of the table in either reading, the grades that the
# warnings see, the walking code. No part can run over into the next one when eight weights are added.
_KEY_BITS: Final = 15
_KEY: Final = (1 << _KEY_BITS) - 1
_GRADE_BITS: Final = 3
_REST: Final = _KEY_BITS * len(_READINGS)
_SHIFT: Final = {system: _REST + _GRADE_BITS * place for place, system in enumerate(SEEN_FROM)}
_CODE: Final = _REST + _GRADE_BITS * len(SEEN_FROM)


def _weight(system: str, raw: int) -> int:
    place = SYSTEMS.index(system)
    weight = sum(reading.digits[place][raw] << _KEY_BITS * number for number, reading in enumerate(_READINGS))
    seen = raw if raw >= SEEN_FROM.get(system, raw + 1) else 0
    return int(weight) | seen << _SHIFT.get(system, 0)


# Of each system, by raw grade as it counts (0 for what is not due to MS).
GRADE_WEIGHTS: Final[Mapping[str, tuple[int, ...]]] = {
    system: tuple(_weight(system, raw) for raw in range(top + 1)) for system, top in GRADE_MAX.items()
}


def code_weight(code: int) -> int:
    return code << _CODE


def outline(weight: int) -> Outline:
    """The outline of an assessment from the sum of its seven grade weights and the weight of its walking code.

    Under the same policies and scheme, assessments of one outline have the same EDSS, row and contested policies, and
    the same warnings in the same words, if all that is known of them is their grades and code. (What a warning points
    to, its `fields`, may differ.)
    """
    return _ROWS[weight & _KEY], _ROWS[weight >> _KEY_BITS & _KEY], weight >> _REST
