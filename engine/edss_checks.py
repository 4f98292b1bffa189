"""What a rater should look at again before an assessment is saved: warnings W1 to W14.

Nothing here corrects or blocks anything; each finding wants a confirmation and a reason.
What is not known fires nothing. Source: docs/engine.md, "Warnings".
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Final, cast

from engine.edss import SYSTEMS, Grade, Score, counted_grade
from engine.edss_grades import all_plain
from engine.walking import NEUROSTATUS, SCHEMES, Aid, ambulation_code

RELAPSE_DAYS: Final = 30
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# What the walking codes with an aid stand for: 5 to 13, legacy 5 to 10.
_FIRST_AID: Final = Decimal("6.0")
_LAST_AID: Final = Decimal("8.5")
_WALKING_SETS_IT: Final = Decimal("4.5")
_SEVERE: Final[Mapping[str, int]] = {"pyramidal": 5, "cerebellar": 5, "sensory": 6}
# Systems of which the checks of one assessment by itself say or compare the grade, from this grade on. Of every other
# they see only what it adds to the row that matched.
SEEN_FROM: Final[Mapping[str, int]] = {"pyramidal": 0, "cerebellar": 0, "sensory": _SEVERE["sensory"]}
# The field of AssessmentFacts, and how a change of it reads.
_CIRCUMSTANCES: Final = (("rater", "rater"), ("mode", "way of examining"), ("vision_method", "vision test"))


@dataclass(frozen=True, kw_only=True)
class AssessmentFacts:
    """One assessment as the warnings see it; None is not known.

    `edss_counts`: the EDSS in force, the rater's if given, else the calculated one. `grades`: raw, by system.
    `ambulation`: a code of `scheme`. `distance_m`: metres, farthest without rest, with `aid`. `observed`: seen, not
    told. `subscores`: per examined system its single findings, each 0 or higher; a system not examined is left out.
    `days_since_relapse`: from the onset of the latest relapse.
    """

    day: date
    edss_counts: Decimal | None = None
    rater_assigned: Decimal | None = None
    grades: Mapping[str, Grade | int | None]
    ambulation: int | None = None
    scheme: str = "neurostatus"
    distance_m: int | None = None
    aid: Aid | None = None
    observed: bool | None = None
    rater: str | None = None
    mode: str | None = None
    vision_method: str | None = None
    subscores: Mapping[str, Mapping[str, int]] | None = None
    days_since_relapse: int | None = None
    steroids_last_30_days: bool | None = None

    @cached_property
    def counted(self) -> Mapping[str, int]:
        """Raw grades as they count, the known ones only, in the order of `SYSTEMS`."""
        if tuple(self.grades) == SYSTEMS and all_plain(self.grades.values()):
            return cast(Mapping[str, int], self.grades)
        read = self.grades.get
        return {system: grade for system in SYSTEMS if (grade := counted_grade(read(system))) is not None}


@dataclass(frozen=True)
class Finding:
    """One warning: its id (W1 to W14), the fields it is about, and a sentence for the rater."""

    id: str
    fields: tuple[str, ...]
    sentence: str


def warnings(
    current: AssessmentFacts, score: Score | None, previous: AssessmentFacts | None = None
) -> tuple[Finding, ...]:
    """Every warning that applies, in order of number. `score`: the calculated EDSS of `current`, if there is one.

    Facts are taken as valid; what did not pass its own check comes here as None.
    """
    found = [finding for check in _ALONE for finding in check(current, score)]
    if previous is not None:
        rise = _difference(_edss(current, score), _edss(previous, None))
        found += [finding for check in _COMPARED for finding in check(current, previous, rise)]
    return tuple(sorted(found, key=lambda finding: int(finding.id[1:])))


def own_value(rater_assigned: Decimal, calculated: Decimal) -> Finding | None:
    """W1 alone: the only warning that looks at the rater's EDSS and at one assessment by itself."""
    if rater_assigned == calculated:
        return None
    sentence = f"Your value {rater_assigned:.1f} differs from the calculated {calculated:.1f}."
    return Finding("W1", ("rater_assigned",), sentence)


def _w1_own_value(current: AssessmentFacts, score: Score | None) -> Iterator[Finding]:
    if score and current.rater_assigned is not None and (finding := own_value(current.rater_assigned, score.edss)):
        yield finding


def _w4_distance(current: AssessmentFacts, score: Score | None) -> Iterator[Finding]:
    # The legacy scheme knows only rough distances: nothing to contradict.
    if current.scheme != NEUROSTATUS.name or current.ambulation is None:
        return
    if current.aid != "none" or current.distance_m is None:
        return
    fitting = ambulation_code(current.distance_m, "none").candidates
    if fitting == (1,):
        fitting = (0, 1)  # 500 m and more fits both; what limits the walk is the rater's to say
    if current.ambulation not in fitting:
        how = "told" if current.observed is False else "measured"
        codes = _listed(map(str, fitting), "or")
        sentence = f"{current.distance_m} m without aid, as {how}, fits code {codes}, not {current.ambulation}."
        yield Finding("W4", ("distance_m", "ambulation"), sentence)


