"""What no sane system sends is refused by a problem, at once, and nothing is saved."""

import time
from contextlib import suppress

import pytest
from rest_framework.exceptions import ParseError

from assessments.models import Assessment, Relapse
from patients.api.parsing import check_depth
from tests.calling import PROBLEM, Caller, fields
from tests.house.test_requests import sent

pytestmark = pytest.mark.django_db


@pytest.fixture
def send(patient, clinician):
    api = Caller(clinician)

    def sent(body, **headers):
        response = api.post(f"/patients/{patient.code}/relapses/", body, **headers)
        assert response["Content-Type"] == PROBLEM, response.content
        assert not Relapse.objects.exists()
        return response

    return sent


BROKEN = {
    "nothing": b" ",
    "no json": b"onset=2020-01-01",
    "half": b'{"onset": "2020-01-01"',
    "two": b"{} {}",
    "comma": b'{"onset": "2020-01-01",}',
    "quotes": b"{'onset': '2020-01-01'}",
    "comment": b'{"onset": "2020-01-01"} // now',
    "equal names": b'{"onset": "2020-01-01", "onset": "2021-01-01"}',
    "nan": b'{"onset": NaN}',
    "infinity": b'{"onset": -Infinity}',
    "huge": b'{"onset": ' + b"9" * 5000 + b"}",
    "huge exponent": b'{"onset": 1e999999999}',
    "tiny": b'{"onset": 1e-999999999}',
    "nul": b'{"onset": "2020\\u0000"}',
    "nul in a name": b'{"on\\u0000set": 1}',
    "surrogate": b'{"note": "\\ud800"}',
    "surrogate in a list": b'{"systems": [["\\udfff"]]}',
    "surrogate alone": b'"\\udfff"',
    "latin 1": '{"note": "é"}'.encode("latin-1"),
    "utf 16": '{"note": "e"}'.encode("utf-16"),
    "mark": b'\xef\xbb\xbf{"onset": "2020-01-01"}',
    "utf 8 surrogate": b'{"note": "\xed\xa0\x80"}',
    "control": b'{"note": "a\nb"}',
    "deep": b"[" * 20_000,
    "deep closed": b"[" * 30 + b"]" * 30,
    "deep object": b'{"a":' * 30 + b"1" + b"}" * 30,
    "list": b"[]",
    "text": b'"onset"',
    "null": b"null",
    "number": b"1",
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_a_body_that_is_no_plain_object_is_400(send, body):
    assert send(body).status_code == 400


def test_an_empty_body_names_what_is_missing(send):
    assert fields(send(b"")) == {"onset"}


def test_text_may_hold_what_json_can_say(patient, clinician):
    note = 'Ümlaut, 漢字, 😀, "quoted" [brackets] {braces} \\ back\nline'

    response = Caller(clinician).post(f"/patients/{patient.code}/relapses/", {"onset": "2020-03-02", "note": note})

    assert response.json()["note"] == note


@pytest.mark.parametrize("declared", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "", "a"])
def test_another_type_than_json_is_415(send, declared):
    assert send({"onset": "2020-03-02"}, content_type=declared).status_code == 415


@pytest.mark.parametrize("declared", ["application/json; charset=latin-1", "application/json; charset=utf-7"])
def test_another_encoding_is_refused(client, clinician, patient, declared):
    client.force_login(clinician)

    response = sent(client, f"/api/v1/patients/{patient.code}/relapses/", declared, b'{"onset": "2020-03-02"}')

    assert (response.status_code, response["Content-Type"]) == (400, PROBLEM)


@pytest.mark.parametrize("accepted", ["text/html", "application/xml", "image/*", "application/yaml"])
def test_who_accepts_no_json_gets_406(clinician, accepted):
    response = Caller(clinician).get("/patients/", accept=accepted)

    assert (response.status_code, response["Content-Type"]) == (406, PROBLEM)


@pytest.mark.parametrize("accepted", ["*/*", "application/json", "text/html, */*;q=0.1"])
def test_whoever_accepts_json_gets_it(clinician, accepted):
    assert Caller(clinician).get("/patients/", accept=accepted).status_code == 200


def test_a_body_over_a_megabyte_is_413_unread(send):
    assert send(b" " * 1_000_001).status_code == 413
    assert send(b" " * 1_000_000).status_code == 400


def test_a_body_without_a_length_is_411(send):
    assert send({"onset": "2020-03-02"}, transfer_encoding="chunked").status_code == 411


@pytest.mark.parametrize("part", ['"', '\\"', '"\\', "[", '["', "{}", '"a"'])
def test_the_depth_of_a_hostile_megabyte_is_known_quickly(part):
    began = time.process_time()
    with suppress(ParseError):
        check_depth(part * (1_000_000 // len(part)))
    assert time.process_time() - began < 2


@pytest.mark.parametrize("value", [None, True, 0, -1, 1.5, "", "x", [], {}, [None], {"a": 1}, "9" * 300])
def test_every_field_takes_any_value_without_a_fault(patient, clinician, value):
    """Each writable field of each record gets what it did not expect: named, saved or refused, never a fault."""
    api = Caller(clinician)
    api.client.raise_request_exception = False
    good = {
        "assessments": {"day": "2020-03-02", "edss_rater": 3, "rater_reason": "chart"},
        "relapses": {"onset": "2020-03-02"},
        "treatments": {"drug": "natalizumab"},
        "courses": {"state": "stopped_early"},
    }
    from edss_tracker.api import RECORDS

    for word, view in RECORDS.items():
        serializer = view.serializer_class(context={"request": None})
        for name, field in serializer.fields.items():
            if field.read_only:
                continue
            response = api.post(f"/patients/{patient.code}/{word}s/", good[f"{word}s"] | {name: value})
            assert response.status_code in (201, 400), (word, name, value, response.content)
            if response.status_code == 400:
                assert fields(response), (word, name, value)
            elif response.status_code == 201:
                body = response.json()
                voided = api.post(f"/{word}s/{body['id']}/void/", {"reason": "test"}, if_match=response["ETag"])
                assert voided.status_code == 200
    assert not Assessment.objects.live().exists()
