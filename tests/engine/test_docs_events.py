"""The chapters Cleaning to Presets of docs/engine.md, and docs/peers.md, against the code."""

import json
import re
from math import inf
from typing import get_args

import numpy as np
import pytest

from engine.definitions import Definition
from engine.events import Reason
from engine.presets import PRESETS
from engine.steps import EDSS_STEPS, STEPS
from tests.engine.event_boxes import lines_of, read
from tests.engine.test_docs import ROOT, anchor, blocks, lines, table

GRID = np.array([0.0, *np.arange(2, 21) / 2])
PEERS = ROOT / "docs" / "peers.md"


def steps_cells(steps):
    """Both tables in words: "1.5 from 0.0, 1.0 from 1.0", from the lowest score of the EDSS on that has each step."""
    return [
        ", ".join(
            f"{'never' if step == inf else step} from {score}"
            for place, (score, step) in enumerate(zip(GRID, column, strict=True))
            if not place or column[place - 1] != step
        )
        for column in steps.columns(GRID)
    ]


@pytest.mark.parametrize("box", blocks("events"), ids=lambda box: "; ".join(box)[-60:])
def test_an_example_of_events(box):
    given, expected = read(box)

    found = lines_of(given)

    kinds = {line.split(": ")[0] for line in expected}
    assert kinds
    assert [f"{kind}: {line}" for kind in found if kind in kinds for line in found[kind]] == expected


def test_the_tables_of_steps():
    assert [row[:3] for row in table("Steps")] == [[name, *steps_cells(STEPS[name])] for name in EDSS_STEPS]
    assert [row[3] for row in table("Steps")] == [STEPS[name].source for name in EDSS_STEPS]


def test_the_options_and_their_defaults():
    assert [(name, json.loads(default)) for name, default, _ in table("Options")] == list(
        Definition().as_mapping().items()
    )


def test_the_reasons_for_not_confirming():
    assert [row[0] for row in table("Unconfirmed, and why")] == list(get_args(Reason))


def test_the_presets_with_their_sources_and_sentences():
    assert table("Presets") == [[one.name, one.title, one.citation] for one in PRESETS.values()]
    assert lines("presets") == [f"{one.name}: {words}" for one in PRESETS.values() for words in one.sentences]


def test_every_preset_has_an_example():
    shown = {line.split()[1] for line in lines("events") if line.startswith("preset ")}

    assert shown == set(PRESETS)


# Where we differ


def peer_boxes():
    return [
        box.splitlines() for box in re.findall(r"^```peers\n(.*?)^```$", PEERS.read_text(), re.DOTALL | re.MULTILINE)
    ]


@pytest.mark.parametrize("box", peer_boxes(), ids=lambda box: "; ".join(box)[-60:])
def test_a_difference_from_the_peers(box):
    given, expected = read(box)
    ways = {"pymsprog": {"compat": "pymsprog"}, "ours": {}, "own_direction": {"own_direction": True}}

    found = [f"{way}: {line}" for way, changes in ways.items() for line in lines_of(given, **changes)["event"]]

    said = {line.split(": ")[0] for line in expected}
    assert "ours" in said
    assert [line for line in found if line.split(": ")[0] in said] == expected


def test_all_eight_differences_are_told_and_nothing_else_is_in_the_boxes():
    text = PEERS.read_text()
    told = re.findall(r"^\| (D\d) \|", text, re.MULTILINE)
    headings = [name for line in re.findall(r"^## (D.*?):", text, re.MULTILINE) for name in line.split(", ")]

    assert told == headings == [f"D{number}" for number in range(1, 9)]
    assert set(re.findall(r"^```(\w+)$", text, re.MULTILINE)) == {"peers"}


def test_the_links_between_the_two_pages_lead_somewhere():
    engine = (ROOT / "docs" / "engine.md").read_text()
    headings = {anchor(heading) for heading in re.findall(r"^#+ (.*)$", engine, re.MULTILINE)}
    links = re.findall(r"\]\(engine\.md#([^)]+)\)", PEERS.read_text())

    assert len(links) >= 3
    assert set(links) <= headings
    assert "(peers.md)" in engine
