"""Everything a change must pass: `make test`, here and in CI.

    python tools/test.py [checks] [sqlite] [postgresql] [processes]      (no name: all four)

checks      ruff, mypy, import contracts, migrations
sqlite      the suite on SQLite, nothing else needed
postgresql  the suite on PostgreSQL and Redis, and what is too long to run twice
processes   web server, worker and sweep as a clinic starts them, and a real browser

The checks come first, then the others at the same time; the browser after the suite on SQLite. What is too long for
each change is in tools/drill.py.
DATABASE_URL and REDIS_URL name servers to use. Without them throw-away ones are started from the programs on this
machine, in a temporary folder, and are gone at the end. What could not run is named in the last lines; with CI=true
that is a failure.
"""

import os
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from servers import CannotRun, own_postgresql, own_redis
from steps import PYTEST, PYTHON, ROOT, Report, Step, chromium, clean_environ, strict

CHECKS = {
    "ruff check": [*PYTHON, "ruff", "check", "."],
    "ruff format": [*PYTHON, "ruff", "format", "--check", "."],
    "mypy": [*PYTHON, "mypy", "."],
    "import contracts": [str(Path(sys.executable).with_name("lint-imports"))],
    "migrations": [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"],
}
NO_DRILL = "not drill"  # what is too long for each change: `make drill`
# What needs no database runs once, on the first suite
NO_DATABASE = (
    "tests/engine", "tests/house/test_templates.py", "tests/house/test_words.py", "tests/house/test_docs.py",
    "tests/house/test_deployment.py", "tests/house/test_lint.py", "tests/outcomes/test_score_command.py",
    "tests/outcomes/test_row_scorer.py", "tests/outcomes/test_writing.py", "tests/outcomes/test_events_command.py",
    "tests/outcomes/test_import_reading.py", "tests/outcomes/test_import_mapping.py",
)  # fmt: skip
PARTS = ("checks", "sqlite", "postgresql", "processes")


def main(names: list[str]) -> int:
    if unknown := set(names) - set(PARTS):
        sys.exit(f"No part is called {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}.")
    wanted = set(names or PARTS)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    report = Report()
    with tempfile.TemporaryDirectory(prefix="edss-test-") as folder, ExitStack() as servers:
        environs = [clean_environ(Path(folder, name)) for name in ("sqlite", "postgresql", "processes", "faults")]
        report.run(checks(environs[0]) if "checks" in wanted else [])
        rows: list[list[Step]] = [sqlite(environs[0]) if "sqlite" in wanted else []]
        if wanted & {"postgresql", "processes"}:
            try:
                addresses = server_addresses(servers)
            except CannotRun as problem:
                report.missing.append(f"the suite on PostgreSQL and Redis, the processes, the browser ({problem})")
            else:
                last: list[Step] = []
                if "processes" in wanted:
                    rows[0] += browser(environs[0] | addresses, report)  # the first suite is through before the others
                    rows.append(processes(environs[2] | addresses))
                    last += faults(environs[3] | addresses)
                if "postgresql" in wanted:
                    rows.append(postgresql(environs[1] | addresses))
                    last += exhaustive(environs[3] | addresses, report)
                rows.append(last)
        try:
            report.run_beside(rows)
        finally:
            report.stop()
    return report.close()


def checks(environ: dict[str, str]) -> list[Step]:
    return [Step(name, command, environ) for name, command in CHECKS.items()]


def sqlite(environ: dict[str, str]) -> list[Step]:
    marks = " and ".join(f"not {mark}" for mark in ("drill", "slow", "peer", "matrix", "browser", "processes"))
    return [Step("suite, SQLite", [*PYTEST, "-m", marks], environ)]


def postgresql(environ: dict[str, str]) -> list[Step]:
    """The engine knows no database: the first suite has run its tests."""
    ignored = [f"--ignore={path}" for path in NO_DATABASE]
    marks = f"not browser and not processes and {NO_DRILL}"
    return [Step("suite, PostgreSQL", [*PYTEST, *ignored, "-m", marks], environ)]


def exhaustive(environ: dict[str, str], report: Report) -> list[Step]:
    """What is left of the engine's tests: those that the first suite had no time for."""
    peer = (ROOT / ".venv-peers" / "installed").exists()
    if not peer and not strict():
        report.missing.append("the comparison with pymsprog (make peers installs it)")
    marks = f"(slow or peer) and {NO_DRILL}" if peer or strict() else f"slow and {NO_DRILL}"
    install = [Step("peer's environment", [sys.executable, "tools/peers.py"], environ)]
    return [
        *(install if strict() and not peer else []),
        Step("engine, exhaustive", [*PYTEST, "tests/engine", "-m", marks], environ),
    ]


def processes(environ: dict[str, str]) -> list[Step]:
    """What starts real processes, most of which wait."""
    marks = f"processes and not browser and {NO_DRILL}"
    return [Step("processes", [*PYTEST, "tests", "--ignore=tests/faults", "-m", marks], environ)]


def faults(environ: dict[str, str]) -> list[Step]:
    """Servers die here while the others wait for theirs."""
    return [Step("faults", [*PYTEST, "tests/faults", "-m", NO_DRILL], environ)]


def browser(environ: dict[str, str], report: Report) -> list[Step]:
    """What drives a real browser."""
    program = chromium()
    if program:
        return [Step("browser", [*PYTEST, "-m", f"browser and {NO_DRILL}"], environ | {"CHROMIUM": program})]
    report.missing.append("the tests in a browser (no Chromium: install it, or set CHROMIUM to its path)")
    return []


def server_addresses(servers: ExitStack) -> dict[str, str]:
    """DATABASE_URL and REDIS_URL: those given, or of servers that end with the stack."""
    return {
        "DATABASE_URL": os.environ.get("DATABASE_URL") or servers.enter_context(own_postgresql()).url,
        "REDIS_URL": os.environ.get("REDIS_URL") or servers.enter_context(own_redis()).url,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
