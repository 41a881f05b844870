"""Settings, all from the environment or `.env`; `.env.example` explains every variable.

`POS_ENV` is `development` when no database but the embedded one is configured, else `production`:
production refuses to start without its own secret key and switches HTTPS on.
"""

import secrets
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from decouple import Csv, config
from django.core.exceptions import ImproperlyConfigured

from pos_backend.local.postgres import embedded_url

BASE_DIR = Path(__file__).resolve().parent.parent
POS_DATA_DIR = (BASE_DIR / Path(config("POS_DATA_DIR", default=".pos")).expanduser()).resolve()

DATABASE_URL = config("DATABASE_URL", default="")
DATABASE_REPLICA_URL = config("DATABASE_REPLICA_URL", default="")
DB_NAME = config("DB_NAME", default="")
EMBEDDED_DATABASE = not (DATABASE_URL or DB_NAME)

DEBUG = config("DEBUG", default=False, cast=bool)
POS_ENV = config("POS_ENV", default="development" if EMBEDDED_DATABASE else "production")
if POS_ENV not in ("development", "production"):
    raise ImproperlyConfigured(f"POS_ENV must be development or production, not {POS_ENV!r}.")
DEVELOPMENT = POS_ENV == "development"


def _secret_key() -> str:
    """The configured key; while trying out, one kept in the data folder so that sign-ins survive a restart."""
    path = POS_DATA_DIR / "secret_key"
    if key := config("SECRET_KEY", default=""):
        return str(key)
    if path.exists():  # `make run` made it: a command beside it works, whatever the database is
        return path.read_text().strip()
    if not DEVELOPMENT:
        raise ImproperlyConfigured(
            "SECRET_KEY is not set: put a long random value into the environment or .env."
        )
    return _new_secret_key(path)


def _new_secret_key(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"secret_key.{secrets.token_hex(4)}")
    fresh.touch(mode=0o600)
    fresh.write_text(secrets.token_urlsafe(50))
    fresh.rename(path)
    return path.read_text().strip()


SECRET_KEY = _secret_key()
ALLOWED_HOSTS = config(
    "ALLOWED_HOSTS", default="localhost,127.0.0.1,[::1]" if DEVELOPMENT else "", cast=Csv()
)
PUBLIC_BASE_URL = config("PUBLIC_BASE_URL", default="")
if _public_host := urlsplit(PUBLIC_BASE_URL).hostname:
    # The gateways are sent there; their messages must not be turned away.
    ALLOWED_HOSTS = list(dict.fromkeys([*ALLOWED_HOSTS, _public_host]))
CSRF_TRUSTED_ORIGINS = config("CSRF_TRUSTED_ORIGINS", default="", cast=Csv())
CORS_ALLOWED_ORIGINS = config(
    "CORS_ALLOWED_ORIGINS",
    default="http://localhost:3000,http://localhost:5173" if DEVELOPMENT else "",
    cast=Csv(),
)
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "idempotency-key", "x-requested-with"]
CORS_EXPOSE_HEADERS = ["Content-Disposition", "Idempotent-Replayed", "Retry-After"]
CORS_URLS_REGEX = r"^/(api/|swagger|redoc)"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "corsheaders",
    "django_filters",
    "drf_yasg",
    "knox",
    "pgtrigger",
    "rest_framework",
    "pos_backend",
    "apps.core",
    "apps.users",
    "apps.products",
    "apps.inventory",
    "apps.sales",
    "apps.payments",
    "apps.reports",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "apps.core.scarcity.ScarceConnectionsMiddleware",
    "apps.core.middleware.BrowserPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.core.middleware.CleanUrlMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "apps.core.office.OfficeSessions",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "apps.core.office.OfficePeople",
    "apps.core.office.OfficeMessages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "pos_backend.urls"
WSGI_APPLICATION = "pos_backend.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- Database ---------------------------------------------------------------------------------------------


def _database() -> dict[str, Any]:
    if DB_NAME and not DATABASE_URL:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": DB_NAME,
            "USER": config("DB_USER", default=""),
            "PASSWORD": config("DB_PASSWORD", default=""),
            "HOST": config("DB_HOST", default="localhost"),
            "PORT": config("DB_PORT", default="5432"),
        }
    return _parsed("DATABASE_URL", DATABASE_URL or embedded_url(POS_DATA_DIR))


