"""Who, where, who may see it, and who did what."""

import secrets
from datetime import date, datetime
from functools import cached_property
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from simple_history.models import HistoricalRecords

from patients.dates import interval, known_date_checks, not_before, precision_field, say_known_date
from patients.querysets import FreshnessQuerySet, PatientQuerySet, ScopedQuerySet


class Role(models.TextChoices):
    CLINICIAN = "clinician", "Clinician"
    NEUROLOGIST = "neurologist", "Neurologist"
    ADMIN = "admin", "Admin"


class UserManager(BaseUserManager["User"]):
    def create_user(self, email, password=None, **fields):
        """A user who can sign in once a password is set. The address is the login and is kept in lower case."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, email):
        return self.get(email__iexact=email)


class User(AbstractBaseUser):
    """A person who signs in. Never deleted: the history of changes names them. Deactivated instead."""

    email = models.EmailField("email address", unique=True)
    name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)
    is_registry_admin = models.BooleanField("registry admin", default=False)
    is_demo = models.BooleanField(default=False, editable=False)  # refused in production
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]
    objects = UserManager()
    history = HistoricalRecords(excluded_fields=["password", "last_login"])

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="one_user_an_address")]

    def __str__(self):
        return self.name

    def get_full_name(self):
        return self.name

    @cached_property
    def roles(self) -> dict[int, set[str]]:
        """Centre id to the roles held there now."""
        found: dict[int, set[str]] = {}
        for centre, role in self.memberships.filter(ended_at=None).values_list("centre_id", "role"):
            found.setdefault(centre, set()).add(role)
        return found

    @property
    def centre_ids(self) -> list[int]:
        return sorted(self.roles)

    def has_role(self, centre_id: int, *roles: str) -> bool:
        """Whether this user holds one of the roles there. A registry admin is an admin of every centre."""
        if not self.is_active:
            return False
        if self.is_registry_admin and Role.ADMIN in roles:
            return True
        return not self.roles.get(centre_id, set()).isdisjoint(roles)

    @cached_property
    def name_centre_ids(self) -> list[int]:
        """Centres whose patients' names this user sees: those where they treat patients, not those they administer."""
        treating = {Role.CLINICIAN, Role.NEUROLOGIST}
        return [centre for centre, roles in self.roles.items() if roles & treating]


def check_time_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(f"{name} is not a time zone; write one like Europe/Berlin.")


class CentreQuerySet(ScopedQuerySet):
    def visible_to(self, user):
        if not user.is_active:
            return self.none()
        return self if user.is_registry_admin else self.filter(pk__in=user.centre_ids)


class Centre(models.Model):
    """A clinic. Its time zone decides what day it is for its patients."""

    name = models.CharField(max_length=120, unique=True)
    time_zone = models.CharField(max_length=64, default="Europe/Berlin", validators=[check_time_zone])
    synthetic = models.BooleanField(default=False, help_text="All its patients are invented.")
    row_version = models.PositiveIntegerField(default=1, editable=False)

    objects = CentreQuerySet.as_manager()
    history = HistoricalRecords()

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name

    def day_of(self, moment: datetime) -> date:
        return moment.astimezone(ZoneInfo(self.time_zone)).date()

    def today(self) -> date:
        return self.day_of(timezone.now())


