"""Definitions: what is refused and how, the form they are written in, their hash and their sentence."""

import json
import re
from dataclasses import FrozenInstanceError
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.definitions import RelapseFree
from engine.progression import PRESETS, Definition, detect
from engine.steps import STEPS, steps_of
from tests.engine import drawn

FREE = {"prec": [0, 0], "event": [90, 30], "conf": [90, 30]}


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("event", "firstCDX"),
        ("event", 1),
        ("baseline", "moving"),
        ("proceed_from", "onset"),
        ("sub_threshold_rebl", "both"),
        ("skip_local_extrema", True),
        ("worsening", "up"),
        ("relapse_history", "none"),
        ("rebaseline_value", "lowest"),
        ("compat", "msprog"),
        *((name, "yes") for name in ("RAW_PIRA", "bl_geq", "relapse_rebl", "check_intermediate", "relapse_end")),
        *((name, 1) for name in ("include_stable", "count_continuations", "own_direction")),
        *((name, -1) for name in ("relapse_to_bl", "relapse_to_event", "relapse_to_conf", "relapse_assoc")),
        ("relapse_to_bl", (30, -1)),
        ("relapse_to_bl", (1, 2, 3)),
        ("relapse_to_bl", ()),
        ("relapse_assoc", "30"),
        ("relapse_assoc", None),
        ("conf_days", ()),
        ("conf_days", -84),
        ("conf_days", inf),
        ("conf_days", "84"),
        ("conf_days", True),
        ("conf_days", (84, 168, 84)),
        ("conf_tol_days", -1),
        ("conf_tol_days", (7, nan)),
        ("conf_tol_days", ((7, 7), (7, 7))),
        ("conf_tol_days", {"168": 7}),
        ("conf_tol_days", {"84": 7, "168": 7}),
        ("conf_tol_days", {"soon": 7}),
        ("conf_tol_days", (inf, inf, inf)),
        ("require_sust_days", -1),
        ("require_sust_days", nan),
        ("require_sust_days", "long"),
        ("impute_last_visit", -0.5),
        ("impute_last_visit", inf),
        ("baseline", None),
        ("check_intermediate", None),
        ("impute_last_visit", 0.5),
        ("impute_seed", -1),
        ("impute_seed", 1.5),
        ("impute_seed", True),
        ("relapse_indep", 30),
        ("relapse_indep", {"prec": [0, 0], "event": [90, 30]}),
        ("relapse_indep", FREE | {"onset": [0, 0]}),
        ("relapse_indep", FREE | {"prec_type": "first"}),
        ("relapse_indep", FREE | {"conf": [90]}),
        ("relapse_indep", FREE | {"conf": [90, 30, 0]}),
        ("relapse_indep", FREE | {"conf": "90"}),
        ("relapse_indep", FREE | {"conf": 90}),
        ("relapse_indep", FREE | {"conf": None}),
        ("relapse_indep", FREE | {"conf": [90, -1]}),
        ("relapse_indep", FREE | {"prec": [None, 0]}),
        ("relapse_indep", FREE | {"conf": [90, None]}),
        ("relapse_indep", FREE | {"prec": [0, None]}),
        ("relapse_indep", FREE | {"event": [None, 30]}),
        ("relapse_indep", FREE | {"event": [90, None]}),
        ("relapse_indep", FREE | {"conf": [None, 30]}),
        ("steps", "kurtzke"),
        ("steps", 1.0),
        ("steps", {"worsening": [[0, 1]]}),
        ("steps", {"worsening": [[0, 1]], "improvement": [[0, 1]], "stable": [[0, 1]]}),
        ("steps", {"worsening": [[0, 1]], "improvement": []}),
        ("steps", {"worsening": [[0, 1]], "improvement": "none"}),
        ("steps", {"worsening": [[0, 1]], "improvement": [[0, 1, 2]]}),
        ("steps", {"worsening": [[0, 1]], "improvement": ["ab"]}),
        ("steps", {"worsening": [[0, 1]], "improvement": [[0, nan]]}),
        ("steps", {"worsening": [[0, 1]], "improvement": [[0, True]]}),
        ("steps", {"worsening": [[0, 1]], "improvement": [[0, 0]]}),
        ("steps", {"worsening": [[0, 1]], "improvement": [[0, -1]]}),
        ("steps", {"worsening": [[4, 1], [0, 1]], "improvement": [[0, 1]]}),
        ("steps", {"worsening": [[0, 1], [0, 2], [1, 1]], "improvement": [[0, 1]]}),
        ("steps", {"worsening": [[0, 1], [0, 2]], "improvement": [[0, 1]]}),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_the_name_of_its_option(option, value):
    with pytest.raises(ValueError) as refused:
        Definition.from_mapping({option: value})

    assert str(refused.value).startswith(f"{option}: ")


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"conf_day": 84}, "conf_day: there is no such option; do you mean conf_days?"),
        ({"RAW_PIRE": True}, "RAW_PIRE: there is no such option; do you mean RAW_PIRA?"),
        ({"verbosity": 2}, "verbosity: there is no such option"),
        ({"event": "CDW"}, "event: 'CDW' is not one of firstCDW, firstCDI, multiple, firstPIRA, firstRAW, first"),
        ({"relapse_to_bl": -5}, "relapse_to_bl: cannot be negative, but is -5"),
        ({"conf_days": [84, 84]}, "conf_days: names 84 twice"),
        ({"conf_days": [84, 168, 168]}, "conf_days: names 168 twice"),
        ({"conf_days": 0, "conf_tol_days": 0}, "conf_days: 0 with its tolerance leaves no day after the onset"),
        ({"conf_days": [84, 168], "conf_tol_days": {"84": 7}}, "conf_tol_days: has no entry for conf_days 168"),
        ({"conf_days": [84, 168, 365], "conf_tol_days": {"84": 7}}, "conf_tol_days: has no entry for conf_days 168"),
        (
            {"steps": {"worsening": [[0, 1]], "improvement": "none"}},
            "steps: improvement must be a list of [from, points]",
        ),
        (
            {"steps": {"worsening": [[0, 1_000_000.5]], "improvement": [[0, 1_000_000]]}},
            "steps: worsening must hold numbers up to 1,000,000",
        ),
        (
            {"conf_tol_days": {"84": 7, "90": 7}},
            "conf_tol_days: has an entry for 90, which is not one of conf_days",
        ),
        (
            {"impute_last_visit": 0.3},
            "impute_last_visit: a probability needs impute_seed, or the result could not be repeated",
        ),
        (
            {"rebaseline_value": "min_in_confirmation", "compat": "pymsprog"},
            "rebaseline_value: pymsprog has no min_in_confirmation, so it cannot go with compat",
        ),
        (
            {"relapse_end": True, "compat": "pymsprog"},
            "relapse_end: pymsprog knows no end of a relapse, so it cannot go with compat",
        ),
        (
            {"relapse_indep": FREE | {"event": [90, None]}},
            "relapse_indep: a window open after one point must be open before the next",
        ),
    ],
)
def test_the_refusal_says_what_is_wrong(mapping, words):
    with pytest.raises(ValueError) as refused:
        Definition.from_mapping({"conf_tol_days": 0} | mapping if mapping == {"conf_days": 0} else mapping)

    assert str(refused.value) == words


