"""Settings, from the environment only; `.env.example` lists every variable.

On a machine of one's own nothing needs to be set: portal.local fills the gaps. A deployed site (DEBUG=0) refuses to
start while something it needs is missing, and says what.
"""

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
import structlog
from django.core.exceptions import ImproperlyConfigured
from django.utils.csp import CSP
from django.utils.translation import gettext_lazy as _
from environs import Env
from kombu import Queue

from portal.government_id import party
from portal.local import profile
from portal.local.place import HERE
from portal.redaction import redact
from portal.tracing import told

env = Env()
BASE_DIR = Path(__file__).resolve().parent.parent
RUN_DIR = HERE.run

LOCAL = profile.is_local()
DEBUG = env.bool("DEBUG", False)
HTTPS = env.bool("HTTPS", not LOCAL)

defaults = profile.defaults() if LOCAL else {}
given = {name: os.environ.get(name) or defaults.get(name, "") for name in profile.REQUIRED}
if missing := [name for name, value in given.items() if not value]:
    raise ImproperlyConfigured(f"Cannot start without {', '.join(missing)}: set them in the environment.")

SECRET_KEY = given["SECRET_KEY"]
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])
VAULT_KEYS = [key.strip() for key in given["VAULT_KEYS"].split(",")]
BLIND_INDEX_KEY = given["BLIND_INDEX_KEY"]
# Ed25519 keys that sign what webhooks are told, the first of which signs; without one no webhook is offered.
WEBHOOK_KEYS = [key.strip() for key in env.str("WEBHOOK_KEYS", "").split(",") if key.strip()]
WEBHOOK_KEYS = WEBHOOK_KEYS or [key for key in [defaults.get("WEBHOOK_KEYS")] if key]
WEBHOOK_LOOPBACK = LOCAL and env.bool("WEBHOOK_LOOPBACK", False)  # plain http to receivers on one's own machine
ALLOWED_HOSTS = [host.strip() for host in given["ALLOWED_HOSTS"].split(",")]
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])

# ── applications ──────────────────────────────────────────────────────────────────────────────────────────────────
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "pgtrigger",
    "allauth",
    "allauth.account",
    "allauth.headless",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.usersessions",
    "django_htmx",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "portal",
    "portal.government_id",
    "investors.apps.InvestorsConfig",
    "fund.apps.FundConfig",
]

MIDDLEWARE = [
    "portal.received.stamp",
    "portal.forwarded.believed",
    "portal.watch.traffic.counted",
    "portal.tracing.follow",
    "django.middleware.security.SecurityMiddleware",
    "portal.api.limits.LimitMiddleware",
    "portal.door.DoorMiddleware",
    # Behind the door, where what they say is kept with the answer.
    "portal.headers.ContentPolicyMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.api.problems.ProblemMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "portal.uploading.BoundMiddleware",
    "portal.cookieless.CookielessMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    # Here the way to the API comes in again.
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.web.waiting.WaitingRoomMiddleware",
    "portal.access.AccessMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "portal/templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.templatetags.pages.other_languages",
            ],
        },
    },
]

# ── what an operator watches ──────────────────────────────────────────────────────────────────────────────────────
# Who may read /metrics: whoever has the token, or asks from one of these networks. Without both there is no such page.
METRICS_TOKEN = env.str("METRICS_TOKEN", "")
METRICS_NETWORKS = [ip_network(one.strip()) for one in env.str("METRICS_NETWORKS", "").split(",") if one.strip()]

# ── database ──────────────────────────────────────────────────────────────────────────────────────────────────────
# Behind pgbouncer in transaction mode: no server-side cursors, no prepared statements (DATABASE_POOLER=1).
DATABASE_POOLER = env.bool("DATABASE_POOLER", False)


