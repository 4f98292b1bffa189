"""Who may do what: one table of addresses and one of actions. What is in neither is refused.

Scope (which centres) is applied by `visible_to` on reading and by `require` on writing.
"""

from urllib.parse import quote

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, resolve_url
from django.utils.cache import add_never_cache_headers

from patients import resend, second_factor
from patients.models import Role

CLINICIAN, NEUROLOGIST, ADMIN = Role.CLINICIAN, Role.NEUROLOGIST, Role.ADMIN
TREATING = frozenset({CLINICIAN, NEUROLOGIST})
EVERY_ROLE = frozenset({CLINICIAN, NEUROLOGIST, ADMIN})
ADMINS = frozenset({ADMIN})
SIGNED_IN = frozenset({"signed in"})  # also without a role in any centre
ANYBODY = frozenset({"anybody"})  # strangers too
REGISTRY_ADMIN: frozenset[str] = frozenset()  # no role in a centre is enough

# address name: {method: roles that may}; HEAD counts as GET
RULES: dict[str, dict[str, frozenset[str]]] = {
    "health": {"GET": ANYBODY},
    "account_login": {"GET": ANYBODY, "POST": ANYBODY},
    "account_logout": {"GET": ANYBODY, "POST": ANYBODY},
    "account_inactive": {"GET": ANYBODY},
    "mfa_authenticate": {"GET": ANYBODY, "POST": ANYBODY},
    "patients:account_link": {"GET": ANYBODY, "POST": ANYBODY},
    "patients:session": {"GET": ANYBODY, "POST": SIGNED_IN},
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
    "patients:access_log": {"GET": ADMINS},
    "patients:users": {"GET": ADMINS},
    "patients:user_invite": {"GET": ADMINS, "POST": ADMINS},
    "patients:user": {"GET": ADMINS, "POST": ADMINS},
    "patients:user_link": {"POST": ADMINS},
    "patients:user_deactivate": {"POST": ADMINS},
    "patients:user_reactivate": {"POST": ADMINS},
    "patients:user_second_factor": {"POST": ADMINS},
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
    "outcomes:export": {"GET": ADMINS, "POST": ADMINS},
    "outcomes:export_dictionary": {"GET": ADMINS},
    "outcomes:imports": {"GET": ADMINS, "POST": ADMINS},
    "outcomes:import": {"GET": ADMINS, "POST": ADMINS},
    "outcomes:quarantine": {"GET": ADMINS, "POST": ADMINS},
    "patients:tokens": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "patients:token_revoke": {"POST": SIGNED_IN},
    "api:schema": {"GET": SIGNED_IN},
    "api:docs": {"GET": SIGNED_IN},
    "api:centre-list": {"GET": EVERY_ROLE},
    "api:centre-patients": {"POST": TREATING},
    "api:patient-list": {"GET": EVERY_ROLE},
    "api:patient-detail": {"GET": EVERY_ROLE, "PATCH": TREATING},
    "api:patient-consents": {"POST": TREATING},
    "api:patient-phenotypes": {"POST": TREATING},
    "api:patient-assessments": {"POST": TREATING},
    "api:patient-relapses": {"POST": TREATING},
    "api:patient-treatments": {"POST": TREATING},
    "api:patient-courses": {"POST": TREATING},
    "api:assessment-list": {"GET": EVERY_ROLE},
    "api:assessment-detail": {"GET": EVERY_ROLE, "PATCH": TREATING},
    "api:assessment-void": {"POST": TREATING},
    "api:relapse-list": {"GET": EVERY_ROLE},
    "api:relapse-detail": {"GET": EVERY_ROLE, "PATCH": TREATING},
    "api:relapse-void": {"POST": TREATING},
    "api:treatment-list": {"GET": EVERY_ROLE},
    "api:treatment-detail": {"GET": EVERY_ROLE, "PATCH": TREATING},
    "api:treatment-void": {"POST": TREATING},
    "api:course-list": {"GET": EVERY_ROLE},
    "api:course-detail": {"GET": EVERY_ROLE, "PATCH": TREATING},
    "api:course-void": {"POST": TREATING},
    "api:trajectory-list": {"GET": EVERY_ROLE},
    "api:trajectory-detail": {"GET": EVERY_ROLE},
}

# what an account that must set up its second factor can open before it has one
ENROLMENT = {
    "account_login",
    "account_logout",
    "account_inactive",
    "account_reauthenticate",
    "health",
    "mfa_activate_totp",
    "patients:account_link",
    "patients:session",
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
    "export": ADMINS,
    "access_log.see": ADMINS,
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
    if roles is ANYBODY:
        return True
    if not user.is_authenticated:
        return False
    if roles is SIGNED_IN:
        return True
    if not roles:
        return user.is_registry_admin
    held = set().union(*user.roles.values()) if user.roles else set()
    return bool(roles & (held | ({ADMIN} if user.is_registry_admin else set())))


def is_api(address: str) -> bool:
    return address.startswith("api:")


class AccessMiddleware:
    """Refuses every address that the table does not allow, and keeps patient pages out of caches."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if request.user.is_authenticated:
            add_never_cache_headers(response)
            response["Cache-Control"] = "no-store"
        if wait := getattr(request, "retry_after", 0):  # a limit of tries is reached; the page says it in words
            response.status_code, response["Retry-After"] = 429, str(wait)
        return response

    def process_view(self, request, view, args, kwargs):
        address, user = request.resolver_match.view_name, request.user
        if not allowed(user, address, request.method):
            if not user.is_authenticated:
                return HttpResponse(status=401) if is_api(address) else self.to_sign_in(request)
            return self.unknown_method(request, address)
        if user.is_authenticated and address not in ENROLMENT and second_factor.missing(user):
            return self.to_enrolment(request)
        return None

    def to_enrolment(self, request):
        """Before anything else this account sets up its second factor."""
        if request.method != "GET" or getattr(request, "htmx", None) or is_api(request.resolver_match.view_name):
            raise PermissionDenied("This account needs a second factor first.")
        return redirect("mfa_activate_totp")

    def unknown_method(self, request, address):
        """403; of the API, 405 to who may use the address by another method and nobody by this one."""
        known = RULES.get(address, {})
        if is_api(address) and request.method not in known:
            usable = [method for method in known if allowed(request.user, address, method)]
            if usable:
                return HttpResponseNotAllowed(usable)
        raise PermissionDenied

    def to_sign_in(self, request):
        if getattr(request, "htmx", None):  # a part of a page cannot show the sign-in page
            return HttpResponse(status=401, headers={"HX-Redirect": resolve_url("account_login")})
        if request.method != "GET":
            return resend.again(request, status=401) or redirect("account_login")
        response = redirect("account_login")
        response["Location"] += "?next=" + quote(request.path)
        return response
