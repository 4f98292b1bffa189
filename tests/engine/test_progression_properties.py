"""What must hold for any history and any definition; the search compiled and interpreted; the search written twice."""

import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import compiling
from engine.progression import PRESETS, Cohort, Definition, detect, detect_cohort
from tests.engine import drawn, plain_events

CHANCE = st.randoms(use_true_random=False)
QUICK = settings(max_examples=100, deadline=None)


def draw(rng):
    """A history, its relapses and a definition with any options."""
    visits = drawn.history(rng)
    if rng.random() < 0.3:
        visits = [[*visit, rng.random() < 0.7] for visit in visits]
    return visits, drawn.relapses(rng, visits), Definition.from_mapping(drawn.own_options(rng))


def run(visits, relapses, definition, shift=0):
    moved = timedelta(shift)
    rows = [(day and date.fromisoformat(day) + moved, *rest) for day, *rest in visits]
    return detect(rows, [date.fromisoformat(day) + moved for day in relapses], definition, patient="one")


def seen(found):
    """Everything but dates that were moved and numbers of rows."""
    return [event.as_mapping() for event in found.events], [change.as_mapping() for change in found.unconfirmed]


# What changes nothing


@QUICK
@given(CHANCE)
def test_the_order_of_rows_and_relapses_changes_nothing(rng):
    visits, relapses, definition = draw(rng)

    found = run(rng.sample(visits, len(visits)), rng.sample(relapses, len(relapses)), definition)

    expected = run(visits, relapses, definition)
    assert seen(found) == seen(expected)
    assert found.content_hash == expected.content_hash


@QUICK
@given(CHANCE, st.integers(-20000, 20000))
def test_moving_all_dates_moves_the_events_and_nothing_else(rng, days):
    visits, relapses, definition = draw(rng)

    here, there = run(visits, relapses, definition), run(visits, relapses, definition, shift=days)

    assert [event.date + timedelta(days) for event in here.events] == [event.date for event in there.events]
    without = [(e.type, e.cdw_type, e.value, e.baseline_value, e.days_from_baseline, e.sustained_days, e.onset_row,
                e.baseline_row, e.confirmed_rows, e.held_row) for e in here.events]  # fmt: skip
    assert without == [
        (e.type, e.cdw_type, e.value, e.baseline_value, e.days_from_baseline, e.sustained_days, e.onset_row,
         e.baseline_row, e.confirmed_rows, e.held_row) for e in there.events
    ]  # fmt: skip
    assert [(c.reason, c.onset_row) for c in here.unconfirmed] == [(c.reason, c.onset_row) for c in there.unconfirmed]


@QUICK
@given(CHANCE)
def test_a_relapse_that_is_listed_twice_counts_once(rng):
    visits, relapses, definition = draw(rng)

    assert seen(run(visits, relapses + relapses, definition)) == seen(run(visits, relapses, definition))


@QUICK
@given(CHANCE)
def test_rows_without_a_score_or_a_date_change_nothing(rng):
    visits, relapses, definition = draw(rng)
    more = [*visits, [visits[0][0], None], [rng.choice(visits)[0], None], [None, 4.0]]

    found = run(rng.sample(more, len(more)), relapses, definition)

    assert seen(found) == seen(run(visits, relapses, definition))
    assert [finding.kind for finding in found.findings] == ["no_date"]


@QUICK
@given(CHANCE)
def test_other_patients_in_the_table_change_nothing(rng):
    people = [draw(rng)[:2] for _ in range(rng.randint(1, 4))]
    definition = Definition.from_mapping(drawn.own_options(rng))

    found = detect_cohort(cohort_of(people), definition, compiled=False, names=["one"] * len(people))

    for index, (visits, relapses) in enumerate(people):
        alone = run(visits, relapses, definition)
        assert [event.as_mapping() for event in found.of(index)] == seen(alone)[0]
        assert [change.as_mapping() for change in found.unconfirmed_of(index)] == seen(alone)[1]
        assert found.content_hash_of(index) == alone.content_hash