@settings(deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_definition_is_read_back_from_what_it_writes(rng):
    options = drawn.own_options(rng)
    definition = Definition.from_mapping(options)

    written = json.loads(json.dumps(definition.as_mapping()))
    again = Definition.from_mapping(written)

    assert again == definition
    assert again.as_mapping() == definition.as_mapping() == written
    assert again.content_hash == definition.content_hash
    assert again.sentence == definition.sentence


def test_what_is_written_holds_every_option_in_the_form_of_the_case_files():
    written = Definition(conf_days=(168, 84), conf_tol_days=((0, inf), (7, 30)), require_sust_days=inf).as_mapping()

    assert written == {
        "event": "firstCDW",
        "RAW_PIRA": False,
        "baseline": "fixed",
        "proceed_from": "firstconf",
        "sub_threshold_rebl": "none",
        "bl_geq": False,
        "relapse_rebl": False,
        "skip_local_extrema": "none",
        "conf_days": [84, 168],
        "conf_tol_days": {"84": [7, 30], "168": [0, "inf"]},
        "require_sust_days": "inf",
        "check_intermediate": True,
        "relapse_to_bl": [30, 0],
        "relapse_to_event": [0, 0],
        "relapse_to_conf": [30, 0],
        "relapse_assoc": [90, 0],
        "relapse_indep": {"prec": [0, 0], "event": [90, 30], "conf": [90, 30], "prec_type": "baseline"},
        "impute_last_visit": 0,
        "impute_seed": None,
        "steps": "msprog",
        "worsening": "increase",
        "relapse_history": "all",
        "relapse_end": False,
        "rebaseline_value": "visit",
        "include_stable": True,
        "count_continuations": False,
        "own_direction": False,
        "compat": "none",
    }


def test_a_table_of_steps_is_written_as_it_was_given():
    assert Definition.from_mapping({"steps": drawn.TABLE}).as_mapping()["steps"] == {
        "worsening": [[0.0, 1.5], [0.5, 1.0], [4.0, 0.5]],
        "improvement": [[0.0, "inf"], [2.0, 0.5], [6.0, 1.0]],
    }


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ({"conf_days": 84}, {"conf_days": [84]}),
        ({"conf_days": [168, 84]}, {"conf_days": (84.0, 168.0)}),
        ({"conf_tol_days": 7}, {"conf_tol_days": [7, 7]}),
        ({"conf_tol_days": [7]}, {"conf_tol_days": [[7, 7]]}),
        ({"conf_tol_days": {"84": 7}}, {"conf_tol_days": {84: [7, 7]}}),
        ({"relapse_to_bl": 30}, {"relapse_to_bl": [30, 0]}),
        ({"relapse_assoc": [30]}, {"relapse_assoc": [30.0, 0.0]}),
        ({"relapse_indep": None}, {"relapse_indep": FREE | {"prec_type": "baseline"}}),
        ({"relapse_indep": FREE}, {"relapse_indep": RelapseFree()}),
        ({"steps": "carems"}, {"steps": STEPS["carems"]}),
        ({"compat": None}, {}),
    ],
)
def test_equal_definitions_are_equal_however_they_are_written(short, long):
    one, other = Definition.from_mapping(short), Definition.from_mapping(long)

    assert one == other
    assert one.content_hash == other.content_hash


