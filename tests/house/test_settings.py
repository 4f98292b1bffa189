"""The settings as a new process reads them: production refuses to start half configured, and says what is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NEEDED = {
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "SECRET_KEY": "long enough for a test, and used nowhere else at all",
    "ALLOWED_HOSTS": "registry.example",
}


def start(folder, code="import edss_tracker.settings", **variables):
    """A fresh interpreter with these variables and nothing of the caller's configuration."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
    environ = kept | {"EDSS_DATA_DIR": str(folder), **variables}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


def test_production_starts_when_everything_is_named(tmp_path):
    code = "from edss_tracker import settings as s; print(s.DEBUG, s.ALLOWED_HOSTS, s.SESSION_COOKIE_SECURE)"

    found = start(tmp_path, code, EDSS_ENV="production", **NEEDED)

    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() == "False ['registry.example'] True"


@pytest.mark.parametrize("missing", NEEDED)
@pytest.mark.parametrize("empty", [False, True], ids=["unset", "empty"])
def test_production_refuses_a_missing_variable_by_its_name(tmp_path, missing, empty):
    given = {**NEEDED, missing: ""} if empty else {name: NEEDED[name] for name in NEEDED if name != missing}

    found = start(tmp_path, EDSS_ENV="production", **given)

    assert found.returncode != 0
    assert f"EDSS_ENV=production needs {missing}, which is not set." in found.stderr


def test_production_never_makes_a_secret_of_its_own(tmp_path):
    start(tmp_path, EDSS_ENV="production", **{name: NEEDED[name] for name in NEEDED if name != "SECRET_KEY"})

    assert not (tmp_path / "secret").exists()


def test_another_situation_than_the_two_is_refused(tmp_path):
    found = start(tmp_path, EDSS_ENV="staging")

    assert found.returncode != 0
    assert "EDSS_ENV is 'staging'; it must be local or production." in found.stderr


def test_without_any_variable_it_starts_with_a_secret_only_its_owner_reads(tmp_path):
    code = "from edss_tracker import settings as s; print(s.DATABASES['default']['ENGINE'], s.DEBUG)"

    found = start(tmp_path, code)

    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() == "django.db.backends.sqlite3 False"
    assert (tmp_path / "secret").stat().st_mode & 0o077 == 0
