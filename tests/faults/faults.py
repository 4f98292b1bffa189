"""The faults, each by its name: what happens to an installation while people save."""

import base64
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from redis import Redis
from redis.exceptions import RedisError

from tests.faults.registry import Embedded, Production, Registry, kill_group
from tests.faults.writers import Told

GUNICORN, CELERY, SWEEP = "gunicorn edss_tracker.wsgi", "celery", "sweep --loop"
QUEUES = ("saves", "bulk")


def kill_one(pids: list[int], drawn: random.Random) -> None:
    if pids:
        with suppress(ProcessLookupError):
            os.kill(drawn.choice(pids), signal.SIGKILL)


def worker_child_killed(place: Registry, told: Told, drawn: random.Random) -> None:
    kill_one(place.pids(CELERY, below=CELERY), drawn)


def worker_killed(place: Registry, told: Told, drawn: random.Random) -> None:
    for pid in place.pids(CELERY):
        kill_one([pid], drawn)


def sweep_killed(place: Registry, told: Told, drawn: random.Random) -> None:
    kill_one(place.pids(SWEEP), drawn)


def web_killed_in_a_save(place: Registry, told: Told, drawn: random.Random) -> None:
    until = time.monotonic() + 3
    while told.in_flight < min(2, drawn.randint(1, 4)) and time.monotonic() < until:
        time.sleep(0.001)
    time.sleep(drawn.uniform(0, 0.05))
    kill_one(place.pids(GUNICORN, below=GUNICORN), drawn)


def hints_delivered_three_times(place: Registry, told: Told, drawn: random.Random) -> None:
    some = drawn.sample(sorted(place.patients.values()), min(5, len(place.patients)))
    for _ in range(3):
        for pk in some:
            place.hint([pk])
        place.hint(some)


FORGED_ARGUMENTS = (
    ([],), (None,), ("all",), ({"id": 1},), ([[1]],), ([-1, 0, 10**9],), ([10**30],), ([1.5, "1", None, False],),
    ([7], "more"), ([list(range(-2000, 0))],), ("; DROP TABLE patients_patient",), (["1 OR 1=1"],),
)  # fmt: skip


def forged() -> list[bytes]:
    """What is in the queue when somebody else writes to it: no JSON, no message, no task, no arguments of ours."""
    head = {"task": "outcomes.refresh_trajectories", "id": "forged", "lang": "py"}
    body = base64.b64encode(json.dumps([[[1]], {}, {}]).encode()).decode()
    way = {"exchange": "", "routing_key": "saves"}
    properties = {"body_encoding": "base64", "delivery_tag": "forged", "delivery_info": way, "delivery_mode": 2}
    good = {"body": body, "content-encoding": "utf-8", "content-type": "application/json"}
    good |= {"headers": head, "properties": properties}
    wrong = [
        [good], 7, {}, good | {"properties": None}, good | {"headers": None}, good | {"headers": {}},
        good | {"properties": {}}, good | {"body": "%%%"}, good | {"body": "Nw=="}, good | {"body": None},
        good | {"content-type": "application/x-python-serialize"}, good | {"content-encoding": "no-such-code"},
        good | {"headers": head | {"task": "os.system"}}, good | {"headers": head | {"task": ["note"]}},
        good | {"headers": head | {"expires": "soon"}}, good | {"headers": head | {"eta": "soon"}},
        good | {"headers": head | {"timelimit": "x"}}, good | {"headers": head | {"timelimit": [1]}},
        good | {"properties": properties | {"delivery_info": 3}},
        good | {"properties": properties | {"delivery_tag": None}},
    ]  # fmt: skip
    return [json.dumps(one).encode() for one in wrong] + [b"", b"{", b"garbage", bytes(range(256)), b"[" * 5000]


def forged_into_redis(place: Production, told: Told, drawn: random.Random) -> None:
    with suppress(RedisError), Redis.from_url(place.redis.url, socket_timeout=1) as server:
        for raw in drawn.sample(forged(), 6):
            server.lpush(drawn.choice(QUEUES), raw)
    forged_arguments(place, drawn)


