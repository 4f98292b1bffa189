"""What others write into Redis neither ends the worker nor changes anything; the next hint is worked on as before."""

from contextlib import ExitStack

import pytest
from redis import Redis

from edss_tracker.processes import worker_command
from tests.faults.faults import FORGED_ARGUMENTS, QUEUES, forged
from tests.faults.registry import TASK, entered
from tests.processes.installation import Installation, eventually
from tools.servers import own_redis

SAVED = """
from tests.factories import make_centre, make_patient, make_user, visit
centre = make_centre()
by = make_user("writer", centre=centre)
print(visit(make_patient(centre, by), by, "2024-01-01", 3).patient_id)
"""
HINT = """
from celery import current_app
for arguments in {arguments}:
    current_app.send_task("{task}", args=arguments, queue="saves", retry=False)
"""
STATE = """
from assessments.models import Assessment
from outcomes.models import Trajectory
from patients.models import Freshness
versions = Assessment.objects.values_list("row_version", flat=True)
print(Freshness.objects.stale().count(), Trajectory.objects.count(), *versions)
"""


@pytest.mark.drill
def test_the_worker_lives_through_whatever_stands_in_redis(tmp_path):
    with ExitStack() as servers:
        server = entered(servers, own_redis())
        redis = servers.enter_context(Redis.from_url(server.url))
        here = Installation(tmp_path, {"REDIS_URL": server.url})
        assert here.edss("migrate").returncode == 0
        patient = here.python(SAVED, EDSS_HINTS="off")
        before = here.python(STATE)
        worker = here.start(*worker_command(children=2))
        for name in QUEUES:
            redis.lpush(name, *forged())
        redis.hset("unacked", "old", "{")
        redis.zadd("unacked_index", {"old": 1.0})

        eventually(lambda: not redis.exists(*QUEUES), here.said)
        here.python(HINT.format(task=TASK, arguments=FORGED_ARGUMENTS))
        eventually(lambda: not redis.exists(*QUEUES), here.said)
        assert before == "1 0 1"
        here.python(HINT.format(task=TASK, arguments=[[[int(patient)]]]))
        eventually(lambda: here.python(STATE) == "0 1 1", here.said)

        assert worker.poll() is None
        assert "Unrecoverable" not in here.said()
        here.close()