def test_a_tolerance_stays_with_its_day_when_the_days_are_put_in_order():
    definition = Definition(conf_days=(168, 84), conf_tol_days=((0, inf), (7, 30)))

    assert definition.windows == ((77, 114), (168, inf))
    assert Definition(conf_days=(168, 84), compat="pymsprog").conf_days == (168, 84)


@pytest.mark.parametrize(
    ("definition", "digits"),
    [
        (Definition(), "04794c34f5054367ddfe833d35170c8ae1528725a42a76c91ded6def80b5a118"),
        (Definition(compat="pymsprog"), "f1607fa416a8f0aa59e6991094fee04338c27596955328e3101e5244c46e6ecb"),
        (PRESETS["carems_6m"].definition, "93c22bf6714d48a9bd5748fec77dcbadf21dbfdda10e817c0b0078ab39862abb"),
        (PRESETS["carems_6m"].definitions[1], "361b40a90d780c9f6ca743b82ec21a1b0a0e861f5ee955716ee9c39469ba0a4e"),
        (PRESETS["msbase"].definition, "001ae576ebbda4a232c1c5f707346daf980a1ca065d2cec5d7100350a6ae463c"),
    ],
)
def test_the_hash_of_a_definition_does_not_change_with_a_release(definition, digits):
    assert definition.content_hash == digits


def test_definitions_that_differ_in_one_option_have_different_hashes():
    changed = [
        Definition.from_mapping({name: value})
        for name, value in {
            "event": "first", "RAW_PIRA": True, "baseline": "roving", "proceed_from": "event", "bl_geq": True,
            "sub_threshold_rebl": "event", "relapse_rebl": True, "skip_local_extrema": "all", "conf_days": 90,
            "conf_tol_days": 7, "require_sust_days": 9, "check_intermediate": False, "relapse_to_bl": 31,
            "relapse_to_event": 30, "relapse_to_conf": 31, "relapse_assoc": 91, "impute_last_visit": 1,
            "relapse_indep": FREE | {"prec_type": "last"}, "impute_seed": 1, "steps": "opera", "relapse_end": True,
            "worsening": "decrease", "relapse_history": "peer", "rebaseline_value": "min_in_confirmation",
            "include_stable": False, "count_continuations": True, "own_direction": True, "compat": "pymsprog",
        }.items()
    ]  # fmt: skip

    assert len(changed) == len(Definition().as_mapping())
    assert len({definition.content_hash for definition in (*changed, Definition())}) == len(changed) + 1


