"""Two centres with everybody and everything in them, and for each address the body that a user would really send.

An address of the pages or the API joins by its name: `values` finds its record by the word in it. What a POST or PATCH
needs beyond an empty body is one line in `BODIES`.
"""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from outcomes.models import ImportBatch
from patients import accounts, links, tokens
from patients.models import Centre, Patient, Role, User
from tests.assessments.entries import entry, scored
from tests.factories import PASSWORD, course, make_centre, make_patient, make_user, relapse
from tests.house.addresses import fill
from treatments.models import Drug, Treatment
from treatments.services import record_treatments

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NEW_PASSWORD = "violet-harbour-9-lanterns"
NUMBERS = (
    "rows", "new", "edss_from_file", "edss_calculated", "incomplete", "already", "listed", "patients_new",
    "patients_known", "relapses_new", "relapses_already", "relapses_close",
)  # fmt: skip
EMPTY = {**dict.fromkeys(NUMBERS, 0), "set_aside": {}, "left_out": {}, "warnings": {}}  # counts of an import
ROLES = ("clinician", "neurologist", "admin")
PEOPLE = ("nobody", *ROLES, "registry_admin")


@dataclass
class World:
    here: Centre
    there: Centre
    users: dict[str, User]  # by what they are in `here`: PEOPLE
    foreign: dict[str, User]  # the same roles in `there` only
    target: User  # a clinician of `here` whom an admin may manage
    records: dict[str, object]  # word in an address to its record
    token: str
    cookies: dict[int, str]
    api_tokens: dict[int, int]  # of each user the key of a token of their own
    before: dict = field(default_factory=dict)  # every row, where a test compares

    def path(self, name: str, arguments: tuple[str, ...], user: User | None = None) -> str:
        return fill(name, arguments, self.values(name, user))

    def values(self, name: str, user: User | None = None) -> dict:
        """Arguments of an address, all of `here`: the last word in its name that stands for a record decides."""
        found = {"code": self.patient.code, "token": self.token, "key": "x", "uidb36": "1", "format": "json"}
        if name == "patients:token_revoke":
            return {"pk": self.api_tokens[(user or self.target).pk]}
        words = [word for word in self.records if word in name.partition(":")[2]]
        record = self.records[words[-1]] if words else self.patient
        return found | {"pk": record.pk}

    @property
    def patient(self) -> Patient:
        return self.records["patient"]

    def client(self, user: User | None) -> Client:
        """A browser of its own, signed in as this user since the world was made."""
        client = Client()
        if user is not None:
            client.cookies["sessionid"] = self.cookies[user.pk]
        return client


@pytest.fixture
def world(db, settings, tmp_path) -> World:
    settings.DATA_DIR = tmp_path  # uploads
    here, there = make_centre("Centre Nord"), make_centre("Centre Sud")
    users = {role: make_user(role, centre=here, role=role) for role in ROLES}
    users |= {"nobody": make_user("nobody"), "registry_admin": make_user("registry", is_registry_admin=True)}
    foreign = {role: make_user(f"foreign-{role}", centre=there, role=role) for role in ROLES}
    target = make_user("target", centre=here, role=Role.CLINICIAN)
    doctor = users["clinician"]
    patient = make_patient(here, doctor)
    make_patient(there, foreign["clinician"], family_name="Foreign")
    batch = ImportBatch.objects.create(
        centre=here, by=users["admin"], file_name="a", sha256="0" * 64, mapping={}, counts=EMPTY
    )
    records = {
        "patient": patient,
        "centre": here,
        "user": target,
        "import": batch,
        "assessment": scored(patient, doctor, "2020-01-05"),
        "relapse": relapse(patient, doctor, "2019-06-01"),
        "course": course(patient, doctor, "2020-03-02"),
        "treatment": record_treatments([Treatment(patient=patient, drug=Drug.INTERFERON_BETA)], by=doctor)[0],
    }
    for user in (*users.values(), *foreign.values(), target):
        TOTP.activate(user, SECRET)
        RecoveryCodes.activate(user)
    cookies = {}
    for user in (*users.values(), *foreign.values()):
        client = Client()
        client.force_login(user)
        session = client.session
        session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]  # just now
        session.save()
        cookies[user.pk] = client.cookies["sessionid"].value
    everybody = (*users.values(), *foreign.values(), target)
    api_tokens = {user.pk: tokens.make_token(user, name="Laboratory", days=30)[0].pk for user in everybody}
    token = links.make_link(target, by=users["admin"], purpose="reset")
    return World(here, there, users, foreign, target, records, token, cookies, api_tokens)


