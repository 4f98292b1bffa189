"""Two people and two systems at once, over HTTP, at the server as the product starts it.

EDSS_ROUNDS: how many rounds of two editors, and as many of double submits (`make drill`: 1,000).
"""

import http.client
import json
import os
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from tests.processes.installation import eventually

ROUNDS = int(os.environ.get("EDSS_ROUNDS", "10"))
SAVES, CLIENTS = 200, 8
MADE = """
from patients.models import Centre, Membership, Patient, User
from patients.services import register
from patients.tokens import make_token
centre = Centre.objects.create(name="Centre Nord")
made = []
for name in ("one", "two"):
    user = User.objects.create_user(f"{name}@example.org", None, name=name)
    Membership.objects.create(user=user, centre=centre, role="clinician")
    made.append(make_token(user, name="test", days=1)[1])
patient = register(Patient(centre=centre, sex="female"), by=user, identity={})
print(*made, patient.code)
"""
ROWS = """
import json
from assessments.models import Assessment, Relapse
from patients.models import Freshness, Submission
print(json.dumps({
    "assessments": [[row.pk, row.row_version, row.note, row.history.count()] for row in Assessment.objects.all()],
    "relapses": Relapse.objects.count(), "submissions": Submission.objects.count(),
    "version": Freshness.objects.get().data_version,
}))
"""


class Caller:
    """Another system with a connection of its own for each thread."""

    def __init__(self, port: int, token: str):
        self.port, self.token, self.own = port, token, threading.local()

    def __call__(self, method: str, path: str, data=None, **headers) -> tuple[int, dict, dict]:
        if not hasattr(self.own, "connection"):
            self.own.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **headers}
        self.own.connection.request(method, f"/api/v1{path}", json.dumps(data or {}), sent)
        answer = self.own.connection.getresponse()
        return answer.status, json.loads(answer.read()), dict(answer.getheaders())


@pytest.fixture
def clinic(installation):
    """The rows of one patient, and two callers at a real server; no worker, so that only the web writes."""
    first, second, code = installation.python(MADE).split()
    installation.start_edss("web", EDSS_HINTS="off")
    eventually(lambda: answers(installation), installation.said)
    callers = Caller(installation.port, first), Caller(installation.port, second)
    return installation, callers, f"/patients/{code}"


def answers(installation) -> bool:
    try:
        return installation.page("/health/") == 200
    except OSError:
        return False


def together(*jobs):
    """Let these begin at the same moment; their answers in this order."""
    start = threading.Barrier(len(jobs))

    def ready(job):
        start.wait(60)
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(ready, jobs))


def stored(installation) -> dict:
    return json.loads(installation.python(ROWS))


@pytest.mark.parametrize("installation", [pytest.param("embedded", marks=pytest.mark.drill), "servers"], indirect=True)
def test_nothing_is_lost_or_doubled_at_a_real_server(clinic):
    """One installation for all three, since starting one takes longer than any of them."""
    two_editors(*clinic)
    sent_twice(*clinic)
    parallel_saves(*clinic)
    assert clinic[0].edss("recompute").returncode == 0
    assert clinic[0].edss("recompute", "--check").returncode == 0


def two_editors(installation, callers, below):
    """One wins, the other is told and shown the winner's."""
    one, two = callers
    made = {"day": "2020-03-02", "edss_rater": 3, "rater_reason": "chart"}
    _, record, _ = one("POST", f"{below}/assessments/", made)
    path, version, outcomes = f"/assessments/{record['id']}/", 1, []

    for number in range(ROUNDS):
        mine, theirs = f"{number} of one", f"{number} of two"

        def edit(caller, note, seen=version):
            change = {"note": note, "reason": "two at once"}
            return lambda: caller("PATCH", path, change, **{"If-Match": f'"{seen}"'})

        answers = together(edit(one, mine), edit(two, theirs))
        outcomes.append(sorted(status for status, _, _ in answers))
        won, told = sorted(answers, key=lambda answer: answer[0])[0][1], [a[1] for a in answers if a[0] == 409]
        assert won["note"] in (mine, theirs)
        assert [one_told["current"]["note"] for one_told in told] == [won["note"]]
        version += 1
        assert won["row_version"] == version

    assert outcomes == [[200, 409]] * ROUNDS
    rows = stored(installation)
    assert rows["assessments"] == [[record["id"], ROUNDS + 1, won["note"], ROUNDS + 1]]
    print(f"{ROUNDS} rounds of two editors: 0 lost edits")


def sent_twice(installation, callers, below):
    """It is saved once. Relapses known to the year may be many, so nothing but the key can tell the second."""
    one, _ = callers
    made = {"onset": "2020-01-01", "onset_precision": "year"}
    replayed = 0

    for number in range(ROUNDS):
        key = str(uuid.uuid4())

        def send(key=key, note=f"round {number}"):
            return one("POST", f"{below}/relapses/", {**made, "note": note}, **{"Idempotency-Key": key})

        answers = together(*[send] * 2)
        assert [status for status, _, _ in answers] == [201, 201]
        assert answers[0][1] == answers[1][1]
        replayed += sum(headers.get("Idempotency-Replayed") == "true" for _, _, headers in answers)

    rows = stored(installation)
    assert (rows["relapses"], rows["submissions"], replayed) == (ROUNDS, ROUNDS, ROUNDS)
    print(f"{ROUNDS} double submits: 0 duplicates")


def parallel_saves(installation, callers, below):
    """200 saves of one patient raise its version by exactly 200."""
    one, two = callers
    before = stored(installation)

    def save(number):
        day = (date(2015, 1, 1) + timedelta(days=number)).isoformat()
        caller = (one, two)[number % 2]
        sent = {
            "day": day,
            "edss_rater": 3,
            "rater_reason": "chart",
            "confirmed": {f"W{n}": "two" for n in range(1, 15)},
        }
        return caller("POST", f"{below}/assessments/", sent)[0]

    with ThreadPoolExecutor(CLIENTS) as pool:
        statuses = list(pool.map(save, range(SAVES)))

    assert statuses == [201] * SAVES
    rows = stored(installation)
    assert len(rows["assessments"]) - len(before["assessments"]) == SAVES
    assert rows["version"] - before["version"] == SAVES
    print(f"{SAVES} parallel saves: the version rose by {SAVES}")
