"""All golden cases of disability events, read as they are: tests/golden/README.md."""

import json
from datetime import date
from pathlib import Path

import pytest

from engine.progression import Definition, detect

VECTORS = json.loads((Path(__file__).parents[1] / "golden" / "disability-events-vectors.json").read_text())
CASES = VECTORS["cases"]


def named(cases):
    return [pytest.param(case, id=case["id"]) for case in cases]


def marked(case, *keys):
    return set(keys) & set(case.get("dispute_keys", ()))


def run(case, **options):
    visits = [(date.fromisoformat(day), *rest) for day, *rest in case["visits"]]
    onsets = [date.fromisoformat(day) for day in case["relapses"]]
    return detect(visits, onsets, Definition.from_mapping(case["options"] | options))


def compare(found, expected):
    assert [event.as_mapping() for event in found.events] == expected["events"]
    assert found.total_followup_days == expected["total_followup_days"]
    if "unconfirmed" in expected:
        assert [change.date.isoformat() for change in found.unconfirmed] == expected["unconfirmed"]


def test_the_file_is_whole():
    assert len(CASES) == len({case["id"] for case in CASES}) == VECTORS["meta"]["counts"]["cases"] == 395
    assert sum(case["disputed"] for case in CASES) == VECTORS["meta"]["counts"]["disputed"] == 28


@pytest.mark.parametrize("case", named(case for case in CASES if not marked(case, "crash")))
def test_compatible_mode_gives_what_the_peer_gave(case):
    """The one case whose dispute is the order of `conf_days` is reproduced as well."""
    compare(run(case, compat="pymsprog"), case["expected"])


@pytest.mark.parametrize("case", named(case for case in CASES if marked(case, "crash")))
def test_where_the_peer_crashes_both_modes_give_what_it_documents(case):
    assert run(case).as_mapping()["events"] == run(case, compat="pymsprog").as_mapping()["events"]
    compare(run(case, compat="pymsprog"), case["expected"])


@pytest.mark.parametrize("case", named(case for case in CASES if not case["disputed"]))
def test_our_default_agrees_where_nothing_is_disputed(case):
    compare(run(case), case["expected"])


@pytest.mark.parametrize("case", named(case for case in CASES if "by_published_definition" in case))
def test_our_default_follows_the_published_definition_where_the_peer_does_not(case):
    compare(run(case), case["by_published_definition"])


DEFAULT_WITHOUT_PUBLISHED = [case for case in CASES if case["disputed"] and "by_published_definition" not in case]


def test_every_disputed_case_without_a_published_result_is_tested_by_name():
    kinds = {key for case in DEFAULT_WITHOUT_PUBLISHED for key in case["dispute_keys"]}

    assert kinds == {"swallow", "imputed", "silent"}


@pytest.mark.parametrize("case", named(case for case in DEFAULT_WITHOUT_PUBLISHED if marked(case, "swallow")))
def test_a_real_step_is_not_swallowed_by_a_smaller_change(case):
    assert case["expected"]["events"] == []
    assert len(run(case).events) == 1


@pytest.mark.parametrize("case", named(case for case in DEFAULT_WITHOUT_PUBLISHED if marked(case, "imputed")))
def test_a_worsening_that_was_not_confirmed_has_no_class(case):
    assert case["expected"]["events"][0]["cdw_type"] is not None

    event = run(case).events[0]

    assert event.imputed
    assert event.cdw_type is None
    assert event.as_mapping() == {
        name: None if name == "cdw_type" else value
        for name, value in case["expected"]["events"][0].items()
        if name != "pira_confirmed"
    }


@pytest.mark.parametrize("case", named(case for case in DEFAULT_WITHOUT_PUBLISHED if marked(case, "silent")))
def test_what_the_peer_drops_without_a_word_is_a_finding(case):
    assert run(case).findings != ()


@pytest.mark.parametrize("case", named(CASES))
def test_the_options_are_given_back_as_they_are_written(case):
    definition = Definition.from_mapping(case["options"])
    written = definition.as_mapping()

    assert {name: written[name] for name in case["options"]} == case["options"]
    assert Definition.from_mapping(written) == Definition.from_mapping(definition.normalised()) == definition
    assert len({Definition.from_mapping(each).content_hash for each in (written, definition.normalised())}) == 1
