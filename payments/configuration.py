"""Reading what several gateways have among their settings. Sentences name settings, never their values."""

from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import SplitResult, urlsplit

from payments.errors import Misconfigured
from payments.values import amount_of

# Where secrets may travel in clear text: they do not leave this computer.
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def setting(settings: Mapping[str, str], name: str, default: str = "") -> str:
    """The value without white space around it; `default` where there is none."""
    return (settings.get(name) or "").strip() or default


def http_address(name: str, url: str) -> SplitResult:
    """The parts of an address that requests can go to. Raises `Misconfigured`."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise Misconfigured(f"{name} is not a valid address.") from None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or parts.username:
        raise Misconfigured(f"{name} must be an http(s) address without user, query or fragment.")
    return parts


def largest_amount(settings: Mapping[str, str], name: str, default: str) -> Decimal:
    """The most that one payment may be, in the major unit. Raises `Misconfigured`."""
    amount = amount_of(setting(settings, name, default))
    if amount is None or amount < 1:
        raise Misconfigured(f"{name} must be an amount of at least 1.")
    return amount
