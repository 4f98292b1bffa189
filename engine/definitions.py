"""What counts as an event: a definition with all its options, checked, hashed and said in one sentence.

Names and values of the options are those of msprog and pymsprog, so that a published analysis can be repeated;
docs/engine.md, "Options", says what each means.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from hashlib import sha256
from math import ceil, floor, inf, nan
from types import MappingProxyType
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from engine import search
from engine.steps import Steps, steps_of

Event = Literal["firstCDW", "firstCDI", "multiple", "firstPIRA", "firstRAW", "first"]
Scheme = Literal["fixed", "roving", "roving_impr", "roving_wors"]
PrecType = Literal["baseline", "last", "last_delta"]
Pair = tuple[float, float]
OpenPair = tuple[float | None, float | None]
MOST_DAYS = 10_000_000  # more is a slip of the pen

_CHOICES: dict[str, tuple[str, ...]] = {
    "event": get_args(Event),
    "baseline": get_args(Scheme),
    "proceed_from": ("firstconf", "event"),
    "sub_threshold_rebl": ("none", "event", "improvement", "worsening"),
    "skip_local_extrema": ("none", "strict", "all"),
    "worsening": ("increase", "decrease"),
    "relapse_history": ("all", "peer"),
    "rebaseline_value": ("visit", "min_in_confirmation"),
    "compat": ("none", "pymsprog"),
}
_FLAGS = (
    "RAW_PIRA", "bl_geq", "relapse_rebl", "check_intermediate", "relapse_end", "include_stable", "count_continuations",
    "own_direction",
)  # fmt: skip
_PAIRS = ("relapse_to_bl", "relapse_to_event", "relapse_to_conf", "relapse_assoc")
_EVENTS = {
    "multiple": search.MULTIPLE,
    "first": search.FIRST,
    "firstCDW": search.FIRST_CDW,
    "firstCDI": search.FIRST_CDI,
    "firstPIRA": search.FIRST_PIRA,
    "firstRAW": search.FIRST_RAW,
}
_EXTREMA = {"none": search.EXTREMA_ALLOWED, "strict": search.STRICT_EXTREMA, "all": search.ALL_EXTREMA}
_PREC = {"baseline": search.BASELINE, "last": search.LAST, "last_delta": search.LAST_DELTA}


@dataclass(frozen=True, slots=True)
class RelapseFree:
    """Days without a relapse before and after three points, both ends included; None joins a window to the next."""

    prec: OpenPair = (0, 0)
    event: OpenPair = (90, 30)
    conf: OpenPair = (90, 30)
    prec_type: PrecType = "baseline"


@dataclass(frozen=True)
class Definition:
    """One definition of a confirmed event. Days are whole calendar days or, in a tolerance, any number of days.

    Options and defaults: docs/engine.md, "Options". Pairs are (before, after). ValueError names the option at fault.
    """

    _written: ClassVar[Mapping[str, Any]] = MappingProxyType({})  # by `from_mapping`, beside what it means

    event: Event = "firstCDW"
    RAW_PIRA: bool = False
    baseline: Scheme = "fixed"
    proceed_from: str = "firstconf"
    sub_threshold_rebl: str = "none"
    bl_geq: bool = False
    relapse_rebl: bool = False
    skip_local_extrema: str = "none"
    conf_days: tuple[float, ...] = (84,)
    conf_tol_days: tuple[Pair, ...] = ((7, 730.5),)  # one a window
    require_sust_days: float = 0
    check_intermediate: bool = True
    relapse_to_bl: Pair = (30, 0)
    relapse_to_event: Pair = (0, 0)
    relapse_to_conf: Pair = (30, 0)
    relapse_assoc: Pair = (90, 0)
    relapse_indep: RelapseFree = field(default_factory=RelapseFree)
    impute_last_visit: float = 0
    impute_seed: int | None = None  # needed for a probability, so that a result can be repeated
    steps: Steps = field(default_factory=lambda: steps_of("msprog"))
    worsening: str = "increase"
    relapse_history: str = "all"
    relapse_end: bool = False
    rebaseline_value: str = "visit"
    include_stable: bool = True
    count_continuations: bool = False
    own_direction: bool = False
    compat: str = "none"

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, np.generic | np.ndarray):
                object.__setattr__(self, item.name, value.tolist())
        for name, value in _normal(self).items():
            object.__setattr__(self, name, value)
        _check(self)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Definition:
        """A definition from options as JSON writes them ("inf" for infinity, null inside relapse_indep for a join)."""
        if not isinstance(mapping, Mapping):
            raise TypeError(f"a definition is a mapping of options, not {type(mapping).__name__}")
        known = {item.name for item in fields(cls)}
        for name in mapping:
            if name not in known:
                near = difflib.get_close_matches(str(name), known, 1)
                raise ValueError(f"{name}: there is no such option" + (f"; do you mean {near[0]}?" if near else ""))
        options = {name: value for name, value in mapping.items() if not (name == "compat" and value is None)}
        made = cls(**options)
        written = {name: value for name, value in options.items() if _is_json(value)}
        object.__setattr__(made, "_written", _plain(written))
        return made

    def as_mapping(self) -> dict[str, Any]:
        """Every option in the form that `from_mapping` reads, those it was given in JSON as they were written.

        Values are JSON-serialisable. Equal definitions may be written differently, such as 182 and [182].
        """
        written: dict[str, Any] = _plain(dict(self._written))
        return self.normalised() | written

    def normalised(self) -> dict[str, Any]:
        """The same, written alike for equal definitions."""
        found: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name == "conf_tol_days":
                same, pairs = len(set(value)) == 1, zip(self.conf_days, value, strict=True)
                value = value[0] if same else {day_key(days): pair for days, pair in pairs}
            elif isinstance(value, RelapseFree):
                value = {part.name: getattr(value, part.name) for part in fields(value)}
            elif isinstance(value, Steps):
                value = value.as_mapping()
            found[item.name] = _plain(value)
        return found

    def changed(self, **options: Any) -> Definition:
        """The same definition with other values of some options."""
        return replace(self, **options)

    @property
    def content_hash(self) -> str:
        """64 hexadecimal digits that are the same for equal definitions, on every machine and in every version."""
        return sha256(json.dumps(self.normalised(), sort_keys=True).encode()).hexdigest()

    @property
    def classifies(self) -> bool:
        """Whether a worsening is told to be RAW, PIRA or undefined."""
        return self.event in ("firstPIRA", "firstRAW") or (self.RAW_PIRA and self.event != "firstCDI")

    @property
    def sentence(self) -> str:
        """The definition in one English sentence."""
        from engine.definition_words import sentence

        return sentence(self)

    @property
    def peer(self) -> bool:
        return self.compat == "pymsprog"

    @property
    def windows(self) -> tuple[Pair, ...]:
        """First and last day of confirmation after the onset, one a window, in the order of `conf_days`."""
        days = [int(days) if self.peer else days for days in self.conf_days]
        return tuple((day - tol[0], day + tol[1]) for day, tol in zip(days, self.conf_tol_days, strict=True))

    @property
    def single_table(self) -> str:
        """The peers have one table of steps for both directions: which one serves."""
        return ("improvement" if self.event == "firstCDI" else "worsening") if self.peer else ""

    def rules(self, own_steps: bool = True) -> search.Rules:
        """The definition as the search reads it."""
        free = self.relapse_indep
        points = (free.prec, free.event, free.conf)
        up, down = self.baseline in ("roving", "roving_wors"), self.baseline in ("roving", "roving_impr")
        below_up, below_down = (self.sub_threshold_rebl in ("event", kind) for kind in ("worsening", "improvement"))
        sub_up, sub_down = up and below_up, down and below_down
        turned = self.peer and self.worsening == "decrease"  # there it takes a fall for an improvement, but for steps
        return search.Rules(
            event=_EVENTS[self.event],
            classify=self.classifies,
            move_up=up,
            move_down=down,
            from_event=self.proceed_from == "event",
            sub_up=sub_down if turned else sub_up,
            sub_down=sub_up if turned else sub_down,
            sub_first=turned,
            any_change=self.sub_threshold_rebl != "none",
            keep=(-1.0 if turned else 1.0) if self.bl_geq and self.relapse_rebl else 0.0,
            own_steps=own_steps,
            rebaseline=self.relapse_rebl,
            lowest=self.rebaseline_value == "min_in_confirmation",
            extrema=_EXTREMA[self.skip_local_extrema],
            every_visit=self.check_intermediate,
            sustain=float(self.require_sust_days),
            bl_since=float(self.relapse_to_bl[0]),
            bl_to=float(self.relapse_to_bl[1]),
            on_since=float(self.relapse_to_event[0]),
            on_to=float(self.relapse_to_event[1]),
            conf_since=float(self.relapse_to_conf[0]),
            conf_to=float(self.relapse_to_conf[1]),
            assoc_before=float(self.relapse_assoc[0]),
            assoc_after=float(self.relapse_assoc[1]),
            prec=_PREC[free.prec_type],
            free_before=_bounds(points, 0),
            free_after=_bounds(points, 1),
            windows=len(self.conf_days),
            latest=float(max(high for _, high in self.windows)),
            impute_within=_impute_within(self.impute_last_visit),
            peer=self.peer,
            own_direction=self.own_direction,
            drop_earlier=self.peer or self.relapse_history == "peer",
            ends=self.relapse_end,
            repeat=self.peer or self.count_continuations,
        )


def _bounds(points: Sequence[OpenPair], end: int) -> tuple[float, float, float]:
    first, second, third = (nan if (days := point[end]) is None else float(days) for point in points)
    return first, second, third


def _impute_within(value: float) -> float:
    if value == 0:
        return -1.0
    return inf if value <= 1 else float(value)


# Reading options


def _normal(definition: Definition) -> dict[str, Any]:
    """The options in one form each, so that equal definitions are equal."""
    found: dict[str, Any] = {}
    for name, choices in _CHOICES.items():
        if getattr(definition, name) not in choices:
            raise ValueError(f"{name}: {getattr(definition, name)!r} is not one of {', '.join(choices)}")
    for name in _FLAGS:
        if not isinstance(getattr(definition, name), bool):
            raise ValueError(f"{name}: must be true or false, not {getattr(definition, name)!r}")
    for name in _PAIRS:
        found[name] = _pair(name, getattr(definition, name), single_after=0)
    days = _conf_days(definition.conf_days)
    tolerances = _tolerances(definition.conf_tol_days, days)
    order = range(len(days)) if definition.peer else sorted(range(len(days)), key=lambda k: days[k])
    found["conf_days"] = tuple(days[k] for k in order)
    found["conf_tol_days"] = tuple(tolerances[k] for k in order)
    found["require_sust_days"] = _days("require_sust_days", definition.require_sust_days)
    found["impute_last_visit"] = _days("impute_last_visit", definition.impute_last_visit, finite=True)
    found["relapse_indep"] = _relapse_free(definition.relapse_indep)
    found["steps"] = steps_of(definition.steps)
    return found


def _days(name: str, value: Any, *, finite: bool = False) -> float:
    """A number of days, not negative; a whole number stays whole."""
    if value == "inf" and not finite:
        value = inf
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise ValueError(f"{name}: must be a number of days, not {value!r}")
    if value != inf and abs(value) > MOST_DAYS:
        raise ValueError(f"{name}: is more than {MOST_DAYS:,} days")
    if value < 0:
        raise ValueError(f"{name}: cannot be negative, but is {value!r}")
    if finite and value == inf:
        raise ValueError(f"{name}: cannot be infinite")
    return int(value) if value != inf and float(value).is_integer() else float(value)


def _pair(name: str, value: Any, *, single_after: float | None = None) -> Pair:
    """(before, after) of a pair or a single number; `single_after` None repeats the number."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) not in (1, 2):
            raise ValueError(f"{name}: must be one number of days or two (before, after), not {value!r}")
        if len(value) == 2:
            return _days(name, value[0]), _days(name, value[1])
        value = value[0]
    before = _days(name, value)
    return before, before if single_after is None else single_after


