"""What is too long for each change: `make drill`, before a release and after a change of what it is about.

    python tools/drill.py [faults] [api] [rounds] [files] [export] [restore]      (no name: all, about two hours)

faults   an installation in production shape, and the embedded one, under hundreds of faults while people save
api      the API against its own schema
rounds   two editors and double submits through the API
files    mutated import files
export   a cohort of a million rows
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

    place: str
    options: tuple[str, ...] = ()
    cases: dict[str, str] = field(default_factory=dict)

    def step(self, name: str, environ: dict[str, str]) -> Step:
        """What the caller set wins over what is usual."""
        drawn = {variable: os.environ.get(variable, usual) for variable, usual in self.cases.items()}
        return Step(f"drill, {name}", [*PYTEST, "-rP", self.place, *self.options], environ | drawn)


DRILL = ("-m", "drill")
PARTS = {
    "faults": Part("tests/faults", cases={"EDSS_FAULTS": "300", "EDSS_SAVES": "30000"}),
    "api": Part("tests/house/test_api_schema.py", cases={"EDSS_API_CASES": "20000"}),
    "rounds": Part("tests/processes/test_api_parallel.py", cases={"EDSS_ROUNDS": "1000"}),
    "files": Part("tests/outcomes/test_import_mutations.py", DRILL, {"EDSS_MUTATED_FILES": "10000"}),
    "export": Part("tests/outcomes", DRILL),
    "restore": Part("tests/processes/test_backup.py", DRILL),
}


def main(names: list[str]) -> int:
    if unknown := set(names) - set(PARTS):
        sys.exit(f"No part is called {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}.")
    wanted = {name: part for name, part in PARTS.items() if name in (names or PARTS)}
    for name, part in wanted.items():
        if not (ROOT / part.place).exists():
            sys.exit(f"The part {name} needs {part.place}, which is not there.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    report = Report()
    with tempfile.TemporaryDirectory(prefix="edss-drill-") as folder, ExitStack() as servers:
        try:
            postgresql, redis = servers.enter_context(own_postgresql()), servers.enter_context(own_redis())
        except CannotRun as problem:
            sys.exit(f"The drill needs servers: {problem}.")
        environ = clean_environ(Path(folder)) | {"DATABASE_URL": postgresql.url, "REDIS_URL": redis.url}
        try:
            report.run([part.step(name, environ) for name, part in wanted.items()])
        finally:
            report.stop()
    return report.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