def database(url: str) -> dict[str, Any]:
    parsed: dict[str, Any] = {**dj_database_url.parse(url, conn_max_age=env.int("CONN_MAX_AGE", 600))}
    parsed["ENGINE"] = "portal.database"
    parsed["CONN_HEALTH_CHECKS"] = True
    parsed["DISABLE_SERVER_SIDE_CURSORS"] = DATABASE_POOLER
    parsed["OPTIONS"] = {
        "connect_timeout": 5,
        "prepare_threshold": None if DATABASE_POOLER else 5,
        **parsed.get("OPTIONS", {}),
    }
    return parsed


# The site signs in as a role that owns nothing; `migrate` signs in as the owner (portal.owner).
DATABASES = {"default": database(given["DATABASE_URL"])}
DATABASE_OWNER = database(
    env.str("DATABASE_OWNER_URL", "")
    or (given["DATABASE_URL"] if os.environ.get("DATABASE_URL") else defaults["DATABASE_OWNER_URL"])
)
# So long may a migration wait for a lock or hold one while the site is at work; 0: as long as it takes.
MIGRATION_LOCK_SECONDS = env.float("MIGRATION_LOCK_SECONDS", 0.0 if LOCAL else 2.0)
# Public pages may be read from a streaming replica that is at most so many seconds behind (portal.replica).
if replica_url := env.str("DATABASE_REPLICA_URL", ""):
    replica = database(replica_url)
    replica["OPTIONS"]["connect_timeout"] = 1  # a page waits for it no longer before the primary is read
    DATABASES["replica"] = {**replica, "TEST": {"MIRROR": "default"}}
DATABASE_REPLICA_LAG = env.float("DATABASE_REPLICA_LAG", 10.0)
DATABASE_ROUTERS = ["portal.replica.Router"]

# ── cache, sessions ───────────────────────────────────────────────────────────────────────────────────────────────
REDIS_URL = given["REDIS_URL"]
# With sentinels (host:port, comma separated) the host in REDIS_URL does not count: they say who is the primary.
REDIS_SENTINELS = [
    (host, int(port))
    for one in env.str("REDIS_SENTINELS", "").split(",")
    if one.strip()
    for host, _colon, port in [one.strip().rpartition(":")]
]
REDIS_PRIMARY = env.str("REDIS_PRIMARY", "kakehashi")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "cache",
        "OPTIONS": {"pool_class": "portal.store.Pool", "socket_connect_timeout": 1, "socket_timeout": 2},
    },
}
DOOR_SECONDS = env.float("DOOR_SECONDS", 1.0)  # each process keeps public answers so long as they went out
SESSION_COOKIE_AGE = env.int("SESSION_COOKIE_AGE", 8 * 3600)  # seconds
OFFICER_SESSION_AGE = env.int("OFFICER_SESSION_AGE", 8 * 3600)  # seconds since signing in, at most
OFFICER_SESSION_IDLE = env.int("OFFICER_SESSION_IDLE", 15 * 60)  # seconds without a page of the desk
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"

# ── tasks: the message is a hint, the database is the queue ───────────────────────────────────────────────────────
# kombu writes a unix socket's address in its own way.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://").replace("?db=", "?virtual_host=")
if REDIS_SENTINELS:
    known = urlsplit(REDIS_URL)
    who = f"{known.netloc.rpartition('@')[0]}@" if "@" in known.netloc else ""
    CELERY_BROKER_URL = ";".join(f"sentinel://{who}{host}:{port}{known.path}" for host, port in REDIS_SENTINELS)
