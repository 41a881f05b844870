"""The gateways of this shop, made from its settings and bound to its database.

Nothing here may be called while a transaction is open: it talks to the outside.
"""

import base64
import hashlib
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import connection, transaction

from apps.core import clock
from apps.payments.errors import GatewayMisconfigured, GatewayNotConfigured
from apps.payments.models import GatewayToken, Payment
from payments.base import Attempt, Gateway
from payments.errors import Misconfigured, NotConfigured, NotSent
from payments.registry import GATEWAYS, LABELS
from payments.registry import gateway_for as make_gateway
from payments.runtime import AccessToken, Mint, Runtime

MINT_SECONDS = 35.0  # longer than the call that mints may take
WAIT_SECONDS = 12.0
PAUSE = 0.1

# Whoever gets a row back renews the token; the others wait for it. What a server with a wrong clock wrote, a claim or a
# wait longer than there are any, holds nobody up.
CLAIM = """
    INSERT INTO payments_gatewaytoken AS kept (name, value, minting_until) VALUES (%(name)s, '', %(until)s)
    ON CONFLICT (name) DO UPDATE SET minting_until = %(until)s
     WHERE (kept.minting_until IS NULL OR kept.minting_until < %(now)s
            OR kept.minting_until > %(until)s + interval '1 minute')
       AND kept.value = %(seen)s
    RETURNING id
"""
# The moment from which the next question is free moves on by one share of the minute.
TAKE = """
    INSERT INTO payments_querybudget AS budget (name, free_at) VALUES (%(name)s, %(next)s)
    ON CONFLICT (name) DO UPDATE SET free_at = %(next)s
     WHERE budget.free_at <= %(now)s OR budget.free_at > %(now)s + interval '2 hours'
    RETURNING id
"""
DRAIN = """
    INSERT INTO payments_querybudget AS budget (name, free_at) VALUES (%(name)s, %(until)s)
    ON CONFLICT (name) DO UPDATE SET free_at = greatest(budget.free_at, %(until)s)
"""


class SharedTokens:
    """Access tokens in PostgreSQL, encrypted. One process renews, the others wait for it."""

    def get(self, name: str, mint: Mint, *, rejected: str = "") -> str:
        require_no_transaction()
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            kept = GatewayToken.objects.filter(name=name).first()
            if value := _usable(kept, rejected):
                return value
            if self._claimed(name, bytes(kept.value) if kept else b""):
                return self._mint(name, mint)
            if time.monotonic() > deadline:
                raise NotSent("The gateway's sign-in takes too long. Try again in a moment.")
            time.sleep(PAUSE)

    def _claimed(self, name: str, seen: bytes) -> bool:
        now = clock.now()
        until = now + timedelta(seconds=MINT_SECONDS)
        with connection.cursor() as cursor:
            cursor.execute(CLAIM, {"name": name, "now": now, "until": until, "seen": seen})
            return cursor.fetchone() is not None

    def _mint(self, name: str, mint: Mint) -> str:
        row = GatewayToken.objects.filter(name=name)
        try:
            token = mint()
        except BaseException:
            row.update(minting_until=None)
            raise
        row.update(
            value=_cipher().encrypt(token.value.encode()),
            expires_at=_expiry(token),
            minting_until=None,
        )
        return token.value


class SharedBudget:
    """One question at a time and so many in a minute, over all processes."""

    def take(self, name: str, per_minute: float) -> float:
        now = clock.now()
        after = now + timedelta(seconds=60.0 / per_minute)
        with connection.cursor() as cursor:
            cursor.execute(TAKE, {"name": name, "now": now, "next": after})
            if cursor.fetchone():
                return 0.0
            cursor.execute("SELECT free_at FROM payments_querybudget WHERE name = %s", [name])
            row = cursor.fetchone()
        return max(0.05, (row[0] - now).total_seconds()) if row else 0.05

    def drain(self, name: str, seconds: float) -> None:
        with connection.cursor() as cursor:
            cursor.execute(DRAIN, {"name": name, "until": clock.now() + timedelta(seconds=seconds)})


def gateway_for(method: str) -> Gateway:
    """The gateway that takes `method`.

    Raises `GatewayNotConfigured` when the shop has none, `GatewayMisconfigured` when its settings cannot be right.
    """
    try:
        return _made(method, tuple(sorted(settings.GATEWAYS.items())))
    except NotConfigured as error:
        raise GatewayNotConfigured(str(error)) from None
    except Misconfigured as error:
        raise GatewayMisconfigured(str(error)) from None


def unsound() -> Iterator[str]:
    """Why a method that was set up cannot work: what is missing or contradicts itself. Names, never values."""
    for method in GATEWAYS:
        try:
            gateway_for(method)
        except GatewayMisconfigured as error:
            yield str(error)
        except GatewayNotConfigured:
            continue


def in_sandbox() -> Iterator[str]:
    """The methods that are set up, but take play money."""
    for method, label in LABELS.items():
        with suppress(GatewayMisconfigured, GatewayNotConfigured):
            if gateway_for(method).environment != "production":
                yield f"{label} is set up for its sandbox: customers are told that they pay, and no money comes."


@lru_cache(maxsize=16)
def _made(method: str, values: tuple[tuple[str, str], ...]) -> Gateway:
    return make_gateway(method, dict(values), Runtime(SharedTokens(), SharedBudget(), clock.now))


def attempt_of(payment: Payment) -> Attempt:
    """The payment as the gateways know it."""
    return Attempt(
        reference=payment.transaction_reference,
        gateway_id=payment.gateway_id,
        amount=payment.amount,
        currency=payment.currency,
        started_at=payment.initiated_at,
        receipt=payment.external_reference or "",
        details=payment.metadata.get("gateway", {}),
    )


def same_environment(payment: Payment) -> bool:
    """Whether the shop is still set up as it was when the payment was begun. Raises as `gateway_for`."""
    return payment.environment in ("", gateway_for(payment.method).environment)


def require_no_transaction() -> None:
    """A gateway that hangs must not hang the tills that wait for our locks. Raises `RuntimeError`."""
    with transaction.atomic(durable=True):
        pass


def _usable(kept: GatewayToken | None, rejected: str) -> str:
    if kept is None or kept.expires_at is None or kept.expires_at <= clock.now():
        return ""
    try:
        value = _cipher().decrypt(bytes(kept.value)).decode()
    except InvalidToken:  # SECRET_KEY has changed since
        return ""
    return "" if value == rejected else value


def _expiry(token: AccessToken) -> datetime:
    return clock.now() + timedelta(seconds=token.seconds)


@lru_cache(maxsize=4)
def _cipher_of(secret: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(f"gateway tokens {secret}".encode()).digest()))


def _cipher() -> Fernet:
    return _cipher_of(settings.SECRET_KEY)
