"""What a shop that takes real money must not be started with. Each sentence says what mends it.

Settings are looked at by Django's checks, so before every command, and when the server starts; the database when the
server or the worker starts, and by `/readyz/`, because it may be away when they do.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection

from apps.payments.addresses import SETTINGS as CALLBACK_SETTINGS
from apps.payments.gateways import in_sandbox, unsound

logger = logging.getLogger(__name__)

SHORTEST_KEY, FEWEST_CHARACTERS = 50, 10
# What is committed must be on the disk, whole, before a till hears of it.
DURABLE = {
    "fsync": "A power cut would lose the whole database.",
    "full_page_writes": "A power cut could tear pages of the database.",
    "synchronous_commit": "Sales that a till was told of would be lost in a crash.",
}
STANDBYS = "synchronous_standby_names"
OWNER = (
    "The shop runs as a role that owns its tables or is above their owner, and can rewrite every ledger. "
    "Run `manage.py database_roles` and let DATABASE_URL name the role that it makes."
)
# True of superusers, too.
OWNS_A_LEDGER = "SELECT pg_has_role(tableowner, 'MEMBER') FROM pg_tables WHERE tablename = 'sales_sale'"


def unsafe_settings() -> Iterator[str]:
    """Why these settings must not serve a shop; nothing while developing."""
    if settings.DEVELOPMENT:
        return
    if settings.DEBUG:
        yield "DEBUG is on and would show secrets on error pages. Take it out of the environment and .env."
    if len(settings.SECRET_KEY) < SHORTEST_KEY or len(set(settings.SECRET_KEY)) < FEWEST_CHARACTERS:
        yield (
            f"SECRET_KEY can be guessed: it needs {SHORTEST_KEY} random characters. Make one with "
            "`python -c 'import secrets; print(secrets.token_urlsafe(50))'`."
        )
    if not settings.ALLOWED_HOSTS:
        yield "ALLOWED_HOSTS is empty, so nobody is answered. Name the hosts that the shop is reached under."
    if any("*" in host or host.startswith(".") for host in settings.ALLOWED_HOSTS):
        yield "ALLOWED_HOSTS has a wildcard, so links can be forged. Name the hosts that the shop is reached under."
    yield from _clear_text()
    if settings.PAYMENT_STEP_HOOK:
        yield "PAYMENT_STEP_HOOK is for tests. Take it out of the environment and .env."
    yield from unsound()


def _clear_text() -> Iterator[str]:
    """The addresses that gateways are given; each may be empty."""
    own = {name: str(settings.GATEWAYS.get(name, "")) for name in CALLBACK_SETTINGS.values()}
    for name, address in {"PUBLIC_BASE_URL": settings.PUBLIC_BASE_URL, **own}.items():
        if urlsplit(address or "https:").scheme != "https":
            yield f"{name} is not https, so callback addresses travel in clear text. Give the https address."


def unsafe_database() -> Iterator[str]:
    """Why this database must not keep a shop's money. Raises `DatabaseError` when it does not answer."""
    if settings.DEVELOPMENT:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [[*DURABLE, STANDBYS]])
        found = dict(cursor.fetchall())
    for name, why in DURABLE.items():
        if found.get(name) == "off":
            yield f"PostgreSQL runs with {name}=off. {why} Set {name} to on, for the server, database and role."
    if found.get("synchronous_commit") == "local" and found.get(STANDBYS):
        yield (
            "PostgreSQL runs with synchronous_commit=local beside a synchronous standby. Sales that a till was told of "
            "would be lost when the standby takes over. Set synchronous_commit to on."
        )


def refuse_unsafe() -> None:
    """Raises `ImproperlyConfigured` with every reason. A database that is away is looked at later, by `/readyz/`."""
    reasons = list(unsafe_settings())
    try:
        reasons += unsafe_database()
    except DatabaseError:
        logger.warning(
            "The database does not answer yet, so whether it is durable is checked by /readyz/ later."
        )
    finally:
        connection.close()
    if reasons:
        raise ImproperlyConfigured("This shop is not safe to open:\n- " + "\n- ".join(reasons))


@register(Tags.security)
def settings_are_safe(**_: Any) -> list[CheckMessage]:
    """Before every command of `manage.py`."""
    return _numbered(Error, "E", unsafe_settings())


@register(Tags.security, deploy=True)
def money_is_real(**_: Any) -> list[CheckMessage]:
    """A shop may be rehearsed with the gateways' sandboxes, so this is said, not refused."""
    return _numbered(Warning, "W", [] if settings.DEVELOPMENT else in_sandbox())


@register(Tags.database)
def database_is_safe(databases: Any = None, **_: Any) -> list[CheckMessage]:
    """Before the worker and `migrate`, and with `check --database default`."""
    return _numbered(Error, "E1", unsafe_database() if databases else [])


@register(Tags.database, deploy=True)
def ledgers_are_out_of_reach(databases: Any = None, **_: Any) -> list[CheckMessage]:
    """With `check --deploy --database default`."""
    if settings.DEVELOPMENT or not databases:
        return []
    with connection.cursor() as cursor:
        cursor.execute(OWNS_A_LEDGER)
        owns = cursor.fetchone()
    return _numbered(Warning, "W1", [OWNER] if owns and owns[0] else [])


def _numbered(kind: Callable[..., CheckMessage], letter: str, sentences: Any) -> list[CheckMessage]:
    return [
        kind(sentence, id=f"pos_backend.{letter}{number:02}") for number, sentence in enumerate(sentences, 1)
    ]