def _w5_aid_unexplained(current: AssessmentFacts, score: Score | None) -> Iterator[Finding]:
    grades = current.counted
    if grades.get("pyramidal") == 0 == grades.get("cerebellar") and _FIRST_AID <= _stands_for(current) <= _LAST_AID:
        sentence = f"Walking code {current.ambulation} with pyramidal and cerebellar both 0: what calls for the aid?"
        yield Finding("W5", ("ambulation", "pyramidal", "cerebellar"), sentence)


def _w6_walks_too_well(current: AssessmentFacts, score: Score | None) -> Iterator[Finding]:
    if current.ambulation not in (0, 1):
        return
    severe = tuple(name for name, grade in current.counted.items() if name in _SEVERE and grade >= _SEVERE[name])
    if severe:
        grades = _listed(f"{name} {current.counted[name]}" for name in severe)
        yield Finding("W6", ("ambulation", *severe), f"Walking code {current.ambulation} is unlikely with {grades}.")


def _w7_limit_unexplained(current: AssessmentFacts, score: Score | None) -> Iterator[Finding]:
    grades = current.counted
    if current.ambulation == 1 and grades.get("pyramidal", 2) < 2 and grades.get("cerebellar", 2) < 2:
        sentence = "Walking is limited, yet pyramidal and cerebellar are both under 2: what limits it?"
        yield Finding("W7", ("ambulation", "pyramidal", "cerebellar"), sentence)


def _w8_unlimited(current: AssessmentFacts, score: Score | None) -> Iterator[Finding]:
    if not score or current.ambulation != 0 or score.fs_step < 4:
        return
    drivers = tuple(name for name in ("pyramidal", "cerebellar") if name in score.drivers)
    if drivers:
        sentence = f"Walking has no limit, yet the systems reach {score.fs_step:.1f} through {_listed(drivers)}."
        yield Finding("W8", ("ambulation", *drivers), sentence)


def _w9_walking_alone(current: AssessmentFacts, score: Score | None) -> Iterator[Finding]:
    grades = current.counted
    # With every grade 0 or 1 the systems reach 1.5 at most: from 4.5 it is the walking that sets the EDSS.
    if score and score.edss >= _WALKING_SETS_IT and max(grades.values(), default=2) <= 1:
        sentence = f"EDSS {score.edss:.1f} rests on walking alone: every system is at 0 or 1."
        yield Finding("W9", ("ambulation", *grades), sentence)


def _w10_subscores(current: AssessmentFacts, score: Score | None) -> Iterator[Finding]:
    if not current.subscores:
        return
    # A grade marked P is 0 because its findings are not due to MS: no contradiction.
    ours = {name: grade for name, grade in current.counted.items() if not _marked_p(current.grades[name])}
    examined = {name: max(found.values()) for name, found in current.subscores.items() if found}
    odd = tuple(name for name in ours if name in examined and (ours[name] > 0) != (examined[name] > 0))
    if odd:
        parts = (f"{name} {ours[name]} {'without any' if ours[name] else 'with a'} finding" for name in odd)
        yield Finding("W10", odd, f"Grade and findings disagree: {_listed(parts)}.")


def _w11_near_relapse(current: AssessmentFacts, score: Score | None) -> Iterator[Finding]:
    """Day 30 itself is not near, as everywhere in the engine."""
    days = current.days_since_relapse
    reasons = {}
    if days is not None and 0 <= days < RELAPSE_DAYS:
        reasons["days_since_relapse"] = f"{days} days after the onset of a relapse"
    if current.steroids_last_30_days:
        reasons["steroids_last_30_days"] = "steroids in the last 30 days"
    if reasons:
        sentence = f"Not for use as baseline or confirmation: {_listed(reasons.values())}."
        yield Finding("W11", tuple(reasons), sentence)


def _w13_contested(current: AssessmentFacts, score: Score | None) -> Iterator[Finding]:
    if score and score.contested:
        cerebral = "cerebral_grade1" in score.contested
        others = _listed(f"{edss:.1f}" for edss in score.alternatives.values())
        subject = "cerebral grade 1" if cerebral else score.row_text
        sentence = f"Sources differ on {subject}: {score.edss:.1f} as set here, {others} elsewhere."
        yield Finding("W13", ("cerebral",) if cerebral else score.drivers, sentence)


