"""The examples of docs/api.md, sent as they stand there, and what it says of addresses and refusals."""

import json
import re
import shlex
from pathlib import Path
from string import Template

import pytest

from patients.api.problems import SAID, TYPES
from patients.tokens import make_token
from tests.calling import Caller
from tests.factories import visit

pytestmark = pytest.mark.django_db
TEXT = (Path(__file__).resolve().parents[2] / "docs/api.md").read_text()


def examples() -> list[str]:
    return re.findall(r"^```sh\n(curl .*?)^```$", TEXT, re.M | re.S)


def sent(command: str, api: Caller):
    """Do what curl would."""
    words = shlex.split(command.replace("\\\n", " "))[1:]
    method, path, body, headers = "GET", "", None, {}
    while words:
        word = words.pop(0)
        if word == "-X":
            method = words.pop(0)
        elif word == "-H":
            name, _, value = words.pop(0).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = json.loads(words.pop(0))
        else:
            path = word
    return api(method, path, body, **headers)


def test_the_examples_do_what_they_say(patient, clinician):
    token = make_token(clinician, name="docs", days=1)[1]
    stored = visit(patient, clinician, "2024-01-14", 3)
    values = {"API": "", "TOKEN": token, "CODE": patient.code, "ID": stored.pk}

    answers = [sent(Template(command).substitute(values), Caller()) for command in examples()]

    assert [answer.status_code for answer in answers] == [200, 200, 201, 200, 200], [a.content for a in answers]
    assert answers[1].json()["count"] == 1
    assert answers[2].json()["edss"] == answers[2].json()["edss_calculated"] == 4.0
    assert answers[4].json()["void_reason"] == "wrong patient"


def test_every_refusal_is_explained():
    explained = {int(one) for row in re.findall(r"^\| ([0-9, ]+) \|", TEXT, re.M) for one in row.split(",")}

    assert set(SAID) - {429, 500} <= explained
    assert TYPES["validation"] in TEXT