def test_a_definition_cannot_be_changed_but_copied_with_a_change():
    definition = Definition()
    with pytest.raises(AttributeError):
        definition.event = "first"

    assert definition.changed(event="first") == Definition(event="first")
    assert definition == Definition()


SENTENCES = """
carems_6m
First confirmed worsening of at least 1.0 (1.5 from 0), against the baseline visit before the first course, confirmed
at every visit up to one 168 days or more after onset; the baseline 30 days or more after a relapse, the confirming
visit 30 days or more after a relapse. First confirmed improvement of at least 1.0 (never below 2.0), against the
baseline visit before the first course, confirmed at every visit up to one 168 days or more after onset; the baseline
30 days or more after a relapse, the confirming visit 30 days or more after a relapse.

carems_3m
First confirmed worsening of at least 1.0 (1.5 from 0), against the baseline visit before the first course, confirmed
at every visit up to one 84 days or more after onset; the baseline 30 days or more after a relapse, the confirming
visit 30 days or more after a relapse. First confirmed improvement of at least 1.0 (never below 2.0), against the
baseline visit before the first course, confirmed at every visit up to one 84 days or more after onset; the baseline
30 days or more after a relapse, the confirming visit 30 days or more after a relapse.

msbase
First confirmed worsening of at least 1.0 (1.5 from 0, 0.5 from 6.0), against a baseline that moves with each
confirmed worsening (to its first confirming visit), at the lowest score within the confirmation, confirmed at every
visit up to one 90.75 days or more after onset; sustained to the last visit; the baseline 31 days or more after a
relapse, the confirming visit 31 days or more after a relapse.

pira_2023
First confirmed worsening independent of relapses (PIRA) of at least 1.0 (1.5 from 0, 0.5 from 5.5), against a
baseline that moves with each confirmed change (to its first confirming visit), confirmed at every visit up to one 77
to 814.5 days or 161 to 898.5 days after onset; the baseline 30 days or more after a relapse, the confirming visit 30
days or more after a relapse; RAW within 90 days after a relapse, PIRA without a relapse from 90 days before onset to
30 days after onset and from 90 days before the confirming visit to 30 days after the confirming visit.

pira_2025
First confirmed worsening independent of relapses (PIRA) of at least 1.0 (1.5 from 0, 0.5 from 5.5), against a
baseline that moves with each confirmed change (to its first confirming visit), set anew after each relapse, confirmed
at every visit up to one 358 to 1095.5 days after onset; the baseline 30 days or more after a relapse, the confirming
visit 30 days or more after a relapse; RAW within 90 days after a relapse, PIRA without a relapse from the visit
before onset to onset and from 30 days before the confirming visit to the confirming visit.

pira_portaccio
First confirmed worsening independent of relapses (PIRA) of at least 1.0 (1.5 from 0, 0.5 from 5.5), against a
baseline that moves with each confirmed change (to its first confirming visit), confirmed at every visit up to one 161
to 898.5 days after onset; the baseline 30 days or more after a relapse, the confirming visit 30 days or more after a
relapse; RAW within 90 days after a relapse, PIRA without a relapse from 90 days before onset to 30 days after onset.

msprog_default
First confirmed worsening of at least 1.0 (1.5 from 0, 0.5 from 5.5), against the first usable visit, confirmed at
every visit up to one 77 to 814.5 days after onset; the baseline 30 days or more after a relapse, the confirming visit
30 days or more after a relapse. Computed as pymsprog 1.0.7 does.
"""


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_says_itself_in_one_sentence(name):
    said = dict(block.split("\n", 1) for block in SENTENCES.strip().split("\n\n"))

    assert " ".join(PRESETS[name].sentences) == said[name].replace("\n", " ")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"event": "firstCDI", "steps": "carems"}, "improvement of at least 1.0 (never below 2.0)"),
        ({"event": "firstRAW"}, "First confirmed relapse-associated worsening (RAW) of at least"),
        ({"event": "first"}, "First confirmed worsening or improvement"),
        ({"event": "multiple", "steps": "carems"}, " up or at least 1.0 (never below 2.0) down"),
        ({"baseline": "roving_impr"}, "a baseline that moves with each confirmed improvement (to its first confirming"),
        ({"baseline": "roving_wors", "proceed_from": "event"}, "with each confirmed worsening (to its onset)"),
        ({"baseline": "roving", "sub_threshold_rebl": "event"}, ", also with a smaller confirmed change"),
        ({"baseline": "roving", "sub_threshold_rebl": "worsening"}, ", also with a smaller confirmed worsening"),
        ({"relapse_rebl": True}, ", set anew after each relapse,"),
        ({"relapse_rebl": True, "bl_geq": True}, ", set anew after each relapse, never lower than before,"),
        ({"skip_local_extrema": "all"}, ", never on a local peak or dip,"),
        ({"skip_local_extrema": "strict"}, ", never on a local peak or dip of a step,"),
        ({"conf_days": (84, 168), "conf_tol_days": ((7, 7), (0, inf))}, "77 to 91 days or 168 days or more after"),
        ({"check_intermediate": False}, "confirmed at a visit 77 to 814.5 days after onset"),
        ({"require_sust_days": 180}, "; sustained for 180 days;"),
        ({"relapse_to_event": (30, 14)}, "the onset 30 days or more after a relapse and 14 days or more before one"),
        ({"RAW_PIRA": True, "relapse_assoc": (90, 30)}, "RAW within 90 days after a relapse or 30 days before one"),
        ({"RAW_PIRA": True}, "from 90 days before onset to 30 days after onset and from 90 days before the confirming"),
        (
            {"event": "firstPIRA", "relapse_indep": FREE | {"prec": [0, None], "event": [None, 30], "conf": [0, 0]}},
            "PIRA without a relapse from the baseline to 30 days after onset",
        ),
        (
            {"event": "firstPIRA", "relapse_indep": {"prec": (0, 0), "event": (0, 0), "conf": (0, 0)}},
            ", PIRA otherwise",
        ),
        (
            {"event": "firstRAW", "relapse_assoc": ["inf", "inf"]},
            "; RAW at any time after a relapse or at any time before",
        ),
        (
            {"event": "firstPIRA", "relapse_indep": {"prec": (0, 0), "event": ("inf", 30), "conf": (0, 0)}},
            "PIRA without a relapse from any time before onset to 30 days after onset",
        ),
        ({"relapse_to_bl": 0, "relapse_to_conf": [0, 14]}, "the confirming visit 14 days or more before a relapse."),
        ({"relapse_to_bl": "inf", "relapse_to_conf": 0}, "; the baseline never after a relapse."),
        ({"proceed_from": "event"}, "; the search goes on right after each onset."),
        ({"relapse_rebl": True, "bl_geq": True, "worsening": "decrease"}, ", never higher than before"),
        (
            {"baseline": "roving", "rebaseline_value": "min_in_confirmation", "worsening": "decrease"},
            "at the highest score within the confirmation",
        ),
        ({"impute_last_visit": 1}, "; a worsening first seen at the last visit is kept unconfirmed."),
        ({"impute_last_visit": 0.25, "impute_seed": 1}, "is kept with probability 0.25."),
        ({"impute_last_visit": 400}, "is kept within 400 days of the first visit."),
        ({"compat": "pymsprog"}, ". Computed as pymsprog 1.0.7 does."),
    ],
)
def test_each_option_is_said_in_the_sentence(options, words):
    assert words in Definition.from_mapping(options).sentence