# A late-acknowledged task that outlives this is delivered a second time, so the hard limit lies well below it.
# Celery reads it in three places, and all three must agree.
CELERY_VISIBILITY_TIMEOUT = 1200  # seconds
CELERY_TASK_TIME_LIMIT = 900
CELERY_TASK_SOFT_TIME_LIMIT = 840
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": CELERY_VISIBILITY_TIMEOUT,
    "global_keyprefix": "celery:",
    **({"master_name": REDIS_PRIMARY} if REDIS_SENTINELS else {}),
    "socket_connect_timeout": 1,
    "socket_timeout": 10,
    "socket_keepalive": True,
    # A request that only wants to wake a worker gives up at once; the sweep finds the work.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"visibility_timeout": CELERY_VISIBILITY_TIMEOUT}
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_PUBLISH_RETRY = True
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.1}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_ACKS_ON_FAILURE_OR_TIMEOUT = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
# What the clock asks for has a queue of its own: workers take from both in turn, so that no backlog silences the clock.
CELERY_TASK_QUEUES = (Queue("celery"), Queue("clock"))
CELERY_TASK_DEFAULT_QUEUE = "celery"
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 10
CELERY_WORKER_ENABLE_SOFT_SHUTDOWN_ON_IDLE = True
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
CELERY_BEAT_SCHEDULE_FILENAME = str(RUN_DIR / "beat" / "schedule")
CELERY_BEAT_MAX_LOOP_INTERVAL = 5

# ── signing in ────────────────────────────────────────────────────────────────────────────────────────────────────
AUTH_USER_MODEL = "portal.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
ACCOUNT_ADAPTER = "portal.web.signing_up.Adapter"
LOGIN_REDIRECT_URL = "account"
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_PREVENT_ENUMERATION = True
# Codes everywhere: no message of the fund ever carries a link that signs in or changes a password.
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = False
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False  # this session stays; all others end with the old password
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_SESSION_REMEMBER = False
# Beside those of allauth. Whole towns share one address; guesses are limited by failures: 10 a minute an address, 5 in
# five minutes an account.
ACCOUNT_RATE_LIMITS = {
    "login": "120/m/ip",
    "signup": "60/m/ip",
    "recovery_code": "20/m/ip,5/h/key",
    "recovery_try": "30/m/ip,12/h/key",
}
MFA_RATE_LIMITS = {"webauthn_login": "120/m/ip"}
MFA_SUPPORTED_TYPES = ["webauthn", "totp", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_PASSKEY_SIGNUP_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
MFA_TOTP_ISSUER = "Kakehashi"
MFA_TOTP_TOLERANCE = 1  # half minutes before and after: a code is typed at the turn of its own, and clocks differ
MFA_ADAPTER = "portal.second_factor.SealingAdapter"
MFA_WEBAUTHN_USER_VERIFICATION = "required"  # a passkey is two factors only when its owner was verified
OFFICER_MFA_REQUIRED = env.bool("OFFICER_MFA_REQUIRED", True)
CITIZEN_MFA_REQUIRED = env.bool("CITIZEN_MFA_REQUIRED", True)
HEADLESS_CLIENTS = ["app"]
HEADLESS_ONLY = False
SOCIALACCOUNT_ADAPTER = "portal.government_id.doors.ShutAdapter"
# Government identities; one without a client id is not offered.
GOVERNMENT_IDS = {
    "login_gov": party.configured(
        "LOGIN_GOV",
        issuer=env.str("LOGIN_GOV_ISSUER", "https://secure.login.gov/"),
        client_id=env.str("LOGIN_GOV_CLIENT_ID", ""),
        key_id=env.str("LOGIN_GOV_KEY_ID", ""),
        private_key=env.str("LOGIN_GOV_PRIVATE_KEY", ""),
        plain_http=not HTTPS,
    ),
    "digital_agency": party.configured(
        "DIGITAL_AGENCY",
        issuer=env.str("DIGITAL_AGENCY_ISSUER", "https://auth-and-sign.go.jp/api/realms/main"),
        client_id=env.str("DIGITAL_AGENCY_CLIENT_ID", ""),
        key_id=env.str("DIGITAL_AGENCY_KEY_ID", ""),
        private_key=env.str("DIGITAL_AGENCY_PRIVATE_KEY", ""),
        plain_http=not HTTPS,
    ),
}
USERSESSIONS_TRACK_ACTIVITY = False
USERSESSIONS_ADAPTER = "portal.web.signing_up.SessionsAdapter"
# What proxies say of a client is believed from these networks alone (portal.forwarded).
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", 0)
TRUSTED_PROXIES = [ip_network(one.strip()) for one in env.str("TRUSTED_PROXIES", "").split(",") if one.strip()]
TRUSTED_PROTO_HEADER = env.str("TRUSTED_PROTO_HEADER", "")
if (ALLAUTH_TRUSTED_PROXY_COUNT or TRUSTED_PROTO_HEADER) and not TRUSTED_PROXIES:
    raise ImproperlyConfigured("Say in TRUSTED_PROXIES from which networks the proxies that are to be believed ask.")

# ── a rush at an opening ──────────────────────────────────────────────────────────────────────────────────────────
# People let in a second to an offering's order pages, about a third of what this machine can serve; 0: no waiting room.
WAITING_ROOM_RATE = env.float("WAITING_ROOM_RATE", 5.0)

# ── the border: transport, headers, content ───────────────────────────────────────────────────────────────────────
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]
SECURE_HSTS_SECONDS = 63_072_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
if TRUSTED_PROTO_HEADER:
    SECURE_PROXY_SSL_HEADER = (TRUSTED_PROTO_HEADER, "https")