class Membership(models.Model):
    """A role of a user in a centre, until it is ended."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    centre = models.ForeignKey(Centre, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role.choices)
    ended_at = models.DateTimeField(null=True, editable=False)

    history = HistoricalRecords()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "centre", "role"], condition=Q(ended_at=None), name="one_live_membership_a_role"
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]


class Sex(models.TextChoices):
    FEMALE = "female", "Female"
    MALE = "male", "Male"
    OTHER = "other", "Other"
    UNKNOWN = "unknown", "Not stated"


class DeathCause(models.TextChoices):
    MS = "ms", "MS"
    OTHER = "other", "Another cause"
    UNKNOWN = "unknown", "Not known"


class Participation(models.TextChoices):
    ENROLLED = "enrolled", "Enrolled"
    WITHDRAWN = "withdrawn", "Withdrawn"


CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_code() -> str:
    """A registry code that says nothing of the person: MS- and eight characters that cannot be misread."""
    return "MS-" + "".join(secrets.choice(CODE_LETTERS) for _ in range(8))


class Patient(models.Model):
    """A person in the registry, without name: that is in `Identity`."""

    code = models.CharField("registry code", max_length=20, unique=True, default=new_code, editable=False)
    centre = models.ForeignKey(Centre, on_delete=models.PROTECT, related_name="patients")
    sex = models.CharField(max_length=8, choices=Sex.choices)
    birth = models.DateField(null=True, blank=True)
    birth_precision = precision_field()
    onset = models.DateField("first symptom", null=True, blank=True)
    onset_precision = precision_field()
    diagnosis = models.DateField(null=True, blank=True)
    diagnosis_precision = precision_field()
    death = models.DateField(null=True, blank=True)
    death_precision = precision_field()
    death_cause = models.CharField(max_length=8, choices=DeathCause.choices, blank=True)
    participation = models.CharField(max_length=10, choices=Participation.choices, default=Participation.ENROLLED)
    participation_since = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", editable=False)
    import_id = models.UUIDField(null=True, editable=False, db_index=True)
    row_version = models.PositiveIntegerField(default=1, editable=False)

    objects = PatientQuerySet.as_manager()
    history = HistoricalRecords()

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(condition=Q(sex__in=Sex.values), name="patient_sex_known"),
            models.CheckConstraint(condition=Q(participation__in=Participation.values), name="patient_participation"),
            models.CheckConstraint(
                name="patient_death_and_cause",
                condition=Q(death=None, death_cause="") | Q(death__isnull=False, death_cause__in=DeathCause.values),
            ),
            *(c for f in ("birth", "onset", "diagnosis", "death")
              for c in known_date_checks("patient", f, f"{f}_precision")),
            *(not_before("patient", later, "birth") for later in ("onset", "diagnosis", "death")),
            *(not_before("patient", "death", earlier) for earlier in ("onset", "diagnosis")),
        ]  # fmt: skip

    def __str__(self):
        return self.code

    def known(self, field: str):
        """The interval in which `birth`, `onset`, `diagnosis` or `death` lies, or None."""
        return interval(getattr(self, field), getattr(self, f"{field}_precision"))

    def say(self, field: str) -> str:
        return say_known_date(getattr(self, field), getattr(self, f"{field}_precision"))

    def clean(self):
        birth, death = self.known("birth"), self.known("death")
        for field in ("onset", "diagnosis", "death"):
            value = self.known(field)
            if value and birth and value.last < birth.first:
                raise ValidationError({field: f"{self.say(field)} lies before the birth, {self.say('birth')}."})
            if value and death and value.first > death.last:
                raise ValidationError({field: f"{self.say(field)} lies after the death, {self.say('death')}."})
        if death and not self.death_cause:
            raise ValidationError({"death_cause": "Choose a cause, or Not known."})
        if self.death_cause and not death:
            raise ValidationError({"death": "A cause of death needs a date, if only the year."})

    @property
    def died_of_ms(self) -> bool:
        return self.death is not None and self.death_cause == DeathCause.MS

    def age_on(self, day: date) -> int | None:
        """Completed years on that day; None without a birth date. To the year known: the age reached that year."""
        if not self.birth:
            return None
        return day.year - self.birth.year - ((day.month, day.day) < (self.birth.month, self.birth.day))


class Identity(models.Model):
    """Name and local number. Apart from the patient, with a permission of its own and no history: it can be erased."""

    patient = models.OneToOneField(Patient, on_delete=models.PROTECT, related_name="identity")
    centre = models.ForeignKey(Centre, on_delete=models.PROTECT, related_name="+")
    family_name = models.CharField(max_length=80, blank=True)
    given_name = models.CharField(max_length=80, blank=True)
    local_number = models.CharField(max_length=40, blank=True)
    search_text = models.CharField(max_length=240, editable=False, blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["centre", "local_number"], condition=~Q(local_number=""), name="one_patient_a_local_number"
            )
        ]
        indexes = [models.Index(fields=["search_text"], name="identity_search")]

    @property
    def full_name(self):
        return f"{self.given_name} {self.family_name}".strip()


class Erasure(models.Model):
    """The identity of this patient was erased, for good: a restored backup that still holds it is erased again.

    By code, because a backup may be older than the patient. Append-only.
    """

    code = models.CharField("registry code", max_length=20, unique=True)
    at = models.DateTimeField(default=timezone.now, editable=False)
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200)

    class Meta:
        ordering = ["at", "pk"]


class Pulse(models.Model):
    """The last sign of life of a process that nobody sees: the sweep's last round, the worker's last answer."""

    name = models.CharField(max_length=20, unique=True)
    at = models.DateTimeField()
    delay = models.FloatField(default=0)  # seconds that the worker's question lay in the queue


class ClinicalRecord(models.Model):
    """What every clinical row carries. Nothing is deleted: a wrong row is voided, with a reason, and stays."""

    free_text: tuple[str, ...] = ("void_reason",)  # where somebody may have typed a name; erased with the identity

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="%(class)ss")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", editable=False)
    import_id = models.UUIDField(null=True, editable=False, db_index=True)
    row_version = models.PositiveIntegerField(default=1, editable=False)
    voided_at = models.DateTimeField("entered in error", null=True, editable=False)
    void_reason = models.CharField(max_length=200, blank=True, editable=False)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(voided_at=None, void_reason="") | Q(voided_at__isnull=False) & ~Q(void_reason=""),
                name="%(app_label)s_%(class)s_void_reason",
            )
        ]


class PhenotypeKind(models.TextChoices):
    RIS = "RIS", "Radiologically isolated syndrome"
    CIS = "CIS", "Clinically isolated syndrome"
    RRMS = "RRMS", "Relapsing-remitting MS"
    SPMS = "SPMS", "Secondary progressive MS"
    PPMS = "PPMS", "Primary progressive MS"
    UNKNOWN = "unknown", "Not known"


class Activity(models.TextChoices):
    ACTIVE = "active", "Active"
    NOT_ACTIVE = "not_active", "Not active"
    UNKNOWN = "unknown", "Not known"


class Phenotype(ClinicalRecord):
    """The course of MS from a date on. Rows are added, never overwritten."""

    kind = models.CharField(max_length=8, choices=PhenotypeKind.choices)
    activity = models.CharField(max_length=10, choices=Activity.choices, default=Activity.UNKNOWN)
    since = models.DateField(null=True, blank=True)
    since_precision = precision_field()

    history = HistoricalRecords()

    class Meta:
        ordering = ["since", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=PhenotypeKind.values), name="phenotype_kind_known"),
            models.CheckConstraint(condition=Q(activity__in=Activity.values), name="phenotype_activity_known"),
            *known_date_checks("phenotype", "since", "since_precision"),
            *ClinicalRecord.Meta.constraints,
        ]


class Decision(models.TextChoices):
    GIVEN = "given", "Given"
    REFUSED = "refused", "Refused"
    WITHDRAWN = "withdrawn", "Withdrawn"


class Consent(models.Model):
    """What the patient decided about research use, on a day. No day is ever filled in for the user."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="consents")
    decision = models.CharField(max_length=10, choices=Decision.choices)
    day = models.DateField()
    recorded_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ScopedQuerySet.as_manager()
    history = HistoricalRecords()

    class Meta:
        ordering = ["day", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(decision__in=Decision.values), name="consent_decision_known"),
            *known_date_checks("consent", "day"),
        ]