def _parsed(variable: str, url: str) -> dict[str, Any]:
    if not url.startswith(("postgres://", "postgresql://")):
        raise ImproperlyConfigured(
            f"{variable} must begin with postgresql:// - no other database is supported."
        )
    return dict(dj_database_url.parse(url))


# A till never waits long: a lock that is not free in 3 s is answered with "busy, try again" rather than
# with a hanging screen, and a killed client does not keep its locks (docs/money-and-states.md).
SESSION_LIMITS = (
    "-c lock_timeout=3s -c statement_timeout=15s -c idle_in_transaction_session_timeout=15s"
    " -c client_connection_check_interval=1s"
)


def _limited(database: dict[str, Any], **options: int) -> dict[str, Any]:
    """With what holds for every connection of ours; `options` of libpq that the address does not set itself."""
    given = database.get("OPTIONS", {})
    limits = f"{SESSION_LIMITS} {given.get('options', '')}".strip()
    return {
        **database,
        "ENGINE": "pos_backend.postgresql",
        "OPTIONS": {**options, **given, "options": limits},
        "CONN_MAX_AGE": config("CONN_MAX_AGE", default=600, cast=int),
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
    }


# A machine that is gone says nothing: without these, requests would wait a quarter of an hour for its answer.
DATABASES = {
    "default": _limited(
        _database(),
        connect_timeout=5,
        tcp_user_timeout=10_000,
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
    )
}
if DATABASE_REPLICA_URL:
    if EMBEDDED_DATABASE:
        raise ImproperlyConfigured(
            "DATABASE_REPLICA_URL is set, but not the DATABASE_URL of the database that it follows."
        )
    # Reports do without it, so a replica that is away is found out quickly (docs/adr/0025-replica.md).
    DATABASES["replica"] = _limited(
        _parsed("DATABASE_REPLICA_URL", DATABASE_REPLICA_URL),
        connect_timeout=2,
        tcp_user_timeout=2_000,
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=2,
    )
