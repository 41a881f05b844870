"""The addresses we give to gateways. Their unguessable part belongs to one payment or refund.

It is worked out from SECRET_KEY, so it can be written again at any time, and only its hash is stored. It is hex,
because Safaricom refuses addresses with words such as `query` or `sql` in them.
"""

import hashlib
import hmac
from urllib.parse import urlsplit

from django.conf import settings

from apps.payments.states import Method
from payments.base import Route

OWN_PATH = "/api/payments/webhooks/"
# What `*_CALLBACK_URL` is called for each method.
SETTINGS = {
    Method.MPESA: "MPESA_CALLBACK_URL",
    Method.AIRTEL: "AIRTEL_CALLBACK_URL",
    Method.CARD: "PAYMENT_GATEWAY_CALLBACK_URL",
}


def token_of(reference: str) -> str:
    """32 hex digits that only this shop can work out from `reference`."""
    key = hashlib.sha256(f"callback addresses {settings.SECRET_KEY}".encode()).digest()
    return hmac.new(key, reference.encode(), hashlib.sha256).hexdigest()[:32]


def hash_of(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def callback_url(method: str, reference: str, route: Route = Route.CALLBACK) -> str:
    """Where the gateway sends what it has to say about `reference`."""
    base = _base(method)
    token = token_of(reference)
    if method == Method.MPESA:
        tail = "" if route == Route.CALLBACK else f"{route.value}/"
        return f"{base}{OWN_PATH}daraja/{token}/{tail}"
    return f"{base}{OWN_PATH}{method}/callback/{token}/"


def _base(method: str) -> str:
    """Scheme and host, from `*_CALLBACK_URL` where set, else PUBLIC_BASE_URL.

    A whole webhook address is understood too: what follows our own path is replaced.
    """
    given = settings.GATEWAYS.get(SETTINGS[Method(method)], "") or settings.PUBLIC_BASE_URL
    return str(given).partition(OWN_PATH)[0].rstrip("/")


def has_address(method: str) -> bool:
    """Whether a gateway could reach us at all."""
    return urlsplit(_base(method)).scheme in ("http", "https")