def _w2_no_reason(current: AssessmentFacts, previous: AssessmentFacts, rise: Decimal | None) -> Iterator[Finding]:
    moves = _moves(current, previous)
    walking = _walking_move(current, previous)
    if rise is None or abs(rise) < 1 or len(moves) < len(SYSTEMS) or walking is None:
        return
    sign = 1 if rise > 0 else -1
    if all(move * sign < 1 for move in (*moves.values(), walking)):
        way = "up" if rise > 0 else "down"
        change = f"EDSS {way} by {abs(rise):.1f} since {_said(previous.day)}"
        yield Finding("W2", ("edss_counts",), f"{change}, yet no system and no walking code went {way}.")


def _w3_no_change(current: AssessmentFacts, previous: AssessmentFacts, rise: Decimal | None) -> Iterator[Finding]:
    moved = {name: move for name, move in _moves(current, previous).items() if abs(move) >= 2}
    # Code 4 is 5.5 in both schemes: from there on the systems do not count.
    if rise == 0 and moved and current.ambulation is not None and current.ambulation < 4:
        parts = _listed(f"{name} {'+' if move > 0 else '−'}{abs(move)}" for name, move in moved.items())
        sentence = f"EDSS as on {_said(previous.day)}, although systems moved: {parts}."
        yield Finding("W3", ("edss_counts", *moved), sentence)


def _w12_large_change(current: AssessmentFacts, previous: AssessmentFacts, rise: Decimal | None) -> Iterator[Finding]:
    # Covers improvement from 6.0 or more to 4.0 or less: that is 2.0 at least.
    if rise is not None and abs(rise) >= Decimal("1.5"):
        sentence = f"EDSS {'up' if rise > 0 else 'down'} by {abs(rise):.1f} since {_said(previous.day)}."
        yield Finding("W12", ("edss_counts",), sentence)


def _w14_other_hands(current: AssessmentFacts, previous: AssessmentFacts, rise: Decimal | None) -> Iterator[Finding]:
    pairs = ((field, word, getattr(current, field), getattr(previous, field)) for field, word in _CIRCUMSTANCES)
    changed = {field: word for field, word, now, before in pairs if now and before and now != before}
    if changed:
        sentence = f"Another {' and another '.join(changed.values())} than on {_said(previous.day)}."
        if rise:
            owner = "the rater's" if tuple(changed) == ("rater",) else "due to that"
            sentence += f" The change of {abs(rise):.1f} may be {owner}."
        yield Finding("W14", tuple(changed), sentence)


_ALONE: Final[tuple[Callable[[AssessmentFacts, Score | None], Iterator[Finding]], ...]] = (
    _w1_own_value,
    _w4_distance,
    _w5_aid_unexplained,
    _w6_walks_too_well,
    _w7_limit_unexplained,
    _w8_unlimited,
    _w9_walking_alone,
    _w10_subscores,
    _w11_near_relapse,
    _w13_contested,
)
_COMPARED: Final[tuple[Callable[[AssessmentFacts, AssessmentFacts, Decimal | None], Iterator[Finding]], ...]] = (
    _w2_no_reason,
    _w3_no_change,
    _w12_large_change,
    _w14_other_hands,
)


def _edss(facts: AssessmentFacts, score: Score | None) -> Decimal | None:
    """The EDSS in force: as given, else the rater's, else the calculated one."""
    if facts.edss_counts is not None:
        return facts.edss_counts
    if facts.rater_assigned is not None:
        return facts.rater_assigned
    return score.edss if score else None


def _difference(now: Decimal | None, before: Decimal | None) -> Decimal | None:
    return None if now is None or before is None else now - before


def _moves(current: AssessmentFacts, previous: AssessmentFacts) -> dict[str, int]:
    """Change of each system known both times, in raw grades as they count."""
    now, before = current.counted, previous.counted
    return {name: now[name] - before[name] for name in SYSTEMS if name in now and name in before}


def _walking_move(current: AssessmentFacts, previous: AssessmentFacts) -> int | None:
    if current.ambulation is None or previous.ambulation is None or current.scheme != previous.scheme:
        return None  # codes of two schemes cannot be compared
    return current.ambulation - previous.ambulation


def _stands_for(facts: AssessmentFacts) -> Decimal:
    """The EDSS of the walking code; 0 without one."""
    if facts.ambulation is None:
        return Decimal(0)
    return SCHEMES[facts.scheme].levels[facts.ambulation].edss


def _marked_p(grade: Grade | int | None) -> bool:
    return isinstance(grade, Grade) and grade.mark == "P"


def _listed(parts: Iterable[str], last_join: str = "and") -> str:
    *most, last = (part.replace("_", " and ") for part in parts)
    return f"{', '.join(most)} {last_join} {last}" if most else last


def _said(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