def key() -> str:
    return str(uuid.uuid4())


def version(word: str) -> Callable[[World], dict]:
    return lambda world: {"row_version": world.records[word].row_version, "reason": "typing error", "submission": key()}


def stored(word: str) -> Callable[[World], dict]:
    """What the API needs to change a record."""
    return lambda world: {"row_version": world.records[word].row_version, "reason": "typing error"}


def user_form(world: World, by: User) -> dict:
    centres = accounts.administered(by)
    roles = {f"roles_{one.pk}": sorted(world.target.roles.get(one.pk, ())) for one in centres}
    number = accounts.state_number(world.target, centres)
    return {"submission": key(), "name": "Dr Renamed", "row_version": number, **roles}


MAPPING = b"""centre = "Centre Nord"
new_patients = "create"
rows_without_edss = "incomplete"
edss_meaning = "rater"
rater_reason = "as in the file"
confirm_because = "old records"
[columns]
patient = "patient"
date = "date"
edss = "edss"
"""


def files() -> dict:
    content = b"patient,date,edss\na,2020-01-01,2.0\n"
    return {"file": SimpleUploadedFile("a.csv", content), "mapping": SimpleUploadedFile("m.toml", MAPPING)}


def examined(user: User, day: str, **fields) -> dict:
    """A whole assessment with every warning confirmed."""
    return entry(user, day, **{f"reason_W{number}": "seen twice" for number in range(1, 15)}, **fields)