def test_every_preset_has_a_title_and_a_citation_and_its_own_definition():
    hashes = [one.content_hash for preset in PRESETS.values() for one in preset.definitions]

    assert all(preset.title and preset.citation for preset in PRESETS.values())
    assert all(name == preset.name for name, preset in PRESETS.items())
    assert len(set(hashes)) == len(hashes) == 9
    assert [name for name, preset in PRESETS.items() if preset.anchor != "none"] == ["carems_6m", "carems_3m"]


@pytest.mark.parametrize(
    ("name", "at", "up", "down"),
    [
        ("msprog", (0, 1, 5, 5.5, 9), (1.5, 1, 1, 0.5, 0.5), (1.5, 1, 1, 0.5, 0.5)),
        ("msoutcomes", (0, 1, 1.5, 2, 5.5, 6, 6.5), (1.5, 1, 1, 1, 1, 0.5, 0.5), (1.5, 1.5, 1.5, 1, 1, 1, 0.5)),
        ("carems", (0, 1, 1.5, 2, 6.5), (1.5, 1, 1, 1, 1), (inf, inf, inf, 1, 1)),
        ("opera", (0, 1, 5.5, 6), (1, 1, 1, 0.5), (1, 1, 1, 0.5)),
        ("sdmt", (0.5, 10, 20, 50), (0.1, 2, 4, 4), (0.1, 2, 4, 4)),
        ("nhpt", (0.5, 10, 20), (0.1, 2, 4), (0.1, 2, 4)),
    ],
)
def test_the_tables_of_steps_are_those_of_the_specification(name, at, up, down):
    rise, fall = STEPS[name].columns(_array(at))

    assert tuple(rise) == pytest.approx(up)
    assert tuple(fall) == pytest.approx(down)
    assert [piece.at(score) for piece in steps_of(name).worsening[:1] for score in at[:1]] == pytest.approx(up[:1])


