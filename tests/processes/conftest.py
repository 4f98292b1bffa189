"""Installations with their tables made: without any server, and on the servers that the environment names."""

import os
import shutil
import sys
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest
from redis import Redis

from tests.processes.installation import Installation

OWN = f"edss_processes_{os.getpid()}"  # another run on the same server keeps its own
TEMPLATE = f"{OWN}_template"
CLAIM, CLAIMED_SECONDS = "edss-processes-tests", 3600


def pytest_collection_modifyitems(items):
    linux = pytest.mark.skipif(sys.platform != "linux", reason="counts the processes by /proc")
    for item in items:
        if "tests/processes/" in str(item.path):
            item.add_marker(pytest.mark.processes)
            item.add_marker(linux)


@pytest.fixture
def bare(tmp_path):
    """An installation without any server, and with nothing in it yet."""
    here = Installation(tmp_path)
    yield here
    here.close()


@pytest.fixture(params=["embedded", "servers"])
def installation(request, tmp_path):
    """An installation whose tables are made."""
    made = request.getfixturevalue(request.param)
    with made(tmp_path) as here:
        yield here
        here.close()


@pytest.fixture(scope="session")
def embedded(tmp_path_factory):
    first = Installation(tmp_path_factory.mktemp("embedded"))
    assert first.edss("migrate").returncode == 0

    @contextmanager
    def make(folder):
        shutil.copytree(first.folder / "data", folder / "data")
        yield Installation(folder)

    return make


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    if not (os.environ.get("DATABASE_URL", "").startswith("postgres") and os.environ.get("REDIS_URL")):
        pytest.skip("DATABASE_URL and REDIS_URL name no servers; `make test` starts some")
    base = os.environ["DATABASE_URL"].rsplit("/", 1)[0]
    queue = own_queue(os.environ["REDIS_URL"])
    redis = {"REDIS_URL": queue}

    def sql(*statements):
        with psycopg.connect(f"{base}/postgres", autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    sql(f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)", f"CREATE DATABASE {TEMPLATE}")
    first = Installation(tmp_path_factory.mktemp("servers"), {"DATABASE_URL": f"{base}/{TEMPLATE}", **redis})
    assert first.edss("migrate").returncode == 0

    @contextmanager
    def make(folder):
        sql(f"DROP DATABASE IF EXISTS {OWN} WITH (FORCE)", f"CREATE DATABASE {OWN} TEMPLATE {TEMPLATE}")
        yield Installation(folder, {"DATABASE_URL": f"{base}/{OWN}", **redis})
        sql(f"DROP DATABASE {OWN} WITH (FORCE)")

    yield make
    sql(f"DROP DATABASE {TEMPLATE} WITH (FORCE)")
    with Redis.from_url(queue) as server:
        server.delete(CLAIM, "saves", "bulk")


def own_queue(url: str) -> str:
    """A database of this Redis that no other run has: a worker of another installation would take the hints."""
    for number in range(1, 16):
        mine = urlsplit(url)._replace(path=f"/{number}").geturl()
        with Redis.from_url(mine) as server:
            if mine != url and server.set(CLAIM, os.getpid(), nx=True, ex=CLAIMED_SECONDS):
                return mine
    pytest.fail("every Redis database is claimed by a run of these tests")
