"""Who may do what: one table of addresses and one of actions. What is in neither is refused.

Scope (which centres) is applied by `visible_to` on reading and by `require` on writing.
"""

from urllib.parse import quote

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils.cache import add_never_cache_headers

from patients import resend
from patients.models import Role

CLINICIAN, NEUROLOGIST, ADMIN = Role.CLINICIAN, Role.NEUROLOGIST, Role.ADMIN
TREATING = frozenset({CLINICIAN, NEUROLOGIST})
EVERY_ROLE = frozenset({CLINICIAN, NEUROLOGIST, ADMIN})
ADMINS = frozenset({ADMIN})
SIGNED_IN = frozenset({"signed in"})  # also without a role in any centre
REGISTRY_ADMIN: frozenset[str] = frozenset()  # no role in a centre is enough
PUBLIC = {"account_login", "account_logout", "account_inactive", "mfa_authenticate", "patients:account_link", "health"}

# address name: {method: roles that may}; HEAD counts as GET
RULES: dict[str, dict[str, frozenset[str]]] = {
    "home": {"GET": SIGNED_IN},
    "help": {"GET": SIGNED_IN},
    "account_change_password": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "account_reauthenticate": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "mfa_reauthenticate": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "mfa_index": {"GET": SIGNED_IN},
    "mfa_activate_totp": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "mfa_deactivate_totp": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "mfa_view_recovery_codes": {"GET": SIGNED_IN},
    "mfa_generate_recovery_codes": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "mfa_download_recovery_codes": {"GET": SIGNED_IN},
    "usersessions_list": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "patients:account": {"GET": SIGNED_IN},
    "patients:patient_add": {"GET": TREATING, "POST": TREATING},
    "patients:patient_edit": {"GET": TREATING, "POST": TREATING},
    "patients:patient_erase": {"GET": ADMINS, "POST": ADMINS},
    "patients:consent_add": {"POST": TREATING},
    "patients:phenotype_add": {"POST": TREATING},
    "patients:users": {"GET": ADMINS},
    "patients:user_invite": {"GET": ADMINS, "POST": ADMINS},
    "patients:user": {"GET": ADMINS, "POST": ADMINS},
    "patients:user_link": {"POST": ADMINS},
    "patients:user_deactivate": {"POST": ADMINS},
    "patients:user_reactivate": {"POST": ADMINS},
    "patients:centres": {"GET": ADMINS},
    "patients:centre_add": {"GET": REGISTRY_ADMIN, "POST": REGISTRY_ADMIN},
    "patients:centre_edit": {"GET": ADMINS, "POST": ADMINS},
    "assessments:assessment_add": {"GET": TREATING, "POST": TREATING},
    "assessments:assessment_score": {"POST": TREATING},
    "assessments:assessment_edit": {"GET": TREATING, "POST": TREATING},
    "assessments:assessment_void": {"GET": TREATING, "POST": TREATING},
    "assessments:relapse_add": {"GET": TREATING, "POST": TREATING},
    "assessments:relapse_edit": {"GET": TREATING, "POST": TREATING},
    "assessments:relapse_void": {"GET": TREATING, "POST": TREATING},
    "treatments:course_add": {"GET": TREATING, "POST": TREATING},
    "treatments:course_edit": {"GET": TREATING, "POST": TREATING},
    "treatments:course_void": {"GET": TREATING, "POST": TREATING},
    "treatments:treatment_add": {"GET": TREATING, "POST": TREATING},
    "treatments:treatment_void": {"GET": TREATING, "POST": TREATING},
    "outcomes:outlook": {"POST": TREATING},
    "outcomes:patients": {"GET": EVERY_ROLE, "POST": EVERY_ROLE},
    "outcomes:patient": {"GET": EVERY_ROLE},
    "outcomes:patient_print": {"GET": EVERY_ROLE},
    "outcomes:patient_history": {"GET": EVERY_ROLE},
    "outcomes:cohort": {"GET": EVERY_ROLE},
    "outcomes:imports": {"GET": ADMINS, "POST": ADMINS},
    "outcomes:import": {"GET": ADMINS, "POST": ADMINS},
    "outcomes:quarantine": {"GET": ADMINS, "POST": ADMINS},
}

# what a service does: who may, in the centre of the record
ACTIONS: dict[str, frozenset[str]] = {
    "patient.add": TREATING,
    "patient.change": TREATING,
    "identity.see": TREATING,
    "identity.erase": ADMINS,
    "assessment.add": TREATING,
    "assessment.change": TREATING,
    "relapse.add": TREATING,
    "relapse.change": TREATING,
    "course.add": TREATING,
    "course.change": TREATING,
    "treatment.add": TREATING,
    "treatment.change": TREATING,
    "import": ADMINS,
    "user.manage": ADMINS,
    "centre.change": ADMINS,
}


def may(user, action: str, centre_id: int) -> bool:
    return user.has_role(centre_id, *ACTIONS[action])


def require(user, action: str, centre_ids) -> None:
    """Raise PermissionDenied unless the user may do this in every one of these centres."""
    for centre_id in set(centre_ids):
        if not may(user, action, centre_id):
            raise PermissionDenied(f"{action} is not allowed for this account in this centre.")


def allowed(user, address: str, method: str) -> bool:
    """Whether this kind of user may use an address at all; which rows they see there is a matter of scope."""
    roles = RULES.get(address, {}).get("GET" if method == "HEAD" else method)
    if roles is None:
        return False
    if roles is SIGNED_IN:
        return True
    if not roles:
        return user.is_registry_admin
    held = set().union(*user.roles.values()) if user.roles else set()
    return bool(roles & (held | ({ADMIN} if user.is_registry_admin else set())))


class AccessMiddleware:
    """Refuses every address that the table does not allow, and keeps patient pages out of caches."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if request.user.is_authenticated:
            add_never_cache_headers(response)
            response["Cache-Control"] = "no-store"
        return response

    def process_view(self, request, view, args, kwargs):
        address = request.resolver_match.view_name
        if address in PUBLIC:
            return None
        if not request.user.is_authenticated:
            return self.to_sign_in(request)
        if not allowed(request.user, address, request.method):
            raise PermissionDenied
        return None

    def to_sign_in(self, request):
        if getattr(request, "htmx", None):  # a part of a page cannot show the sign-in page
            return HttpResponse(status=401, headers={"HX-Redirect": resolve_url("account_login")})
        if request.method != "GET":
            return resend.again(request, status=401) or redirect("account_login")
        response = redirect("account_login")
        response["Location"] += "?next=" + quote(request.path)
        return response
