"""The API against its own description: whatever is sent, no fault, and no answer that the description does not know.

Cases are drawn from the schema. Most of them are led to records that exist, so that the calls do something; the share
of those that did is asserted. EDSS_API_CASES: how many in all (500; `make drill` takes more).
"""

import os
from collections import Counter
from copy import deepcopy
from functools import cache

import pytest
import schemathesis
from django.core.management import call_command
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi import checks as openapi

from edss_tracker.wsgi import application
from outcomes import trajectory
from patients.models import Consent
from patients.tokens import make_token
from tests.factories import course, make_patient, make_user, relapse, visit
from treatments.models import Drug, Treatment
from treatments.services import record_treatments

pytestmark = [pytest.mark.django_db, pytest.mark.matrix]
CASES = int(os.environ.get("EDSS_API_CASES", "500"))
ROLES = ("clinician", "neurologist", "admin", "registry admin")
CHECKS = [
    not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_schema_conformance,
    openapi.response_headers_conformance,
    openapi.allow_header_conformance,
    openapi.negative_data_rejection,
]
GOOD = {  # what makes each operation do its work; the parts of a drawn body are laid over it
    "assessments": {"day": "2021-03-02", "edss_rater": 3.5, "rater_reason": "from the chart"},
    "relapses": {"onset": "2021-03-02"},
    "treatments": {"drug": "natalizumab", "start": "2015-03-02"},
    "courses": {"state": "stopped_early", "infusions": [{"day": "2021-03-02"}]},
    "consents": {"decision": "given", "day": "2021-03-02"},
    "phenotypes": {"kind": "SPMS"},
    "patients": {"sex": "female", "another_person": True},
}
load_all_checks()


@cache
def described():
    from io import StringIO

    import yaml

    text = StringIO()
    call_command("spectacular", stdout=text)
    return yaml.safe_load(text.getvalue())


def test_the_description_is_valid_and_without_a_warning(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", file=str(tmp_path / "schema.yml"))


def test_every_operation_declares_its_refusals():
    for path, operations in described()["paths"].items():
        for method, operation in operations.items():
            if method in ("get", "post", "patch"):
                assert {"400", "401", "403", "404", "405", "406"} <= set(operation["responses"]), (path, method)
                changing = method == "patch" or path.endswith("/void/")
                assert ({"409", "428"} <= set(operation["responses"])) == changing, (path, method)
                for status, answer in operation["responses"].items():
                    assert status < "400" or set(answer["content"]) == {"application/problem+json"}, (path, status)


@pytest.fixture
def records(patient, clinician, centre, other_centre, outsider):
    """Records of every kind to be read and changed, and a patient of another centre to be refused."""
    people = [patient, *(make_patient(centre, clinician, local_number=str(n), family_name=f"P{n}") for n in range(3))]
    found = {"code": [person.code for person in people], "centres": [centre.pk]}
    found |= {kind: [] for kind in ("assessments", "relapses", "courses", "treatments")}
    for person in people:
        found["assessments"] += [visit(person, clinician, f"{year}-01-05", 3).pk for year in (2018, 2020)]
        found["relapses"].append(relapse(person, clinician, "2020-02-05").pk)
        found["courses"].append(course(person, clinician, "2018-03-02").pk)
        drugs = [Treatment(patient=person, drug=Drug.INTERFERON_BETA, start="2012-01-01")]
        found["treatments"].append(record_treatments(drugs, by=clinician)[0].pk)
        Consent.objects.create(patient=person, decision="given", day="2020-01-01")
    trajectory.refresh([people[0].pk])
    foreign = make_patient(other_centre, outsider, family_name="Foreign")
    found["foreign"] = [foreign.code]
    return found


def led(case, draw, records):
    """Most paths to what exists, most bodies on top of one that is complete; what was drawn to be wrong stays so."""
    wrong = {str(place.value) for place, part in case.meta.components.items() if part.mode == GenerationMode.NEGATIVE}
    kind = case.operation.path.removeprefix("/api/v1/").split("/")[0]
    if "path" not in wrong and case.path_parameters:
        if "code" in case.path_parameters:
            codes = [*records["code"] * 3, *records["foreign"], "MS-NOBODY0"]
            case.path_parameters["code"] = draw(st.sampled_from(codes))
        else:
            case.path_parameters["id"] = draw(st.sampled_from([*records[kind] * 3, 10**15]))
    if "query" not in wrong and case.query and draw(st.integers(0, 3)):  # one or none of them: many narrow to nothing
        name = draw(st.sampled_from([*sorted(case.query), "patient", "patient"]))
        value = draw(st.sampled_from(records["code"])) if name == "patient" else case.query[name]
        case.query = {} if name == "patient" and kind in ("patients", "centres") else {name: value}
    if "body" not in wrong and isinstance(case.body, dict):
        lead_body(case, draw)
    case.headers = {
        k: v for k, v in (case.headers or {}).items() if k.lower() != "if-match" or not draw(st.integers(0, 3))
    }


def lead_body(case, draw):
    changing = case.method == "PATCH" or case.operation.path.endswith("/void/")
    kept = draw(st.lists(st.sampled_from(sorted(case.body)), max_size=1, unique=True)) if case.body else []
    drawn = {name: case.body[name] for name in kept}
    if changing:
        extra = {} if case.operation.path.endswith("/void/") else {"note": "x"} if "note" in drawn else drawn
        case.body = {"reason": "test", "row_version": draw(st.sampled_from([1, 1, 1, 2, 3])), **extra}
    else:
        last = case.operation.path.strip("/").split("/")[-1]
        day = {"day": f"20{draw(st.integers(10, 24))}-0{draw(st.integers(1, 9))}-1{draw(st.integers(0, 9))}"}
        case.body = GOOD[last] | (day if last == "assessments" else {}) | drawn


@pytest.mark.parametrize("who", ROLES)
def test_drawn_requests_meet_no_fault_and_no_breach(records, centre, who):
    given_role = {"centre": centre, "role": who} if who != "registry admin" else {"is_registry_admin": True}
    _, token = make_token(make_user("drawn", **given_role), name="drawn", days=1)
    unsigned = deepcopy(described())
    for operations in unsigned["paths"].values():
        for operation in operations.values():
            operation.pop("security")  # the token below stands for it
    schema = schemathesis.openapi.from_dict(unsigned)
    schema.app = application
    operations = [result.ok() for result in schema.get_all_operations()]
    reads_only = who in ("admin", "registry admin")
    modes = [GenerationMode.POSITIVE] * 3 + [GenerationMode.NEGATIVE]
    strategies = [
        operation.as_strategy(generation_mode=mode)
        for operation in operations
        for mode in (modes * 4 if reads_only and operation.method == "get" else modes)
    ]
    statuses: Counter[int] = Counter()
    seen: set[str] = set()

    @settings(
        max_examples=CASES // len(ROLES),
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def run(data):
        case = data.draw(st.sampled_from(strategies).flatmap(lambda strategy: strategy))
        led(case, data.draw, records)
        response = case.call(headers={"Authorization": f"Bearer {token}"})
        statuses[response.status_code] += 1
        if response.status_code < 300:
            seen.add(case.operation.label)
        case.validate_response(response, checks=CHECKS)

    run()
    total, done = sum(statuses.values()), sum(number for status, number in statuses.items() if status < 300)
    print(f"{who}: {total} cases, {done} did their work in {len(seen)} operations, {dict(sorted(statuses.items()))}")
    assert done >= total * 0.25
