"""Walking: what each ambulation code means, which EDSS it permits, and the code that findings amount to.

A scheme is one object: labels and scores can never come from different schemes. Source: docs/engine.md, "Walking".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, get_args

Aid = Literal["none", "one_side", "both_sides", "wheelchair", "bed"]
InBed = Literal["out_most_of_day", "some_arm_use", "helpless", "wholly_helpless"]


class WalkingError(ValueError):
    """A finding that cannot be; `field` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


@dataclass(frozen=True)
class Level:
    """One ambulation code: our label and the EDSS it stands for.

    `fixed`: the code alone decides; otherwise `edss` is a floor under the functional systems.
    `policy`: name of the policy that may set another floor; `edss` is its default.
    """

    code: int
    label: str
    edss: Decimal
    fixed: bool = True
    policy: str = ""


@dataclass(frozen=True)
class Scheme:
    """An ambulation scheme; `levels[code]` is the level of that code, the last one is death due to MS."""

    name: str
    levels: tuple[Level, ...]

    @property
    def death_code(self) -> int:
        return len(self.levels) - 1

    def choices(self) -> tuple[tuple[int, str], ...]:
        """(code, label) for a menu. Death is not on it: it follows from a recorded death."""
        return tuple((level.code, level.label) for level in self.levels[: self.death_code])


def _scheme(name: str, floors: Iterable[tuple[str, str, str]], fixed: Iterable[tuple[str, str]]) -> Scheme:
    levels = [Level(code, label, Decimal(edss), False, policy) for code, (edss, label, policy) in enumerate(floors)]
    levels += [Level(code, label, Decimal(edss)) for code, (edss, label) in enumerate(fixed, start=len(levels))]
    return Scheme(name, tuple(levels))


NEUROSTATUS: Final = _scheme(
    "neurostatus",
    floors=(
        ("0.0", "walks as far as healthy people of like age, no limit from MS", ""),
        ("2.0", "500 m or more without aid or rest, yet limited", ""),
        ("4.5", "300 to 499 m, no aid", ""),
    ),
    fixed=(
        ("5.0", "200 to 299 m, no aid"),
        ("5.5", "100 to 199 m, no aid"),
        ("6.0", "under 100 m, no aid"),
        ("6.0", "aid on one side, 50 m or more"),
        ("6.0", "aid on both sides, 120 m or more"),
        ("6.5", "aid on one side, under 50 m"),
        ("6.5", "aid on both sides, 5 to 119 m"),
        ("7.0", "under 5 m even with aid; wheels and transfers alone"),
        ("7.5", "a few steps at most; needs some help to transfer or wheel"),
        ("8.0", "bed or chair, out of bed most of the day; arms useful"),
        ("8.5", "in bed much of the day; some use of the arms"),
        ("9.0", "helpless in bed; can communicate and eat"),
        ("9.5", "wholly helpless; cannot communicate or cannot swallow"),
        ("10.0", "death due to MS"),
    ),
)

# The same integers mean something else here. Codes 5 and 6 have no single counterpart above and are never converted.
LEGACY: Final = _scheme(
    "legacy",
    floors=(
        ("0.0", "walking not limited; the systems alone decide", ""),
        ("4.0", "about 500 m without aid or rest", "legacy_code1"),
        ("4.5", "about 300 m without aid or rest", ""),
    ),
    fixed=(
        ("5.0", "about 200 m without aid or rest"),
        ("5.5", "about 100 m without aid or rest"),
        ("6.0", "short distances, or aid on one side"),
        ("6.5", "aid on both sides, or one side for a very short distance"),
        ("7.0", "about 5 m at most even with aid; wheels and transfers alone"),
        ("7.5", "a few steps at most; needs some help to transfer or wheel"),
        ("8.0", "bed or chair, out of bed most of the day; arms useful"),
        ("8.5", "in bed much of the day; some use of the arms"),
        ("9.0", "helpless in bed; can communicate and eat"),
        ("9.5", "wholly helpless; cannot communicate or cannot swallow"),
        ("10.0", "death due to MS"),
    ),
)

SCHEMES: Final = {scheme.name: scheme for scheme in (NEUROSTATUS, LEGACY)}


@dataclass(frozen=True)
class Ambulation:
    """A neurostatus code, or None with the codes still possible; `sentence` says what it is or what is wanted."""

    code: int | None
    candidates: tuple[int, ...]
    sentence: str


# Per aid: (from this many metres, code), farthest first. Unaided from 500 m is 1 unless walking is unrestricted (0).
_BY_DISTANCE: Final[dict[Aid, tuple[tuple[int, int], ...]]] = {
    "none": ((500, 1), (300, 2), (200, 3), (100, 4), (5, 5)),
    "one_side": ((50, 6), (5, 8)),
    "both_sides": ((120, 7), (5, 9), (1, 10)),
}
# From 1 to 4 m with less than full aid: the text of 5 or 8 fits, and that of 10 and 11 if nothing reaches 5 m.
_UNDER_5_M: Final[dict[Aid, tuple[int, ...]]] = {"none": (5, 10, 11), "one_side": (8, 10, 11)}
_CANNOT_WALK: Final = (10, 11, 12, 13, 14, 15)
_BY_HELP: Final = {False: 10, True: 11}
_BY_BED: Final[dict[InBed, int]] = {"out_most_of_day": 12, "some_arm_use": 13, "helpless": 14, "wholly_helpless": 15}


