"""What is true of every request below /api/, before and after the view: limits on the body, refusals as problems."""

from django.http import HttpRequest, HttpResponse

from patients.api import problems

PREFIX = "/api/"
MOST_BYTES = 1_000_000


class ApiMiddleware:
    """Refuses a body that is too large or of unknown length; says in JSON whatever else refuses."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        response = refused_unread(request) or self.get_response(request)
        if response.status_code == 301 and request.method not in ("GET", "HEAD"):  # a redirect would lose the body
            response = problems.answer(404, "The addresses of the API end with a slash.")
        if response.status_code >= 400 and response.get("Content-Type") != problems.CONTENT_TYPE:
            response = problems.from_response(response)
        response["Cache-Control"] = "no-store"
        return response


def refused_unread(request: HttpRequest) -> HttpResponse | None:
    """A refusal of the body by its length alone; None where it may be read."""
    if request.headers.get("Transfer-Encoding"):
        return problems.answer(411, "Send the length of the body: Content-Length.")
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return problems.answer(400)
    return problems.answer(413) if length > MOST_BYTES else None
