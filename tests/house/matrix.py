"""The reviewed table of who may do what, and the counting of its cells. It owes nothing to `patients.access`."""

import csv
from pathlib import Path

from tests.house.world import PEOPLE

TABLE = Path(__file__).resolve().parents[1] / "golden" / "access-matrix.csv"
METHODS = {"G": "GET", "P": "POST", "U": "PUT", "A": "PATCH", "D": "DELETE", "O": "OPTIONS"}
TRIED = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

counted = {"cells": 0, "refused": 0}


def table() -> dict[str, dict[str, set[str]]]:
    """Address to person to methods; `record` is `centre` where the address names something of one centre."""
    found = {}
    with TABLE.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            people = {who: methods_of(row[who]) for who in ("anonymous", *PEOPLE)}
            found[row["address"]] = people | {"record": {row["record"]} - {"-"}}
    return found


def methods_of(letters: str) -> set[str]:
    methods = {METHODS[letter] for letter in letters.strip() if letter != "-"}
    return methods | ({"HEAD"} if "GET" in methods else set())
