"""Requests that no browser of a person sends, stopped before they reach a codec, a header or the database."""

import re
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import Http404
from django.utils.http import parse_header_parameters

CONTROL = re.compile(r"[\x00-\x1f\x7f]")
SESSION_KEY = re.compile(r"[A-Za-z0-9]{8,40}")


def is_utf_8(content_type: str) -> bool:
    """Whether a content type declares UTF-8 or nothing."""
    try:
        _, parameters = parse_header_parameters(content_type)
    except (LookupError, ValueError):
        return False
    return parameters.get("charset", "utf-8").lower() in {"utf-8", "utf8"}


class PlainRequest(WSGIRequest):
    """A request that is read as UTF-8 and as nothing else. Django would try every codec that Python knows."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self.encoding_refused = not is_utf_8(environ.get("CONTENT_TYPE", ""))
        super().__init__(environ | {"CONTENT_TYPE": ""} if self.encoding_refused else environ)


class PlainHandler(WSGIHandler):
    request_class = PlainRequest


class PlainRequestMiddleware:
    """Refuses another encoding than UTF-8 and an address with control characters; drops a broken session cookie."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if getattr(request, "encoding_refused", False):
            raise BadRequest("The encoding of a request must be UTF-8.")
        if CONTROL.search(request.path):
            raise Http404
        if not SESSION_KEY.fullmatch(request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")):
            request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
        return self.get_response(request)
