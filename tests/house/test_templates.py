"""The house's rules for templates and static files: the strict content policy, components, vendored files."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
COMPONENTS = sorted((ROOT / "templates/components").glob("*.html"))
VENDORED = sorted(path for path in (ROOT / "static/vendor").iterdir() if path.suffix in {".js", ".css"})

TAG = re.compile(r"<([a-z][a-z0-9-]*)\b((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>", re.IGNORECASE)
INLINE = {
    "a style attribute": re.compile(r"\sstyle\s*=", re.IGNORECASE),
    "an event handler": re.compile(r"\s(on[a-z]+|hx-on[:\w-]*)\s*=", re.IGNORECASE),
    "a script address": re.compile(r"=\s*[\"']?\s*javascript:", re.IGNORECASE),
}
OTHER_HOST = re.compile(r"\s(src|srcset|href|action|data|poster)\s*=\s*[\"']?\s*(https?:)?//", re.IGNORECASE)


def name(path):
    return str(path.relative_to(ROOT))


def tags(path):
    """Every tag with its attributes; template tags and comments are taken out, the words of both branches stay."""
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}", " ", path.read_text(encoding="utf-8"))
    return TAG.findall(text)


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_nothing_is_inline(path):
    text = path.read_text(encoding="utf-8")
    found = [what for what, pattern in INLINE.items() for _, attributes in tags(path) if pattern.search(attributes)]
    found += ["a style element"] * ("<style" in text.lower())
    found += [
        "a script element without src" for tag, rest in tags(path) if tag.lower() == "script" and "src=" not in rest
    ]

    assert found == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_no_resource_comes_from_another_host(path):
    assert [tag for tag, rest in tags(path) if tag.lower() != "a" and OTHER_HOST.search(rest)] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_components_are_included_with_only(path):
    includes = re.findall(r"\{%\s*include\s+[\"']components/[^%]*%\}", path.read_text(encoding="utf-8"))

    assert [include for include in includes if not re.search(r"\sonly\s*%\}$", include)] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_one_and_many_are_two_wordings(path):
    """The comma stands between them: another one ends the page with an error, and only where somebody is counted."""
    wordings = re.findall(r'\|many:"([^"]*)"', path.read_text(encoding="utf-8"))

    assert [words for words in wordings if words.count(",") != 1] == []


@pytest.mark.parametrize("path", COMPONENTS, ids=name)
def test_a_component_names_its_inputs_in_the_first_line(path):
    assert path.read_text(encoding="utf-8").startswith(f"{{# {path.name}: ")


def test_every_icon_is_drawn():
    drawn = set(re.findall(r'id="i-([a-z-]+)"', (ROOT / "templates/components/icons.html").read_text(encoding="utf-8")))
    asked = {
        icon
        for path in TEMPLATES
        for icon in re.findall(r'components/icon\.html" with name="([a-z-]+)"', path.read_text(encoding="utf-8"))
    }

    assert asked <= drawn


@pytest.mark.parametrize("path", VENDORED, ids=name)
def test_a_vendored_file_has_its_licence_and_no_source_map(path):
    package = path.name.split(".")[0]
    table = (path.parent / "VENDORED.md").read_text(encoding="utf-8")

    assert (path.parent / f"{package}.LICENSE.txt").read_text(encoding="utf-8").strip()
    assert "sourceMappingURL" not in path.read_text(encoding="utf-8")
    assert f"`{path.name}`" in table


@pytest.mark.parametrize("path", sorted((ROOT / "static").rglob("*.css")), ids=name)
def test_a_stylesheet_loads_nothing_from_elsewhere(path):
    assert re.findall(r"@import|url\(\s*[\"']?(?:https?:)?//", path.read_text(encoding="utf-8")) == []