def test_a_patient_far_down_a_table_is_found_as_alone():
    """Row numbers beyond some hundred are other objects, and other sums, than the first few; some are odd."""
    rng = random.Random(7)
    days = [(drawn.START + timedelta(7 * n)).isoformat() for n in range(301)]
    crowd = [[day, 3.0] for day in days]

    for _ in range(50):
        definition = draw(rng)[2].changed(relapse_history="peer")  # those of the crowd are not looked at time and again
        people = [(crowd[: rng.randint(298, 301)], days[:300]), *(draw(rng)[:2] for _ in range(10))]
        found = detect_cohort(cohort_of(people), definition, compiled=False, names=["one"] * len(people))
        for index, (visits, relapses) in enumerate(people[1:], start=1):
            alone = run(visits, relapses, definition)
            assert [event.as_mapping() for event in found.of(index)] == seen(alone)[0]
            assert [change.as_mapping() for change in found.unconfirmed_of(index)] == seen(alone)[1]
            assert found.content_hash_of(index) == alone.content_hash


def cohort_of(people):
    visits = [(who, *visit) for who, (rows, _) in enumerate(people) for visit in rows]
    onsets = [(who, day) for who, (_, days) in enumerate(people) for day in days]
    return Cohort.from_columns(
        [row[0] for row in visits],
        [plain_events.ordinal(row[1]) for row in visits],
        [row[2] for row in visits],
        may_confirm=[row[3] if len(row) > 3 else True for row in visits],
        relapse_patient=[who for who, _ in onsets],
        relapse_day=[plain_events.ordinal(day) for _, day in onsets],
    )


# What a later visit may do

NOT_FINAL = (
    "require_sust_days",  # waits for later visits by its nature
    "impute_last_visit",  # says something of the last visit
    "skip_local_extrema",  # whether a visit is a peak is known with the next one
    "baseline", "relapse_rebl", "rebaseline_value", "sub_threshold_rebl",  # a baseline that moves
    "count_continuations",  # an earlier visit of one run may come to be PIRA
    "compat",  # the peer takes the event from elsewhere where it lists several
)  # fmt: skip


def never_rewritten(before, after, event):
    """Events found before are there after, with the same onset, baseline and first confirmation.

    How long they were sustained may grow, a window still empty may be filled, and what was undefined may become PIRA.
    """
    assert len(after) >= len(before)
    for old, new in zip(before, after, strict=False):
        assert (new.type, new.date, new.value) == (old.type, old.date, old.value)
        assert (new.baseline_date, new.baseline_value) == (old.baseline_date, old.baseline_value)
        assert (new.last_delta_date, new.last_delta_value) == (old.last_delta_date, old.last_delta_value)
        assert all(new.confirmed[key] == day for key, day in old.confirmed.items() if day)
        assert new.cdw_type == old.cdw_type or (old.cdw_type, new.cdw_type) == ("undefined", "PIRA")
        assert new.sustained_days >= old.sustained_days
    assert event == "multiple" or not before or len(after) == len(before)


@settings(max_examples=200, deadline=None)
@given(CHANCE)
def test_a_later_visit_never_rewrites_an_event_under_a_fixed_baseline(rng):
    visits, relapses, _ = draw(rng)
    options = {name: value for name, value in drawn.own_options(rng).items() if name not in NOT_FINAL}
    definition = Definition.from_mapping(options)
    # of several windows a later one can confirm an earlier onset
    definition = definition.changed(conf_days=definition.conf_days[:1], conf_tol_days=definition.conf_tol_days[:1])

    shown = [run(visits[:count], relapses, definition).events for count in range(2, len(visits) + 1)]

    for before, after in pairwise(shown):
        never_rewritten(before, after, definition.event)


@pytest.mark.parametrize("definition", [*PRESETS["carems_6m"].definitions, *PRESETS["carems_3m"].definitions,
                                        Definition(), Definition(event="multiple")])  # fmt: skip
@settings(max_examples=50, deadline=None)
@given(rng=CHANCE)
def test_with_the_presets_of_the_application_an_event_stays(definition, rng):
    visits, relapses, _ = draw(rng)

    shown = [run(visits[:count], relapses, definition).events for count in range(2, len(visits) + 1)]

    for before, after in pairwise(shown):
        never_rewritten(before, after, definition.event)


# Shapes that always hold