X_FRAME_OPTIONS = "DENY"
SECURE_CSP: dict[str, Any] = {
    "default-src": [CSP.SELF],
    "script-src": [CSP.SELF, CSP.NONCE],
    "style-src": [CSP.SELF, CSP.NONCE],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "object-src": [CSP.NONE],
    "frame-src": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
    **({"upgrade-insecure-requests": True} if HTTPS else {}),
}
PERMISSIONS_POLICY: dict[str, Any] = {
    **dict.fromkeys(
        ("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer", "microphone",
         "midi", "payment", "usb"),
        (),
    ),
    "publickey-credentials-get": "self",
    "publickey-credentials-create": "self",
}  # fmt: skip
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
DATA_UPLOAD_MAX_NUMBER_FILES = 5

# ── languages, time ───────────────────────────────────────────────────────────────────────────────────────────────
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ja", _("Japanese"))]
LOCALE_PATHS = [BASE_DIR / "portal/locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# ── files ─────────────────────────────────────────────────────────────────────────────────────────────────────────
NODE_MODULES = BASE_DIR / "node_modules"
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "static"
STATICFILES_DIRS: list[Any] = [
    source
    for source in (
        ("uswds", NODE_MODULES / "@uswds/uswds/dist"),
        ("htmx", NODE_MODULES / "htmx.org/dist"),
        ("uplot", NODE_MODULES / "uplot/dist"),
        ("noto", NODE_MODULES / "@fontsource-variable/noto-sans-jp"),
    )
    if source[1].is_dir()
]
# Compressing and hashing the files takes minutes: only the release image does it (STATIC_RELEASE=1).
STATIC_RELEASE = env.bool("STATIC_RELEASE", False)
WHITENOISE_USE_FINDERS = not STATIC_RELEASE
if not STATIC_RELEASE:
    STATIC_ROOT.mkdir(exist_ok=True)  # empty, the files are served from where they lie; WhiteNoise warns without it
WHITENOISE_AUTOREFRESH = DEBUG
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", "") or RUN_DIR / "media")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if STATIC_RELEASE
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# ── mail ──────────────────────────────────────────────────────────────────────────────────────────────────────────
CONTACT_EMAIL = env.str("CONTACT_EMAIL", "help@localhost")  # where citizens, and finders of weaknesses, write to
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", "Kakehashi <no-reply@localhost>")
MAILERS: dict[str, Any] = {
    "default": {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": env.str("EMAIL_HOST", ""),
            "port": env.int("EMAIL_PORT", 587),
            "username": env.str("EMAIL_USER", ""),
            "password": env.str("EMAIL_PASSWORD", ""),
            "use_tls": env.bool("EMAIL_TLS", True),
            "timeout": 10,
        },
    }
    if env.str("EMAIL_HOST", "")
    else {
        "BACKEND": "django.core.mail.backends.filebased.EmailBackend",
        "OPTIONS": {"file_path": str(RUN_DIR / "mail")},
    }
}

