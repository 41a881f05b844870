"""The settings of the card gateway, read and checked once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from payments.configuration import LOOPBACK, http_address, largest_amount, setting
from payments.errors import Misconfigured

# The gateway wants an address for every customer. No mailbox can exist there, so no stranger gets the receipts.
EMAIL = "customer@example.com"
MAX_AMOUNT = "1000000"
# Signers of the kind that put a time into the header use SHA-256.
_DIGESTS = {"hmac": "sha512", "t_v1": "sha256"}


@dataclass(frozen=True)
class SignatureRule:
    """How a message proves where it comes from."""

    scheme: str  # hmac, t_v1, static, none
    header: str
    digest: str
    encoding: str
    tolerance: int  # seconds, t_v1 only
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class CardSettings:
    """One account at the gateway."""

    base_url: str
    api_key: str = field(repr=False)
    mode: str  # live, test: what `domain` must say
    minor_unit: bool  # amounts go over the wire in cents
    email: str
    channels: tuple[str, ...]
    currency: str
    max_amount: Decimal
    signature: SignatureRule


def read_settings(settings: Mapping[str, str]) -> CardSettings | None:
    """None without credentials. Raises `Misconfigured` with the names of what is missing or contradicts."""
    secrets = tuple(_list(setting(settings, "PAYMENT_GATEWAY_SECRET")))
    api_key = setting(settings, "PAYMENT_GATEWAY_API_KEY")
    if secrets and (not api_key or api_key.startswith("pk_")):  # a public key opens nothing
        api_key = secrets[0]
    if not api_key:
        return None
    if not re.fullmatch(r"[\x21-\x7e]{1,1000}", api_key):
        raise Misconfigured("PAYMENT_GATEWAY_API_KEY has characters that no key has.")
    return CardSettings(
        base_url=_base_url(settings, api_key),
        api_key=api_key,
        mode=_mode(settings, api_key),
        minor_unit=_choice(settings, "PAYMENT_GATEWAY_AMOUNT_UNIT", ("minor", "major")) == "minor",
        email=_email(settings),
        channels=tuple(_list(setting(settings, "PAYMENT_GATEWAY_CHANNELS", "card"))),
        currency=_currency(settings),
        max_amount=largest_amount(settings, "PAYMENT_GATEWAY_MAX_AMOUNT", MAX_AMOUNT),
        signature=_signature(settings, secrets, api_key),
    )


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _choice(settings: Mapping[str, str], name: str, choices: tuple[str, ...], default: str = "") -> str:
    """One of `choices`, of which the first is the default."""
    chosen = setting(settings, name, default or choices[0]).lower()
    if chosen not in choices:
        raise Misconfigured(f"{name} must be one of: {', '.join(choices)}.")
    return chosen


def _base_url(settings: Mapping[str, str], api_key: str) -> str:
    url = setting(settings, "PAYMENT_GATEWAY_BASE_URL")
    if not url:
        raise Misconfigured("PAYMENT_GATEWAY_BASE_URL is missing.")
    parts = http_address("PAYMENT_GATEWAY_BASE_URL", url)
    if api_key.startswith("sk_live_") and parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise Misconfigured(
            "PAYMENT_GATEWAY_BASE_URL must be https when PAYMENT_GATEWAY_API_KEY is a live key."
        )
    return url.rstrip("/")


def _mode(settings: Mapping[str, str], api_key: str) -> str:
    of_key = {"sk_test_": "test", "sk_live_": "live"}.get(api_key[:8], "")
    mode = _choice(settings, "PAYMENT_GATEWAY_MODE", ("live", "test"), of_key)
    if of_key and mode != of_key:
        raise Misconfigured("PAYMENT_GATEWAY_MODE and PAYMENT_GATEWAY_API_KEY contradict each other.")
    return mode


def _email(settings: Mapping[str, str]) -> str:
    email = setting(settings, "PAYMENT_GATEWAY_EMAIL", EMAIL)
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
        raise Misconfigured("PAYMENT_GATEWAY_EMAIL is not an e-mail address.")
    return email


def _currency(settings: Mapping[str, str]) -> str:
    currency = setting(settings, "CURRENCY", "KES").upper()
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise Misconfigured("CURRENCY must be 3 letters.")
    return currency


def _signature(settings: Mapping[str, str], secrets: tuple[str, ...], api_key: str) -> SignatureRule:
    scheme = _choice(settings, "PAYMENT_GATEWAY_SIGNATURE_SCHEME", ("hmac", "t_v1", "static", "none"))
    if scheme == "static" and not secrets:
        # Otherwise every message would have to carry our API key in clear.
        raise Misconfigured(
            "PAYMENT_GATEWAY_SECRET is missing; PAYMENT_GATEWAY_SIGNATURE_SCHEME=static needs it."
        )
    tolerance = setting(settings, "PAYMENT_GATEWAY_SIGNATURE_TOLERANCE", "300")
    if not re.fullmatch(r"[0-9]{1,6}", tolerance, re.ASCII):
        raise Misconfigured("PAYMENT_GATEWAY_SIGNATURE_TOLERANCE must be a number of seconds.")
    digests = ("sha512", "sha256")
    return SignatureRule(
        scheme=scheme,
        header=setting(settings, "PAYMENT_GATEWAY_SIGNATURE_HEADER", "x-paystack-signature").lower(),
        digest=_choice(settings, "PAYMENT_GATEWAY_SIGNATURE_DIGEST", digests, _DIGESTS.get(scheme, "")),
        encoding=_choice(settings, "PAYMENT_GATEWAY_SIGNATURE_ENCODING", ("hex", "base64")),
        tolerance=int(tolerance),
        secrets=secrets or (api_key,),
    )
