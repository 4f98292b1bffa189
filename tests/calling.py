"""Another system that speaks to the API: JSON in, JSON out."""

import json
import uuid

from django.test import Client

V1 = "/api/v1"
PROBLEM = "application/problem+json"


class Caller:
    """Signed in as this user, by session or by the text of a token; nobody without either."""

    def __init__(self, user=None, token="", **options):
        self.client = Client(**options)
        self.headers = {"authorization": f"Bearer {token}"} if token else {}
        if user is not None:
            self.client.force_login(user)

    def __call__(self, method, path, data=None, **headers):
        """`headers` with underscores: if_match, idempotency_key."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()} | self.headers
        body = data if isinstance(data, bytes) else b"" if data is None else json.dumps(data).encode()
        sent.setdefault("content-type", "application/json")
        content_type = sent.pop("content-type")
        return self.client.generic(method, V1 + path, body, content_type=content_type, headers=sent)

    def get(self, path, **headers):
        return self("GET", path, **headers)

    def post(self, path, data, **headers):
        return self("POST", path, data, **headers)

    def patch(self, path, data, **headers):
        return self("PATCH", path, data, **headers)


def fields(response) -> set[str]:
    """Which fields a problem names."""
    assert response["Content-Type"] == PROBLEM, response.content
    body = response.json()
    assert body["status"] == response.status_code
    assert set(body) >= {"type", "title", "status", "detail", "errors"}
    return {error["field"] for error in body["errors"]}


def key() -> str:
    return str(uuid.uuid4())
