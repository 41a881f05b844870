"""Whether a message comes from the gateway. Looks at the raw bytes only, and never raises."""

import base64
import hmac
import re
from datetime import datetime

from payments.cards.settings import SignatureRule

_TIME = re.compile(r"[0-9]{1,12}", re.ASCII)


def signature_holds(rule: SignatureRule, header: str, body: bytes, now: datetime) -> bool | None:
    """Whether any of the secrets has signed `body`; None where the gateway signs nothing."""
    if rule.scheme == "none":
        return None
    if rule.scheme == "t_v1":
        return _timed(rule, header, body, now)
    return _any_equal([header.strip()], _expected(rule, body))


def _timed(rule: SignatureRule, header: str, body: bytes, now: datetime) -> bool:
    """`t=<seconds>,v1=<signature>[,v1=…]`; other versions prove nothing."""
    fields = [part.strip().partition("=")[::2] for part in header.split(",")]
    times = [value for name, value in fields if name == "t"]
    given = [value for name, value in fields if name == "v1"]
    if len(times) != 1 or not _TIME.fullmatch(times[0]):
        return False
    if abs(now.timestamp() - int(times[0])) > rule.tolerance:
        return False
    return _any_equal(given, _expected(rule, f"{times[0]}.".encode() + body))


def _expected(rule: SignatureRule, signed: bytes) -> list[bytes]:
    secrets = [secret.encode("utf-8", "replace") for secret in rule.secrets]
    if rule.scheme == "static":
        return secrets
    digests = [hmac.digest(secret, signed, rule.digest) for secret in secrets]
    if rule.encoding == "base64":
        return [base64.b64encode(digest) for digest in digests]
    return [digest.hex().encode() for digest in digests]


def _any_equal(given: list[str], expected: list[bytes]) -> bool:
    """Compares everything with everything, so that the time taken does not tell which secret came close."""
    equal = False
    for text in given[:20]:
        for secret in expected:
            equal |= hmac.compare_digest(text.encode("utf-8", "surrogatepass"), secret)
    return equal
