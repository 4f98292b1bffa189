"""The image and the compose file: valid by the official schema, and the commands in them are commands we have."""

import json
import re
import sys
from pathlib import Path

import jsonschema
import pytest

from edss_tracker import cli, production

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import recipe  # noqa: E402 - tools are scripts, not a package

SCHEMA = json.loads((ROOT / "tests" / "golden" / "compose-spec.json").read_text())
OURS = ("migrate", "web", "worker", "sweep")
GIVEN = dict.fromkeys(("POSTGRES_PASSWORD", "REDIS_PASSWORD", "SECRET_KEY", "ALLOWED_HOSTS"), "x")
GIVEN |= {"CSRF_TRUSTED_ORIGINS": "https://x", "WEB_REPLICAS": "3"}


@pytest.fixture
def services():
    return recipe.filled(recipe.compose()["services"], GIVEN)


def problems(document) -> list[str]:
    return [error.message for error in jsonschema.Draft7Validator(SCHEMA).iter_errors(document)]


def test_the_compose_file_is_valid_by_the_schema_of_compose():
    assert problems(recipe.compose()) == []


@pytest.mark.parametrize(
    "spoil",
    [lambda c: c["services"]["web"].update(comand=[]), lambda c: c["services"]["web"].update(read_only=[1]),
     lambda c: c.update(service={}), lambda c: c["services"]["redis"]["healthcheck"].update(interval=5)],
)  # fmt: skip
def test_the_schema_finds_what_is_wrong(spoil):
    document = recipe.compose()
    spoil(document)
    assert problems(document) != []


@pytest.mark.parametrize("name", sorted(set(GIVEN) - {"WEB_REPLICAS"}))
def test_a_variable_that_must_be_given_is_asked_for(name):
    with pytest.raises(KeyError, match=name):
        recipe.filled(recipe.compose(), {**GIVEN, name: ""})


def test_every_command_is_one_that_edss_tracker_has(services):
    commands = [services[name]["command"] for name in OURS]
    commands += [recipe.health_check(), json.loads(dict(recipe.instructions())["CMD"])]
    for command in commands:
        assert command[0] == "edss-tracker"
        cli.parser(command[1:]).parse_args(command[1:])


def test_the_image_starts_what_the_web_service_starts(services):
    assert json.loads(dict(recipe.instructions())["CMD"]) == services["web"]["command"]


def test_the_services_are_given_everything_that_production_asks_for(services):
    for name in OURS:
        assert set(production.CHECKS) <= set(services[name]["environment"])
        assert services[name]["environment"]["EDSS_ENV"] == "production"


def test_nothing_of_ours_runs_as_root_or_writes_outside_its_data(services):
    assert dict(recipe.instructions())["USER"] == "edss"
    for name in OURS:
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["volumes"] == ["data:/data"]
    for name, service in services.items():
        assert "no-new-privileges:true" in service["security_opt"], name
        assert not service.get("privileged"), name


def test_only_the_web_server_is_reached_and_from_this_machine_only(services):
    assert [name for name, service in services.items() if service.get("ports")] == ["web"]
    assert all(port.startswith("127.0.0.1:") for port in services["web"]["ports"])
    assert recipe.compose()["networks"]["inside"]["internal"] is True
    assert [name for name, service in services.items() if service["networks"] != ["inside"]] == ["web"]


def test_a_second_web_server_has_a_port_of_its_own(services):
    first, last = re.fullmatch(r"127\.0\.0\.1:(\d+)-(\d+):8000", services["web"]["ports"][0]).groups()
    assert services["web"]["deploy"]["replicas"] == "3"
    assert int(last) - int(first) + 1 >= 8


def test_our_processes_start_after_the_migration(services):
    for name in ("web", "worker", "sweep"):
        conditions = {other: wait["condition"] for other, wait in services[name]["depends_on"].items()}
        assert conditions == {
            "migrate": "service_completed_successfully", "postgres": "service_healthy", "redis": "service_healthy",
        }  # fmt: skip


def test_the_client_in_the_image_is_of_the_version_of_the_server(services):
    """pg_dump must not be older than the server, and what a newer one writes an older server may not read."""
    client = re.search(r"postgresql-client-(\d+)", (ROOT / "Dockerfile").read_text())[1]
    assert services["postgres"]["image"] == f"postgres:{client}"
    assert int(client) >= 16


def test_the_image_installs_what_is_locked(services):
    install, ours, _ = recipe.installs()
    assert install[-2:] == ["-r", "requirements.txt"]
    assert "--require-hashes" in install
    assert "--no-deps" in ours


def test_no_image_is_of_any_version(services):
    images = [rest for name, rest in recipe.instructions() if name == "FROM"]
    images += [service["image"] for service in services.values() if service["image"] != "edss-tracker"]
    for image in images:
        assert re.search(r":\d", image), image


def test_the_example_names_every_variable(services):
    text = (ROOT / "docker-compose.yml").read_text()
    named = {match[1] for match in recipe.VARIABLE.finditer(text)}
    assert named == set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
