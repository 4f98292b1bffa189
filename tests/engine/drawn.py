"""Drawn histories and definitions. The source of chance is a `random.Random`, or one that Hypothesis can shrink."""

from datetime import date, timedelta

START = date(2015, 1, 5)
GRID = (0.0, *(half / 2 for half in range(2, 20)))
SCORES = {"edss": GRID, "nhpt": (18.0, 20.0, 22.0, 24.0, 26.5, 31.0), "t25fw": (4.0, 4.6, 5.0, 5.8, 7.0, 9.1)}
SCORES["sdmt"] = (30.0, 33.0, 36.0, 40.0, 44.0, 48.0, 52.0)
STARTS = (60, 84, 91, 168, 182, 365)
TABLE = {"worsening": [[0, 1.5], [0.5, 1.0], [4, 0.5]], "improvement": [[0, "inf"], [2, 0.5], [6, 1.0]]}


def history(rng, most=20, scale="edss"):
    """Two to `most` visits of one patient in order, [date, score]: a walk over few neighbouring scores."""
    scores, day = SCORES[scale], rng.randrange(400)
    at, found = rng.randrange(len(scores)), []
    gaps = rng.choice(((90,), (20, 45, 84, 91), (7, 30, 60, 100, 180, 400)))
    for _ in range(rng.randint(2, most)):
        found.append([(START + timedelta(day)).isoformat(), scores[at]])
        day += rng.choice(gaps) + rng.choice((0, 0, 1, -1, 6))
        at = min(max(at + rng.choice((-3, -2, -1, 0, 0, 0, 0, 1, 2, 2, 3)), 0), len(scores) - 1)
    return found


def relapses(rng, visits):
    """Onsets in order: none, or some near the visits, some long before the first."""
    if rng.random() < 0.25:
        return []
    days = [date.fromisoformat(rng.choice(visits)[0]) for _ in range(rng.randint(1, 4))]
    offsets = (-400, -91, -90, -89, -45, -31, -30, -29, -10, -1, 0, 0, 1, 20, 30, 31, 60)
    return [day.isoformat() for day in sorted({day + timedelta(rng.choice(offsets)) for day in days})]


def shared_options(rng):
    """Options that the peer has, too; each with even chance, so that most definitions mix several."""
    found = {}

    def maybe(name, *values, chance=0.35):
        if rng.random() < chance:
            found[name] = rng.choice(values)

    maybe("event", "firstCDI", "multiple", "multiple", "firstPIRA", "firstRAW", "first", chance=0.7)
    maybe("RAW_PIRA", True, chance=0.5)
    maybe("baseline", "roving", "roving", "roving_impr", "roving_wors", chance=0.6)
    maybe("proceed_from", "event")
    maybe("sub_threshold_rebl", "event", "improvement", "worsening")
    maybe("bl_geq", True)
    maybe("relapse_rebl", True)
    maybe("skip_local_extrema", "strict", "all")
    maybe("require_sust_days", 100, 180, 400, "inf")
    maybe("check_intermediate", False)
    maybe("relapse_to_bl", 0, 60, [30, 30], [0, 45])
    maybe("relapse_to_event", 30, [30, 0], [0, 20], [60, 10])
    maybe("relapse_to_conf", 0, 90, [30, 30], [0, 14])
    maybe("relapse_assoc", 30, [30, 30], [90, 14], [0, 0])
    maybe("relapse_indep", *free_windows(rng))
    maybe("impute_last_visit", 1, 400, 1200, chance=0.25)
    if rng.random() < 0.6:
        found |= confirmation(rng)
    return found


def free_windows(rng):
    kind = rng.choice(("baseline", "last", "last_delta"))
    return (
        {"prec": [0, None], "event": [None, 30], "conf": [30, 30], "prec_type": kind},
        {"prec": [0, None], "event": [None, None], "conf": [None, 0], "prec_type": kind},
        {"prec": [0, 0], "event": [90, None], "conf": [None, 0], "prec_type": kind},
        {"prec": [0, None], "event": [None, 0], "conf": [30, 0], "prec_type": kind},
        {"prec": [30, 30], "event": [90, 30], "conf": [0, 0], "prec_type": kind},
        {"prec": [0, 0], "event": [0, 0], "conf": [0, 0]},
    )


def confirmation(rng):
    days = [rng.choice(STARTS)] if rng.random() < 0.5 else rng.sample(STARTS, rng.randint(2, 3))
    pairs = (7, 45, [0, 0], [14, 30], [7, 730.5], [14, "inf"], [0, "inf"])
    if len(days) > 1 and rng.random() < 0.3:
        return {"conf_days": days, "conf_tol_days": {str(day): rng.choice(pairs) for day in days}}
    return {"conf_days": days if len(days) > 1 or rng.random() < 0.5 else days[0], "conf_tol_days": rng.choice(pairs)}


def own_options(rng):
    """Options of ours beside the shared ones."""
    found = shared_options(rng)
    if rng.random() < 0.5:
        found["steps"] = rng.choice(("msoutcomes", "carems", "opera", TABLE))
    for name, value in (
        ("relapse_history", "peer"),
        ("relapse_end", True),
        ("rebaseline_value", "min_in_confirmation"),
        ("count_continuations", True),
        ("own_direction", True),
        ("include_stable", False),
    ):
        if rng.random() < 0.2:
            found[name] = value
    if rng.random() < 0.1:
        found |= {"impute_last_visit": 0.5, "impute_seed": rng.randrange(9)}
    if rng.random() < 0.15 and "rebaseline_value" not in found and "relapse_end" not in found:
        found["compat"] = "pymsprog"
    return found
