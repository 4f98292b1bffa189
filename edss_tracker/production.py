"""What EDSS_ENV=production needs from the environment: every missing or bad variable at once, one sentence each."""

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

POSTGRESQL = {"postgres", "postgresql", "psql", "pgsql"}
DATABASE_EXAMPLE, REDIS_EXAMPLE = "postgres://user:password@host:5432/name", "redis://:password@host:6379/0"
SECRET_LENGTH, SECRET_VARIETY = 50, 5
SAMPLES = ("django-insecure", "changeme", "change-me", "change_me", "example", "placeholder", "long random text")
HOST = re.compile(r"\.?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\]")


class HalfConfigured(ImproperlyConfigured):
    """Every line of its text is a sentence about one variable."""


def is_address(value: str, schemes: set[str], path: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in schemes and bool(re.fullmatch(path, parts.path)) and parts.port != 0
    except ValueError:  # a port that is no number
        return False


def database_fault(value: str) -> str:
    """What is wrong with an address of a database, or nothing. The value is not repeated: it may hold a password."""
    if is_address(value, {*POSTGRESQL, "sqlite"}, ".+"):
        return ""
    return f"DATABASE_URL is not an address that can be used: write it as {DATABASE_EXAMPLE}."


def redis_fault(value: str) -> str:
    if is_address(value, {"redis", "rediss"}, "(/[0-9]*)?"):
        return ""
    return f"REDIS_URL is not an address that can be used: write it as {REDIS_EXAMPLE}."


def server_fault(value: str) -> str:
    if urlsplit(value).scheme == "sqlite":
        return f"DATABASE_URL names SQLite, but production needs PostgreSQL: write it as {DATABASE_EXAMPLE}."
    return database_fault(value)


def secret_fault(value: str) -> str:
    if len(value) < SECRET_LENGTH:
        return f"SECRET_KEY has {len(value)} characters: give it at least {SECRET_LENGTH}, drawn at random."
    if len(set(value)) < SECRET_VARIETY or any(sample in value.lower() for sample in SAMPLES):
        return f"SECRET_KEY is a sample or a pattern: give it at least {SECRET_LENGTH} characters, drawn at random."
    return ""


def hosts_fault(value: str) -> str:
    names = split(value)
    if any("*" in name for name in names):
        return "ALLOWED_HOSTS holds a *, which allows every host: name those of the registry, separated by commas."
    if not names or not all(HOST.fullmatch(name) for name in names):
        return "ALLOWED_HOSTS holds what is no host name: write names only, without https:// or port, like a.example."
    return ""


def origins_fault(value: str) -> str:
    for origin in split(value) or [""]:
        parts = urlsplit(origin)
        if parts.scheme != "https" or not parts.netloc or parts.path or "*" in origin:
            return "CSRF_TRUSTED_ORIGINS must be https:// and a host name, without a path, like https://a.example."
    return ""


CHECKS: dict[str, Callable[[str], str]] = {
    "DATABASE_URL": server_fault,
    "REDIS_URL": redis_fault,
    "SECRET_KEY": secret_fault,
    "ALLOWED_HOSTS": hosts_fault,
    "CSRF_TRUSTED_ORIGINS": origins_fault,
}


def split(value: str) -> list[str]:
    """The parts of a list that is separated by commas."""
    return [part.strip() for part in value.split(",") if part.strip()]


def faults(environ: Mapping[str, str]) -> list[str]:
    """A sentence for each variable that production lacks or cannot use."""
    found = []
    for name, fault in CHECKS.items():
        value = environ.get(name, "").strip()
        sentence = fault(value) if value else f"EDSS_ENV=production needs {name}, which is not set."
        found += [sentence] if sentence else []
    return found
