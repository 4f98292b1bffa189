"""What is too long for each change: `make drill`, before a release and after a change of what it is about.

    python tools/drill.py [faults] [api] [rounds] [files] [export] [processes]
                             [browser] [restore]      (no name: all, about two hours)

faults   an installation in production shape, and the embedded one, under hundreds of faults while people save
api      the API against its own schema
rounds   two editors and double submits through the API
files    mutated import files
export   a cohort of a million rows
processes  patients whose computation fails, parallel guesses of a password, a large import while people save
browser  accounts and idle sessions
restore  backup and restore of a large registry, on both databases

Everything runs on throw-away servers, started as `make test` starts them. How much is drawn is set in the environment;
the table below holds the names and what is usual.
"""

import os
import signal
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from servers import CannotRun, own_postgresql, own_redis
from steps import PYTEST, ROOT, Report, Step, clean_environ


@dataclass(frozen=True)
class Part:
    """A selection of tests: where, with which marks, and how many cases (variable: usual number)."""

    places: str
    options: tuple[str, ...] = ()
    cases: dict[str, str] = field(default_factory=dict)

    def step(self, name: str, environ: dict[str, str]) -> Step:
        """What the caller set wins over what is usual."""
        drawn = {variable: os.environ.get(variable, usual) for variable, usual in self.cases.items()}
        return Step(f"drill, {name}", [*PYTEST, "-rP", *self.places.split(), *self.options], environ | drawn)


DRILL = ("-m", "drill")
PARTS = {
    "faults": Part(
        "tests/faults",
        cases={
            "EDSS_FAULTS": "300",
            "EDSS_SAVES": "30000",
            "EDSS_FAULT_SEED": "1",
            "EDSS_BREATH": "0.4",
            "EDSS_PATIENCE": "900",
        },
    ),
    "api": Part("tests/house/test_api_schema.py", cases={"EDSS_API_CASES": "20000"}),
    "rounds": Part("tests/processes/test_api_parallel.py", cases={"EDSS_ROUNDS": "1000"}),
    "files": Part("tests/outcomes/test_import_mutations.py", DRILL, {"EDSS_MUTATED_FILES": "10000"}),
    "export": Part("tests/processes/test_export_stream.py", DRILL, {"EDSS_EXPORTED_ROWS": "1000000"}),
    "processes": Part(
        "tests/processes/test_poison.py tests/processes/test_broker.py tests/processes/test_run.py"
        " tests/processes/test_signing_in.py"
        " tests/outcomes/test_import_speed.py",
        DRILL,
    ),
    "browser": Part("tests/flows", DRILL),
    "restore": Part("tests/processes/test_keeping.py tests/processes/test_keeping_large.py", DRILL),
}


def main(names: list[str]) -> int:
    if unknown := set(names) - set(PARTS):
        sys.exit(f"No part is called {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}.")
    wanted = {name: part for name, part in PARTS.items() if name in (names or PARTS)}
    for name, part in wanted.items():
        for place in part.places.split():
            if not (ROOT / place).exists():
                sys.exit(f"The part {name} needs {place}, which is not there.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    report = Report()
    with tempfile.TemporaryDirectory(prefix="edss-drill-") as folder, ExitStack() as servers:
        try:
            postgresql, redis = servers.enter_context(own_postgresql()), servers.enter_context(own_redis())
        except CannotRun as problem:
            sys.exit(f"The drill needs servers: {problem}.")
        environ = clean_environ(Path(folder, "data")) | {"DATABASE_URL": postgresql.url, "REDIS_URL": redis.url}
        try:
            report.run([part.step(name, environ) for name, part in wanted.items()])
        finally:
            report.stop()
    return report.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