def _array(values):
    import numpy as np

    return np.array(values, dtype=float)


def test_words_read_from_a_file_serve_as_well_as_literals():
    definition = Definition.from_mapping(json.loads('{"compat": "pymsprog", "worsening": "decrease"}'))

    assert definition == Definition(compat="pymsprog", worsening="decrease")
    assert definition.peer
    assert definition.rules().sub_first  # the peer takes a fall for an improvement there


def test_a_word_read_from_a_file_keeps_its_relapses_as_well():
    word = json.loads('{"relapse_history": "peer"}')

    assert Definition.from_mapping(word).rules().drop_earlier
    assert not Definition().rules().drop_earlier


@pytest.mark.parametrize("row", [[1.0], [1.0, 1.0, 1.0], 1.0, "ab"])
def test_a_row_of_steps_is_two_numbers(row):
    with pytest.raises(ValueError, match=re.escape(f"[from, points], not {row!r}")):
        Definition.from_mapping({"steps": {"worsening": [row], "improvement": [[0, 1.0]]}})


def test_what_was_found_cannot_be_changed_afterwards():
    found = detect([("2020-01-01", 2.0), ("2021-01-01", 3.0)], [], Definition())

    with pytest.raises(FrozenInstanceError):
        found.events = ()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"conf_days": 10**400}, "conf_days"), ({"require_sust_days": 10**400}, "require_sust_days"),
        ({"impute_last_visit": -(10**400)}, "impute_last_visit"), ({"relapse_to_bl": [0, 1e300]}, "relapse_to_bl"),
        ({"steps": {"worsening": [[0, 10**400]], "improvement": [[0, 1]]}}, "steps"),
        ({"conf_days": 84, "conf_tol_days": {"84": 7, "84.0": 9}}, "conf_tol_days"),
        ({"conf_days": 90.75, "conf_tol_days": [0, 0.2]}, "conf_tol_days"),
    ],
)  # fmt: skip
def test_numbers_that_cannot_be_meant_are_refused_by_name(options, named):
    with pytest.raises(ValueError, match=f"^{named}"):
        Definition.from_mapping(options)


@pytest.mark.parametrize("tolerance", [["inf", 5], [100, 0], [84, "inf"]])
def test_a_window_may_reach_back_before_the_onset(tolerance):
    assert Definition.from_mapping({"conf_days": 84, "conf_tol_days": tolerance}).conf_tol_days


def test_a_window_that_ends_within_the_day_of_the_onset_is_none():
    with pytest.raises(ValueError, match=r"^conf_"):
        Definition(conf_days=0.5, conf_tol_days=(0.5, 0.4))