# ── API ───────────────────────────────────────────────────────────────────────────────────────────────────────────
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "portal.api.problems.of",
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["portal.api.who.SessionToken"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["portal.api.border.StrictJSONParser"],
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Kakehashi API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "DESCRIPTION": (BASE_DIR / "portal/api/description.md").read_text(encoding="utf-8"),
    "TAGS": [
        {"name": name, "description": description}
        for name, description in (
            ("Signing up and in", "Accounts and sessions. Forms and errors are those of django-allauth."),
            ("Passkeys and authenticators", "Second factors, and proving them again."),
            ("Account", "Sessions, address and password of an account."),
            ("Application", "To take part: questions, documents, decision, appeal. For whoever has signed in."),
            ("Agreements", "The texts that are accepted, public."),
            ("Offerings", "What can be subscribed, the demand, and how it was allotted; public."),
            ("Subscriptions", "A citizen's orders."),
            ("Plans", "An order every month."),
            ("Holdings", "A citizen's units and money, and every movement of them."),
            ("Distributions", "What was given, and what is done with it."),
            ("Redemptions", "Units for money, in windows."),
            ("Bank account", "Where a citizen is paid."),
            ("Documents", "A citizen's documents, as PDF."),
            ("Proof of holding", "That one's units are counted in what is published."),
            ("Inbox", "What a person was told."),
            ("Webhooks", "Being told of events instead of asking."),
            ("Fund", "The fund's figures, public."),
        )
    ],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "COMPONENT_SPLIT_PATCH": False,  # a PATCH here has a form of its own
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "WEBHOOKS": ["portal.api.webhooks.EVENT_HOOK", "portal.api.webhooks.PING_HOOK"],
    "PREPROCESSING_HOOKS": ["portal.api.documented.only_ours"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "portal.api.documented.add_problems",
    ],
    "ENUM_NAME_OVERRIDES": {
        "SubscriptionStatus": "fund.dealing.models.Status.values",
        "ApplicationStatus": "investors.applications.Status.values",
        "Reason": "investors.applications.Reason.values",
        "OutcomeEnum": ["upheld", "reopened"],
        "DecisionOutcome": ["approved", "refused", "more_information"],
        "AgreementKind": "investors.agreements.Kind.values",
        "EvidenceKind": "investors.steps.papers.Kind.values",
        "EventKind": "portal.webhooks.events.KINDS",
        "WebhookState": "portal.api.webhooks.STATES",
        "PlanState": "portal.api.plans.STATES",
        "TurnState": "portal.api.plans.TURN_STATES",
        "SkipReason": "investors.plan_models.Reason.values",
        "QuestionType": "portal.api.application.QUESTIONS",
        "ClassCode": ["SOV", "LP", "US", "JP"],
        "Currency": ["USD", "JPY"],
    },
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},  # nothing is asked of other sites
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# ── logs ──────────────────────────────────────────────────────────────────────────────────────────────────────────
LOG_LEVEL = env.str("LOG_LEVEL", "INFO")
DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False  # an address is personal data
log_processors: list[Any] = [
    structlog.contextvars.merge_contextvars,
    told,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    redact,
]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": [structlog.stdlib.ExtraAdder(), *log_processors],
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.dev.ConsoleRenderer(colors=False)
                if DEBUG
                else structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        },
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"level": LOG_LEVEL, "handlers": [], "propagate": True},
        "django.server": {"level": LOG_LEVEL, "handlers": [], "propagate": True},
    },
}
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        *log_processors,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