def code_now() -> str:
    return format_hotp_value(hotp_value(SECRET, int(time.time()) // 30))


def passwords(*names: str) -> dict:
    return {"oldpassword": PASSWORD, **dict.fromkeys(names, NEW_PASSWORD)}


NEW_PATIENT = {
    "sex": "female", "family_name": "Okafor", "given_name": "Ada", "local_number": "N-17", "birth": "1980-05",
    "onset": "2001", "diagnosis": "2003-02-04", "participation": "enrolled", "phenotype_kind": "RRMS",
    "phenotype_since": "2001", "consent_decision": "given", "consent_day": "2024-02-03",
}  # fmt: skip
OLD_PATIENT = {
    "sex": "female", "participation": "enrolled", "family_name": "Muster", "given_name": "Erika", "birth": "1985-03",
}  # fmt: skip
INFUSION = {"infusions-TOTAL_FORMS": "1", "infusions-INITIAL_FORMS": "0", "infusions-0-dose_mg": "12"}
WHY = {"change": "Another reason", "reason": "typing error"}
COURSE = {"state": "complete", "rule_set": "EU", **INFUSION}
RELAPSE = {"systems": ["visual"], "severity": "mild", "recovery": "unknown", "steroid": "iv", **WHY}

CONFIRMED = {f"W{number}": "seen twice" for number in range(1, 15)}
RATED = {"day": "2024-05-01", "edss_rater": 3.5, "rater_reason": "chart", "confirmed": CONFIRMED}

# address: the body of its POST (pages) or of its POST and PATCH (API), for this world and user; not listed: empty
BODIES: dict[str, Callable[[World, User], dict]] = {
    "account_login": lambda w, u: {"login": w.target.email, "password": PASSWORD},
    "account_change_password": lambda w, u: passwords("password1", "password2"),
    "account_reauthenticate": lambda w, u: {"password": PASSWORD},
    "mfa_reauthenticate": lambda w, u: {"code": code_now()},
    "mfa_activate_totp": lambda w, u: {"code": code_now()},
    "patients:account_link": lambda w, u: {"password": NEW_PASSWORD, "again": NEW_PASSWORD},
    "patients:patient_add": lambda w, u: {**NEW_PATIENT, "centre": w.here.pk, "submission": key()},
    "patients:patient_edit": lambda w, u: version("patient")(w) | OLD_PATIENT,
    "patients:consent_add": lambda w, u: {"consent-decision": "given", "consent-day": "2024-02-03"},
    "patients:phenotype_add": lambda w, u: {"phenotype-kind": "RRMS", "phenotype-activity": "active"},
    "patients:user_invite": lambda w, u: {
        "submission": key(), "name": "Dr New", "email": "new@example.org", f"roles_{w.here.pk}": ["clinician"]
    },
    "patients:user": user_form,
    "patients:centre_add": lambda w, u: {"submission": key(), "name": "Centre Est", "time_zone": "Europe/Paris"},
    "patients:centre_edit": lambda w, u: version("centre")(w) | {"name": "Centre New", "time_zone": "Europe/Paris"},
    "assessments:assessment_add": lambda w, u: examined(u, "2024-05-01"),
    "assessments:assessment_score": lambda w, u: examined(u, "2024-05-01"),
    "assessments:assessment_edit": lambda w, u: version("assessment")(w) | examined(u, "2020-01-06", **WHY),
    "assessments:assessment_void": lambda w, u: version("assessment")(w),
    "assessments:relapse_add": lambda w, u: {**RELAPSE, "onset": "2024-02", "submission": key()},
    "assessments:relapse_edit": lambda w, u: {**RELAPSE, "onset": "2019-06-02"} | version("relapse")(w),
    "assessments:relapse_void": lambda w, u: version("relapse")(w),
    "treatments:course_add": lambda w, u: {**COURSE, "infusions-0-day": "2021-05-03", "submission": key()},
    "treatments:course_edit": lambda w, u: {**COURSE, "infusions-0-day": "2020-03-03"} | version("course")(w),
    "treatments:course_void": lambda w, u: version("course")(w),
    "treatments:treatment_add": lambda w, u: {"submission": key(), "drug": "fingolimod", "start": "2015-04"},
    "treatments:treatment_void": lambda w, u: version("treatment")(w),
    "outcomes:outlook": lambda w, u: examined(u, "2024-05-01"),
    "outcomes:patients": lambda w, u: {"q": "Muster"},
    "outcomes:imports": lambda w, u: files(),
    "outcomes:export": lambda w, u: {"reason": "ethics vote 114", "form": "csv"},
    "patients:patient_erase": lambda w, u: {"submission": key(), "reason": "letter of 3 May", "code": w.patient.code},
    "patients:tokens": lambda w, u: {"submission": key(), "name": "Laboratory", "days": "30"},
    "api:centre-patients": lambda w, u: {"sex": "male", "birth": "1980-05-01", "family_name": "Okafor"},
    "api:patient-detail": lambda w, u: stored("patient")(w) | {"family_name": "Okafor"},
    "api:patient-consents": lambda w, u: {"decision": "given", "day": "2024-02-03"},
    "api:patient-phenotypes": lambda w, u: {"kind": "SPMS"},
    "api:patient-assessments": lambda w, u: RATED,
    "api:patient-relapses": lambda w, u: {"onset": "2024-02-03"},
    "api:patient-treatments": lambda w, u: {"drug": "fingolimod"},
    "api:patient-courses": lambda w, u: {"state": "complete", "infusions": [{"day": "2021-05-03"}]},
    **{
        f"api:{word}-detail": lambda w, u, word=word: stored(word)(w) | {"note": "calm"}
        for word in ("assessment", "relapse", "treatment", "course")
    },
    **{
        f"api:{word}-void": lambda w, u, word=word: stored(word)(w)
        for word in ("assessment", "relapse", "treatment", "course")
    },
}  # fmt: skip


def body_of(name: str, world: World, user: User) -> dict:
    return BODIES.get(name, lambda w, u: {})(world, user)


def send(client: Client, name: str, method: str, path: str, body: dict):
    """One request; to the API as JSON, to a page as a form."""
    if method not in ("POST", "PUT", "PATCH"):
        return getattr(client, method.lower())(path)
    if name.startswith("api:"):
        return client.generic(method, path, json.dumps(body), content_type="application/json")
    if method == "POST":
        return client.post(path, body)
    return client.generic(method, path)
