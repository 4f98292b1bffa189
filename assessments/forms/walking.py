"""From the walking part of the form to its code: worked out where the findings decide, else chosen from the rest."""

from collections.abc import Mapping
from dataclasses import dataclass

from assessments.models import Assessment, Scheme
from engine.walking import SCHEMES, ambulation_code


@dataclass(frozen=True)
class Walking:
    """`code`: what counts, None while open. `choices`: (code, label) to choose from, none when the findings decide."""

    code: int | None
    choices: tuple[tuple[int, str], ...]
    sentence: str

    @property
    def words(self) -> str:
        """The sentence of a decided code without its number."""
        return self.sentence.partition(": ")[2]


def read_walking(values: Mapping, stored: Assessment) -> Walking:
    """The code of the entered findings. `values`: cleaned data, or the form's initial values."""
    chosen = values.get("ambulation")
    chosen = int(chosen) if chosen not in (None, "") else None
    if stored.ambulation_scheme == Scheme.LEGACY:
        choices = SCHEMES["legacy"].choices()
        known = dict(choices).get(chosen) if chosen is not None else None
        return Walking(chosen, choices, f"Legacy code {chosen}: {known}." if known else "Which legacy code?")
    entered = any(values.get(name) not in (None, "", False) for name in ("distance_m", "aid", "distance_unlimited"))
    if not entered and chosen is None and not stored.patient.died_of_ms:
        return Walking(None, (), "Enter the distance and the aid.")
    found = ambulation_code(
        values.get("distance_m"),
        values.get("aid") or None,
        bool(values.get("distance_unlimited")),
        wheelchair_help={"yes": True, "no": False}.get(values.get("wheelchair_help") or ""),
        in_bed=values.get("in_bed") or None,
    )
    possible = set(found.candidates)
    if stored.pk and stored.ambulation is not None:
        possible.add(stored.ambulation)  # as imported, or chosen before: changed only on purpose
    if stored.patient.died_of_ms:
        possible.add(16)
    if possible == {found.code}:
        return Walking(found.code, (), found.sentence)
    levels = SCHEMES["neurostatus"].levels
    choices = tuple((code, levels[code].label) for code in sorted(possible))
    if chosen in possible:
        return Walking(chosen, choices, f"Code {chosen}: {levels[chosen].label}.")
    return Walking(found.code, choices, found.sentence)
