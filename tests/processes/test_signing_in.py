"""Failed sign-ins are counted by all web processes together, also while Redis does not answer."""

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.processes.clinic import Person
from tests.processes.installation import eventually
from tests.processes.test_broker import PASSWORD, redis_server

__all__ = ["redis_server"]  # a fixture
PEOPLE = """
from tests.factories import make_centre, make_user
centre = make_centre()
make_user("clinician", centre=centre)
make_user("other", centre=centre)
"""


class Visitor(Person):
    """At the sign-in page, not through it."""

    def sign_in(self, email: str, password: str) -> int:
        return self.post("/account/login/", login=email, password=password)


def visitor(here) -> Visitor:
    found = Visitor.__new__(Visitor)
    Person.__init__(found, f"http://127.0.0.1:{here.port}", "", "")  # an empty form is no try
    return found


@pytest.mark.drill
@pytest.mark.parametrize("installation", ["servers"], indirect=True)
def test_of_eight_parallel_guesses_five_are_looked_at_with_redis_frozen(installation, redis_server):
    installation.python(PEOPLE, EDSS_HINTS="off")
    installation.start_edss("web", REDIS_URL=redis_server.url)
    eventually(lambda: installation.edss("health").returncode == 0, installation.said)
    assert len(installation.processes("gunicorn")) >= 3  # a parent and at least two that answer
    redis_server.now().send_signal(signal.SIGSTOP)
    visitors = [visitor(installation) for _ in range(8)]

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda one: one.sign_in("clinician@example.org", "a guess"), visitors))

    assert sorted(codes) == [200] * 5 + [429] * 3
    assert visitors[0].sign_in("clinician@example.org", PASSWORD) == 429
    assert visitors[0].sign_in("other@example.org", PASSWORD) == 302
    assert visitors[0].seconds < 5
