"""Who speaks: the user of a token, or the one who is signed in in this browser."""

from django.contrib.auth.models import AnonymousUser
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import SessionAuthentication

from patients import tokens
from patients.access import is_api
from patients.api.problems import BEARER


class TokenMiddleware:
    """Makes the user of a sent token that of the request, before the rules are asked; on the API's addresses only.

    A token that is not open makes nobody of whoever else it was.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme and is_api(request.resolver_match.view_name):
            token = tokens.find_token(text.strip()) if scheme.lower() == "bearer" else None
            request.user = token.user if token else AnonymousUser()
            request.api_token = token


class SignedIn(SessionAuthentication):
    """The user the middleware found. A session needs its CSRF token; a token is nothing that a browser sends along."""

    def authenticate(self, request):
        token = getattr(request._request, "api_token", None)
        return (token.user, token) if token else super().authenticate(request)

    def authenticate_header(self, request) -> str:
        return BEARER


class SignedInSchema(OpenApiAuthenticationExtension):
    target_class = SignedIn
    name = ["token", "session"]

    def get_security_definition(self, auto_schema):
        session = {"type": "apiKey", "in": "cookie", "name": "sessionid"}
        return [{"type": "http", "scheme": "bearer"}, session]