def _conf_days(value: Any) -> tuple[float, ...]:
    many = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    found = tuple(_days("conf_days", days, finite=True) for days in many)
    if not found:
        raise ValueError("conf_days: at least one number of days is needed")
    if len(set(found)) != len(found):
        raise ValueError(f"conf_days: names {next(d for d in found if found.count(d) > 1)} twice")
    return found


def _tolerances(value: Any, days: Sequence[float]) -> list[Pair]:
    if isinstance(value, Mapping):
        by_day = {day_key(_number(key)): pair for key, pair in value.items()}
        if len(by_day) < len(value):
            raise ValueError("conf_tol_days: names one of conf_days twice")
        missing = [day_key(day) for day in days if day_key(day) not in by_day]
        if missing:
            raise ValueError(f"conf_tol_days: has no entry for conf_days {missing[0]}")
        extra = set(by_day) - {day_key(day) for day in days}
        if extra:
            raise ValueError(f"conf_tol_days: has an entry for {sorted(extra)[0]}, which is not one of conf_days")
        return [_pair("conf_tol_days", by_day[day_key(day)]) for day in days]
    many = isinstance(value, Sequence) and not isinstance(value, str)
    if many and value and all(isinstance(item, Sequence) and not isinstance(item, str) for item in value):
        if len(value) == 1:
            return [_pair("conf_tol_days", value[0])] * len(days)
        if len(value) != len(days):
            raise ValueError(f"conf_tol_days: has {len(value)} pairs for {len(days)} conf_days")
        return [_pair("conf_tol_days", pair) for pair in value]
    return [_pair("conf_tol_days", value)] * len(days)


