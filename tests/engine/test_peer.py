"""The engine in compatible mode beside pymsprog itself, on cases drawn anew in each run; `make peers` installs it."""

import json
import os
import random
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from engine.progression import Cohort, Definition, detect, detect_cohort
from engine.steps import STEPS
from tests.engine import drawn

ROOT = Path(__file__).resolve().parents[2]
PEER = ROOT / ".venv-peers" / "bin" / "python"
CASES = 2200
# What the peer cannot do, and with which options: a change that is confirmed in one of several windows only, or is kept
# without any and is not of the class that is looked for; the first of a class where a new baseline at relapses finds an
# event twice (it counts the event twice, then looks in a list that has it once)
CRASHES = {
    "ValueError: zero-size array to reduction operation": lambda options: (
        isinstance(options.get("conf_days"), list)
        or (options.get("event") in ("firstPIRA", "firstRAW") and "impute_last_visit" in options)
    ),
    "IndexError: index": lambda options: (
        options.get("event", "firstCDW") in ("firstCDW", "firstCDI", "firstPIRA", "firstRAW")
        and options.get("relapse_rebl")
    ),
}

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def peer():
    if not PEER.exists():
        if os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail("pymsprog is not installed: make peers")
        pytest.skip("pymsprog is not installed: make peers")
    return run_peer


def run_peer(cases):
    """Results in order; two at a time."""
    with ThreadPoolExecutor(2) as pool:
        halves = list(pool.map(run_half, (cases[::2], cases[1::2])))
    found = [None] * len(cases)
    found[::2], found[1::2] = halves
    return found


def run_half(cases):
    lines = "\n".join(json.dumps(case | {"options": with_table(case["options"])}) for case in cases)
    command = [str(PEER), "tools/peer_runner.py"]
    done = subprocess.run(command, cwd=ROOT, input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def with_table(options):
    """The steps as one table: the peer has the same for both directions."""
    if "steps" not in options:
        return options
    steps = STEPS[options["steps"]]
    pieces = steps.improvement if options.get("event") == "firstCDI" else steps.worsening
    return options | {"steps": [[piece.first, min(piece.points, 1e9)] for piece in pieces]}


def draw(rng):
    scale = "edss" if rng.random() < 0.85 else rng.choice(("nhpt", "t25fw", "sdmt"))
    visits = drawn.history(rng, scale=scale)
    case = {"visits": visits, "relapses": drawn.relapses(rng, visits), "options": drawn.shared_options(rng)}
    if scale != "edss":
        case["outcome"] = scale
    elif rng.random() < 0.3:
        case["options"]["steps"] = rng.choice(("msoutcomes", "carems", "opera"))
    elif rng.random() < 0.15:
        case["delta_scores"] = [rng.choice(drawn.GRID) for _ in visits]
    if rng.random() < 0.2:
        case["visits"] = [[*visit, rng.random() < 0.7] for visit in visits]
    elif rng.random() < 0.2 and "delta_scores" not in case:
        messy = [*visits, [rng.choice(visits)[0], rng.choice(visits)[1]], [rng.choice(visits)[0], None]]
        case["visits"] = rng.sample(messy, len(messy))
    return case


def ours(case, compat="pymsprog"):
    options = case["options"] | {"compat": compat}
    if "outcome" in case:
        options |= {"steps": case["outcome"], "worsening": "decrease" if case["outcome"] == "sdmt" else "increase"}
    definition = Definition.from_mapping(options)
    days = [date.fromisoformat(day) for day in case["relapses"]]
    rows = [(date.fromisoformat(visit[0]), *visit[1:]) for visit in case["visits"]]
    if "delta_scores" not in case:
        found = detect(rows, days, definition)
        events, changes, followup = found.events, found.unconfirmed, found.total_followup_days
    else:
        cohort = Cohort.from_columns(
            [0] * len(rows),
            [row[0].toordinal() for row in rows],
            [row[1] for row in rows],
            may_confirm=[row[2] if len(row) > 2 else True for row in rows],
            relapse_patient=[0] * len(days),
            relapse_day=[day.toordinal() for day in days],
        )
        many = detect_cohort(cohort, definition, delta_score=case["delta_scores"])
        events, changes, followup = many.of(0), many.unconfirmed_of(0), int(cohort.followup_days()[0])
    return {
        "total_followup_days": followup,
        "events": [event.as_mapping() for event in events],
        "unconfirmed": [change.date.isoformat() for change in changes],
    }


def test_compatible_mode_equals_the_peer_on_every_field(peer, capsys):
    seed = int(os.environ.get("PEER_SEED") or random.SystemRandom().randrange(10**6))
    with capsys.disabled():
        print(f"\n{CASES} cases drawn with PEER_SEED={seed}")
    rng = random.Random(seed)
    cases = [draw(rng) for _ in range(CASES)]

    answers = peer(cases)

    crashes, with_events, differing = Counter(), 0, []
    for case, theirs in zip(cases, answers, strict=True):
        found = ours(case)
        if "error" in theirs:
            kinds = [kind for kind, may in CRASHES.items() if theirs["error"].startswith(kind) and may(case["options"])]
            assert kinds, f"seed {seed}: {theirs['error']} at {json.dumps(case)}"
            assert ours(case, compat="none")["total_followup_days"] == found["total_followup_days"]
            crashes[kinds[0]] += 1
            continue
        theirs["unconfirmed"] = list(dict.fromkeys(theirs["unconfirmed"]))  # it may list a change twice, we never do
        with_events += bool(theirs["events"])
        if found != theirs:
            differing.append({"case": case, "peer": theirs, "ours": found})
    assert differing == [], f"seed {seed}: {len(differing)} differ, the first: {json.dumps(differing[0])}"
    assert with_events > CASES / 4
    assert sum(crashes.values()) < CASES / 20
