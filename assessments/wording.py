"""The words of the form: systems, grades, marks. Short labels of our own, with the sense of Kurtzke 1983.

They remind a trained rater and define nothing: no scoring booklet's text is used here.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from engine.edss import CONVERSIONS


@dataclass(frozen=True)
class SystemWords:
    """A functional system's name, what is looked at, and a short label for each raw grade."""

    label: str
    hint: str
    grades: tuple[str, ...]


WORDS: dict[str, SystemWords] = {
    "visual": SystemWords(
        "Visual",
        "acuity, field, pallor",
        (
            "no loss",
            "slight loss in one eye",
            "worse eye 20/30 to 20/59",
            "worse eye 20/60 to 20/99",
            "worse eye 20/100 to 20/200",
            "worse eye under 20/200",
            "as 5, and the better eye 20/60 or less",
        ),
    ),
    "brainstem": SystemWords(
        "Brainstem",
        "eye movement, speech",
        (
            "no findings",
            "signs only",
            "clear nystagmus, or mildly disabling",
            "marked eye palsy, or moderately disabling",
            "speech hard to follow, or severely disabling",
            "cannot swallow or cannot speak",
        ),
    ),
    "pyramidal": SystemWords(
        "Pyramidal",
        "strength, spasticity",
        (
            "no findings",
            "signs only",
            "tires early, hardly disabling",
            "clear weakness in one or two limbs",
            "marked weakness in two limbs, or one limb lost",
            "two limbs lost, or four markedly weak",
            "all four limbs lost",
        ),
    ),
    "cerebellar": SystemWords(
        "Cerebellar",
        "tremor, gait, limb ataxia",
        (
            "no findings",
            "signs only",
            "mild ataxia, seen and felt",
            "moderate ataxia of trunk or limbs",
            "severe ataxia everywhere",
            "no coordinated movement",
        ),
    ),
    "sensory": SystemWords(
        "Sensory",
        "touch, pain, vibration",
        (
            "no findings",
            "vibration slightly less in one or two limbs",
            "mild loss in one or two limbs",
            "moderate loss in one or two limbs",
            "marked loss in one or two limbs",
            "one or two limbs all but numb",
            "numb below the head",
        ),
    ),
    "bowel_bladder": SystemWords(
        "Bowel, bladder",
        "urgency, catheter",
        (
            "no complaints",
            "mild hesitancy or urgency",
            "moderate urgency, rarely incontinent",
            "often incontinent",
            "catheter on most days",
            "bladder control lost",
            "bladder and bowel control lost",
        ),
    ),
    "cerebral": SystemWords(
        "Cerebral",
        "memory, attention, fatigue",
        (
            "no findings",
            "slight signs, or slight fatigue",
            "mild slowing or fatigue",
            "moderate slowing",
            "marked slowing",
            "cannot manage alone",
        ),
    ),
}

MARKS = {  # as stored: (key, words)
    "X": ("X", "X, hard to test"),
    "P": ("P", "P, not due to MS: counts as 0"),
    "not_done": ("N", "not done"),
}
AID_KEYS = {"none": "N", "one_side": "O", "both_sides": "B", "wheelchair": "W", "bed": "D"}
OBSERVED_KEYS = {"seen": "S", "told": "T"}
HELP = (("no", "No"), ("yes", "Yes, some"))
IN_BED = (
    ("out_most_of_day", "Out of bed most of the day"),
    ("some_arm_use", "Some use of the arms"),
    ("helpless", "Helpless, can talk and eat"),
    ("wholly_helpless", "Cannot talk or swallow"),
)
IN_BED_OF_CODE = {12: "out_most_of_day", 13: "some_arm_use", 14: "helpless", 15: "wholly_helpless"}
CHANGE_REASONS = (
    "Typing error",
    "Wrong date",
    "Read again from the chart",
    "Finding judged anew",
    "Another reason",
)


def grade_words(system: str, grade: int) -> str:
    return WORDS[system].grades[grade]


def counts_as(system: str, grade: int) -> int | None:
    """The converted grade where it differs from the raw one."""
    converted = CONVERSIONS[system][grade] if system in CONVERSIONS else grade
    return None if converted == grade else converted


def drivers_words(drivers: Iterable[str], raw: dict[str, int | None], converted) -> str:
    """The systems that matched the row, the highest first: `Pyramidal 3, bladder 3 (raw 4)`."""
    parts = []
    for system in sorted(drivers, key=lambda one: -converted[one]):
        note = f" (raw {raw[system]})" if raw[system] != converted[system] else ""
        name = "bladder" if system == "bowel_bladder" else WORDS[system].label.lower()
        parts.append(f"{name} {converted[system]}{note}")
    return ", ".join(parts).capitalize()