DATABASE_ROUTERS = ["pos_backend.routing.ReportsRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Our own token model replaces knox's, so knox's tables would only stand empty.
MIGRATION_MODULES = {"knox": None}

# --- People -----------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "users.User"
# User names are unique without regard to case, by a constraint that this check does not know.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
AUTHENTICATION_BACKENDS = ["apps.users.authentication.GuardedBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": config("PASSWORD_MIN_LENGTH", default=12, cast=int)},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
KNOX_TOKEN_MODEL = "users.AuthToken"  # noqa: S105
REST_KNOX = {
    "TOKEN_TTL": timedelta(hours=config("TOKEN_HOURS", default=12, cast=int)),
    "AUTH_HEADER_PREFIX": "Token",
    "TOKEN_MODEL": KNOX_TOKEN_MODEL,
}
# How many proxies stand in front: only then is X-Forwarded-For believed, and only that far.
NUM_PROXIES = config("NUM_PROXIES", default=0, cast=int)

# --- API --------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.users.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["apps.core.rendering.FastJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.core.parsers.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "apps.core.negotiation.AlwaysJSON",
    "DEFAULT_PAGINATION_CLASS": "apps.core.pagination.NumberedPages",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    # OPTIONS is the browser's question about CORS, which the middleware answers; the API is described by Swagger.
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "apps.core.error_handler.exception_handler",
    "NUM_PROXIES": NUM_PROXIES,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
MAX_BODY_BYTES = 2_500_000
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
# Otherwise for administrators only (docs/adr/0027-browsers.md).
API_DOCS_PUBLIC = config("API_DOCS_PUBLIC", default=DEVELOPMENT, cast=bool)
SWAGGER_USE_COMPAT_RENDERERS = False
SWAGGER_SETTINGS = {
    "DEFAULT_AUTO_SCHEMA_CLASS": "apps.core.docs.PosAutoSchema",
    "DEFAULT_INFO": "pos_backend.urls.API_INFO",
    "SECURITY_DEFINITIONS": {
        "Token": {
            "type": "apiKey",
            "name": "Authorization",
            "in": "header",
            "description": "`Token <token>`, with the token that `POST /api/auth/login/` answered.",
        }
    },
    "USE_SESSION_AUTH": False,
    "PERSIST_AUTH": True,
    "DEFAULT_MODEL_RENDERING": "example",
}

# Where a lower room needs one above it, it asks for the port by name (docs/adr/0003-ports.md).
PORTS = {
    "open_stock": "apps.inventory.services.open_stock",
    "watch_stock": "apps.inventory.services.watch_stock",
    "take_cash": "apps.payments.services.take_cash_at_checkout",
    "payments_of_sales": "apps.payments.selectors.payments_of_sales",
    "close_days": "apps.reports.services.roll_up_if_due",
}

# --- The shop ---------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
USE_I18N = True
USE_TZ = True
TIME_ZONE = config("TIME_ZONE", default="Africa/Nairobi")
CURRENCY = config("CURRENCY", default="KES")
# What stands on receipts; a bar begins a new line.
SHOP_NAME = config("SHOP_NAME", default="My shop")
SHOP_ADDRESS = config("SHOP_ADDRESS", default="").replace("|", "\n")
SHOP_TAX_PIN = config("SHOP_TAX_PIN", default="")
RECEIPT_FOOTER = config("RECEIPT_FOOTER", default="Thank you!").replace("|", "\n")
PRICES_INCLUDE_TAX = config("PRICES_INCLUDE_TAX", default=True, cast=bool)
CASHIER_MAX_DISCOUNT_PERCENT = config("CASHIER_MAX_DISCOUNT_PERCENT", default="10", cast=Decimal)
SALE_EXPIRY_MINUTES = config("SALE_EXPIRY_MINUTES", default=120, cast=int)
IDEMPOTENCY_KEEP_HOURS = config("IDEMPOTENCY_KEEP_HOURS", default=72, cast=int)

# --- Gateways ---------------------------------------------------------------------------------------------
# Handed to the package `payments` as they are; it says which are missing or contradict each other.
GATEWAYS = {
    "CURRENCY": CURRENCY,
    "MPESA_ENVIRONMENT": config("MPESA_ENVIRONMENT", default="sandbox"),
    "MPESA_BASE_URL": config("MPESA_BASE_URL", default=""),
    "MPESA_CONSUMER_KEY": config("MPESA_CONSUMER_KEY", default=""),
    "MPESA_CONSUMER_SECRET": config("MPESA_CONSUMER_SECRET", default=""),
    "MPESA_SHORTCODE": config("MPESA_SHORTCODE", default=""),
    "MPESA_PASSKEY": config("MPESA_PASSKEY", default=""),
    "MPESA_TRANSACTION_TYPE": config("MPESA_TRANSACTION_TYPE", default="CustomerPayBillOnline"),
    "MPESA_TILL_NUMBER": config("MPESA_TILL_NUMBER", default=""),
    "MPESA_CALLBACK_URL": config("MPESA_CALLBACK_URL", default=""),
    "MPESA_INITIATOR_NAME": config("MPESA_INITIATOR_NAME", default=""),
    "MPESA_INITIATOR_PASSWORD": config("MPESA_INITIATOR_PASSWORD", default=""),
    "MPESA_CERTIFICATE": config("MPESA_CERTIFICATE", default=""),
    "MPESA_B2C_SHORTCODE": config("MPESA_B2C_SHORTCODE", default=""),
    "MPESA_MAX_AMOUNT": config("MPESA_MAX_AMOUNT", default="250000"),
    "MPESA_QUERIES_PER_MINUTE": config("MPESA_QUERIES_PER_MINUTE", default=""),
    "AIRTEL_ENVIRONMENT": config("AIRTEL_ENVIRONMENT", default="sandbox"),
    "AIRTEL_BASE_URL": config("AIRTEL_BASE_URL", default=""),
    "AIRTEL_CLIENT_ID": config("AIRTEL_CLIENT_ID", default=""),
    "AIRTEL_CLIENT_SECRET": config("AIRTEL_CLIENT_SECRET", default=""),
    "AIRTEL_COUNTRY": config("AIRTEL_COUNTRY", default="KE"),
    "AIRTEL_CURRENCY": config("AIRTEL_CURRENCY", default="KES"),
    "AIRTEL_CALLBACK_URL": config("AIRTEL_CALLBACK_URL", default=""),
    "AIRTEL_CALLBACK_KEY": config("AIRTEL_CALLBACK_KEY", default=""),
    "AIRTEL_MESSAGE_SIGNING": config("AIRTEL_MESSAGE_SIGNING", default="false"),
    "AIRTEL_MAX_AMOUNT": config("AIRTEL_MAX_AMOUNT", default="150000"),
    "PAYMENT_GATEWAY_BASE_URL": config("PAYMENT_GATEWAY_BASE_URL", default=""),
    "PAYMENT_GATEWAY_API_KEY": config("PAYMENT_GATEWAY_API_KEY", default=""),
    "PAYMENT_GATEWAY_SECRET": config("PAYMENT_GATEWAY_SECRET", default=""),
    "PAYMENT_GATEWAY_CALLBACK_URL": config("PAYMENT_GATEWAY_CALLBACK_URL", default=""),
    "PAYMENT_GATEWAY_SIGNATURE_HEADER": config(
        "PAYMENT_GATEWAY_SIGNATURE_HEADER", default="x-paystack-signature"
    ),
    "PAYMENT_GATEWAY_SIGNATURE_SCHEME": config("PAYMENT_GATEWAY_SIGNATURE_SCHEME", default="hmac"),
    "PAYMENT_GATEWAY_SIGNATURE_DIGEST": config("PAYMENT_GATEWAY_SIGNATURE_DIGEST", default=""),
    "PAYMENT_GATEWAY_SIGNATURE_ENCODING": config("PAYMENT_GATEWAY_SIGNATURE_ENCODING", default="hex"),
    "PAYMENT_GATEWAY_SIGNATURE_TOLERANCE": config("PAYMENT_GATEWAY_SIGNATURE_TOLERANCE", default="300"),
    "PAYMENT_GATEWAY_AMOUNT_UNIT": config("PAYMENT_GATEWAY_AMOUNT_UNIT", default="minor"),
    "PAYMENT_GATEWAY_MODE": config("PAYMENT_GATEWAY_MODE", default=""),
    "PAYMENT_GATEWAY_EMAIL": config("PAYMENT_GATEWAY_EMAIL", default=""),
    "PAYMENT_GATEWAY_CHANNELS": config("PAYMENT_GATEWAY_CHANNELS", default="card"),
    "PAYMENT_GATEWAY_MAX_AMOUNT": config("PAYMENT_GATEWAY_MAX_AMOUNT", default="1000000"),
}
# Callbacks from elsewhere prove nothing; empty: any address.
MPESA_CALLBACK_IPS = config("MPESA_CALLBACK_IPS", default="", cast=Csv())
ALLOW_SELF_APPROVAL = config("ALLOW_SELF_APPROVAL", default=False, cast=bool)
# How many requests of one process may wait for an outcome at once (apps/payments/waiting.py).
PAYMENT_WAITERS = config("PAYMENT_WAITERS", default=16, cast=int)
# Only tests end a process at a named step (apps/payments/steps.py).
PAYMENT_STEP_HOOK = config("PAYMENT_STEP_HOOK", default="") if DEVELOPMENT else ""

# --- Files ------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
MEDIA_URL = "/media/"
MEDIA_ROOT = Path(config("MEDIA_ROOT", default=str(POS_DATA_DIR / "media")))
# Trying out serves static files straight from the packages, so that no `collectstatic` is needed.
STATIC_ROOT = None if DEVELOPMENT else Path(config("STATIC_ROOT", default=str(BASE_DIR / "staticfiles")))
WHITENOISE_USE_FINDERS = DEVELOPMENT
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEVELOPMENT
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# --- Transport --------------------------------------------------------------------------------------------
SECURE_SSL_REDIRECT = config("SECURE_SSL_REDIRECT", default=not DEVELOPMENT, cast=bool)
SECURE_REDIRECT_EXEMPT = [r"^healthz/$", r"^readyz/$"]
SECURE_HSTS_SECONDS = 0 if DEVELOPMENT else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = not DEVELOPMENT
SECURE_HSTS_PRELOAD = not DEVELOPMENT
SESSION_COOKIE_SECURE = not DEVELOPMENT
CSRF_COOKIE_SECURE = not DEVELOPMENT
X_FRAME_OPTIONS = "DENY"
if NUM_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "apps.payments.logs.BlankingFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": config("LOG_LEVEL", default="WARNING")},
    "loggers": {
        # A refused request is an answer, not an event for the operator.
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"handlers": [], "propagate": False},
    },
}
