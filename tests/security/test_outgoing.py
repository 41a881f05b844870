"""Nothing that anybody sends makes the shop call an address of their choice (S11)."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from payments.errors import Misconfigured
from payments.registry import gateway_for
from payments.runtime import AccessToken, Mint, Runtime
from tests.figures import show
from tests.security.addresses import every_address
from tests.security.doors import Doors

PRODUCTION = {
    "mpesa": {
        "MPESA_ENVIRONMENT": "production", "MPESA_CONSUMER_KEY": "k", "MPESA_CONSUMER_SECRET": "s",
        "MPESA_SHORTCODE": "174379", "MPESA_PASSKEY": "p",
    },
    "airtel": {"AIRTEL_ENVIRONMENT": "production", "AIRTEL_CLIENT_ID": "i", "AIRTEL_CLIENT_SECRET": "s"},
    "card": {"PAYMENT_GATEWAY_API_KEY": "sk_live_" + "x" * 20, "PAYMENT_GATEWAY_SECRET": "sk_live_" + "x" * 20},
}  # fmt: skip
BASES = {"mpesa": "MPESA_BASE_URL", "airtel": "AIRTEL_BASE_URL", "card": "PAYMENT_GATEWAY_BASE_URL"}
# Where a server may be talked into calling.
INWARD = [
    "http://169.254.169.254/latest/meta-data/",
    "https://169.254.169.254/",
    "https://169.254.169.254./",
    "https://[::ffff:169.254.169.254]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://0251.0376.0251.0376/",
    "https://0xa9.0xfe.0xa9.0xfe/",
    "https://169.16689662/",
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://[::]/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://user:pass@api.safaricom.co.ke/",
    "https://api.safaricom.co.ke@169.254.169.254/",
    "https://api.safaricom.co.ke#@169.254.169.254/",
    "https://api.safaricom.co.ke?@169.254.169.254/",
    "http://api.safaricom.co.ke/",
    "http://10.0.0.1/",
    "http://192.168.1.1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:5432/_x",
    "ftp://127.0.0.1/",
    "//169.254.169.254/",
    "https://",
    "https:///etc/passwd",
    "https://[::1",
]


class NoTokens:
    def get(self, name: str, mint: Mint, *, rejected: str = "") -> str:
        raise AssertionError(AccessToken)


def made(method: str, **settings: str) -> Any:
    return gateway_for(method, {**PRODUCTION[method], **settings}, Runtime(NoTokens(), None, None))  # type: ignore[arg-type]


@pytest.mark.parametrize("url", INWARD)
@pytest.mark.parametrize("method", BASES)
def test_production_refuses_addresses_that_lead_inwards(method: str, url: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        made(method, **{BASES[method]: url})
    assert len(url) < 10 or url not in str(refused.value)


@pytest.mark.parametrize("method", BASES)
def test_control_a_plain_address_is_taken(method: str) -> None:
    assert made(method, **{BASES[method]: "https://gateway.example"})
    assert made(method, **{BASES[method]: "https://[2001:db8::7]:8443"})


class Listener:
    """Counts who connects."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.calls = 0
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        while True:
            try:
                line, _ = self.socket.accept()
            except OSError:
                return
            self.calls += 1
            line.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.socket.close()


def addresses(port: int) -> list[str]:
    return [
        f"http://127.0.0.1:{port}/x",
        f"http://localhost:{port}/x",
        f"http://2130706433:{port}/x",
        f"http://0x7f000001:{port}/x",
        f"http://0177.0.0.1:{port}/x",
        f"http://[::ffff:127.0.0.1]:{port}/x",
        f"gopher://127.0.0.1:{port}/_x",
        f"ftp://127.0.0.1:{port}/x",
        f"//127.0.0.1:{port}/x",
        "file:///etc/passwd",
    ]


@pytest.mark.django_db
def test_no_field_and_no_message_makes_the_shop_call(doors: Doors, listener: Listener) -> None:
    """Every text of every form, every leaf of every gateway's message, the headers: an address of ours each time."""
    sent = 0
    writing = [a for a in every_address() if a.route and a.method in ("POST", "PUT", "PATCH")]
    client = doors.client("admin")
    for url in addresses(listener.port):
        headers = dict.fromkeys(
            ("HTTP_REFERER", "HTTP_X_FORWARDED_HOST", "HTTP_ORIGIN", "HTTP_X_CALLBACK_URL"), url
        )
        for address in [a for a in writing if "/auth/" not in a.template]:
            with doors.undone():
                send = getattr(client, address.method.lower())
                send(doors.path(address), poisoned(doors.body(address), url), **headers)
            sent += 1
    assert sent > 300
    assert listener.calls == 0
    with socket.create_connection(("127.0.0.1", listener.port)):  # the control: the listener counts
        pass
    for _ in range(100):
        if listener.calls:
            break
        threading.Event().wait(0.02)
    assert listener.calls == 1
    extent = f"{sent:,} requests, {len(INWARD)} addresses as settings of {len(BASES)} gateways"
    show("S11", "addresses in fields, messages, headers and settings", extent, "0 calls, 0 taken")


def poisoned(value: Any, url: str) -> Any:
    """The same with every text replaced, and the names that gateways use for addresses beside them."""
    if isinstance(value, dict):
        more = dict.fromkeys(
            ("image", "url", "callback_url", "authorization_url", "CallBackURL", "ResultURL"), url
        )
        return {**more, **{name: poisoned(inner, url) for name, inner in value.items()}}
    if isinstance(value, list):
        return [poisoned(inner, url) for inner in value]
    return url if isinstance(value, str) else value
