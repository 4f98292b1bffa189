"""People who save without a break, and who know exactly what was acknowledged to them.

An answer that never came, or a 5xx, leaves open whether the save was made. Then the same form is sent again with the
same key, as a browser does on reload, until there is an answer; so what is acknowledged and what is stored must agree
exactly: nothing lost, nothing twice.
"""

import http.client
import os
import random
import re
import threading
import time
import urllib.parse
import uuid
from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.faults.registry import Registry
from tests.processes.clinic import HIDDEN, Person, assessment_fields

FIRST, LAST = date(2014, 1, 1), date(2026, 10, 31)
EDIT = re.compile(r'/assessments/(\d+)/edit/">([^<]+)</a>')
REASON = re.compile(r'<select name="change".*?<option value="([^"]+)"', re.DOTALL)
KEY = re.compile(r'(name="submission" value=")[^"]*')
ANSWER_WITHIN = 120  # seconds, with all the resending
NEW_FORM = 0.2  # share of the forms that are asked for; the others are the one before with a new key, which saves time
CHANGES, VOIDS = 0.2, 0.1  # shares of the saves


@dataclass
class Kept:
    """One assessment as its writer was told that it is."""

    grade: int
    row_version: int = 1
    voided: bool = False
    pk: str = ""


@dataclass
class Told:
    """What writers met: shared by all of them."""

    acknowledged: int = 0
    resolved: int = 0  # unknown first, acknowledged when sent again
    resent: int = 0
    refused: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)  # acknowledged and then not on the page
    longest: float = 0.0  # of saves answered at once
    longest_open: float = 0.0  # of those that had to be sent again
    keys: set[str] = field(default_factory=set)
    kept: dict[tuple[str, str], Kept] = field(default_factory=dict)
    in_flight: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


BREATH = float(os.environ.get("EDSS_BREATH", "1.5"))  # seconds at most between two saves of a writer


class Refused(Exception):
    """An answer that is no acknowledgement and that sending again will not change."""


class Writer(threading.Thread):
    """Saves until told to stop. Its days are its own, its patients everybody's."""

    def __init__(self, registry: Registry, number: int, of: int, told: Told, seed: int):
        super().__init__(daemon=True)
        self.registry, self.told, self.random = registry, told, random.Random(f"{seed} {number}")
        self.person: Person = registry.person(number)
        self.patients, self.days = list(registry.patients), range(number, (LAST - FIRST).days, of)
        self.mine: list[tuple[str, date]] = []
        self.form = ""
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.wait(self.random.uniform(0, BREATH)):
            try:
                self.save_something()
            except Refused as refused:
                self.told.refused.append(str(refused))

    def save_something(self) -> None:
        drawn = self.random.random()
        if self.mine and drawn < CHANGES + VOIDS:
            self.change(void=drawn < VOIDS)
        else:
            self.create()

    def create(self) -> None:
        code, day = self.free_day()
        grade = self.random.randint(1, 4)
        path = f"/patients/{code}/assessments/add/"
        self.form = self.form if self.random.random() > NEW_FORM and self.form else self.read(path)
        form = KEY.sub(rf"\g<1>{uuid.uuid4()}", self.form)
        self.send(path, code, form, assessment_fields(form, day.isoformat(), grade))
        self.told.kept[code, day.isoformat()] = Kept(grade)
        self.mine.append((code, day))

    def free_day(self) -> tuple[str, date]:
        """A patient and a day of this writer on which nothing was ever entered."""
        while True:
            code, day = self.random.choice(self.patients), FIRST + timedelta(days=self.random.choice(self.days))
            if (code, day.isoformat()) not in self.told.kept:
                return code, day

    def change(self, *, void: bool) -> None:
        """Correct one of its own assessments, or mark it as entered in error."""
        code, day = self.mine.pop(self.random.randrange(len(self.mine)))
        kept = self.told.kept[code, day.isoformat()]
        kept.pk = kept.pk or self.find(code, day)
        path = f"/patients/{code}/assessments/{kept.pk}/{'void' if void else 'edit'}/"
        form = self.read(path)
        if dict(HIDDEN.findall(form)).get("row_version") != str(kept.row_version):
            self.told.unread.append(f"{path}: row version {kept.row_version} was acknowledged and is not shown")
        grade = kept.grade if void else self.random.randint(1, 4)
        reason = {"reason": "another patient's"} if void else {"change": REASON.findall(form)[0], "reason": "seen"}
        fields = {} if void else assessment_fields(form, day.isoformat(), grade)
        self.send(path, code, form, fields | reason)
        kept.grade, kept.row_version, kept.voided = grade, kept.row_version + 1, void
        if not void:
            self.mine.append((code, day))

    def find(self, code: str, day: date) -> str:
        """The number of the assessment of this day, by the patient's page, which must show what was acknowledged."""
        shown = {words: pk for pk, words in EDIT.findall(self.read(f"/patients/{code}/?all=1"))}
        words = f"{day.day} {day:%b %Y}"
        if words not in shown:
            self.told.unread.append(f"{code}: {words} was acknowledged and is not shown")
            raise Refused(f"{code}: {words} is not on the page")
        return shown[words]

    def read(self, path: str) -> str:
        """A page; asked for again while there is none."""
        until = time.monotonic() + ANSWER_WITHIN
        while time.monotonic() < until:
            try:
                status, text = self.person.open(path)
            except (OSError, http.client.HTTPException):
                status, text = 0, ""
            if status == 200:
                return text
            if 0 < status < 500:
                raise Refused(f"GET {path}: {status}")
            time.sleep(0.2)
        raise Refused(f"GET {path}: no answer within {ANSWER_WITHIN} s")

    def send(self, path: str, code: str, form: str, fields: dict[str, str]) -> None:
        """Send until it is acknowledged, always the same form with the same key."""
        hidden = dict(HIDDEN.findall(form))
        body = urllib.parse.urlencode(hidden | fields).encode()
        began, tries = time.monotonic(), 0
        while time.monotonic() - began < ANSWER_WITHIN:
            tries += 1
            if self.answer(path, code, body):
                self.acknowledge(hidden["submission"], tries, time.monotonic() - began)
                return
            time.sleep(0.2)
        raise Refused(f"POST {path}: no answer within {ANSWER_WITHIN} s")

    def answer(self, path: str, code: str, body: bytes) -> bool:
        """Whether this try was acknowledged; False: nobody knows. A refusal is raised."""
        with self.told.lock:
            self.told.in_flight += 1
        try:
            status, text = self.person.open(path, body)
        except (OSError, http.client.HTTPException):
            return False
        finally:
            with self.told.lock:
                self.told.in_flight -= 1
        if status >= 500:
            return False
        if status == 302 and self.person.sent_to == f"/patients/{code}/":
            return True
        errors = re.findall(r'class="[^"]*(?:error|invalid)[^"]*"[^>]*>([^<]+)', text)
        raise Refused(f"POST {path}: {status} {self.person.sent_to} {errors[:3]}")

    def acknowledge(self, key: str, tries: int, seconds: float) -> None:
        told = self.told
        with told.lock:
            told.acknowledged += 1
            told.keys.add(key)
            if tries == 1:
                told.longest = max(told.longest, seconds)
            else:
                told.resolved, told.resent = told.resolved + 1, told.resent + tries - 1
                told.longest_open = max(told.longest_open, seconds)
