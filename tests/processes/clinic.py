"""A person at a browser, without the browser: signs in over HTTP and posts what the form would."""

import re
import time
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar, DefaultCookiePolicy

SYSTEMS = ("visual", "brainstem", "pyramidal", "cerebellar", "sensory", "bowel_bladder", "cerebral")
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


class Person:
    """Signed in at an address. `seconds`: how long the last answer took, redirects left aside; `sent_to`: where to.

    `host`: the name of a registry in production, whose proxy speaks https in front of this address.
    """

    def __init__(self, address: str, email: str, password: str, *, host: str = ""):
        self.address, self.seconds, self.sent_to = address, 0.0, ""
        self.outside = f"https://{host}" if host else address
        proxied = {"Host": host, "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
        self.headers = proxied if host else {}
        cookies = CookieJar(DefaultCookiePolicy(secure_protocols=("http", "https")))
        handlers = [urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(cookies), Stay()]
        self.opener = urllib.request.build_opener(*handlers)
        self.post("/account/login/", login=email, password=password)

    def open(self, path: str, data: bytes | None = None) -> tuple[int, str]:
        began = time.monotonic()
        headers = self.headers | {"Referer": self.outside + path}
        request = urllib.request.Request(self.address + path, data, headers)
        try:
            with self.opener.open(request, timeout=60) as answer:
                status, text, self.sent_to = answer.status, answer.read().decode(), ""
        except urllib.error.HTTPError as refused:
            status, text = refused.code, refused.read().decode()
            self.sent_to = refused.headers.get("Location", "")
        finally:
            self.seconds = time.monotonic() - began
        return status, text

    def get(self, path: str) -> str:
        return self.open(path)[1]

    def post(self, path: str, **fields) -> int:
        """Open the form, fill it in and send it, with its hidden fields."""
        hidden = dict(HIDDEN.findall(self.get(path)))
        return self.open(path, urllib.parse.urlencode(hidden | fields).encode())[0]

    def assess(self, code: str, day: str, grade: int) -> int:
        """Log an assessment with pyramidal and cerebellar at this grade; 302 is the answer to a save."""
        path = f"/patients/{code}/assessments/add/"
        return self.post(path, **assessment_fields(self.get(path), day, grade))


def assessment_fields(form: str, day: str, grade: int) -> dict[str, str]:
    """What a rater enters in this form: pyramidal and cerebellar at this grade, every warning confirmed."""
    grades = dict.fromkeys(SYSTEMS, "1") | {"pyramidal": str(grade), "cerebellar": str(grade)}
    reasons = {f"reason_W{n}": "seen twice" for n in range(1, 15)}
    rater = re.search(r'<option value="(\d+)" selected', form)
    walking = {"distance_m": "700", "aid": "none", "observed": "seen"}
    visit = {"day": day, "visit_type": "scheduled", "mode": "in_person", "rater": rater[1] if rater else ""}
    return visit | walking | grades | reasons


class Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer, not a way to go."""

    def redirect_request(self, *_):
        return None