@QUICK
@given(CHANCE)
def test_every_event_is_in_itself_consistent(rng):
    visits, relapses, definition = draw(rng)

    found = run(visits, relapses, definition)

    assert definition.event == "multiple" or len(found.events) <= 1
    assert [event.number for event in found.events] == list(range(1, len(found.events) + 1))
    assert [event.date for event in found.events] == sorted({event.date for event in found.events})
    for event in found.events:
        days = [day for day in event.confirmed.values() if day]
        assert event.baseline_date < event.date
        assert event.last_delta_date < event.date
        assert event.imputed == (not days)
        assert event.imputed == all(row is None for row in event.confirmed_rows)
        assert all(visits[row][0] == day.isoformat() for row, day in
                   zip(event.confirmed_rows, event.confirmed.values(), strict=True) if row is not None)  # fmt: skip
        assert visits[event.onset_row][:2] == [event.date.isoformat(), event.value]
        assert visits[event.baseline_row][0] == event.baseline_date.isoformat()
        assert (event.value > event.baseline_value) == (event.type == "CDW")
        assert event.sustained_to_last == (event.held_row == len(visits) - 1)
        assert all(low <= (day - event.date).days <= high for day, (low, high) in
                   zip(event.confirmed.values(), definition.windows, strict=True) if day)  # fmt: skip
        assert (event.cdw_type is None) == (event.type == "CDI" or not definition.classifies or (
            event.imputed and not definition.peer))  # fmt: skip
    assert len({change.onset_row for change in found.unconfirmed}) == len(found.unconfirmed)


@QUICK
@given(CHANCE)
def test_smaller_changes_do_nothing_to_events_under_a_fixed_baseline(rng):
    visits, relapses, definition = draw(rng)
    fixed = definition.changed(baseline="fixed")

    one, other = (run(visits, relapses, fixed.changed(sub_threshold_rebl=kind)) for kind in ("none", "event"))

    assert seen(one)[0] == seen(other)[0]


# Compiled and interpreted


@pytest.fixture(scope="module")
def compiler():
    if not compiling.available():
        if os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail("the optional extra `speed` is not installed")
        pytest.skip("the optional extra `speed` is not installed")


def same_columns(one, other):
    assert np.array_equal(one.counts, other.counts)
    for mine, yours in ((one.found, other.found), (one.missed, other.missed)):
        for name in mine._fields:
            assert np.array_equal(getattr(mine, name), getattr(yours, name)), name


@settings(max_examples=200, deadline=None)
@given(rng=CHANCE)
def test_compiled_and_interpreted_runs_agree_on_every_column(compiler, rng):
    people = [draw(rng)[:2] for _ in range(rng.randint(1, 8))]
    definition = Definition.from_mapping(drawn.own_options(rng))
    cohort = cohort_of(people)
    other_scores = [rng.choice(drawn.GRID) for _ in cohort.score] if rng.random() < 0.2 else None

    scores = cohort.score.copy()

    interpreted = detect_cohort(cohort, definition, compiled=False, delta_score=other_scores)
    compiled = detect_cohort(cohort, definition, compiled=True, delta_score=other_scores)

    same_columns(interpreted, compiled)
    assert np.array_equal(cohort.score, scores)  # a baseline may take another score: not in the cohort itself


@pytest.mark.parametrize(
    "options",
    [
        {"bl_geq": True, "relapse_rebl": True},
        {"bl_geq": True, "relapse_rebl": True, "worsening": "decrease", "compat": "pymsprog"},
        {"baseline": "roving", "rebaseline_value": "min_in_confirmation"},
    ],
)
def test_compiled_runs_leave_the_cohort_as_it_was(compiler, options):
    """A baseline takes another score and its steps: in a copy, as the next definition reads the same cohort."""
    rng = random.Random(8)
    cohort = cohort_of([draw(rng)[:2] for _ in range(200)])
    definition = Definition.from_mapping({"event": "multiple", "relapse_to_bl": 0, **options})
    expected = detect_cohort(cohort, definition, compiled=False)
    before = cohort.score.copy(), *(column.copy() for pair in cohort.steps.values() for column in pair)

    found = detect_cohort(cohort, definition, compiled=True)

    same_columns(found, expected)
    after = cohort.score, *(column for pair in cohort.steps.values() for column in pair)
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def test_compiled_and_interpreted_runs_agree_on_a_cohort_that_is_shared_out(compiler):
    rng = random.Random(5)
    cohort = cohort_of([draw(rng)[:2] for _ in range(1500)])
    assert len(cohort.day) >= compiling.WORTH_SHARING

    windows = Definition.from_mapping({"event": "multiple", "conf_days": [84, 168], "RAW_PIRA": True})
    for definition in (*(PRESETS[name].definition for name in ("carems_6m", "pira_2025", "msbase")), windows):
        by_default = detect_cohort(cohort, definition)
        same_columns(detect_cohort(cohort, definition, compiled=False), by_default)
        same_columns(detect_cohort(cohort, definition, compiled=True), by_default)


