"""A form that came without a valid sign-in or token: nothing is done, and nothing that was typed is lost.

The answer holds what was sent, to be sent again with the token of this browser. It is made only for a form of our own
page, so that no other site can have its values shown here. They stand in the body of the answer and nowhere else.
"""

from urllib.parse import urlsplit

from django.shortcuts import render
from django.views.csrf import csrf_failure as refused

SECRET = {"patients:account_link"}  # a new password; so are all addresses of signing in, which have no part's name
NOT_TYPED = {"csrfmiddlewaretoken", "submission", "row_version", "shown_previous", "assessment"}


def csrf_failure(request, reason=""):
    """For CSRF_FAILURE_VIEW: the form again where that is safe, else the plain refusal."""
    return again(request, status=403) or refused(request, reason)


def again(request, *, status: int):
    """The page that keeps what was sent; None where it must not or need not be kept."""
    if request.method != "POST" or getattr(request, "htmx", None) or not from_our_page(request):
        return None
    address = request.resolver_match.view_name
    if ":" not in address or address in SECRET:
        return None
    fields = [(name, value) for name, values in request.POST.lists() for value in values]
    typed = [(name, value) for name, value in fields if value and name not in NOT_TYPED]
    if not typed and not request.FILES:
        return None
    context = {
        "fields": [(name, value) for name, value in fields if name != "csrfmiddlewaretoken"],
        "typed": [(name.replace("_", " "), value) for name, value in typed],
        "files": list(request.FILES),
    }
    response = render(request, "patients/resend.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response


def from_our_page(request) -> bool:
    """Whether the browser says that the form stood on a page of this host. A page of another site cannot claim that."""
    origin = request.headers.get("Origin") or request.headers.get("Referer", "")
    try:
        found = urlsplit(origin)
    except ValueError:
        return False
    return (found.scheme, found.netloc) == (request.scheme, request.get_host())
