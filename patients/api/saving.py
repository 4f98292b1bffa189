"""What every write of the API shares: one answer for a key however often it is sent, and the version a change needs."""

import hashlib
import json
import re
import uuid
from collections.abc import Callable
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from patients import writing
from patients.api.problems import VersionRequired

ETAG = re.compile(r'"([1-9][0-9]{0,8})"')
KEY = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
REPLAYED = "Idempotency-Replayed"


def key_of(request: Request) -> uuid.UUID | None:
    text = request.headers.get("Idempotency-Key")
    if text is None:
        return None
    if not KEY.fullmatch(text):
        raise serializers.ValidationError({"Idempotency-Key": ["Send a UUID, a new one for each new record."]})
    return uuid.UUID(text)


def digest(request: Request) -> str:
    """Of the address and what was sent, however it was spaced: tells a retry from another request with the same key."""
    sent = json.dumps(request.data, sort_keys=True, cls=JSONEncoder)
    return hashlib.sha256(f"{request.method} {request.path} {sent}".encode()).hexdigest()


def once(request: Request, status: int, work: Callable[[], dict[str, Any]]) -> Response:
    """Do the work and answer with what it made; for a key that was seen, with the very first answer again."""
    mine = ""

    def first() -> str:
        nonlocal mine
        mine = json.dumps(work(), cls=JSONEncoder)
        return mine

    kept = writing.once(request.user, key_of(request), digest(request), first)
    body = json.loads(kept)
    response = with_version(Response(body, status=status), body)
    if kept != mine:  # ours was never made, or undone because the same key was quicker
        response[REPLAYED] = "true"
    return response


def with_version(response: Response, body: dict[str, Any]) -> Response:
    """The ETag of a record is its version: send it back in If-Match to change just that one."""
    if "row_version" in body:
        response["ETag"] = f'"{body["row_version"]}"'
    return response


def version_of(request: Request) -> int:
    """The version that a change builds on, from If-Match or the body. Raises where it is missing or said twice."""
    header, sent = request.headers.get("If-Match"), request.data
    named = sent.get("row_version") if isinstance(sent, dict) else None
    if header is None and named is None:
        raise VersionRequired
    if header is None:
        if not isinstance(named, int) or isinstance(named, bool) or named < 1:
            raise serializers.ValidationError({"row_version": ["Send the version you read, a whole number."]})
        return named
    found = ETAG.fullmatch(header.strip())
    if not found:
        raise serializers.ValidationError({"If-Match": ['Send the one ETag you read, as "3".']})
    if named is not None and named != int(found[1]):
        raise serializers.ValidationError({"row_version": ["This is not the version that If-Match names."]})
    return int(found[1])
