"""A definition said in one English sentence, made from its options."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from engine.steps import Piece, Steps

if TYPE_CHECKING:
    from engine.definitions import Definition, Pair

_EVENTS = {
    "firstCDW": "First confirmed worsening",
    "firstCDI": "First confirmed improvement",
    "firstPIRA": "First confirmed worsening independent of relapses (PIRA)",
    "firstRAW": "First confirmed relapse-associated worsening (RAW)",
    "first": "First confirmed worsening or improvement",
    "multiple": "Every confirmed worsening and improvement",
}
_SCHEMES = {
    "fixed": "the first usable visit",
    "roving": "a baseline that moves with each confirmed change",
    "roving_impr": "a baseline that moves with each confirmed improvement",
    "roving_wors": "a baseline that moves with each confirmed worsening",
}
_PREC = {
    "baseline": "the baseline",
    "last": "the visit before onset",
    "last_delta": "the last clinically different visit",
}


def sentence(d: Definition) -> str:
    """The whole definition; options that change nothing are left out."""
    parts = [f"{_EVENTS[d.event]} of {_steps_words(d)}, against {_baseline(d)}, {_confirmation(d)}"]
    parts += [part for part in (_sustained(d), _distances(d), _classes(d), _last_visit(d)) if part]
    end = " Computed as pymsprog 1.0.7 does." if d.peer else ""
    return "; ".join(parts) + "." + end


def _steps_words(d: Definition) -> str:
    if d.event == "firstCDI":
        return _table(d.steps.improvement)
    if d.event in ("first", "multiple") and d.steps.worsening != d.steps.improvement:
        return f"{_table(d.steps.worsening)} up or {_table(d.steps.improvement)} down"
    return _table(d.steps.worsening)


def _table(pieces: tuple[Piece, ...]) -> str:
    """ "at least 1.0 (1.5 from 0, 0.5 from 5.5)"."""
    if pieces[0].share:
        limit = "" if pieces[0].limit == inf else f", at most {pieces[0].limit:g}"
        return f"at least {pieces[0].share:.0%} of the baseline{limit}".replace("%", " %")
    usual = max(pieces, key=lambda piece: _reach(piece, pieces))
    others = [_exception(piece, pieces) for piece in pieces if piece is not usual]
    return f"at least {usual.points}" + (f" ({', '.join(others)})" if others else "")


def _reach(piece: Piece, pieces: tuple[Piece, ...]) -> float:
    later = [other.first for other in pieces if other.first > piece.first]
    return min(later, default=10.0) - piece.first


def _exception(piece: Piece, pieces: tuple[Piece, ...]) -> str:
    first = "0" if piece.first == 0 else _shown(piece.first)
    later = [other.first for other in pieces if other.first > piece.first]
    if piece.points == inf:
        return f"never below {_shown(min(later, default=10.0))}"
    upto = f" to below {_shown(min(later))}" if later and not (piece.first == 0 and later[0] <= 0.5) else ""
    return f"{piece.points} from {first}{upto}"


def _shown(score: float) -> str:
    """The first step of the scale that is reached: 5.5 for anything just above 5.0."""
    half = int(-(-score * 2 // 1))
    return f"{half / 2:.1f}"


def _baseline(d: Definition) -> str:
    said = _SCHEMES[d.baseline]
    if d.baseline != "fixed":
        said += " (to its onset)" if d.proceed_from == "event" else " (to its first confirming visit)"
        if d.sub_threshold_rebl != "none":
            kind = "change" if d.sub_threshold_rebl == "event" else d.sub_threshold_rebl
            said += f", also with a smaller confirmed {kind}"
        if d.rebaseline_value == "min_in_confirmation":
            said += ", at the lowest score within the confirmation"
    if d.relapse_rebl:
        said += ", set anew after each relapse" + (", never lower than before" if d.bl_geq else "")
    if d.skip_local_extrema != "none":
        said += ", never on a local peak or dip" + (" of a step" if d.skip_local_extrema == "strict" else "")
    return said


def _confirmation(d: Definition) -> str:
    spans = " or ".join(_window(days, tolerance) for days, tolerance in zip(d.conf_days, d.conf_tol_days, strict=True))
    visits = "at every visit up to one" if d.check_intermediate else "at a visit"
    return f"confirmed {visits} {spans} after onset"


def _window(days: float, tolerance: Pair) -> str:
    low, high = max(days - tolerance[0], 0), days + tolerance[1]
    return f"{low:g} days or more" if high == inf else f"{low:g} to {high:g} days"


def _sustained(d: Definition) -> str:
    if not d.require_sust_days:
        return ""
    return (
        "sustained to the last visit" if d.require_sust_days == inf else f"sustained for {d.require_sust_days:g} days"
    )


def _distances(d: Definition) -> str:
    pairs = (("baseline", d.relapse_to_bl), ("onset", d.relapse_to_event), ("confirming visit", d.relapse_to_conf))
    said = [f"the {name} {_distance(pair)}" for name, pair in pairs if any(pair)]
    return ", ".join(said)


def _distance(pair: Pair) -> str:
    parts = [f"{pair[0]:g} days or more after a relapse"] if pair[0] else []
    parts += [f"{pair[1]:g} days or more before one"] if pair[1] else []
    return " and ".join(parts)


def _classes(d: Definition) -> str:
    if not d.classifies:
        return ""
    before, after = d.relapse_assoc
    raw = f"RAW within {before:g} days after a relapse" + (f" or {after:g} days before one" if after else "")
    return f"{raw}, PIRA without a relapse {_free(d)}"


def _free(d: Definition) -> str:
    free = d.relapse_indep
    names = (_PREC[free.prec_type], "onset", "the confirming visit")
    said: list[str] = []
    start = ""
    for name, (before, after) in zip(names, (free.prec, free.event, free.conf), strict=True):
        if before is not None:
            start = f"{before:g} days before {name}" if before else name
        if after is not None:
            end = f"{after:g} days after {name}" if after else name
            if (before, after) != (0, 0):
                said.append(f"from {start} to {end}")
    return " and ".join(said) or "in any window"


def _last_visit(d: Definition) -> str:
    chance = d.impute_last_visit
    if not chance:
        return ""
    if chance == 1:
        return "a worsening first seen at the last visit is kept unconfirmed"
    if chance < 1:
        return f"a worsening first seen at the last visit is kept with probability {chance:g}"
    return f"a worsening first seen at the last visit is kept within {chance:g} days of the first visit"


def steps_sentence(steps: Steps) -> str:
    """Both tables of steps in words."""
    return f"worse: {_table(steps.worsening)}; better: {_table(steps.improvement)}"
