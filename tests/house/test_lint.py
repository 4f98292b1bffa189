"""What the code may not do: write rows past the services, fetch them past the scope, trust text."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("patients", "assessments", "treatments", "outcomes", "edss_tracker")
FILES = sorted(path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts)
BULK = {
    "update", "bulk_create", "bulk_update", "delete", "raw", "extra", "update_or_create", "get_or_create", "aupdate",
    "abulk_create", "adelete", "_raw_delete",
}  # fmt: skip
# file, method: what of, and why no service or no history is needed there
REVIEWED = {
    ("edss_tracker/checks.py", "update"): "Freshness: whether the database can be written",
    ("edss_tracker/keeping/archive.py", "update"): "a hash",
    ("edss_tracker/keeping/restore.py", "delete"): "sessions, which a restore ends",
    ("edss_tracker/keeping/restore.py", "update"): "one-time links, which a restore ends",
    ("edss_tracker/redis_queue.py", "delete"): "keys of the broker",
    ("outcomes/exchange/exporting.py", "update"): "a hash",
    ("outcomes/exchange/importing.py", "update"): "a set of codes",
    ("outcomes/quarantine.py", "update"): "Freshness: has no history",
    ("outcomes/recompute.py", "bulk_create"): "Freshness rows that were lost",
    ("outcomes/recompute.py", "update"): "Freshness, to compute all anew",
    ("outcomes/storing.py", "bulk_create"): "derived rows",
    ("outcomes/storing.py", "delete"): "derived rows, written anew",
    ("outcomes/storing.py", "update"): "Freshness, settled with what was derived",
    ("patients/accounts.py", "delete"): "the second factor, with an access event",
    ("patients/erasing.py", "delete"): "an identity, which is erased",
    ("patients/links.py", "update"): "one-time links, with access events",
    ("patients/pulse.py", "bulk_create"): "when a process last worked",
    ("patients/querysets.py", "update"): "Freshness: the claim",
    ("patients/services.py", "bulk_create"): "identities, which have no history on purpose",
    ("patients/services.py", "update_or_create"): "the same",
    ("patients/sessions.py", "delete"): "the list of sessions",
    ("patients/throttle.py", "delete"): "failed tries",
    ("patients/throttle.py", "get_or_create"): "failed tries",
    ("patients/tokens.py", "update"): "access tokens, with access events",
    ("patients/writing.py", "delete"): "old answers to submissions",
}


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def calls(path: Path) -> Iterator[tuple[ast.Call, str, str]]:
    """Every method call of a file: the call, its method, and what it is called on."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node, node.func.attr, ast.unparse(node.func.value)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def found() -> set[tuple[str, str]]:
    return {(name(path), method) for path in FILES for _, method, _ in calls(path) if method in BULK}


def test_rows_are_written_in_bulk_only_where_that_was_reviewed():
    """Neither signals nor history see `update()` and its kind: a clinical row changes through `patients.writing`."""
    assert found() - set(REVIEWED) == set()


def test_what_was_reviewed_is_still_there():
    assert set(REVIEWED) - found() == set()


CLINICAL = r"(Patient|Assessment|Relapse|Course|Infusion|Treatment|Phenotype|Consent|Membership|Centre|User)\.objects"


def test_no_clinical_row_is_written_past_its_history():
    wrong = [
        f"{name(path)}: {on}.{method}"
        for path in FILES
        for _, method, on in calls(path)
        if method in BULK - {"get_or_create", "extra"} and re.match(CLINICAL, on)
    ]

    assert wrong == []


REQUESTS = [path for path in FILES if {"views", "api", "views.py", "api.py"} & set(path.parts)]
OWN = re.compile(r"\b(user=request\.user|patient=patient|code=patient\.code)\b")
SCOPED_BEFORE = {"outcomes/api.py: Patient.objects.in_bulk(ids)"}  # the ids come from a selection of what is visible
UNSCOPED = re.compile(r"\w+\.(objects|_default_manager|_base_manager)(\.filter\(.*\))?")


def test_a_view_fetches_nothing_past_the_scope():
    """`Model.objects.get(...)` and `get_object_or_404(Model, ...)` find rows of every centre."""
    found = []
    for path in REQUESTS:
        for call, method, on in calls(path):
            if method in ("get", "first", "last", "in_bulk") and UNSCOPED.fullmatch(on):
                found.append((path, call))
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("get_object_or_404", "get_list_or_404"):
                bare = re.fullmatch(r"[A-Z]\w+(\.objects(\.all\(\))?)?", ast.unparse(node.args[0]))
                found += [(path, node)] if bare else []
    wrong = {f"{name(path)}: {ast.unparse(call)}" for path, call in found if not OWN.search(ast.unparse(call))}

    assert wrong == SCOPED_BEFORE


TRUSTING = re.compile(
    r"mark_safe|SafeString|SafeText|\bcsrf_exempt\b|[\"']__all__[\"']|pickle|yaml\.load|\beval\(|\bexec\("
)


def test_no_text_is_trusted_and_no_field_list_is_open():
    assert {name(path) for path in FILES if TRUSTING.search(path.read_text(encoding="utf-8"))} == set()


def test_no_template_switches_escaping_off():
    wrong = [
        name(path)
        for path in sorted((ROOT / "templates").rglob("*.html"))
        if re.search(r"\|\s*safe\b|\|\s*safeseq\b|autoescape\s+off", path.read_text(encoding="utf-8"))
    ]

    assert wrong == []


def test_nothing_goes_out():
    """No request to another host comes from input, because none is made at all."""
    clients = re.compile(
        r"^\s*(import|from) (requests|httpx|urllib\.request|http\.client|aiohttp|smtplib)\b", re.MULTILINE
    )
    wrong = {name(path) for path in FILES if clients.search(path.read_text(encoding="utf-8"))}

    assert wrong == {"edss_tracker/processes.py"}  # asks the own web server how it is


@pytest.mark.parametrize(
    "code",
    [
        "Assessment.objects.filter(pk=1).update(edss=9)",
        "Patient.objects.all().delete()",
        "Course.objects.bulk_create([])",
    ],
)
def test_the_lint_sees_what_it_is_for(tmp_path, code):
    file = tmp_path / "careless.py"
    file.write_text(code)

    assert [method for _, method, on in calls(file) if method in BULK and re.match(CLINICAL, on)]
