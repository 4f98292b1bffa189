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
    more = (_sustained(d), _distances(d), _classes(d), _last_visit(d), *_apart(d))
    parts += [part for part in more if part]
    end = " Computed as pymsprog 1.0.7 does." if d.peer else ""
    return "; ".join(parts) + "." + end


def _steps_words(d: Definition) -> str:
    if d.event == "firstCDI":
        return _table(d.steps.improvement)
    if d.event in ("first", "multiple") and d.steps.worsening != d.steps.improvement and not d.single_table:
        worse, better = ("up", "down") if d.worsening == "increase" else ("down", "up")
        return f"{_table(d.steps.worsening)} {worse} or {_table(d.steps.improvement)} {better}"
    return _table(d.steps.worsening)


def _table(pieces: tuple[Piece, ...]) -> str:
    """ "at least 1.0 (1.5 from 0, 0.5 from 5.5)"."""
    if pieces[0].first > 0:
        pieces = (Piece(0.0, inf), *pieces)  # below the first piece nothing counts
    if pieces[0].share:
        limit = "" if pieces[0].limit == inf else f", at most {_number(pieces[0].limit)}"
        return f"at least {pieces[0].share:.0%} of the baseline{limit}".replace("%", " %")
    finite = [piece for piece in pieces if piece.points < inf]
    if not finite:
        return "a step that no change reaches"
    usual = max(finite, key=lambda piece: _reach(piece, pieces))
    others = [_exception(piece, pieces) for piece in pieces if piece is not usual]
    return f"at least {usual.points}" + (f" ({', '.join(others)})" if others else "")


def _reach(piece: Piece, pieces: tuple[Piece, ...]) -> float:
    later = [other.first for other in pieces if other.first > piece.first]
    return min(later, default=10.0) - piece.first


def _exception(piece: Piece, pieces: tuple[Piece, ...]) -> str:
    first = "0" if piece.first == 0 else _shown(piece.first)
    later = [other.first for other in pieces if other.first > piece.first]
    if piece.points == inf and piece.first == 0:
        return f"never below {_shown(min(later))}"
    if piece.points == inf:
        return f"never from {first}" + (f" to below {_shown(min(later))}" if later else "")
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
        if kind := _smaller(d):
            said += f", also with a smaller confirmed {kind}"
        if d.rebaseline_value == "min_in_confirmation":
            best = "lowest" if d.worsening == "increase" else "highest"
            said += f", at the {best} score within the confirmation"
    if d.relapse_rebl:
        said += ", set anew after each relapse" + (_not_better(d) if d.bl_geq else "")
    if d.skip_local_extrema != "none":
        said += ", never on a local peak or dip" + (" of a step" if d.skip_local_extrema == "strict" else "")
    return said


def _not_better(d: Definition) -> str:
    return ", never lower than before" if d.worsening == "increase" or d.peer else ", never higher than before"


def _smaller(d: Definition) -> str:
    """Which smaller changes move the baseline: those asked for, of the directions in which it moves."""
    moves = {"roving_impr": ["improvement"], "roving_wors": ["worsening"]}.get(d.baseline, ["improvement", "worsening"])
    kinds = [kind for kind in moves if d.sub_threshold_rebl in ("event", kind)]
    return "change" if len(kinds) == 2 else "".join(kinds)


def _confirmation(d: Definition) -> str:
    spans = " or ".join(_window(low, high) for low, high in d.windows)
    visits = "at every visit up to one" if d.check_intermediate else "at a visit"
    return f"confirmed {visits} {spans} after onset"


def _window(low: float, high: float) -> str:
    begin = _number(max(low, 0))
    return f"{begin} days or more" if high == inf else f"{begin} to {_number(high)} days"


def _number(value: float) -> str:
    return f"{value:.12g}"


def _sustained(d: Definition) -> str:
    if not d.require_sust_days:
        return ""
    return (
        "sustained to the last visit"
        if d.require_sust_days == inf
        else f"sustained for {_number(d.require_sust_days)} days"
    )


def _distances(d: Definition) -> str:
    pairs = (("baseline", d.relapse_to_bl), ("onset", d.relapse_to_event), ("confirming visit", d.relapse_to_conf))
    said = [f"the {name} {_distance(pair)}" for name, pair in pairs if any(pair)]
    return ", ".join(said)


def _distance(pair: Pair) -> str:
    parts = [f"{_at_least(pair[0])} after a relapse"] if pair[0] else []
    parts += [f"{_at_least(pair[1])} before {'one' if parts else 'a relapse'}"] if pair[1] else []
    return " and ".join(parts)


def _at_least(days: float) -> str:
    return "never" if days == inf else f"{_number(days)} days or more"


def _within(days: float) -> str:
    return "at any time" if days == inf else f"within {_number(days)} days"


def _classes(d: Definition) -> str:
    if not d.classifies:
        return ""
    before, after = d.relapse_assoc
    ahead = "at any time before one" if after == inf else f"{_number(after)} days before one"
    raw = f"RAW {_within(before)} after a relapse" + (f" or {ahead}" if after else "")
    free = _free(d)
    return f"{raw}, PIRA {f'without a relapse {free}' if free else 'otherwise'}"


def _free(d: Definition) -> str:
    free = d.relapse_indep
    names = (_PREC[free.prec_type], "onset", "the confirming visit")
    said: list[str] = []
    start = ""
    for name, (before, after) in zip(names, (free.prec, free.event, free.conf), strict=True):
        if before is not None:
            start = f"{_away(before)} before {name}" if before else name
        if after is not None:
            end = f"{_away(after)} after {name}" if after else name
            if (before, after) != (0, 0):
                said.append(f"from {start} to {end}")
    return " and ".join(said)


def _away(days: float) -> str:
    return "any time" if days == inf else f"{_number(days)} days"


def _apart(d: Definition) -> tuple[str, ...]:
    """Options that change what a relapse, a run or a direction is."""
    days = _number(d.relapse_to_bl[0])
    earlier = f"relapses more than {days} days before" if d.relapse_to_bl[0] else "relapses before"
    return (
        "a relapse whose end is known counts until then, and not after" if d.relapse_end else "",
        f"{earlier} the first visit left out" if d.relapse_history == "peer" and not d.peer else "",
        "a run that goes on counts again" if d.count_continuations and not d.peer else "",
        "the search goes on right after each onset" if d.baseline == "fixed" and d.proceed_from == "event" else "",
        "a change the other way hides none" if d.own_direction and d.event not in ("first", "multiple") else "",
        "a lower score is worse" if d.worsening == "decrease" else "",
    )


def _last_visit(d: Definition) -> str:
    chance = d.impute_last_visit
    if not chance:
        return ""
    if chance == 1:
        return "a worsening first seen at the last visit is kept unconfirmed"
    if chance < 1:
        return f"a worsening first seen at the last visit is kept with probability {_number(chance)}"
    return f"a worsening first seen at the last visit is kept within {_number(chance)} days of the first visit"


def steps_sentence(steps: Steps) -> str:
    """Both tables of steps in words."""
    return f"worse: {_table(steps.worsening)}; better: {_table(steps.improvement)}"
