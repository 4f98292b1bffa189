"""What the Dockerfile and docker-compose.yml say, read from them: for tools/bare.py and the tests."""

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
VARIABLE = re.compile(r"\$\{(\w+)(?::?([-?])([^}]*))?\}")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order: name, and the rest of its lines as one."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def environment() -> dict[str, str]:
    """The variables that the image sets."""
    pairs = [part for name, rest in instructions() if name == "ENV" for part in shlex.split(rest)]
    return dict(pair.split("=", 1) for pair in pairs)


def installs() -> list[list[str]]:
    """The commands by which the image installs the product into its Python; those of the system are left out."""
    runs = [shlex.split(rest) for name, rest in instructions() if name == "RUN"]
    return [run for run in runs if run[0] in ("pip", "python")]


def health_check() -> list[str]:
    (found,) = [rest for name, rest in instructions() if name == "HEALTHCHECK"]
    return list(json.loads(found.partition("CMD ")[2]))


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text()))


def filled(value: Any, variables: Mapping[str, str]) -> Any:
    """A value of the compose file with its variables filled in. Raises KeyError for one that must be given."""
    if isinstance(value, dict):
        return {key: filled(one, variables) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, variables) for one in value]
    if not isinstance(value, str):
        return value

    def given(match: re.Match[str]) -> str:
        name, kind, default = match.groups()
        if variables.get(name):
            return variables[name]
        if kind == "-":
            return default
        raise KeyError(name)

    return VARIABLE.sub(given, value)