def ambulation_code(
    distance_m: int | None,
    aid: Aid | None,
    unrestricted: bool = False,
    *,
    wheelchair_help: bool | None = None,
    in_bed: InBed | None = None,
    ms_death: bool = False,
) -> Ambulation:
    """The neurostatus code of one way of walking, when the findings decide it.

    `distance_m`: farthest without rest, metres. `aid`: None if unknown; a brace alone is no aid.
    `wheelchair_help`: needs some help to transfer or wheel. Only a recorded MS death gives 16.
    Raises WalkingError for a negative or fractional distance and for an unknown word.
    Source: docs/engine.md, "Walking".
    """
    _check(distance_m, aid, in_bed)
    if ms_death:
        return _decided(NEUROSTATUS.death_code)
    if unrestricted:
        return _unrestricted(distance_m, aid)
    if aid in ("wheelchair", "bed"):
        if distance_m is not None and distance_m >= 5:
            return _open(_walks(distance_m), f"{distance_m} m were walked: with which aid?")
        return _seated(wheelchair_help) if aid == "wheelchair" else _bedbound(in_bed)
    if aid is None:
        return _open(_walks(distance_m), "Which aid was used, if any?")
    return _walked(distance_m, aid)


def best_ambulation(walks: Iterable[Ambulation]) -> Ambulation:
    """The best performance among several ways of walking: the lowest EDSS counts, then the lower code.

    Undecided when an undecided walk could still beat the best decided one. Raises WalkingError without any walk.
    """
    walks = tuple(walks)
    if not walks:
        raise WalkingError("walks", "give at least one")
    decided = sorted({walk.code for walk in walks if walk.code is not None})
    best = decided[:1]  # a higher code never stands for a lower EDSS
    could_be = {code for walk in walks if walk.code is None for code in walk.candidates}
    if best:
        could_be = {code for code in could_be if NEUROSTATUS.levels[code].edss < NEUROSTATUS.levels[best[0]].edss}
    if not could_be:
        return _decided(best[0])
    return _open((*could_be, *best), "A walk not fully described may be the best one.")


def _check(distance_m: object, aid: object, in_bed: object) -> None:
    if distance_m is not None and (not isinstance(distance_m, int) or isinstance(distance_m, bool) or distance_m < 0):
        raise WalkingError("distance_m", "must be a whole number of metres, 0 or more")
    if aid is not None and aid not in get_args(Aid):
        raise WalkingError("aid", f"must be one of {', '.join(get_args(Aid))}")
    if in_bed is not None and in_bed not in get_args(InBed):
        raise WalkingError("in_bed", f"must be one of {', '.join(get_args(InBed))}")


def _unrestricted(distance_m: int | None, aid: Aid | None) -> Ambulation:
    if aid not in (None, "none"):
        return _open((0, *_walks(distance_m)), "An aid contradicts unrestricted walking.")
    if distance_m is not None and distance_m < 500:
        return _open((0, *_reach(distance_m, "none")), f"{distance_m} m contradicts unrestricted walking.")
    return _decided(0)


def _walked(distance_m: int | None, aid: Aid) -> Ambulation:
    codes = _reach(distance_m, aid)
    if len(codes) == 1:
        return _decided(codes[0])
    if distance_m is None:
        return _open(codes, "How far, in metres?")
    if distance_m == 0:
        return _open(codes, "0 m is no walk: is a wheelchair used, or the bed?")
    return _open(codes, f"{distance_m} m: can 5 m be walked with more aid?")


def _reach(distance_m: int | None, aid: Aid) -> tuple[int, ...]:
    """Codes that fit this distance with this aid."""
    if distance_m is None:
        unlimited = (0,) if aid == "none" else ()
        return unlimited + tuple(code for _, code in _BY_DISTANCE[aid])
    if distance_m == 0:
        return _CANNOT_WALK
    if distance_m < 5 and aid in _UNDER_5_M:
        return _UNDER_5_M[aid]
    return (next(code for metres, code in _BY_DISTANCE[aid] if distance_m >= metres),)


def _walks(distance_m: int | None) -> tuple[int, ...]:
    """Codes that fit this distance with an aid nobody told; without a distance, every code but death."""
    if distance_m is None:
        return tuple(range(NEUROSTATUS.death_code))
    return tuple(code for aid in _BY_DISTANCE for code in _reach(distance_m, aid))


def _seated(needs_help: bool | None) -> Ambulation:
    if needs_help is None:
        return _open(tuple(_BY_HELP.values()), "Is help needed to transfer or to wheel?")
    return _decided(_BY_HELP[needs_help])


def _bedbound(in_bed: InBed | None) -> Ambulation:
    if in_bed is None:
        return _open(tuple(_BY_BED.values()), "How much of the day in bed, and what can the arms do?")
    return _decided(_BY_BED[in_bed])


def _decided(code: int) -> Ambulation:
    return Ambulation(code, (code,), f"Code {code}: {NEUROSTATUS.levels[code].label}.")


def _open(codes: Iterable[int], question: str) -> Ambulation:
    ordered = tuple(sorted(set(codes)))
    *most, last = map(str, ordered)
    return Ambulation(None, ordered, f"Code {', '.join(most)}{' or ' if most else ''}{last}. {question}")
