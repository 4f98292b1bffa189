"""The cast and the guarantees that every test run keeps."""

import logging
import re

import pytest
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase

from patients import freshness, hints
from patients.models import Role
from patients.redaction import HideLinks, TypesOnly
from tests.factories import make_centre, make_patient, make_user

# A registry of a whole class is made before the fixtures of a test: quick passwords for that too
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]

_teardown = TransactionTestCase._fixture_teardown


def _teardown_with_history(self):
    """Emptying the database is the one thing that may delete history: lift its guards; the flush makes them anew."""
    with connection.cursor() as cursor:
        for table in freshness.APPEND_ONLY:
            for name in freshness.names(table):
                on = "" if connection.vendor == "sqlite" else f" ON {table}"
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on}")
    _teardown(self)


TransactionTestCase._fixture_teardown = _teardown_with_history


@pytest.fixture(autouse=True)
def hints_are_recorded(settings):
    """No thread and no broker, but where a test starts real processes and says so."""
    settings.HINTS = "record"
    settings.WHITENOISE_AUTOREFRESH = True  # else every new client looks through all static files, 45 ms
    settings.SNAPSHOT_DATABASE = "default"  # another connection does not see what a test's transaction wrote
    hints.recorded.clear()
    return hints.recorded


@pytest.fixture(autouse=True)
def stored_trajectories_hold(request):
    """After every test: each stored trajectory equals its recomputation."""
    fixtures = {"db", "transactional_db"} & set(request.fixturenames)
    if not fixtures and not request.node.get_closest_marker("django_db"):
        yield
        return
    request.getfixturevalue("transactional_db" if "transactional_db" in request.fixturenames else "db")
    yield
    from outcomes import trajectory

    assert trajectory.check() == []


# patients' codes, and the names that the tests give to patients
PERSONAL = re.compile(r"\bMS-[0-9A-Z]{8}\b|Muster|Erika|Okafor|Zhou")


class Leaks(logging.Handler):
    """What a log of the product would hold that it must not: formatted and filtered as the settings do."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.found = []
        self.setFormatter(TypesOnly("%(levelname)s %(name)s %(message)s"))
        self.addFilter(HideLinks())

    def emit(self, record):
        if PERSONAL.search(line := self.format(record)):
            self.found.append(line[:300])


leaks = Leaks()
logging.getLogger().addHandler(leaks)


@pytest.fixture(autouse=True)
def logs_name_no_patient():
    """After every test: nothing that was logged meanwhile names a patient, by code or by name."""
    leaks.found.clear()
    yield
    assert leaks.found == []


@pytest.fixture
def centre(db):
    return make_centre("Centre Nord", time_zone="Europe/Berlin")


@pytest.fixture
def other_centre(db):
    return make_centre("Centre Sud", time_zone="America/New_York")


@pytest.fixture
def clinician(centre):
    return make_user("clinician", centre=centre, role=Role.CLINICIAN)


@pytest.fixture
def neurologist(centre):
    return make_user("neurologist", centre=centre, role=Role.NEUROLOGIST)


@pytest.fixture
def admin(centre):
    return make_user("admin", centre=centre, role=Role.ADMIN)


@pytest.fixture
def outsider(other_centre):
    return make_user("outsider", centre=other_centre, role=Role.CLINICIAN)


@pytest.fixture
def registry_admin(db):
    return make_user("registry", is_registry_admin=True)


@pytest.fixture
def patient(centre, clinician):
    return make_patient(centre, clinician)


def pytest_terminal_summary(terminalreporter):
    """How many cells of the access matrix were tried, also with -q."""
    from tests.house.matrix import counted

    if counted["cells"]:
        terminalreporter.write_line(
            f"access matrix: {counted['cells']:,} cells, {counted['refused']:,} of them refused"
        )
