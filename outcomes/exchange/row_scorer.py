"""A row of a table of grades, with the policies, scheme and rater's EDSS it may name, to what is added to it."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from engine.edss import POLICY_CHOICES, Policies
from engine.edss_checks import own_value
from engine.walking import SCHEMES
from outcomes.exchange.grades import (
    NEEDED,
    RATER,
    SCHEME,
    STEPS,
    WALKING,
    no_choice,
    no_scheme,
    no_step,
    out_of_range,
    unreadable,
)
from outcomes.exchange.scoring import Fault, Plan, Reading, Scored, in_words, joined, plan_for, reading_for

ADDED: Final = ("calculated_edss", "matched_row", "contested", "warnings")


class Settings(NamedTuple):
    """What the policies and the scheme of a row amount to. `plan`: None if one of them does not exist."""

    plan: Plan | None
    reading: Reading
    scheme: str
    no_scheme: str
    no_policy: tuple[Fault, ...]


class RowScorer:
    """Scores the cells of some columns: NEEDED, then those of OPTIONAL that there are, each group in its order.

    `policies` and `scheme` are those of empty cells.
    """

    def __init__(self, columns: Sequence[str], policies: Policies, scheme: str) -> None:
        self.rater = columns.index(RATER) if RATER in columns else None
        self.names = tuple(name for name in columns[len(NEEDED) :] if name != RATER)
        self.place = slice(len(NEEDED), len(NEEDED) + len(self.names))
        self.policies, self.scheme = policies, scheme
        self.settings = lru_cache(maxsize=1024)(self._settings)
        self.usual = self._settings(("",) * len(self.names))

    def __call__(self, cells: tuple[str, ...]) -> Scored:
        settings = self.settings(cells[self.place]) if self.names else self.usual
        rater = "" if self.rater is None else cells[self.rater]
        plan = settings.plan
        if plan and (not rater or rater in STEPS):
            try:
                scored = plan.complete(cells)
            except KeyError:  # hardly ever, so that nothing need be asked of each row
                pass
            else:
                return _compared(scored, rater) if rater else scored
        if faults := _faults(cells, rater, settings):
            said = " | ".join([f"error: {column}: {why}" for column, why in faults])
            return Scored(("", "", "", said), faults)
        return settings.reading.incomplete(cells)

    def _settings(self, cells: tuple[str, ...]) -> Settings:
        own = self.policies.as_mapping() | {SCHEME: self.scheme}
        own |= {name: cell for name, cell in zip(self.names, cells, strict=True) if cell}
        scheme = own.pop(SCHEME)
        wrong = next((name for name, choices in POLICY_CHOICES.items() if own[name] not in choices), None)
        plan = None if wrong or scheme not in SCHEMES else plan_for(Policies.from_mapping(own), scheme)
        return Settings(
            plan=plan,
            reading=reading_for(scheme if scheme in SCHEMES else self.scheme),
            scheme=scheme,
            no_scheme=no_scheme(scheme),
            no_policy=((wrong, no_choice(wrong, own[wrong])),) if wrong else (),
        )


def _faults(cells: tuple[str, ...], rater: str, settings: Settings) -> tuple[Fault, ...]:
    """First what cannot be read, then what cannot be. Of several policies that do not exist the first is named."""
    faults: list[Fault] = []
    impossible: list[Fault] = []
    for column, cell, known in zip(NEEDED, cells, settings.reading.numbers, strict=False):
        if cell and cell not in known:
            if why := unreadable(column, cell):
                faults.append((column, why))
            elif column != WALKING or not settings.no_scheme:  # else there is no telling how far the codes go
                impossible.append((column, out_of_range(column, cell, settings.scheme)))
    if rater and (why := no_step(rater)):
        faults.append((RATER, why))
    if settings.no_scheme:
        impossible.append((SCHEME, settings.no_scheme))
    return (*faults, *settings.no_policy, *impossible)


def _compared(scored: Scored, rater: str) -> Scored:
    """With W1, which comes first, if the rater's EDSS is another one."""
    edss, row, contested, said = scored.cells
    first = _differs(rater, edss)
    return Scored((edss, row, contested, joined(first, said))) if first else scored


@lru_cache(maxsize=1024)  # more than there are
def _differs(rater: str, edss: str) -> str:
    finding = own_value(STEPS[rater], STEPS[edss])
    return in_words((finding,)) if finding else ""
