"""The settings of Airtel Money, read and checked once."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from payments.configuration import LOOPBACK, http_address, largest_amount, setting
from payments.errors import Misconfigured

SANDBOX_URL = "https://openapiuat.airtel.africa"
# Per payment; Airtel Kenya has published 150 000 and, later, 250 000.
MAX_AMOUNT = "150000"
_YES = frozenset({"true", "1", "yes", "on"})
_NO = frozenset({"", "false", "0", "no", "off"})


@dataclass(frozen=True)
class AirtelSettings:
    """One merchant application at Airtel."""

    environment: str
    base_url: str
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    country: str
    currency: str
    callback_key: str = field(repr=False)
    message_signing: bool
    max_amount: Decimal

    @property
    def identity(self) -> str:
        """A name for this application that reveals none of its credentials."""
        parts = "\n".join((self.environment, self.base_url, self.client_id))
        return hashlib.sha256(parts.encode()).hexdigest()[:16]


def read_settings(settings: Mapping[str, str]) -> AirtelSettings | None:
    """None without credentials. Raises `Misconfigured` with the names of what is missing or contradicts."""
    client_id, client_secret = (
        setting(settings, name) for name in ("AIRTEL_CLIENT_ID", "AIRTEL_CLIENT_SECRET")
    )
    if not client_id and not client_secret:
        return None
    if not client_id or not client_secret:
        missing = "AIRTEL_CLIENT_SECRET" if client_id else "AIRTEL_CLIENT_ID"
        raise Misconfigured(f"{missing} is missing.")
    environment = setting(settings, "AIRTEL_ENVIRONMENT", "sandbox").lower()
    return AirtelSettings(
        environment=environment,
        base_url=_base_url(settings, environment),
        client_id=client_id,
        client_secret=client_secret,
        country=_code(settings, "AIRTEL_COUNTRY", "KE", 2),
        currency=_currency(settings),
        callback_key=setting(settings, "AIRTEL_CALLBACK_KEY"),
        message_signing=_switch(settings, "AIRTEL_MESSAGE_SIGNING"),
        max_amount=largest_amount(settings, "AIRTEL_MAX_AMOUNT", MAX_AMOUNT),
    )


def _base_url(settings: Mapping[str, str], environment: str) -> str:
    """Production differs from country to country, so nothing is guessed there."""
    if environment not in ("sandbox", "production"):
        raise Misconfigured("AIRTEL_ENVIRONMENT must be sandbox or production.")
    url = setting(settings, "AIRTEL_BASE_URL", SANDBOX_URL if environment == "sandbox" else "")
    if not url:
        raise Misconfigured(
            "AIRTEL_BASE_URL is missing; AIRTEL_ENVIRONMENT=production has no default for it."
        )
    parts = http_address("AIRTEL_BASE_URL", url)
    if environment == "production" and parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise Misconfigured("AIRTEL_BASE_URL must be https when AIRTEL_ENVIRONMENT is production.")
    return url.rstrip("/")


def _code(settings: Mapping[str, str], name: str, default: str, length: int) -> str:
    code = setting(settings, name, default).upper()
    if not re.fullmatch(rf"[A-Z]{{{length}}}", code):
        raise Misconfigured(f"{name} must be {length} letters.")
    return code


def _currency(settings: Mapping[str, str]) -> str:
    currency = _code(settings, "AIRTEL_CURRENCY", "KES", 3)
    if setting(settings, "CURRENCY", currency).upper() != currency:
        raise Misconfigured("AIRTEL_CURRENCY and CURRENCY must be the same.")
    return currency


def _switch(settings: Mapping[str, str], name: str) -> bool:
    text = setting(settings, name).lower()
    if text not in _YES | _NO:
        raise Misconfigured(f"{name} must be true or false.")
    return text in _YES
