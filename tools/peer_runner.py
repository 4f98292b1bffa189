"""Run pymsprog on cases; started by the interpreter of the peer's own environment, which `tools/peers.py` makes.

    .venv-peers/bin/python tools/peer_runner.py < cases.jsonl > results.jsonl

A case is one line of JSON: `visits` [[date, score, may confirm], ...], `relapses` [date, ...], `options` as the golden
cases write them ("inf" for infinity, but `steps` as a table [[from, points], ...]), and if wanted `outcome` and
`delta_scores`, a score a visit from which the steps are taken. The result is one line with the fields of the golden
cases, or `error` with the words of the exception.
"""

import json
import sys
import warnings
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import pandas as pd
from pymsprog import MSprog


def read(value: Any) -> Any:
    """Infinity from "inf", all the way down."""
    if isinstance(value, dict):
        return {key: read(item) for key, item in value.items()}
    if isinstance(value, list):
        return [read(item) for item in value]
    return float("inf") if value == "inf" else value


def step_from(table: list[list[float]]) -> Any:
    """A function from a score to the smallest change that counts."""
    return lambda score: next(points for first, points in reversed(table) if score >= first)


def arguments(options: dict[str, Any]) -> dict[str, Any]:
    """The options as this package wants them: tuples in `relapse_indep`, numbers as keys, a function for the steps."""
    found = read(options)
    if "steps" in found:
        found["delta_fun"] = step_from(found.pop("steps"))
    if "relapse_indep" in found:
        pairs = found["relapse_indep"].items()
        found["relapse_indep"] = {key: tuple(item) if isinstance(item, list) else item for key, item in pairs}
    if isinstance(found.get("conf_tol_days"), dict):
        found["conf_tol_days"] = {int(key): pair for key, pair in found["conf_tol_days"].items()}
    return found


def run(case: dict[str, Any]) -> dict[str, Any]:
    rows = [(1, day, score, (may or [True])[0]) for day, score, *may in case["visits"]]
    visits = pd.DataFrame(rows, columns=["id", "date", "score", "may"])
    if "delta_scores" in case:
        visits["delta"] = case["delta_scores"]
    relapses = pd.DataFrame({"id": [1] * len(case["relapses"]), "date": case["relapses"]})
    for table in (visits, relapses):
        table["date"] = pd.to_datetime(table["date"])
    options = arguments(case["options"])
    answer = MSprog(
        visits,
        subj_col="id",
        value_col="score",
        date_col="date",
        outcome=case.get("outcome", "edss"),
        relapse=relapses if len(relapses) else None,
        valuedelta_col="delta" if "delta_scores" in case else None,
        validconf_col="may",
        include_dates=True,
        include_value=True,
        return_unconfirmed=True,
        verbose=0,
        **options,
    )
    _, results, unconfirmed = answer
    days = options.get("conf_days", 84)
    windows = days if isinstance(days, list) else [days]
    if not len(results):
        return {"total_followup_days": None, "events": [], "unconfirmed": []}
    found = results[results["nevent"] > 0].to_dict("records")
    return {
        "total_followup_days": int(results["total_fu"].iloc[0]),
        "events": [event(row, windows) for row in found],
        "unconfirmed": [shown(day) for day in unconfirmed["date"]] if len(unconfirmed) else [],
    }


def event(row: dict[str, Any], windows: list[float]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": row["event_type"],
        "cdw_type": (row.get("CDW_type") or None) if isinstance(row.get("CDW_type"), str) else None,
        "date": shown(row["date"]),
        "value": float(row["value"]),
        "baseline_date": shown(row["bl_date"]),
        "baseline_value": float(row["bl_value"]),
        "last_delta_date": shown(row["last_delta_date"]),
        "last_delta_value": float(row["last_delta_value"]),
        "days_from_start": int(row["time2event"]),
        "days_from_baseline": int(row["bl2event"]),
        "sustained_days": int(row["sust_days"]),
        "sustained_to_last": bool(row["sust_last"]),
        "confirmed": {str(days): shown(row.get(f"conf{days}_date")) for days in windows},
    }
    if found["cdw_type"]:  # a column without any date is left out, but it belongs to a class
        found["pira_confirmed"] = {str(days): shown(row.get(f"PIRA_conf{days}_date")) for days in windows}
    return found


def shown(day: Any) -> str | None:
    return None if day is None or pd.isna(day) else str(pd.Timestamp(day).date())


def main() -> None:
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        try:
            with redirect_stdout(StringIO()):  # it prints
                result = run(json.loads(line))
        except Exception as problem:  # what it cannot do is a result, too
            result = {"error": f"{type(problem).__name__}: {problem}"}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
