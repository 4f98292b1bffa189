"""Patients whose computation kills its process, raises or hangs, in the processes of a test only.

Python loads the `sitecustomize` of a `Poison` when it starts; that puts the poison into `outcomes.trajectory` when
this is imported. The product knows nothing of it.
"""

import json
import sqlite3
from collections import Counter
from urllib.parse import urlsplit

import psycopg

PLUGIN = """
import importlib.util, json, os, signal, sys, time

POISON, NOTES, SECONDS = json.loads(os.environ["POISON"]), os.environ["POISON_NOTES"], int(os.environ["POISON_SECONDS"])


def act(pk, way):
    with open(NOTES, "a") as file:
        file.write(f"{pk}\\n")
    if way == "kill once" and open(NOTES).read().split().count(str(pk)) > 1:
        return
    if way.startswith("kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    if way == "raise":
        raise ValueError("poison")
    while True:
        time.sleep(1)


class Finder:
    def find_spec(self, name, path=None, target=None):
        if name != "outcomes.trajectory":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            derive, module.SECONDS = module.derive, SECONDS

            def poisoned(rows):
                for row in rows:
                    if str(row.patient_id) in POISON:
                        act(row.patient_id, POISON[str(row.patient_id)])
                return derive(rows)

            module.derive = poisoned

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Finder())
"""


class Poison:
    """Which patients are poisoned in which way, and how often each was really tried."""

    def __init__(self, folder, ways: dict[int, str], *, seconds: int = 2):
        place = folder / "poison"
        place.mkdir()
        (place / "sitecustomize.py").write_text(PLUGIN)
        self.notes = folder / "tries"
        self.notes.touch()
        self.environ = {
            "PYTHONPATH": str(place),
            "POISON": json.dumps(ways),
            "POISON_NOTES": str(self.notes),
            "POISON_SECONDS": str(seconds),
        }

    def tries(self) -> Counter[int]:
        return Counter(map(int, self.notes.read_text().split()))


def sql(here, statement: str) -> list[tuple]:
    """Rows of the installation's database, asked directly: no process to start for each look."""
    url = here.environ.get("DATABASE_URL", "")
    if urlsplit(url).scheme.startswith("postgres"):
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []
    connection = sqlite3.connect(here.folder / "data" / "registry.sqlite3", timeout=20, isolation_level=None)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()