def _number(key: Any) -> float:
    try:
        return float(key)
    except (TypeError, ValueError):
        raise ValueError(f"conf_tol_days: {key!r} is not a number of days") from None


def _relapse_free(value: Any) -> RelapseFree:
    """Windows without a relapse; a join must be open on both sides, and the two outer ends closed."""
    if value is None:
        return RelapseFree()
    given = (
        {item.name: getattr(value, item.name) for item in fields(value)} if isinstance(value, RelapseFree) else value
    )
    if not isinstance(given, Mapping) or not {"prec", "event", "conf"} <= set(given):
        raise ValueError("relapse_indep: must have the keys prec, event and conf")
    if unknown := set(given) - {"prec", "event", "conf", "prec_type"}:
        raise ValueError(f"relapse_indep: {sorted(unknown)[0]!r} is not one of prec, event, conf, prec_type")
    kind = given.get("prec_type", "baseline")
    if kind not in get_args(PrecType):
        raise ValueError(f"relapse_indep: prec_type {kind!r} is not one of {', '.join(get_args(PrecType))}")
    prec, event, conf = (_open_pair(name, given[name]) for name in ("prec", "event", "conf"))
    if prec[0] is None or conf[1] is None:
        raise ValueError("relapse_indep: prec cannot be open before, nor conf open after")
    if (prec[1] is None) != (event[0] is None) or (event[1] is None) != (conf[0] is None):
        raise ValueError("relapse_indep: a window open after one point must be open before the next")
    return RelapseFree(prec, event, conf, kind)


