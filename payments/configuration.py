"""Reading what several gateways have among their settings. Sentences name settings, never their values."""

import ipaddress
import re
from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import SplitResult, urlsplit

from payments.errors import Misconfigured
from payments.values import amount_of

# Where secrets may travel in clear text: they do not leave this computer.
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
# A host whose last part is a number is an IPv4 address to most programs, in whatever way it is written.
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.ASCII)


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
    refuse_strange_host(name, host)
    return parts


def refuse_strange_host(name: str, host: str) -> None:
    """No gateway lives where a cloud keeps its keys, nor under an address that hides what it is.

    Raises `Misconfigured` for link-local addresses (169.254.169.254), those that belong to nobody, and numbers that
    are not written as four parts.
    """
    host = host.rstrip(".").lower()
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        if _NUMBER.fullmatch(host):
            raise Misconfigured(f"{name} must name its host, or give four plain numbers.") from None
        return
    plain = getattr(address, "ipv4_mapped", None) or address
    nobodys = plain.is_link_local or plain.is_unspecified or plain.is_multicast or plain.is_reserved
    if nobodys and not plain.is_loopback:
        raise Misconfigured(f"{name} is an address where no gateway can be.")


def largest_amount(settings: Mapping[str, str], name: str, default: str) -> Decimal:
    """The most that one payment may be, in the major unit. Raises `Misconfigured`."""
    amount = amount_of(setting(settings, name, default))
    if amount is None or amount < 1:
        raise Misconfigured(f"{name} must be an amount of at least 1.")
    return amount