def forged_into_folder(place: Embedded, told: Told, drawn: random.Random) -> None:
    with suppress(OSError):  # the disk may be full just now
        for number, raw in enumerate(drawn.sample(forged(), 6)):
            name = f"{time.time_ns():020}-{number}.{drawn.choice(QUEUES)}.msg"
            (place.place / "messages" / name).write_bytes(raw)
    forged_arguments(place, drawn)


def forged_arguments(place: Registry, drawn: random.Random) -> None:
    for arguments in drawn.sample(FORGED_ARGUMENTS, 4):
        with suppress(Exception):
            place.queue.send_task("outcomes.refresh_trajectories", args=arguments, queue="saves", retry=False)


# Servers -------------------------------------------------------------------------------------------------------------


def redis_killed(place: Production, told: Told, drawn: random.Random) -> None:
    """Gone with all it held, and back after a moment, empty."""
    if place.redis.alive():
        place.redis.stop(signal.SIGKILL)
        place.later(drawn.uniform(0.2, 4), place.redis.start)


def redis_frozen(place: Production, told: Told, drawn: random.Random) -> None:
    place.redis.send(signal.SIGSTOP)
    place.later(drawn.uniform(5, 10), lambda: place.redis.send(signal.SIGCONT))


def postgresql_restarted(place: Production, told: Told, drawn: random.Random) -> None:
    """Fast: open transactions are rolled back and all people thrown out."""
    place.postgresql.restart(signal.SIGINT)


def postgresql_crashed(place: Production, told: Told, drawn: random.Random) -> None:
    """Immediate: nothing is written any more; it recovers from its log."""
    place.postgresql.restart(signal.SIGQUIT)


# The folder ----------------------------------------------------------------------------------------------------------


def everything_killed(place: Registry, told: Told, drawn: random.Random) -> None:
    """The power of the machine goes: all processes at once."""
    for child in place.keeper.running.values():
        kill_group(child.pid)
    for pid in place.here.processes("edss_tracker"):
        kill_one([pid], drawn)


def queue_folder_removed(place: Embedded, told: Told, drawn: random.Random) -> None:
    for folder in place.place.iterdir():
        shutil.rmtree(folder, ignore_errors=True)


def queue_disk_full(place: Embedded, told: Told, drawn: random.Random) -> None:
    """Not a byte is left where the queue is, for some seconds."""
    filler = place.place / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        for size in (4096, 1):
            with suppress(OSError):
                while True:
                    file.write(b"x" * size)
    place.later(drawn.uniform(3, 8), lambda: filler.unlink(missing_ok=True))


def queue_folder_blocked(place: Embedded, told: Told, drawn: random.Random) -> None:
    """Where no disk can be mounted: a file stands where the folder for new messages must be."""
    blocked = place.place / "aside"
    shutil.rmtree(blocked, ignore_errors=True)
    with suppress(OSError):
        blocked.write_text("")
        place.later(drawn.uniform(3, 8), lambda: blocked.unlink(missing_ok=True))


Fault = Callable[[Registry, Told, random.Random], None]
EVERYWHERE: dict[str, Fault] = {
    "worker killed": worker_killed,
    "sweep killed": sweep_killed,
    "web process killed in a save": web_killed_in_a_save,
    "hints delivered three times": hints_delivered_three_times,
}
OF_SERVERS: dict[str, Fault] = EVERYWHERE | {
    "worker child killed": worker_child_killed,
    "Redis killed, back empty": redis_killed,
    "Redis frozen": redis_frozen,
    "PostgreSQL restarted (fast)": postgresql_restarted,
    "PostgreSQL crashed (immediate)": postgresql_crashed,
    "forged messages": forged_into_redis,
}
OF_ONE_MACHINE: dict[str, Fault] = EVERYWHERE | {
    "everything killed": everything_killed,
    "queue folder removed": queue_folder_removed,
    "forged messages": forged_into_folder,
}


def of_one_machine(place: Embedded) -> dict[str, Fault]:
    if place.small_disk:
        return OF_ONE_MACHINE | {"disk of the queue full": queue_disk_full}
    return OF_ONE_MACHINE | {"queue folder blocked": queue_folder_blocked}
