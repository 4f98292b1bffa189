"""Refusals of the API as problem details (RFC 9457): what is wrong, in which field, what to do."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.http import Http404, HttpResponse, JsonResponse
from rest_framework import exceptions
from rest_framework.settings import api_settings
from rest_framework.utils.encoders import JSONEncoder

from patients.writing import AlreadySubmitted, Conflict

CONTENT_TYPE = "application/problem+json"
BEARER = 'Bearer realm="EDSS Tracker"'
TYPES = {  # the kinds a program may want to tell apart; the others say no more than their status
    "validation": "urn:edss-tracker:problem:validation",
    "conflict": "urn:edss-tracker:problem:conflict",
    "version": "urn:edss-tracker:problem:version-required",
    "key": "urn:edss-tracker:problem:idempotency-key-reused",
}
SAID = {
    400: "This request cannot be read.",
    401: "Sign in, or send a token that is still valid: Authorization: Bearer, then the token.",
    403: "Your account may not do this here.",
    404: "There is nothing at this address that you may see.",
    405: "This address does not know this method.",
    406: "The API answers in JSON only: accept application/json.",
    413: "The body is larger than 1 MB.",
    415: "The API reads JSON only: send Content-Type: application/json.",
    428: "Say which version you change: If-Match with the ETag you read, or row_version in the body.",
    429: "Too many requests. Wait a minute.",
    500: "Something went wrong here. Send it again, with the same Idempotency-Key: it may be saved already.",
}
Errors = Iterable[tuple[str, str]]


class VersionRequired(exceptions.APIException):
    """A change without the version it builds on could undo what somebody else saved."""

    status_code = HTTPStatus.PRECONDITION_REQUIRED


def answer(status: int, detail: str = "", errors: Errors = (), kind: str = "", **more: Any) -> HttpResponse:
    """The response that says this. `errors`: (field, message); the field is empty where it is about all of it."""
    phrase = HTTPStatus(status).phrase
    body = {
        "type": TYPES.get(kind, "about:blank"),
        "title": phrase,
        "status": status,
        "detail": detail or SAID.get(status, f"{phrase}."),
        "errors": [{"field": field, "message": message} for field, message in errors],
        **more,
    }
    response = JsonResponse(body, status=status, content_type=CONTENT_TYPE, encoder=JSONEncoder)
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = BEARER
    return response


def from_response(response: HttpResponse) -> HttpResponse:
    """The refusal of a page or of the server, said as the API says it."""
    found = answer(response.status_code)
    for name in ("WWW-Authenticate", "Allow", "Retry-After"):
        if name in response:
            found[name] = response[name]
    return found


def handle(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """For EXCEPTION_HANDLER: what a view or a service refuses. None for what is a fault of ours."""
    view = context.get("view")
    if isinstance(error, ValidationError):
        names = getattr(view, "service_names", {})
        return invalid([(renamed(field, names), message) for field, message in told(error)])
    if isinstance(error, exceptions.ValidationError):
        return invalid(list(flat(error.detail)))
    if isinstance(error, Conflict):
        current = view.represent(error.current) if view else None
        if view:  # it reads as any other answer that shows a record
            view.note(patient=getattr(error.current, "patient", error.current))
        detail = "Somebody saved this record since you read it. It is in `current`; nothing of yours was saved."
        return answer(409, detail, kind="conflict", current=current)
    if isinstance(error, AlreadySubmitted):
        detail = "This Idempotency-Key was used with other content. A new request needs a new key."
        return answer(422, detail, [("Idempotency-Key", detail)], kind="key")
    if isinstance(error, Http404):
        return answer(404)
    if isinstance(error, PermissionDenied):
        return answer(403, str(error))
    if isinstance(error, exceptions.APIException):
        return from_framework(error)
    return None


def from_framework(error: exceptions.APIException) -> HttpResponse:
    """What the framework itself refuses; where it says less than we can, in our words."""
    ours = error.status_code in (401, 404, 405, 406, 415, 428)
    kind = "version" if isinstance(error, VersionRequired) else ""
    return answer(error.status_code, "" if ours else str(error.detail), kind=kind)


def invalid(errors: list[tuple[str, str]]) -> HttpResponse:
    fields = sorted({field for field, _ in errors if field})
    detail = f"Correct {', '.join(fields)}." if fields else " ".join(message for _, message in errors)
    return answer(400, detail, errors, kind="validation")


def told(error: ValidationError) -> list[tuple[str, str]]:
    """(field, message) of what a service refuses."""
    if not hasattr(error, "error_dict"):
        return [("", message) for message in error.messages]
    found = error.message_dict.items()
    return [("" if field == NON_FIELD_ERRORS else field, text) for field, texts in found for text in texts]


def renamed(field: str, names: Mapping[str, str]) -> str:
    """A field as the API calls it. `names`: beginnings of the services' names, and what they are here."""
    for ours, theirs in names.items():
        if field.startswith(ours):
            return theirs + field.removeprefix(ours)
    return field


def flat(detail: Any, field: str = "") -> Errors:
    """(field, message) of the framework's nested errors; what lies inside is named with dots: infusions.0.day."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            below = "" if name == api_settings.NON_FIELD_ERRORS_KEY else str(name)
            yield from flat(inner, ".".join(part for part in (field, below) if part))
    elif isinstance(detail, list):
        if any(isinstance(inner, Mapping) for inner in detail):  # one for each row of a list, empty where it is right
            for number, inner in enumerate(detail):
                yield from flat(inner, f"{field}.{number}")
        else:
            for inner in detail:
                yield from flat(inner, field)
    else:
        yield field, str(detail)
