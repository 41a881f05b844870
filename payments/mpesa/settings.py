"""The settings of M-Pesa, read once and checked before anything is sent.

Sentences name settings, never their values.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from payments.configuration import LOOPBACK, refuse_strange_host
from payments.errors import Misconfigured

HOSTS: Mapping[str, str] = {
    "sandbox": "sandbox.safaricom.co.ke",
    "production": "api.safaricom.co.ke",
}
PAYBILL = "CustomerPayBillOnline"
BUY_GOODS = "CustomerBuyGoodsOnline"
INITIATOR_NAMES = ("MPESA_INITIATOR_NAME", "MPESA_INITIATOR_PASSWORD", "MPESA_CERTIFICATE")
DEFAULT_MAXIMUM = "250000"
# Five in a minute were observed on Safaricom's sandbox; production limits are not published.
SANDBOX_QUERIES_PER_MINUTE = "5"
QUERIES_PER_MINUTE = "60"
_SHORTCODE = re.compile(r"[1-9][0-9]{4,6}", re.ASCII)
_TILL = re.compile(r"[1-9][0-9]{4,8}", re.ASCII)


@dataclass(frozen=True)
class Initiator:
    """The API user of the shop that may send money back, and the key that only Safaricom can open."""

    name: str
    password: str = field(repr=False)
    key: RSAPublicKey = field(repr=False)


@dataclass(frozen=True)
class MpesaSettings:
    """One shop at Daraja. `maximum` in shillings."""

    environment: str
    base_url: str
    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    shortcode: str
    passkey: str = field(repr=False)
    transaction_type: str
    party_b: str  # who receives the money: the paybill itself, or the till of the store
    maximum: Decimal
    queries_per_minute: int
    initiator: Initiator | None = None
    initiator_problem: str = ""  # why there is none, where the shop wanted one
    b2c_shortcode: str = ""


def read_settings(settings: Mapping[str, str]) -> MpesaSettings | None:
    """None where neither key nor secret is set. Raises `Misconfigured` naming what is missing or contradictory."""
    values = {name: str(value).strip() for name, value in settings.items() if value is not None}
    if not values.get("MPESA_CONSUMER_KEY") and not values.get("MPESA_CONSUMER_SECRET"):
        return None
    _require(values, "MPESA_CONSUMER_KEY", "MPESA_CONSUMER_SECRET", "MPESA_SHORTCODE", "MPESA_PASSKEY")
    if values.get("CURRENCY") and values["CURRENCY"] != "KES":
        raise Misconfigured("M-Pesa takes Kenyan shillings only: CURRENCY must be KES.")
    environment = _choice(values, "MPESA_ENVIRONMENT", tuple(HOSTS))
    base_url = _base_url(values, environment)
    shortcode = _number_text(values, "MPESA_SHORTCODE", _SHORTCODE)
    transaction_type = _choice(values, "MPESA_TRANSACTION_TYPE", (PAYBILL, BUY_GOODS))
    initiator, problem = _initiator_or_why_not(values)
    return MpesaSettings(
        environment=environment,
        base_url=base_url,
        consumer_key=values["MPESA_CONSUMER_KEY"],
        consumer_secret=values["MPESA_CONSUMER_SECRET"],
        shortcode=shortcode,
        passkey=values["MPESA_PASSKEY"],
        transaction_type=transaction_type,
        party_b=_party_b(values, transaction_type, shortcode),
        maximum=_maximum(values),
        queries_per_minute=_queries_per_minute(values, base_url),
        initiator=initiator,
        initiator_problem=problem,
        b2c_shortcode=_b2c_shortcode(values) if initiator else "",
    )


def _require(values: Mapping[str, str], *names: str) -> None:
    missing = [name for name in names if not values.get(name)]
    if missing:
        raise Misconfigured(f"M-Pesa is set up only in part. Missing: {', '.join(missing)}.")


def _choice(values: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    chosen = values.get(name) or choices[0]
    if chosen not in choices:
        raise Misconfigured(f"{name} must be {' or '.join(choices)}.")
    return chosen


def _number_text(values: Mapping[str, str], name: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(values[name]):
        raise Misconfigured(f"{name} must be a number such as 174379, without spaces.")
    return values[name]


def _base_url(values: Mapping[str, str], environment: str) -> str:
    """Keys do not show where they belong, so the address must not contradict the environment."""
    base_url = (values.get("MPESA_BASE_URL") or f"https://{HOSTS[environment]}").rstrip("/")
    try:
        parts = urlsplit(base_url)
        host = parts.hostname or ""
        valid = bool(host) and parts.scheme in ("http", "https") and not parts.query and not parts.fragment
    except ValueError:
        valid = False
    if not valid or parts.username is not None:
        raise Misconfigured("MPESA_BASE_URL must be an address such as https://sandbox.safaricom.co.ke.")
    refuse_strange_host("MPESA_BASE_URL", host)
    others = {known for name, known in HOSTS.items() if name != environment}
    if host in others:
        raise Misconfigured("MPESA_BASE_URL and MPESA_ENVIRONMENT contradict each other.")
    exposed = environment == "production" or host in HOSTS.values()
    if parts.scheme == "http" and exposed and host not in LOOPBACK:
        raise Misconfigured(
            "MPESA_BASE_URL must begin with https:// here: our secrets would travel in clear text."
        )
    return base_url


def _party_b(values: Mapping[str, str], transaction_type: str, shortcode: str) -> str:
    """A paybill receives by itself; a till number set beside it means nothing."""
    if transaction_type == BUY_GOODS:
        if not values.get("MPESA_TILL_NUMBER"):
            raise Misconfigured(f"MPESA_TILL_NUMBER is needed with MPESA_TRANSACTION_TYPE={BUY_GOODS}.")
        return _number_text(values, "MPESA_TILL_NUMBER", _TILL)
    return shortcode


def _maximum(values: Mapping[str, str]) -> Decimal:
    maximum = _decimal(values.get("MPESA_MAX_AMOUNT") or DEFAULT_MAXIMUM)
    # The bound comes first: to write out the digits of `1e999999` takes a minute.
    if maximum is None or not 1 <= maximum <= 10**9 or maximum != int(maximum):
        raise Misconfigured("MPESA_MAX_AMOUNT must be a whole number of shillings, at least 1.")
    return Decimal(int(maximum))


def _queries_per_minute(values: Mapping[str, str], base_url: str) -> int:
    real_sandbox = urlsplit(base_url).hostname == HOSTS["sandbox"]
    default = SANDBOX_QUERIES_PER_MINUTE if real_sandbox else QUERIES_PER_MINUTE
    number = _decimal(values.get("MPESA_QUERIES_PER_MINUTE") or default)
    if number is None or not 1 <= number <= 100_000 or number != int(number):
        raise Misconfigured("MPESA_QUERIES_PER_MINUTE must be a whole number between 1 and 100000.")
    return int(number)


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _b2c_shortcode(values: Mapping[str, str]) -> str:
    if not values.get("MPESA_B2C_SHORTCODE"):
        return ""
    return _number_text(values, "MPESA_B2C_SHORTCODE", _SHORTCODE)


def _initiator_or_why_not(values: Mapping[str, str]) -> tuple[Initiator | None, str]:
    """A mistake in what only refunds need must not keep the till from taking money."""
    try:
        return _initiator(values), ""
    except Misconfigured as error:
        return None, str(error)


def _initiator(values: Mapping[str, str]) -> Initiator | None:
    if not any(values.get(name) for name in INITIATOR_NAMES):
        return None
    _require(values, *INITIATOR_NAMES)
    name, password, certificate = (values[name] for name in INITIATOR_NAMES)
    key = _public_key(certificate)
    # PKCS#1 v1.5 needs eleven bytes of the key's length for itself.
    if len(password.encode()) > key.key_size // 8 - 11:
        raise Misconfigured("MPESA_INITIATOR_PASSWORD is too long for the key in MPESA_CERTIFICATE.")
    return Initiator(name, password, key)


def _public_key(certificate: str) -> RSAPublicKey:
    """The RSA key of a certificate given as a path (PEM or DER) or as PEM text.

    Its expiry is not looked at: the certificates that Safaricom publishes have run out and are still in use.
    """
    try:
        if "-----BEGIN" in certificate:
            # An environment file may write the line ends as `\n`.
            content = certificate.replace("\\n", "\n").encode()
        else:
            content = Path(certificate).read_bytes()
        pem = b"-----BEGIN" in content
        found = x509.load_pem_x509_certificate(content) if pem else x509.load_der_x509_certificate(content)
        key = found.public_key()
    except (OSError, ValueError):
        raise Misconfigured(
            "MPESA_CERTIFICATE is no readable X.509 certificate (file or PEM text)."
        ) from None
    if not isinstance(key, RSAPublicKey):
        raise Misconfigured("MPESA_CERTIFICATE holds no RSA key.")
    return key