class Freshness(models.Model):
    """How far derived data lies behind the rows. Raised by triggers, settled by `refresh`, written by nobody else."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="freshness")
    kind = models.CharField(max_length=12)
    data_version = models.BigIntegerField(default=0)
    computed_version = models.BigIntegerField(default=-1)
    computed_engine = models.CharField(max_length=20, default="", blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True)

    objects = FreshnessQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["patient", "kind"], name="one_freshness_a_kind")]
        indexes = [
            models.Index(
                fields=["kind", "not_before"],
                condition=Q(computed_version__lt=models.F("data_version")),
                name="freshness_stale",
            )
        ]


class AccessKind(models.TextChoices):
    READ = "read", "Read"
    SEARCH = "search", "Searched"
    PRINT = "print", "Printed"
    IMPORT = "import", "Imported"
    EXPORT = "export", "Exported"
    SIGN_IN = "sign_in", "Signed in"
    SIGN_IN_FAILED = "sign_in_failed", "Sign-in failed"
    SIGN_OUT = "sign_out", "Signed out"
    IDENTITY = "identity", "Identity changed"
    ACCOUNT = "account", "Account changed"


class AccessEvent(models.Model):
    """Who read, exported or signed in, and when. Holds ids and counts, never clinical values or names. Append-only."""

    at = models.DateTimeField(default=timezone.now, editable=False)
    user = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=14, choices=AccessKind.choices)
    patient = models.ForeignKey(Patient, null=True, on_delete=models.PROTECT, related_name="access_events")
    page = models.CharField(max_length=60, blank=True)
    detail = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["patient", "-at"], name="access_by_patient")]


class Submission(models.Model):
    """The key a form was rendered with, so that a double click or a retry creates one record."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    key = models.UUIDField()
    digest = models.CharField(max_length=64)
    answer = models.TextField()
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="one_answer_a_submission")]


class AccountLink(models.Model):
    """A one-time link to set a password: for an invitation or a reset. Only the hash of its token is kept."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="links")
    purpose = models.CharField(max_length=8, choices=[("invite", "Invitation"), ("reset", "Password reset")])
    token_hash = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class Attempts(models.Model):
    """Failed tries to sign in of one account or from one network address, for the limits of `patients.throttle`."""

    key = models.CharField(max_length=64, unique=True)  # a keyed hash: nobody's address stands here
    moments = models.JSONField(default=list)  # seconds since 1970, the latest last
    until = models.DateTimeField(db_index=True)  # from then on the row limits nothing


class ApiToken(models.Model):
    """Lets another system speak to the API as its user, with the rights that user has then. Only a hash is kept."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_tokens")
    name = models.CharField("what it is for", max_length=80)
    token_hash = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    last_used = models.DateField("last used", null=True)  # a day of UTC: to the minute would write at each request
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-made_at", "-pk"]

    @property
    def state(self) -> str:
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at <= timezone.now() else "open"
