"""How long a sign-in lasts: 15 minutes without its user, 12 hours in all. Both are decided here, on the server.

What a page does by itself is no activity: asking how much time is left, or a request that says `X-Passive`.
"""

import time

from allauth.account import app_settings as account
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore

from patients import audit
from patients.models import AccessKind

BEGAN, ACTIVE = "began_at", "active_at"  # in the session, seconds since 1970
WARN_SECONDS = 120  # before the end
PASSIVE = {("patients:session", "GET"), ("patients:session", "HEAD")}


def begin(request) -> None:
    """Called at every sign-in: both clocks start."""
    request.session[BEGAN] = request.session[ACTIVE] = int(time.time())


def seconds_left(session) -> int:
    """Until this session ends if nothing more is done; 0 or less: it is over. One without clocks is over."""
    now = time.time()
    idle = session.get(ACTIVE, 0) + settings.IDLE_SECONDS - now
    whole = session.get(BEGAN, 0) + settings.SESSION_COOKIE_AGE - now
    return int(min(idle, whole))


def is_fresh(request) -> bool:
    """Whether this user has signed in within the time for which a confirmation of the password counts."""
    return time.time() - request.session.get(BEGAN, 0) < account.REAUTHENTICATION_TIMEOUT


def touch(request) -> None:
    """The user did something. Written at most twice a minute."""
    now = int(time.time())
    if now - request.session.get(ACTIVE, 0) >= min(30, settings.IDLE_SECONDS // 30):
        request.session[ACTIVE] = now


def end(request) -> None:
    """Sign out here and now, without an answer of its own: the request goes on as a stranger's."""
    user, key = request.user, request.session.session_key
    known = user.is_authenticated  # asked before the session is emptied, on which the answer rests
    request.session.flush()
    UserSession.objects.filter(session_key=key).delete()
    if known:
        audit.note(user, AccessKind.SIGN_OUT, detail="ended by itself")
    request.user = AnonymousUser()


def purge() -> None:
    """Sessions that ended long ago. Called by the sweep."""
    SessionStore.clear_expired()


class SessionMiddleware:
    """Ends a session whose time is over before anything else looks at the user, and notes activity."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if SESSION_KEY in request.session and seconds_left(request.session) <= 0:
            end(request)
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        passive = (request.resolver_match.view_name, request.method) in PASSIVE or "X-Passive" in request.headers
        if not passive and SESSION_KEY in request.session:
            touch(request)
