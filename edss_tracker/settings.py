"""All settings, read from the environment.

Three variables decide: DATABASE_URL (unset: a SQLite file), REDIS_URL (unset: Celery's queue is a folder of files) and
EDSS_ENV (`local` or `production`). Everything that is kept lives in one data folder, EDSS_DATA_DIR.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from edss_tracker import folder_queue, production

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

EDSS_ENV = env.str("EDSS_ENV", "local")
if EDSS_ENV not in {"local", "production"}:
    raise ImproperlyConfigured(f"EDSS_ENV is {EDSS_ENV!r}; it must be local or production.")
PRODUCTION = EDSS_ENV == "production"

DATA_DIR = Path(env.str("EDSS_DATA_DIR", str(BASE_DIR / ".data"))).resolve()
DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)


def kept_secret() -> str:
    """The secret of a local installation: made once, kept in the data folder, readable by its owner only.

    It is whole before it has its name, so that of two processes that start together both use the same.
    """
    path = DATA_DIR / "secret"
    if not path.exists() or not path.stat().st_size:
        part = path.with_name(f"secret-{secrets.token_hex(8)}")
        part.touch(mode=0o600)
        part.write_text(secrets.token_urlsafe(50))
        with suppress(FileNotFoundError):
            if not path.stat().st_size:  # a disk was full; one that another process has just made is whole
                path.unlink()
        with suppress(FileExistsError):
            path.hardlink_to(part)
        part.unlink()
    return path.read_text(errors="replace")


def whole_number(name: str, usual: int) -> int:
    """A variable that is a number from 1."""
    text = env.str(name, "").strip() or str(usual)
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ImproperlyConfigured(f"{name} is {text!r}; it must be a whole number from 1.")
    return int(text)


# Half configured it starts nowhere: each process says everything that is missing
if wrong := production.faults(os.environ) if PRODUCTION else []:
    raise production.HalfConfigured("\n".join(wrong))

REPEATABLE_READ = 3  # as psycopg numbers it; SQLite alone does without that package


def snapshot_of(database: dict) -> dict:
    """The settings of a reading connection to this database, whose transactions see one state throughout."""
    options = dict(database.get("OPTIONS", {}))
    if database["ENGINE"].endswith("sqlite3"):
        pragmas = f"{options.get('init_command', '')} PRAGMA query_only=ON;"
        options |= {"transaction_mode": "DEFERRED", "init_command": pragmas}
    else:
        read_only = f"{options.get('options', '')} -c default_transaction_read_only=on".strip()
        options |= {"isolation_level": REPEATABLE_READ, "options": read_only}
    return {**database, "OPTIONS": options, "CONN_MAX_AGE": 0, "TEST": {"MIRROR": "default"}}


DEBUG = False
DATABASE_URL = env.str("DATABASE_URL", "").strip()
REDIS_URL = env.str("REDIS_URL", "").strip()
if DATABASE_URL and (fault := production.database_fault(DATABASE_URL)):
    raise ImproperlyConfigured(fault)
if REDIS_URL and (fault := production.redis_fault(REDIS_URL)):
    raise ImproperlyConfigured(fault)
SECRET_KEY = env.str("SECRET_KEY", "") or kept_secret()
ALLOWED_HOSTS = (
    production.split(env.str("ALLOWED_HOSTS", "")) if PRODUCTION else ["127.0.0.1", "localhost", "testserver"]
)
CSRF_TRUSTED_ORIGINS = production.split(env.str("CSRF_TRUSTED_ORIGINS", ""))

INSTALLED_APPS = [
    "patients",
    "assessments",
    "treatments",
    "outcomes",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",  # allauth's session page needs it and no system check says so
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "simple_history",
    "django_htmx",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "patients.api.middleware.ApiMiddleware",
    "edss_tracker.plain.PlainRequestMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "patients.sessions.SessionMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "patients.api.signin.TokenMiddleware",
    "patients.access.AccessMiddleware",
]

ROOT_URLCONF = "edss_tracker.urls"
WSGI_APPLICATION = "edss_tracker.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "patients.context.page",
            ],
        },
    },
]

# Databases. Measured: WAL with IMMEDIATE transactions and a long timeout is what keeps SQLite free of lock errors.
SQLITE = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": DATA_DIR / "registry.sqlite3",
    "OPTIONS": {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-32000; "
        "PRAGMA secure_delete=ON;",
    },
}
if DATABASE_URL:
    DATABASES = {"default": env.db_url_config(DATABASE_URL)}
    if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        DATABASES["default"]["OPTIONS"] = SQLITE["OPTIONS"]
    else:
        DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
        DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
else:
    DATABASES = {"default": SQLITE}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# A second connection to the same database, which reads one snapshot for as long as a file streams and writes nothing.
# On SQLite a transaction of the first one is IMMEDIATE and would lock out every writer meanwhile.
SNAPSHOT_DATABASE = "snapshot"
DATABASES[SNAPSHOT_DATABASE] = snapshot_of(DATABASES["default"])
DATABASE_ROUTERS = ["outcomes.snapshot.Router"]

# Celery. The database is the truth and the queue carries hints, so a lost message costs seconds, never an answer.
QUEUE_DIR = DATA_DIR / "queue"
CELERY_BROKER_URL = REDIS_URL or f"{folder_queue.SCHEME}://localhost"
if REDIS_URL:
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object] = {
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "visibility_timeout": 3600,
    }
else:
    CELERY_BROKER_TRANSPORT_OPTIONS = {"folder": str(QUEUE_DIR), "polling_interval": 0.02}
    CELERY_WORKER_ENABLE_REMOTE_CONTROL = False  # no answers of nobody's questions in the folder
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "saves"
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
CELERY_TASK_SOFT_TIME_LIMIT = 20
CELERY_TASK_TIME_LIMIT = 25
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"

# What one person may take out of the registry
EXPORT_MAX_ROWS = whole_number("EDSS_EXPORT_MAX_ROWS", 1_000_000)
EXPORTS_AN_HOUR = whole_number("EDSS_EXPORTS_AN_HOUR", 10)

HINTS = env.str("EDSS_HINTS", "send")  # `off`: nothing is published and the sweep does the work; `record`: for tests
if HINTS not in {"send", "off", "record"}:
    raise ImproperlyConfigured(f"EDSS_HINTS is {HINTS!r}; it must be send or off.")
COMPUTE_ON_READ = env.bool("EDSS_COMPUTE_ON_READ", True)  # off only to prove in a test that the worker works

# Of each process: what must be shared is in the database, so that a page never waits for a Redis that is away
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# Who signs in, and how
AUTH_USER_MODEL = "patients.User"
AUTHENTICATION_BACKENDS = ["patients.signin.ActiveUserBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_ADAPTER = "patients.signin.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # an admin invites by a one-time link; the product works without mail
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_GET = False
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if PRODUCTION else 0  # else all people behind the proxy share one limit
ACCOUNT_RATE_LIMITS = False  # the library's are in the cache; ours are in the database: patients/throttle.py
ACCOUNT_FORMS = {"change_password": "patients.forms.signin.ChangePasswordForm"}
MFA_ADAPTER = "patients.signin.SecondFactorAdapter"
MFA_FORMS = {
    "authenticate": "patients.forms.signin.AuthenticateForm",
    "reauthenticate": "patients.forms.signin.ReauthenticateForm",
}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "EDSS Tracker"
MFA_TOTP_TOLERANCE = 1  # the code before and after, for clocks that differ by half a minute
SECOND_FACTOR_REQUIRED = PRODUCTION  # of admins and registry admins; at home it is everybody's own choice
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

IDLE_SECONDS = 15 * 60  # without its user a sign-in ends
SESSION_COOKIE_AGE = 12 * 3600  # from the sign-in on, whatever is done: patients/sessions.py
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SECURE_SSL_REDIRECT = PRODUCTION
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PRODUCTION else None
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "patients.resend.csrf_failure"

# Plotly fills an empty style element from script: the hash is that of the empty string. Nothing else is inline.
EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF, EMPTY_STYLE],
        "img-src": [SELF, "data:", "blob:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)  # whitenoise warns where it is missing
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 11_000_000
FILE_UPLOAD_MAX_MEMORY_SIZE = 11_000_000
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

SIMPLE_HISTORY_HISTORY_CHANGE_REASON_USE_TEXT_FIELD = True
SIMPLE_HISTORY_REVERT_DISABLED = True
SIMPLE_HISTORY_ENFORCE_HISTORY_MODEL_PERMISSIONS = False

# Who may use which address is decided by patients.access before a view is reached, for pages and API alike.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["patients.api.signin.SignedIn"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["patients.api.parsing.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "patients.api.schema.HouseSchema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "patients.api.problems.handle",
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "EDSS Tracker API",
    "VERSION": "1",
    "DESCRIPTION": "EDSS assessments, relapses, drugs, Lemtrada courses and trajectories of the patients of a centre.",
    "OAS_VERSION": "3.1.1",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": [],  # choices stay where they are used
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"persistAuthorization": False, "validatorUrl": None, "displayRequestDuration": True},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "patients.redaction.TypesOnly", "format": "%(asctime)s %(levelname)s %(name)s %(message)s"}
    },
    "filters": {"links": {"()": "patients.redaction.HideLinks"}},  # no token of a link, no patient's code
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["links"]}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