def test_the_largest_number_that_is_accepted():
    table = {"worsening": [[0, 1_000_000]], "improvement": [[1_000_000, 1]]}

    assert Definition(require_sust_days=10_000_000).require_sust_days == 10_000_000
    assert Definition.from_mapping({"steps": table}).steps.worsening[0].points == 1_000_000
    with pytest.raises(ValueError, match=r"^require_sust_days: is more than 10,000,000 days$"):
        Definition(require_sust_days=10_000_001)


def test_a_tolerance_for_each_day_of_confirmation():
    with pytest.raises(ValueError, match=r"^conf_tol_days: has 2 pairs for 3 conf_days$"):
        Definition.from_mapping({"conf_days": [84, 168, 365], "conf_tol_days": [[7, 7], [7, 7]]})


def test_a_change_may_be_confirmed_on_the_next_day():
    assert Definition(conf_days=1, conf_tol_days=0).windows == ((1, 1),)


def test_numbers_of_numpy_are_numbers():
    plain = Definition(conf_days=(84, 168), check_intermediate=False, require_sust_days=100)
    found = Definition(
        conf_days=np.array([84, 168]), check_intermediate=np.bool_(False), require_sust_days=np.float64(100)
    )

    assert (found, found.content_hash) == (plain, plain.content_hash)
    assert Definition(conf_days=np.int64(84)) == Definition(conf_days=84)


@pytest.mark.parametrize("given", [None, [], 84, "carems_6m"])
def test_a_definition_is_read_from_a_mapping_only(given):
    with pytest.raises(TypeError, match="mapping of options"):
        Definition.from_mapping(given)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"worsening": "decrease", "event": "multiple", "steps": {"worsening": [[0, 4]], "improvement": [[0, 3]]}},
            "of at least 4.0 down or at least 3.0 up",
        ),
        ({"worsening": "decrease"}, "a lower score is worse"),
        ({"event": "firstCDI", "steps": {"worsening": [[0, 1]], "improvement": [[2, 1]]}}, "never below 2.0"),
        ({"steps": {"worsening": [[0, 1.5], [1, 1], [6, "inf"]], "improvement": [[0, 1]]}}, "never from 6.0"),
        ({"event": "firstCDI", "steps": {"worsening": [[0, 1]], "improvement": [[0, "inf"]]}}, "no change reaches"),
        ({"compat": "pymsprog", "conf_days": 90.75}, "83 to 820.5 days after onset"),
        ({"conf_days": 1234567, "conf_tol_days": 0}, "1234567 to 1234567 days"),
        ({"relapse_end": True}, "a relapse whose end is known counts until then, and not after"),
        ({"relapse_history": "peer", "relapse_to_bl": [30, 0]}, "more than 30 days before the first visit left out"),
        ({"count_continuations": True}, "a run that goes on counts again"),
        ({"own_direction": True}, "a change the other way hides none"),
        ({"baseline": "roving_wors", "sub_threshold_rebl": "event"}, "also with a smaller confirmed worsening"),
    ],
)
def test_the_sentence_says_what_the_option_does(options, said):
    assert said in Definition.from_mapping(options).sentence


def test_the_sentence_says_nothing_that_cannot_happen():
    still = Definition(baseline="roving_impr", sub_threshold_rebl="worsening").sentence
    assert "smaller" not in still
    single = Definition(compat="pymsprog", event="multiple", steps="msoutcomes").sentence
    assert " down" not in single


def test_what_a_definition_gives_back_belongs_to_the_caller():
    definition = Definition.from_mapping({"conf_days": [168, 84]})
    definition.as_mapping()["conf_days"].append(7)

    assert definition.as_mapping()["conf_days"] == [168, 84]


@pytest.mark.parametrize("value", [np.array([168, 84]), (np.int64(168), np.int64(84)), (168, 84)])
def test_a_definition_of_numpy_s_numbers_is_written_in_json(value):
    definition = Definition.from_mapping({"conf_days": value})

    assert sorted(json.loads(json.dumps(definition.as_mapping()))["conf_days"]) == [84, 168]
    assert definition == Definition(conf_days=(84, 168))


def test_a_table_of_steps_is_given_back_as_it_was_written():
    assert Definition.from_mapping({"steps": drawn.TABLE}).as_mapping()["steps"] == drawn.TABLE
    assert Definition.from_mapping({"steps": "msoutcomes"}).as_mapping()["steps"] == "msoutcomes"