def test_cohorts_searched_at_once_do_not_mix(compiler):
    rng = random.Random(8)
    cohorts = [cohort_of([draw(rng)[:2] for _ in range(1200)]) for _ in range(3)]
    assert min(len(cohort.day) for cohort in cohorts) >= compiling.WORTH_SHARING
    expected = [detect_cohort(cohort, Definition(), compiled=False) for cohort in cohorts]

    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(partial(detect_cohort, definition=Definition(), compiled=True), cohorts * 20))

    for one, other in zip(found, expected * 20, strict=True):
        same_columns(one, other)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_worker_does_not_wait_for_threads_of_its_parent(compiler):
    lines = "\n".join([
        "import os, signal, warnings",
        "import numpy as np",
        "from engine import compiling",
        "from engine.progression import Cohort, Definition, detect_cohort",
        "people = compiling.WORTH_SHARING // 5",
        "cohort = Cohort.from_columns(np.repeat(np.arange(people), 5), np.tile(np.arange(5) * 200 + 735_000, people),",
        "                             np.tile([2.0, 2.0, 4.0, 4.0, 4.0], people))",
        "assert len(detect_cohort(cohort, Definition(), compiled=True)) == people",
        "warnings.simplefilter('ignore')",
        "child = os.fork()",
        "if not child:",
        "    signal.alarm(30)",
        "    os._exit(len(detect_cohort(cohort, Definition(), compiled=True)) != people)",
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))",
    ])  # fmt: skip

    assert subprocess.run([sys.executable, "-c", lines], check=False, timeout=60).returncode == 0


def test_a_single_patient_never_waits_for_the_compiler():
    lines = "\n".join([
        "import sys",
        "from datetime import date",
        "from engine.progression import Definition, detect",
        "detect([(date(2020, 1, 1), 2.0), (date(2021, 1, 1), 3.0)], [], Definition())",
        "sys.exit('numba' in sys.modules)",
    ])  # fmt: skip

    assert subprocess.run([sys.executable, "-c", lines], check=False).returncode == 0


def test_without_the_compiler_the_interpreter_does_the_same(monkeypatch):
    rng = random.Random(6)
    cohort = cohort_of([draw(rng)[:2] for _ in range(compiling.WORTH_IT)])
    expected = detect_cohort(cohort, Definition(), compiled=False)
    compiling.compiled.cache_clear()
    monkeypatch.setattr(compiling, "available", lambda: False)
    try:
        same_columns(detect_cohort(cohort, Definition()), expected)
        with pytest.raises(RuntimeError, match="`speed` is not installed"):
            detect_cohort(cohort, Definition(), compiled=True)
    finally:
        compiling.compiled.cache_clear()


# The search written twice: tests/engine/plain_events.py

NOT_PLAIN = ("baseline", "relapse_rebl", "bl_geq", "sub_threshold_rebl", "relapse_end", "rebaseline_value", "compat",
             "relapse_history", "own_direction", "impute_seed")  # fmt: skip


@pytest.mark.parametrize(
    ("seed", "cases"), [(1, 2000), pytest.param(2, 10_000, marks=pytest.mark.slow)], ids=["quick", "exhaustive"]
)
def test_the_search_agrees_with_a_plain_one_under_a_fixed_baseline(seed, cases):
    rng, with_events = random.Random(seed), 0

    for _ in range(cases):
        visits, relapses, _ = draw(rng)
        options = {name: value for name, value in drawn.own_options(rng).items() if name not in NOT_PLAIN}
        if options.get("impute_last_visit") == 0.5:
            options["impute_last_visit"] = 1
        definition = Definition.from_mapping(options)
        found, missed = plain_events.events(visits, relapses, definition)
        engine = run(visits, relapses, definition)
        events, changes = seen(engine)
        assert events == plain_events.wanted(found, definition.event), (visits, relapses, options)
        if definition.event == "multiple":  # the others end at the event they want
            assert [change["date"] for change in changes] == [visits[x][0] for x in missed], (visits, options)
        with_events += bool(events)

    assert with_events > cases / 4
