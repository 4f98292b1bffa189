"""What each visit did in a search for events."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from engine.progression import Cohort, Definition, detect_cohort, scale_of
from engine.roles import visit_roles

GOLDEN = Path(__file__).parents[1] / "golden" / "disability-events-vectors.json"
CASES = json.loads(GOLDEN.read_text())["cases"]


def searched(visits, relapses, definition):
    """Events, changes not confirmed, and the roles by row."""
    cohort = Cohort.from_columns(
        np.zeros(len(visits), np.int64),
        [date.fromisoformat(day[:10]).toordinal() for day, *_ in visits],
        [np.nan if edss is None else edss for _, edss, *_ in visits],
        may_confirm=[may[0] if may else True for _, _, *may in visits],
        relapse_patient=np.zeros(len(relapses), np.int64),
        relapse_day=np.array([date.fromisoformat(day).toordinal() for day in relapses], dtype=np.float64),
        scale=scale_of(definition),
    )
    found = detect_cohort(cohort, definition)
    events, changes = found.of(0), found.unconfirmed_of(0)
    return events, changes, visit_roles(cohort, 0, definition, events, changes)


@pytest.mark.parametrize("compat", ["none", "pymsprog"])
def test_every_part_of_every_event_is_told_at_its_visit(compat):
    told = 0
    for case in CASES:
        if not case["visits"]:
            continue
        definition = Definition.from_mapping(case["options"] | {"compat": compat})
        events, changes, roles = searched(case["visits"], case["relapses"], definition)
        for event in events:
            what = "worsening" if event.type == "CDW" else "improvement"
            assert f"onset of the {what}" in roles[event.onset_row], case["id"]
            assert "baseline" in roles[event.baseline_row], case["id"]
            for days, row in zip(event.confirmed, event.confirmed_rows, strict=True):
                said = "" if row is None else " ".join(roles[row])
                assert row is None or (f"confirms the {what}" in said and days in said), case["id"]
            ended = any(f"ended the {what}" in said for said in roles.values())
            assert ended or event.sustained_to_last, case["id"]
            told += 1
        for change in changes:
            assert f"{change.direction}, not confirmed" in roles[change.onset_row], case["id"]
    assert told > 300


def test_a_visit_between_that_did_not_hold_is_told_apart():
    visits = [("2018-01-10", 2.0), ("2018-07-11", 3.0), ("2018-09-01", 2.5), ("2018-10-10", 3.0), ("2019-01-15", 3.0)]

    _, _, roles = searched(visits, [], Definition(check_intermediate=False))

    assert list(roles.values()) == [
        ["baseline"],
        ["onset of the worsening"],
        ["did not hold the worsening; it was not asked"],
        ["confirms the worsening (84 days)"],
        ["held the worsening"],
    ]


def test_a_peak_is_passed_over_as_baseline():
    visits = [("2018-01-01", 3.0), ("2018-02-20", 4.0), ("2018-05-20", 2.0), ("2018-11-20", 2.0), ("2019-02-20", 2.0)]

    _, _, roles = searched(visits, ["2017-12-20"], Definition(skip_local_extrema="all"))

    assert list(roles.values())[:3] == [
        ["too near a relapse to be the baseline"],
        ["not the baseline: a local peak or dip"],
        ["baseline"],
    ]


@pytest.mark.parametrize(("worsening", "scores"), [("increase", [4, 5, 3, 5]), ("decrease", [4, 3, 5, 3])])
def test_a_visit_on_the_other_side_of_the_baseline_holds_nothing(worsening, scores):
    days = ("2018-01-10", "2018-07-11", "2018-09-01", "2018-10-10")
    definition = Definition(check_intermediate=False, own_direction=True, worsening=worsening)

    events, _, roles = searched(list(zip(days, scores, strict=True)), [], definition)

    assert [event.type for event in events] == ["CDW"]
    assert roles[2] == ["did not hold the worsening; it was not asked"]
