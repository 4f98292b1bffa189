"""Confirmed disability worsening and improvement by any published definition: docs/engine.md, "Events".

`detect` looks at one patient, `detect_cohort` at many; both run the same search (`engine.search`), interpreted or, for
a cohort and where the optional extra is installed, compiled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from hashlib import sha256
from math import inf
from typing import Any

import numpy as np
import numpy.typing as npt

from engine import compiling, search
from engine.cohort import Cohort, CohortFinding, Floats, Ints, Scale, may, number_of, ordinal_of
from engine.definitions import Definition, day_key
from engine.events import CdwType, Event, Reason, Unconfirmed
from engine.presets import PRESETS, Preset
from engine.steps import EDSS_STEPS
from engine.types import Interval, day_of

__all__ = ["PRESETS", "Cohort", "CohortEvents", "Definition", "Detection", "Event", "Preset", "Unconfirmed", "detect",
           "detect_cohort", "detect_one"]  # fmt: skip

VisitRow = Sequence[Any]  # (date, score or None) or (date, score or None, may confirm)
RelapseOnset = date | Interval | tuple[date, date | None]

_LABELS: dict[int, CdwType | None] = {
    search.UNCLASSIFIED: None,
    search.UNDEFINED: "undefined",
    search.PIRA: "PIRA",
    search.RAW: "RAW",
    search.NOT_CLASSIFIABLE: "not classifiable",
}
_FOUND_KINDS = ("i4", "i4", "f8", "i4", "f8", "i1", "i1", "i4")
_WINDOW_KINDS = ("i4", "i4")
_MISSED_KINDS = ("i4", "i4", "f8", "i1", "i1", "i4", "f8")
_REASONS: dict[int, Reason] = {
    search.NO_LATER_VISIT: "no_later_visit",
    search.NONE_IN_WINDOW: "no_visit_in_window",
    search.NEAR_RELAPSE: "near_relapse",
    search.MAY_NOT_CONFIRM: "may_not_confirm",
    search.BROKEN: "run_broken",
    search.NOT_SUSTAINED: "not_sustained",
    search.BELOW_STEP: "below_step",
}


@dataclass(frozen=True)
class Detection:
    """The events of one patient. `total_followup_days` is None without a usable visit."""

    events: tuple[Event, ...]
    unconfirmed: tuple[Unconfirmed, ...]  # in order of examination
    findings: tuple[CohortFinding, ...]
    total_followup_days: int | None
    definition: Definition
    content_hash: str  # of the usable rows and the definition

    def as_mapping(self) -> dict[str, Any]:
        return {
            "total_followup_days": self.total_followup_days,
            "events": [event.as_mapping() for event in self.events],
            "unconfirmed": [change.as_mapping() for change in self.unconfirmed],
            "findings": [finding.sentence for finding in self.findings],
            "definition": self.definition.normalised(),
            "content_hash": self.content_hash,
        }


@dataclass(frozen=True)
class CohortEvents:
    """Events and unconfirmed changes of a cohort as columns; indices are visits of the cohort.

    `patient`, `missed_patient`: index into `cohort.patients`. Columns of `found` have one entry an event, `conf` and
    `pira` one row an event and one column a window; -1 is no visit.
    """

    cohort: Cohort
    definition: Definition
    counts: Ints  # events a patient
    patient: Ints
    found: search.Found
    missed_patient: Ints
    missed: search.Missed
    starts: Ints = field(repr=False)  # first event of each patient, and the end
    missed_starts: Ints = field(repr=False)
    delta_score: Floats | None = field(default=None, repr=False)  # of each visit, where the steps were taken there
    impute: npt.NDArray[np.bool_] | None = field(default=None, repr=False)  # of each patient

    def __len__(self) -> int:
        return len(self.patient)

    def of(self, index: int) -> tuple[Event, ...]:
        """The events of `cohort.patients[index]`."""
        begin, end = int(self.starts[index]), int(self.starts[index + 1])
        return tuple(self._event(row, row - begin + 1) for row in range(begin, end))

    def unconfirmed_of(self, index: int) -> tuple[Unconfirmed, ...]:
        begin, end = int(self.missed_starts[index]), int(self.missed_starts[index + 1])
        return tuple(self._unconfirmed(row) for row in range(begin, end))

    def content_hash_of(self, index: int) -> str:
        """Hash of all that the events of one patient follow from, as `detect` gives it for the same rows."""
        cohort = self.cohort
        visits = slice(cohort.offsets[index], cohort.offsets[index + 1])
        relapses = slice(cohort.relapse_offsets[index], cohort.relapse_offsets[index + 1])
        more: list[npt.NDArray[Any]] = [] if self.delta_score is None else [self.delta_score[visits]]
        if self.impute is not None and 0 < self.definition.impute_last_visit < 1:
            more.append(self.impute[index : index + 1])
        return _digest(
            self.definition,
            *(column[visits] for column in (cohort.day, cohort.score, cohort.may_confirm)),
            *(column[relapses] for column in (cohort.relapse_first, cohort.relapse_last, cohort.relapse_end)),
            cohort.collected[index : index + 1],
            *more,
        )

    @cached_property
    def onset_days(self) -> Floats:
        """Onset of each event, as an ordinal."""
        days: Floats = self.cohort.day[self.found.onset]
        return days

    def _event(self, at: int, number: int) -> Event:
        cohort, found = self.cohort, self.found
        onset, base, delta, held = (int(column[at]) for column in (found.onset, found.base, found.delta, found.held))
        patient = int(self.patient[at])
        first, end = int(cohort.offsets[patient]), int(cohort.offsets[patient + 1])
        worse = found.kind[at] == search.CDW
        conf = [int(visit) for visit in found.conf[at]]
        keys = [day_key(days) for days in self.definition.conf_days]
        pira: dict[str, date | None] = {key: self._day(visit) for key, visit in zip(keys, found.pira[at], strict=True)}
        return Event(
            number=number,
            type="CDW" if worse else "CDI",
            cdw_type=_LABELS[int(found.label[at])],
            date=day_of(int(cohort.day[onset])),
            value=self._value(onset),
            baseline_date=day_of(int(cohort.day[base])),
            baseline_value=float(found.base_score[at]),
            last_delta_date=day_of(int(cohort.day[delta])),
            last_delta_value=float(found.delta_score[at]),
            days_from_start=int(cohort.day[onset] - cohort.day[first]),
            days_from_baseline=int(cohort.day[onset] - cohort.day[base]),
            sustained_days=int(cohort.day[held] - cohort.day[onset]),
            sustained_to_last=held == end - 1,
            confirmed={key: self._day(visit) for key, visit in zip(keys, conf, strict=True)},
            pira_confirmed=pira if worse and found.label[at] != search.UNCLASSIFIED else None,
            imputed=max(conf) < 0,
            onset_row=int(cohort.row[onset]),
            baseline_row=int(cohort.row[base]),
            confirmed_rows=tuple(None if visit < 0 else int(cohort.row[visit]) for visit in conf),
            held_row=int(cohort.row[held]),
        )

    def _unconfirmed(self, at: int) -> Unconfirmed:
        cohort, missed = self.cohort, self.missed
        onset, base, seen = int(missed.onset[at]), int(missed.base[at]), int(missed.at[at])
        day = float(missed.day[at])
        return Unconfirmed(
            direction="worsening" if missed.kind[at] == search.CDW else "improvement",
            date=day_of(int(cohort.day[onset])),
            value=self._value(onset),
            baseline_date=day_of(int(cohort.day[base])),
            baseline_value=float(missed.base_score[at]),
            reason=_REASONS[int(missed.reason[at])],
            at=self._day(seen),
            confirmable_from=None if day == inf else day_of(int(np.ceil(day))),
            onset_row=int(cohort.row[onset]),
        )

    def _day(self, visit: int) -> date | None:
        return None if visit < 0 else day_of(int(self.cohort.day[visit]))

    def _value(self, visit: int) -> float:
        return float(self.cohort.score[visit])


def detect(
    visits: Iterable[VisitRow],
    relapses: Iterable[RelapseOnset] | None,
    definition: Definition,
    *,
    patient: object = "",
) -> Detection:
    """The events of one patient.

    `visits`: (date, score or None) or (date, score or None, may confirm), in any order; of several rows of one day the
    last one counts. `relapses`: onsets, as a date or an Interval, or (onset, end); None when relapses were never
    collected, so that no worsening can be classified. A bad row is a finding, never an error. `patient`: what findings
    call the patient, and of whom an imputation by chance is drawn. TypeError when the definition is none.
    """
    _check_definition(definition)
    rows = [_visit_row(row) for row in visits]
    onsets = [_onset(relapse) for relapse in (() if relapses is None else relapses)]
    number = len(onsets)
    cohort = Cohort.from_columns(
        np.zeros(len(rows), np.int64),
        [ordinal_of(row[0]) for row in rows],
        [number_of(row[1]) for row in rows],
        may_confirm=[row[2] for row in rows],
        relapse_patient=None if relapses is None else np.zeros(number, np.int64),
        relapse_day=[onset[0] for onset in onsets],
        relapse_last=[onset[1] for onset in onsets],
        relapse_end=[onset[2] for onset in onsets],
        scale=scale_of(definition),
    )
    return detect_one(cohort, definition, patient=patient)


def detect_one(cohort: Cohort, definition: Definition, *, patient: object = "") -> Detection:
    """The events of a cohort of one patient, or of nobody."""
    findings = tuple(replace(finding, patient=patient) for finding in cohort.findings)
    if not len(cohort):
        return Detection((), (), findings, None, definition, _digest(definition))
    found = detect_cohort(cohort, definition, names=[patient])
    followup = cohort.followup_days()[0]
    return Detection(
        found.of(0),
        found.unconfirmed_of(0),
        findings,
        None if np.isnan(followup) else int(followup),
        definition,
        found.content_hash_of(0),
    )


def detect_cohort(
    cohort: Cohort,
    definition: Definition,
    *,
    compiled: bool | None = None,
    delta_score: npt.ArrayLike | None = None,
    names: Sequence[object] | None = None,
) -> CohortEvents:
    """The events of every patient of a cohort.

    `compiled`: True asks for machine code (RuntimeError without the optional extra), False for the interpreter; by
    default a large cohort is compiled where that is possible. `delta_score` (visits of the cohort,): the steps are
    taken at these scores instead (pymsprog's `valuedelta`; ValueError when it has another length). `names`: what to
    call the patients where chance imputes.
    """
    _check_definition(definition)
    instead = None if delta_score is None else np.asarray(delta_score, dtype=np.float64)
    if instead is not None and instead.shape != cohort.score.shape:
        raise ValueError(f"delta_score must have the {len(cohort.score)} usable visits of the cohort: {instead.shape}")
    function = _function(cohort, compiled)
    interpreted = function is search.search_many
    rules = definition.rules(own_steps=instead is None)
    impute = _impute(definition, cohort.patients if names is None else names, len(cohort))
    tables, counts, misses = _tables(cohort, definition, rules, instead, impute, interpreted)
    bounds = compiling.run(function, tables, len(cohort), 0 if interpreted else len(cohort.day))
    found, missed = tables[3], tables[4]
    made = _collected(
        cohort, definition, rules, found, missed, np.asarray(counts, np.int64), np.asarray(misses, np.int64), bounds
    )
    return replace(made, delta_score=instead, impute=impute)


def scale_of(definition: Definition) -> Scale:
    """Which scores are accepted: the steps of the EDSS, any number from 0 to 10 as in the peers, or any number."""
    if definition.steps.name and definition.steps.name not in EDSS_STEPS:
        return "any"
    return "edss_any" if definition.peer else "edss"


def _function(cohort: Cohort, compiled: bool | None) -> compiling.SearchMany:
    if compiled or (compiled is None and len(cohort) >= compiling.WORTH_IT):
        made = compiling.compiled()
        if made is not None:
            return made
        if compiled:
            raise RuntimeError("The optional extra `speed` is not installed.")
    return search.search_many


def _tables(
    cohort: Cohort,
    definition: Definition,
    rules: search.Rules,
    delta_score: Floats | None,
    impute: npt.NDArray[np.bool_],
    interpreted: bool,
) -> tuple[tuple[Any, ...], Any, Any]:
    """Everything the search reads and writes: lists for the interpreter, which are faster there, else arrays."""
    size, patients, sign = len(cohort.day), len(cohort), -1.0 if definition.worsening == "decrease" else 1.0
    up, down = _steps(cohort, definition, delta_score)
    changes_scores = rules.keep != 0 or rules.lowest
    score = cohort.score * sign if sign < 0 or (changes_scores and not interpreted) else cohort.score
    if changes_scores and not interpreted:  # the search writes into them
        up, down = up.copy(), down.copy()
    reach = np.full(len(cohort.relapse_first), 0.0 if definition.event == "firstPIRA" else rules.assoc_before)
    if rules.ends:
        known = ~np.isnan(cohort.relapse_end) & (reach > 0)  # a distance of 0 stays 0
        reach[known] = cohort.relapse_end[known] - cohort.relapse_first[known]
    low, high = np.array(definition.windows, dtype=np.float64).T
    visits = search.Visits(
        *(_kept(interpreted, column) for column in (cohort.day, score, up, down, cohort.may_confirm)),
        *(_fresh(interpreted, size, "f8") for _ in ("since", "to")),
    )
    onsets = (cohort.relapse_first, cohort.relapse_last, cohort.relapse_end, reach)
    relapses = search.Relapses(*(_kept(interpreted, column) for column in onsets))
    found = search.Found(
        *(_fresh(interpreted, size, kind) for kind in _FOUND_KINDS),
        *(_fresh(interpreted, size * rules.windows, kind) for kind in _WINDOW_KINDS),
    )
    missed = search.Missed(*(_fresh(interpreted, size, kind) for kind in _MISSED_KINDS))
    counts, misses = _fresh(interpreted, patients, "i8"), _fresh(interpreted, patients, "i8")
    # without a table of relapses the peer takes nobody to have had one
    collected = np.ones(patients, bool) if definition.peer else cohort.collected
    windows = search.Windows(_kept(interpreted, low.copy()), _kept(interpreted, high.copy()))
    offsets = _kept(interpreted, cohort.offsets), _kept(interpreted, cohort.relapse_offsets)
    return (
        (
            visits,
            relapses,
            windows,
            found,
            missed,
            rules,
            *offsets,
            _kept(interpreted, collected),
            _kept(interpreted, impute),
            counts,
            misses,
        ),
        counts,
        misses,
    )


def _kept(interpreted: bool, column: npt.NDArray[Any]) -> Any:
    return column.tolist() if interpreted else column


def _fresh(interpreted: bool, length: int, kind: str) -> Any:
    """Room that the search fills."""
    return [0] * length if interpreted else np.empty(length, dtype=kind)


def _steps(cohort: Cohort, definition: Definition, delta_score: Floats | None) -> tuple[Floats, Floats]:
    """Smallest rise and fall at each visit, in the direction of the scale."""
    if delta_score is None and cohort.halves is not None:  # a score on the grid is looked up
        key = definition.steps, definition.single_table
        if key not in cohort.steps:
            up, down = definition.steps.columns(np.arange(21) / 2, definition.single_table)
            cohort.steps[key] = up[cohort.halves], down[cohort.halves]
        return cohort.steps[key]
    at = cohort.score if delta_score is None else delta_score
    return definition.steps.columns(at, definition.single_table)


def _impute(definition: Definition, names: Sequence[object] | npt.NDArray[Any], patients: int) -> npt.NDArray[np.bool_]:
    """Of whom a worsening at the last visit is kept; by chance it depends on the seed and the patient alone."""
    chance = definition.impute_last_visit
    if not 0 < chance < 1:
        return np.full(patients, chance > 0)
    return np.array([_draw(definition.impute_seed, name) < chance for name in names], dtype=bool)


def _draw(seed: int | None, name: object) -> float:
    return int.from_bytes(sha256(f"{seed}:{name}".encode()).digest()[:8], "big") / 2**64


def _collected(
    cohort: Cohort,
    definition: Definition,
    rules: search.Rules,
    found: search.Found,
    missed: search.Missed,
    counts: Ints,
    misses: Ints,
    bounds: Sequence[int],
) -> CohortEvents:
    """The rows that were written, together; those of one patient in order of onset."""
    sign = -1.0 if definition.worsening == "decrease" else 1.0
    patients = np.arange(len(counts))
    starts, missed_starts = _starts(counts), _starts(misses)
    patient = np.repeat(patients, counts)
    columns = _written(found[:8], _FOUND_KINDS, cohort.offsets, starts, bounds)
    wide = _written(found[8:], _WINDOW_KINDS, cohort.offsets, starts, bounds, rules.windows)
    columns += [column.reshape(-1, rules.windows) for column in wide]
    if rules.rebaseline:  # only then can an earlier onset be found later
        order = np.lexsort((columns[0], patient))
        columns = [column[order] for column in columns]
    columns[2], columns[4] = columns[2] * sign, columns[4] * sign
    other = _written(missed, _MISSED_KINDS, cohort.offsets, missed_starts, bounds)
    other[2] = other[2] * sign
    return CohortEvents(
        cohort, definition, counts, patient, search.Found(*columns), np.repeat(patients, misses),
        search.Missed(*other), starts, missed_starts,
    )  # fmt: skip


def _starts(counts: Ints) -> Ints:
    """First row of each patient, and the end."""
    starts = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    return starts


def _written(
    columns: Sequence[Any], kinds: Sequence[str], offsets: Ints, starts: Ints, bounds: Sequence[int], width: int = 1
) -> list[npt.NDArray[Any]]:
    """What was written to columns of `width` entries a row: a share begins at the row of its first visit."""
    begins = offsets[bounds[:-1]].tolist()
    lengths = np.diff(starts[bounds]).tolist()
    pieces = [slice(b * width, (b + n) * width) for b, n in zip(begins, lengths, strict=True)]
    return [
        np.concatenate([np.asarray(column[piece], kind) for piece in pieces])
        for column, kind in zip(columns, kinds, strict=True)
    ]


def _check_definition(definition: object) -> None:
    if not isinstance(definition, Definition):
        what = f"PRESETS[{definition!r}].definition" if definition in list(PRESETS) else "Definition.from_mapping(...)"
        raise TypeError(f"definition: this is a {type(definition).__name__}; write {what}")


def _visit_row(row: Any) -> tuple[Any, Any, bool]:
    """Date, score and whether it may confirm, which is so unless it is denied; what is no row has neither."""
    parts = tuple(row) if isinstance(row, Iterable) else ()
    day, score, flag = (*parts, None, None, None)[:3]
    return day, score, may(flag)


def _onset(relapse: RelapseOnset) -> tuple[float, float, float]:
    """First and last possible onset, and the last day or NaN."""
    if isinstance(relapse, Interval):
        return ordinal_of(relapse.first), ordinal_of(relapse.last), np.nan
    if isinstance(relapse, tuple | list):
        onset, end = (*relapse, None, None)[:2]
        first, last, _ = (np.nan, np.nan, np.nan) if isinstance(onset, tuple | list) else _onset(onset)
        return first, last, ordinal_of(end)
    return ordinal_of(relapse), ordinal_of(relapse), np.nan


def _digest(definition: Definition, *columns: npt.NDArray[Any]) -> str:
    digest = sha256(definition.content_hash.encode())
    for column in columns:
        digest.update(np.ascontiguousarray(column).tobytes())
        digest.update(b"|")
    return digest.hexdigest()
