"""How the installation is, for a load balancer, a monitor or an administrator: no patient in it, and quickly answered.

Worker and sweep are known by rows of the database. The sweep asks the worker through the queue, and the worker answers
by a row, so that "ok" means: what is sent arrives and is worked on.
"""

import os
import threading
import time
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import Error, connection
from django.db.models import Count, Q
from django.utils import timezone

from engine import VERSION
from patients import hints, pulse
from patients.models import Freshness
from patients.querysets import QUARANTINE_AFTER

ALIVE_SECONDS = {pulse.WORKER: 120, pulse.SWEEP: 60}
ASK_AGAIN = 60  # seconds until a question that nobody answered is repeated: what lies in the queue must not pile up
BROKER_SECONDS = 2
WAIT, FIRST_WAIT = 0.025, 0.1  # for the broker, while a page waits; the longer where no earlier answer stands for it
KNOWN_SECONDS = 15  # how long an earlier answer of the broker stands for one that is late
OK, AWAY, NEVER = "ok", "no answer", "no sign of life yet"


def state() -> dict[str, Any]:
    """Everything that can be known. `status`: ok, degraded (people can work), down (they cannot)."""
    found: dict[str, Any] = {"status": OK, "engine": VERSION, "database": OK, "broker": broker.state()}
    try:
        lives = pulse.last()
        found |= sign_of_life(pulse.WORKER, lives) | sign_of_life(pulse.SWEEP, lives)
        found |= Freshness.objects.stale().aggregate(
            stale=Count("pk"), quarantined=Count("pk", filter=Q(attempts__gte=QUARANTINE_AFTER))
        )
    except Error:
        connection.close()
        return found | {"status": "down", "database": AWAY}
    if settings.HINTS == "off":
        found |= {"broker": "not used", "worker": "not used"}
    fine = all(found[part] in (OK, "not used") for part in ("broker", "worker", "sweep"))
    return found | {"status": OK if fine and not found["quarantined"] else "degraded"}


def sign_of_life(name: str, lives: dict[str, tuple[datetime, float]]) -> dict[str, Any]:
    if name not in lives:
        return {name: NEVER, f"{name}_seconds": None}
    at, delay = lives[name]
    seconds = max(0, round((timezone.now() - at).total_seconds()))
    found: dict[str, Any] = {name: OK if seconds <= ALIVE_SECONDS[name] else AWAY, f"{name}_seconds": seconds}
    return found | ({"queue_seconds": round(delay, 2)} if name == pulse.WORKER else {})


class Broker:
    """Asks the broker from a thread of its own: a frozen one keeps the thread waiting, never a page."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.answered = threading.Event()
        self.asking, self.pid, self.ok, self.at = False, 0, False, 0.0

    def state(self) -> str:
        if not settings.REDIS_URL:
            return OK if os.access(settings.QUEUE_DIR, os.W_OK | os.X_OK) else "the folder cannot be written"
        known = self.ok and time.monotonic() - self.at < KNOWN_SECONDS
        self.ask()
        if self.answered.wait(WAIT if known else FIRST_WAIT):
            return OK if self.ok else AWAY
        return OK if known else AWAY

    def ask(self) -> None:
        """Begin to ask, unless somebody still waits for an answer."""
        with self.lock:
            if self.asking and self.pid == os.getpid():
                return
            self.asking, self.pid = True, os.getpid()
            self.answered.clear()
            threading.Thread(target=self.wait, name="broker", daemon=True).start()

    def wait(self) -> None:
        from redis import Redis

        try:
            with Redis.from_url(
                settings.REDIS_URL, socket_timeout=BROKER_SECONDS, socket_connect_timeout=BROKER_SECONDS
            ) as server:
                ok = bool(server.ping())
        except Exception:
            ok = False
        with self.lock:
            self.ok, self.at, self.asking = ok, time.monotonic(), False
            self.answered.set()


broker = Broker()


class Question:
    """What the sweep asks the worker, again and again, through the queue."""

    def __init__(self) -> None:
        self.asked = 0.0

    def ask(self) -> None:
        """Say that the sweep lives, and ask the worker, unless an earlier question may still be answered."""
        pulse.beat(pulse.SWEEP)
        now = time.time()
        answer = pulse.last().get(pulse.WORKER)
        answered = answer is not None and answer[0].timestamp() >= self.asked
        if answered or now - self.asked >= ASK_AGAIN:
            hints.probe(now)
            self.asked = now
