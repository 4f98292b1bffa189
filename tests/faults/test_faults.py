"""Whatever dies, an acknowledged save is there once and as it was entered, and every trajectory is right after it."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults import faults, registry
from tests.faults.run import INTERRUPTED, Figures, run

FAULTS, SAVES = int(os.environ.get("EDSS_FAULTS", "20")), int(os.environ.get("EDSS_SAVES", "500"))
SEED = int(os.environ.get("EDSS_FAULT_SEED", "1"))
SAVES_OF_A_PATIENT = 20
SHARE_OF_ONE_MACHINE = 0.4  # of the faults and saves; it has fewer things that can die


def production(folder) -> tuple[Figures, str]:
    with registry.production(folder, writers=4, patients=SAVES // SAVES_OF_A_PATIENT) as place:
        found = run(place, "PostgreSQL and Redis", faults.OF_SERVERS, count=FAULTS, saves=SAVES, seed=SEED)
        return found, place.here.said()


def one_machine(folder) -> tuple[Figures, str]:
    count, saves = int(FAULTS * SHARE_OF_ONE_MACHINE), int(SAVES * SHARE_OF_ONE_MACHINE)
    with registry.embedded(folder, writers=4, patients=saves // SAVES_OF_A_PATIENT) as place:
        kinds = faults.of_one_machine(place)
        found = run(place, "SQLite and the folder queue", kinds, count=count, saves=saves, seed=SEED)
        return found, place.here.said()


@pytest.fixture(scope="module")
def runs(request, tmp_path_factory):
    """Both at the same time, where both were asked for: they mostly wait."""
    wanted = [item.callspec.params["shape"] for item in request.session.items if item.path == request.path]
    with ThreadPoolExecutor() as pool:
        try:
            yield {shape: pool.submit(shape, tmp_path_factory.mktemp("faults")) for shape in wanted}
        finally:
            INTERRUPTED.set()


@pytest.mark.parametrize("shape", [production, pytest.param(one_machine, marks=pytest.mark.drill)])
def test_nothing_is_lost_under_faults(runs, show, shape):
    found, said = runs[shape].result()
    show(found.table())

    assert found.wrong == [], said[-3000:]
