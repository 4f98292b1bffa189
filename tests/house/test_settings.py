"""The settings as a new process reads them: production refuses to start half configured, and says what is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edss_tracker import production

ROOT = Path(__file__).resolve().parents[2]
NEEDED = {
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "SECRET_KEY": "long enough for a test, and used nowhere else at all",
    "ALLOWED_HOSTS": "registry.example",
    "CSRF_TRUSTED_ORIGINS": "https://registry.example",
}
BAD = [
    ("DATABASE_URL", "sqlite:////data/registry.sqlite3", "PostgreSQL"),
    ("DATABASE_URL", "postgres://", "postgres://user:password@host:5432/name"),
    ("REDIS_URL", "https://redis.example", "redis://"),
    ("SECRET_KEY", "hush" * 12, "48 characters"),
    ("SECRET_KEY", "hush" * 20, "a sample or a pattern"),
    ("SECRET_KEY", "django-insecure-" + "hu5h-0therw1se-l0ng-en0ugh" * 3, "a sample or a pattern"),
    ("ALLOWED_HOSTS", "*", "every host"),
    ("ALLOWED_HOSTS", "registry.example,*.example", "every host"),
    ("ALLOWED_HOSTS", "https://registry.example", "no host name"),
    ("ALLOWED_HOSTS", "registry.example:443", "no host name"),
    ("ALLOWED_HOSTS", " , ", "no host name"),
    ("CSRF_TRUSTED_ORIGINS", "http://registry.example", "https://"),
    ("CSRF_TRUSTED_ORIGINS", "registry.example", "https://"),
    ("CSRF_TRUSTED_ORIGINS", "https://registry.example/path", "without a path"),
    ("CSRF_TRUSTED_ORIGINS", "https://*", "https://"),
]


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


@pytest.mark.parametrize(("name", "value", "words"), BAD)
def test_production_refuses_a_bad_variable_by_its_name(name, value, words):
    (sentence,) = production.faults(NEEDED | {name: value})

    assert sentence.startswith(name)
    assert sentence.endswith(".")
    assert words in sentence
    assert "hush" not in sentence


@pytest.mark.parametrize(
    ("name", "value"),
    [("ALLOWED_HOSTS", "a.example, .b.example,10.0.0.7,[::1]"), ("REDIS_URL", "rediss://:p@redis:6379/0"),
     ("CSRF_TRUSTED_ORIGINS", "https://a.example, https://b.example:8443"), ("SECRET_KEY", "0123456789abcdef" * 4)],
)  # fmt: skip
def test_production_takes_what_can_be_used(name, value):
    assert production.faults(NEEDED | {name: value}) == []


def test_production_says_everything_that_is_missing_at_once(tmp_path):
    command = "import sys; from edss_tracker.cli import main; sys.exit(main(['worker']))"

    found = start(tmp_path, command, EDSS_ENV="production", ALLOWED_HOSTS="*")

    assert found.returncode == 2
    lines = found.stderr.strip().splitlines()
    assert len(lines) == len(NEEDED)
    for line, name in zip(lines, NEEDED, strict=True):
        assert line.startswith("edss-tracker: ")
        assert name in line


def test_the_deployment_check_of_django_has_nothing_to_say(tmp_path):
    command = (
        "from django.core.management import execute_from_command_line as run\n"
        "run(['', 'check', '--deploy', '--fail-level', 'DEBUG'])"
    )
    settings = {"DJANGO_SETTINGS_MODULE": "edss_tracker.settings"}

    found = start(tmp_path, command, EDSS_ENV="production", **NEEDED, **settings)

    assert found.returncode == 0, found.stderr
    assert "no issues (0 silenced)" in found.stdout


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
