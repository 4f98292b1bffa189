"""What a newcomer reads first: links lead to files, commands exist, and every variable of the settings is described."""

import re
from pathlib import Path

import pytest

from edss_tracker.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
FOR_TESTS = {"EDSS_COMPUTE_ON_READ"}  # a variable that only the suite sets


def name(path):
    return str(path.relative_to(ROOT))


def anchors(text):
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.*)$", text, re.M)}


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_relative_link_leads_to_a_file_and_its_heading(path):
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if re.match(r"https?:|mailto:", link):
            continue
        place, _, heading = link.partition("#")
        target = path.parent / place if place else path
        if not target.exists() or (heading and heading not in anchors(target.read_text())):
            broken.append(link)

    assert broken == []


def test_the_readme_begins_with_both_commands():
    boxes = [box.strip() for box in re.findall(r"^```\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)]

    assert boxes[:2] == ["make run", "make test"]


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_command_that_is_named_exists(path):
    text = path.read_text()
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))

    assert set(re.findall(r"`(?:PORT=\d+ )?make ([a-z]+)`", text)) <= targets
    assert set(re.findall(r"\bedss-tracker ([a-z]+)\b", text)) <= set(COMMANDS)


def test_every_variable_of_the_settings_is_described():
    settings = (ROOT / "edss_tracker/settings.py").read_text()
    variables = set(re.findall(r"(?:env\.\w+|required)\(\"([A-Z_]+)\"", settings))
    described = (ROOT / "docs/operations.md").read_text()

    assert {one for one in variables - FOR_TESTS if f"`{one}`" not in described} == set()
