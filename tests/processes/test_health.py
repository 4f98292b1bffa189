"""A question goes through the real queue to a real worker and comes back as a row; a frozen broker holds up nobody."""

import json
import os
import signal
import time
import urllib.request

from tests.processes.installation import eventually
from tests.processes.test_broker import redis_server  # noqa: F401 - a fixture


def state(here) -> dict:
    with urllib.request.urlopen(f"http://127.0.0.1:{here.port}/health/", timeout=10) as answer:
        return json.loads(answer.read())


def answers(here, **wanted) -> bool:
    try:
        found = state(here)
    except OSError:
        return False
    return all(found[name] == value for name, value in wanted.items())


def test_the_worker_answers_through_either_queue(installation):
    for command in (["web"], ["worker"], ["sweep", "--loop"]):
        installation.start_edss(*command)

    eventually(lambda: answers(installation, status="ok", worker="ok"), installation.said)

    assert state(installation)["queue_seconds"] < 20
    said = []

    def works() -> bool:
        done = installation.edss("health", "--strict")
        said.append(done.stdout)
        return done.returncode == 0

    eventually(works, installation.said)  # a broker that is late on a busy machine is said to be late
    assert said[-1].startswith("Everything works.\nDatabase: ok\nBroker: ok\nWorker: ok, answered ")


def test_a_frozen_broker_is_told_at_once(servers, tmp_path, redis_server):  # noqa: F811
    with servers(tmp_path) as here:
        environ = {"REDIS_URL": redis_server.url}
        here.start_edss("web", **environ)
        eventually(lambda: answers(here, broker="ok"), here.said)
        redis_server.now().send_signal(signal.SIGSTOP)
        eventually(lambda: answers(here, broker="no answer"), here.said)

        took = []
        for _ in range(20):
            began = time.monotonic()
            assert state(here)["status"] == "degraded"
            took.append(time.monotonic() - began)

        print(f"health with a frozen broker: {sorted(took)[10] * 1000:.0f} ms, load {os.getloadavg()[0]:.1f}")
        assert sorted(took)[10] < 0.25
        done = here.edss("health", **environ)
        assert done.returncode == 0
        assert here.edss("health", "--strict", **environ).returncode == 1
        redis_server.now().send_signal(signal.SIGCONT)
        eventually(lambda: answers(here, broker="ok"), here.said)
        here.close()