def _open_pair(name: str, pair: Any) -> OpenPair:
    if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
        raise ValueError(f"relapse_indep: {name} must be two numbers of days (before, after)")
    before, after = (None if days is None else _days("relapse_indep", days) for days in pair)
    return before, after


def _check(definition: Definition) -> None:
    """Combinations that cannot be meant."""
    if 0 < definition.impute_last_visit < 1 and definition.impute_seed is None:
        raise ValueError("impute_last_visit: a probability needs impute_seed, or the result could not be repeated")
    if definition.impute_seed is not None and (
        isinstance(definition.impute_seed, bool)
        or not isinstance(definition.impute_seed, int)
        or definition.impute_seed < 0
    ):
        raise ValueError("impute_seed: must be a whole number from 0")
    if definition.peer and definition.rebaseline_value != "visit":
        raise ValueError("rebaseline_value: pymsprog has no min_in_confirmation, so it cannot go with compat")
    if definition.peer and definition.relapse_end:
        raise ValueError("relapse_end: pymsprog knows no end of a relapse, so it cannot go with compat")
    for days, (low, high) in zip(definition.conf_days, definition.windows, strict=True):
        if high < 1:
            raise ValueError(f"conf_days: {day_key(days)} with its tolerance leaves no day after the onset")
        if low > high:
            raise ValueError(f"conf_tol_days: the window of {day_key(days)} ends before it begins")
        if high != inf and floor(high) < ceil(max(low, 1)):
            raise ValueError(f"conf_tol_days: no whole day falls into the window of {day_key(days)}")


def day_key(days: float) -> str:
    """A number of days as it stands in names of columns and fields: 84, or 90.75."""
    return str(int(days)) if float(days).is_integer() else str(days)


def _is_json(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_json, value))
    if isinstance(value, dict):
        return all(map(_is_json, value.values()))
    return value is None or isinstance(value, str | bool | int | float)


def _plain(value: Any) -> Any:
    """JSON values: lists for tuples, "inf" for infinity."""
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return "inf" if value == inf else value
