"""Real processes on servers of these tests' own; their figures stand at the end of the run, also when all is well."""

import sys

import pytest

TABLES = pytest.StashKey[list[str]]()


def pytest_collection_modifyitems(items):
    linux = pytest.mark.skipif(sys.platform != "linux", reason="finds the processes by /proc")
    for item in items:
        if "tests/faults/" in str(item.path):
            item.add_marker(pytest.mark.processes)
            item.add_marker(linux)


@pytest.fixture
def show(request):
    """Prints a table at the end of the run."""
    return request.config.stash.setdefault(TABLES, []).append


def pytest_terminal_summary(terminalreporter, config):
    for table in config.stash.get(TABLES, []):
        terminalreporter.write_line(table)
