"""Requests that no browser of a person sends are refused with a page, on every database."""

import pytest
from django.test import Client
from django.test.client import FakePayload

from edss_tracker.wsgi import application

pytestmark = pytest.mark.django_db

ENCODINGS = ["hex", "zlib", "rot13", "idna", "punycode", "undefined", "utf-7", "unicode_escape", "utf-16"]


@pytest.fixture
def inside(client, clinician):
    client.force_login(clinician)
    return client


def sent(client, path, declared, body=b""):
    """The answer to a request that is read as from a web server."""
    method = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(len(body))} if body else {"REQUEST_METHOD": "GET"}
    path, _, query = path.partition("?")
    places = {"PATH_INFO": path, "QUERY_STRING": query, "CONTENT_TYPE": declared, "wsgi.input": FakePayload(body)}
    request = application.request_class(client._base_environ(**method, **places))
    return application.get_response(request)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_another_encoding_than_utf_8_is_refused(inside, encoding):
    lone_surrogate = b'--B\r\nContent-Disposition: form-data; name="q"\r\n\r\n+2AA-\\ud800\r\n--B--\r\n'

    for client in (inside, Client()):
        for declared in (
            f"multipart/form-data; boundary=B; charset={encoding}",
            f"text/plain; charset*=utf-8''{encoding}",
        ):
            for body in (b"", lone_surrogate):
                answer = sent(client, "/patients/?page=%ff", declared, body)

                assert answer.status_code == 400
                assert "Content-Security-Policy" in answer.headers


def test_utf_8_may_be_declared(inside):
    declared = "application/x-www-form-urlencoded; charset=UTF-8"

    assert sent(inside, "/patients/?page=%C3%BC", declared).status_code == 200


@pytest.mark.parametrize("code", ["%00", "a%0Ab", "a%0D%0ASet-Cookie:x=1", "a%7F", "a%1Bb"])
@pytest.mark.parametrize("page", ["", "print/", "history/", "edit/", "assessments/add/"])
def test_an_address_with_control_characters_is_no_address(inside, code, page):
    for client in (inside, Client()):
        assert client.get(f"/patients/{code}/{page}").status_code == 404


@pytest.mark.parametrize(
    ("path", "quoted"),
    [
        ("/patients/%C3%A9%E2%82%AC/", "/patients/%C3%A9%E2%82%AC/"),
        ("/patients/a%26x=b/", "/patients/a%26x%3Db/"),
        ("/patients/a%23b/", "/patients/a%23b/"),
    ],
)
def test_a_stranger_comes_back_to_just_the_address_that_was_asked_for(db, path, quoted):
    assert Client().get(path)["Location"] == f"/account/login/?next={quoted}"


@pytest.mark.parametrize("key", ['"aaaaaaaaaaaaaaaaaaaa\\000"', '"aaaaaaaaaaaaaaa\\355\\240\\200"', "a" * 4000, "x"])
def test_a_broken_session_cookie_is_no_session(key):
    client = Client(headers={"cookie": f"sessionid={key}"})

    assert client.get("/patients/").status_code == 302
    assert client.get("/account/login/").status_code == 200
