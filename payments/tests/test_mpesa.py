"""M-Pesa against a small local server that plays scripted answers and keeps what it was asked."""

import base64
import json
import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from payments.base import Attempt, Capabilities, ChargeOrder, RefundOrder, Result, Status
from payments.errors import Misconfigured, NotConfigured, NotSent, OutcomeUnknown, RateLimited
from payments.mpesa import MpesaGateway, from_settings
from payments.mpesa.codes import INITIATOR, STK, Kind
from payments.mpesa.wire import password_of, timestamp_of
from payments.registry import gateway_for
from payments.runtime import MemoryBudget, MemoryTokens, Runtime

SAMPLES = Path(__file__).parent / "samples"
OAUTH = "/oauth/v1/generate?grant_type=client_credentials"
PUSH = "/mpesa/stkpush/v1/processrequest"
QUERY = "/mpesa/stkpushquery/v1/query"
REVERSAL = "/mpesa/reversal/v1/request"
B2C = "/mpesa/b2c/v3/paymentrequest"
STATUS = "/mpesa/transactionstatus/v1/query"
KEY, SECRET = "consumer-key-5d1f", "consumer-secret-77ab"
PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"
INITIATOR_PASSWORD = "Safaricom999!*!"
PHONE = "254708374149"
NOW = datetime(2026, 3, 1, 6, 30, 15, tzinfo=UTC)
CHECKOUT = "ws_CO_191220191020363925"
PRIVATE_KEY = rsa.generate_private_key(65537, 2048)
HTML = b"<html><head><title>503 Service Temporarily Unavailable</title></head></html>"


def certificate(encoding: Encoding = Encoding.PEM, key: Any = PRIVATE_KEY) -> bytes:
    """Run out long ago, as Safaricom's own are."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "daraja")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2015, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2017, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
        .public_bytes(encoding)
    )


CERTIFICATE = certificate().decode()
BASE = {
    "MPESA_CONSUMER_KEY": KEY,
    "MPESA_CONSUMER_SECRET": SECRET,
    "MPESA_SHORTCODE": "174379",
    "MPESA_PASSKEY": PASSKEY,
    "CURRENCY": "KES",
}
INITIATED = {
    "MPESA_INITIATOR_NAME": "testapi",
    "MPESA_INITIATOR_PASSWORD": INITIATOR_PASSWORD,
    "MPESA_CERTIFICATE": CERTIFICATE,
}
SECRETS = (KEY, SECRET, PASSKEY, INITIATOR_PASSWORD, PHONE, "token-1", "token-2")


@dataclass(frozen=True)
class Asked:
    """One request as it came over the wire."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Daraja:
    """Plays `script[path]` in order, the last answer for ever. `None` as a body: hang up without an answer."""

    script: dict[str, list[tuple[int, bytes | None, dict[str, str]]]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    minted: int = 0

    def answers(self, path: str, *answers: Any) -> None:
        self.script[path] = [_answer(answer) for answer in answers]

    def next(self, path: str) -> tuple[int, bytes | None, dict[str, str]]:
        planned = self.script.get(path)
        if planned:
            return planned.pop(0) if len(planned) > 1 else planned[0]
        if path == OAUTH:
            self.minted += 1
            return _answer({"access_token": f"token-{self.minted}", "expires_in": "3599"})
        return 500, b"nothing planned", {}

    def at(self, path: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == path]


def _answer(answer: Any) -> tuple[int, bytes | None, dict[str, str]]:
    """A document (200), a body, or `(status, document or body[, headers])`."""
    status, body, *headers = answer if isinstance(answer, tuple) else (200, answer)
    if isinstance(body, dict | list):
        body = json.dumps(body).encode()
    return status, body, headers[0] if headers else {}


@pytest.fixture
def daraja() -> Iterator[Daraja]:
    stub = Daraja()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            stub.asked.append(Asked(self.command, self.path, dict(self.headers), body))
            status, answer, headers = stub.next(self.path)
            if answer is None:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in {"Content-Length": str(len(answer)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield stub
    server.shutdown()
    server.server_close()


Make = Callable[..., MpesaGateway]


@pytest.fixture
def make(daraja: Daraja) -> Make:
    def gateway(runtime: Runtime | None = None, **settings: str) -> MpesaGateway:
        runtime = runtime or Runtime(now=lambda: NOW)
        made = from_settings({**BASE, "MPESA_BASE_URL": daraja.url, **settings}, runtime)
        assert made is not None
        return made

    return gateway


@pytest.fixture
def gateway(make: Make) -> MpesaGateway:
    return make(MPESA_QUERIES_PER_MINUTE="60000")


@pytest.fixture
def refunding(make: Make) -> MpesaGateway:
    return make(**INITIATED, MPESA_B2C_SHORTCODE="600999")


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLES / f"mpesa_{name}.json").read_bytes())
    return found


def order(**changes: Any) -> ChargeOrder:
    made = ChargeOrder(
        reference="9c0e6a1f-1",
        amount=Decimal("1"),
        currency="KES",
        callback_url="https://pos.example.co.ke/hooks/dj/9f1c/stk",
        account="S1000123",
        description="POS sale",
        phone_number=PHONE,
    )
    return replace(made, **changes)


def attempt(**changes: Any) -> Attempt:
    made = Attempt(
        reference="9c0e6a1f-1",
        gateway_id=CHECKOUT,
        amount=Decimal("100"),
        currency="KES",
        started_at=NOW,
        receipt="MJ551H6X5D",
        details={"merchant_request_id": "29115-34620561-1"},
    )
    return replace(made, **changes)


def refund_order(**changes: Any) -> RefundOrder:
    made = RefundOrder(
        reference="0f6f0a2c-2f1e-4a57-9c1f-000000000045",
        payment=attempt(),
        amount=Decimal("100"),
        currency="KES",
        phone_number=PHONE,
        reason="POS refund",
        requested_at=NOW,
        result_url="https://pos.example.co.ke/hooks/dj/9f1c/result",
        timeout_url="https://pos.example.co.ke/hooks/dj/9f1c/timeout",
        status_url="https://pos.example.co.ke/hooks/dj/9f1c/status",
        status_timeout_url="https://pos.example.co.ke/hooks/dj/9f1c/status-timeout",
    )
    return replace(made, **changes)


def error(code: str, message: str = "") -> dict[str, str]:
    return {"requestId": "16813-1590513-1", "errorCode": code, "errorMessage": message}


def fault(code: str, text: str = "") -> dict[str, Any]:
    return {"fault": {"faultstring": text, "detail": {"errorcode": code}}}


def assert_no_secret(text: str) -> None:
    assert not [secret for secret in SECRETS if secret in text]


# --- settings ---------------------------------------------------------------------------------------------------


def test_without_credentials_there_is_no_gateway() -> None:
    assert from_settings({}, Runtime()) is None
    assert from_settings({**BASE, "MPESA_CONSUMER_KEY": "", "MPESA_CONSUMER_SECRET": " "}, Runtime()) is None
    with pytest.raises(NotConfigured):
        gateway_for("mpesa", {}, Runtime())


def test_defaults() -> None:
    gateway = gateway_for("mpesa", BASE, Runtime())
    assert isinstance(gateway, MpesaGateway)
    assert (gateway.method, gateway.environment) == ("mpesa", "sandbox")
    assert gateway.capabilities == Capabilities(
        label="M-Pesa",
        needs_phone=True,
        whole_units=True,
        hosted_page=False,
        minimum=Decimal(1),
        maximum=Decimal(250000),
        currencies=frozenset({"KES"}),
        refunds=False,
        partial_refunds=False,
        callback_is_proof=True,
        query_by_reference=False,
        least_partial_refund=Decimal(10),
    )
    assert gateway.id_of("anything") == ""
    assert gateway.authentic({}, b"{}", NOW) is None
    assert gateway.acknowledgement == sample("callback_ack")
    assert gateway._settings.base_url == "https://sandbox.safaricom.co.ke"
    assert gateway._settings.queries_per_minute == 5.0
    assert_no_secret(repr(gateway._settings))


def test_production_has_its_own_address_and_pace() -> None:
    gateway = from_settings(
        {**BASE, "MPESA_ENVIRONMENT": "production", "MPESA_MAX_AMOUNT": "150000"}, Runtime()
    )
    assert gateway is not None
    assert gateway.environment == "production"
    assert gateway._settings.base_url == "https://api.safaricom.co.ke"
    assert gateway._settings.queries_per_minute == 60.0
    assert gateway.capabilities.maximum == 150000


def test_refunds_follow_the_initiator_and_partial_ones_b2c(make: Make) -> None:
    assert (make(**INITIATED).capabilities.refunds, make(**INITIATED).capabilities.partial_refunds) == (
        True,
        False,
    )
    both = make(**INITIATED, MPESA_B2C_SHORTCODE="600999").capabilities
    assert (both.refunds, both.partial_refunds) == (True, True)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"MPESA_CONSUMER_KEY": ""}, ["MPESA_CONSUMER_KEY"]),
        ({"MPESA_CONSUMER_SECRET": ""}, ["MPESA_CONSUMER_SECRET"]),
        ({"MPESA_SHORTCODE": "", "MPESA_PASSKEY": ""}, ["MPESA_SHORTCODE", "MPESA_PASSKEY"]),
        ({"MPESA_SHORTCODE": "17 43"}, ["MPESA_SHORTCODE"]),
        ({"MPESA_ENVIRONMENT": "live"}, ["MPESA_ENVIRONMENT"]),
        ({"MPESA_TRANSACTION_TYPE": "CustomerBuyGoodsOnline"}, ["MPESA_TILL_NUMBER"]),
        ({"MPESA_TRANSACTION_TYPE": "PayBill"}, ["MPESA_TRANSACTION_TYPE"]),
        ({"CURRENCY": "UGX"}, ["CURRENCY"]),
        ({"MPESA_BASE_URL": "sandbox.safaricom.co.ke"}, ["MPESA_BASE_URL"]),
        ({"MPESA_BASE_URL": "http://[::1"}, ["MPESA_BASE_URL"]),
        ({"MPESA_BASE_URL": "https://api.safaricom.co.ke"}, ["MPESA_BASE_URL", "MPESA_ENVIRONMENT"]),
        ({"MPESA_BASE_URL": "http://sandbox.safaricom.co.ke"}, ["MPESA_BASE_URL"]),
        ({"MPESA_MAX_AMOUNT": "many"}, ["MPESA_MAX_AMOUNT"]),
        ({"MPESA_MAX_AMOUNT": "10.5"}, ["MPESA_MAX_AMOUNT"]),
        ({"MPESA_MAX_AMOUNT": "1e999999"}, ["MPESA_MAX_AMOUNT"]),
        ({"MPESA_MAX_AMOUNT": "NaN"}, ["MPESA_MAX_AMOUNT"]),
        ({"MPESA_QUERIES_PER_MINUTE": "0"}, ["MPESA_QUERIES_PER_MINUTE"]),
    ],
)
def test_settings_that_cannot_work_are_named(changes: dict[str, str], named: list[str]) -> None:
    with pytest.raises(Misconfigured) as caught:
        from_settings({**BASE, **changes}, Runtime())
    assert [name for name in named if name in str(caught.value)] == named
    assert_no_secret(str(caught.value))
    assert "nowhere" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({**INITIATED, "MPESA_INITIATOR_NAME": ""}, "MPESA_INITIATOR_NAME"),
        ({**INITIATED, "MPESA_CERTIFICATE": "", "MPESA_INITIATOR_PASSWORD": ""}, "MPESA_CERTIFICATE"),
        ({**INITIATED, "MPESA_CERTIFICATE": "/nowhere/at/all.cer"}, "MPESA_CERTIFICATE"),
        ({**INITIATED, "MPESA_CERTIFICATE": "bad\0path"}, "MPESA_CERTIFICATE"),
        ({**INITIATED, "MPESA_CERTIFICATE": "-----BEGIN CERTIFICATE-----\nx"}, "MPESA_CERTIFICATE"),
        ({**INITIATED, "MPESA_CERTIFICATE": "no rsa key"}, "MPESA_CERTIFICATE"),
        ({**INITIATED, "MPESA_INITIATOR_PASSWORD": "x" * 300}, "MPESA_INITIATOR_PASSWORD"),
        ({"MPESA_B2C_SHORTCODE": "600999"}, "MPESA_INITIATOR_NAME"),
    ],
)
def test_a_mistake_in_what_refunds_need_does_not_stop_payments(
    daraja: Daraja, make: Make, changes: dict[str, str], named: str
) -> None:
    if changes.get("MPESA_CERTIFICATE") == "no rsa key":
        changes = {**changes, "MPESA_CERTIFICATE": elliptic()}
    gateway = make(**changes, MPESA_TILL_NUMBER="5678901")
    assert (gateway.capabilities.refunds, gateway.capabilities.partial_refunds) == (False, False)
    with pytest.raises(Misconfigured, match=named) as caught:
        gateway.refund(refund_order())
    assert_no_secret(str(caught.value))
    assert "nowhere" not in str(caught.value)


def elliptic() -> str:
    return certificate(key=ec.generate_private_key(ec.SECP256R1())).decode()


def test_a_certificate_may_be_a_file_of_either_form_or_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_bytes(certificate())
    (tmp_path / "a.cer").write_bytes(certificate(Encoding.DER))
    one_line = CERTIFICATE.replace("\n", "\\n")
    for value in (str(tmp_path / "a.pem"), str(tmp_path / "a.cer"), one_line):
        gateway = from_settings({**BASE, **INITIATED, "MPESA_CERTIFICATE": value}, Runtime())
        assert gateway is not None
        assert gateway._settings.initiator is not None
        assert gateway._settings.initiator.key == PRIVATE_KEY.public_key()


# --- access tokens ----------------------------------------------------------------------------------------------


class KeptTokens(MemoryTokens):
    """Remembers under which names and for how long."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, float]] = []

    def get(self, name: str, mint: Any, *, rejected: str = "") -> str:
        def watched() -> Any:
            token = mint()
            self.seen.append((name, token.seconds))
            return token

        return super().get(name, watched, rejected=rejected)


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        ("3599", 3539.0),
        (3599, 3539.0),
        (180, 120.0),
        ("10", 1.0),
        (None, 540.0),
        ("soon", 540.0),
        (-5, 540.0),
    ],
)
def test_tokens_are_given_up_a_minute_early(
    daraja: Daraja, make: Make, expires_in: Any, seconds: float
) -> None:
    tokens = KeptTokens()
    daraja.answers(OAUTH, {"access_token": "token-1", "expires_in": expires_in})
    daraja.answers(PUSH, sample("stk_response_200_accepted"))
    gateway = make(Runtime(tokens=tokens, now=lambda: NOW))
    gateway.start(order())
    gateway.start(order())
    assert len(daraja.at(OAUTH)) == 1
    [(name, kept)] = tokens.seen
    assert kept == seconds
    assert name.startswith("mpesa-sandbox-")
    assert_no_secret(name)


def test_the_sample_token_is_asked_for_and_used(daraja: Daraja, gateway: MpesaGateway) -> None:
    daraja.answers(OAUTH, sample("oauth_200_success"))
    daraja.answers(PUSH, sample("stk_response_200_accepted"))
    gateway.start(order())
    [minting] = daraja.at(OAUTH)
    assert minting.method == "GET"
    assert (
        minting.headers["Authorization"] == "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
    )
    [push] = daraja.at(PUSH)
    assert push.headers["Authorization"] == "Bearer 0AbcDEF1ghIJKlmNOPqrstuvWXyz"
    assert push.headers["Content-Type"] == "application/json"


def test_apps_do_not_share_their_tokens(make: Make) -> None:
    names = {
        make()._connection.name,
        make(MPESA_CONSUMER_KEY="another")._connection.name,
        make(MPESA_ENVIRONMENT="production")._connection.name,
        make(MPESA_BASE_URL="http://127.0.0.1:9/x")._connection.name,
    }
    assert len(names) == 4


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((400, b""), Misconfigured),
        ((400, sample("oauth_400_invalid_grant")), Misconfigured),
        ((400, error("400.008.01", "Invalid Authentication passed")), Misconfigured),
        ((401, b""), Misconfigured),
        ((404, b"<html>"), Misconfigured),
        ((429, b""), RateLimited),
        ((500, sample("error_500_quota_violation")), RateLimited),
        ((503, HTML), NotSent),
        ((500, b""), NotSent),
        ((200, b""), NotSent),
        ((200, {"access_token": "", "expires_in": "3599"}), NotSent),
        ((200, {"access_token": "two words", "expires_in": "3599"}), NotSent),
        ((200, {"access_token": "line\nbreak", "expires_in": "3599"}), NotSent),
        ((200, {"access_token": 7}), NotSent),
        ((200, None), NotSent),
    ],
)
def test_without_a_token_nothing_is_sent(
    daraja: Daraja, gateway: MpesaGateway, answer: Any, kind: type[Exception]
) -> None:
    daraja.answers(OAUTH, answer)
    for call in (lambda: gateway.start(order()), lambda: gateway.query(attempt())):
        with pytest.raises(kind) as caught:
            call()
        assert type(caught.value) is kind
        assert_no_secret(str(caught.value))
    assert daraja.at(PUSH) == daraja.at(QUERY) == []


REJECTIONS = [
    (404, sample("error_404_invalid_access_token")),
    (401, sample("error_404_invalid_access_token")),
    (401, sample("error_401_invalid_token_c2b_status")),
    (400, sample("error_401_invalid_token_c2b_status")),
    (401, sample("error_401_invalid_token_b2c")),
    (401, error("401.001", "Invalid token")),
    (401, error("401.003.01", "Error Occurred - Invalid Access Token - token-1")),
    (400, error("400.002.02", "Bad Request - Invalid Access Token")),
    (401, fault("oauth.v2.InvalidAccessToken", "Invalid Access Token")),
    (401, fault("keymanagement.service.access_token_expired", "Access Token expired")),
    (401, b""),
    (401, HTML),
]


@pytest.mark.parametrize("rejection", REJECTIONS)
def test_a_rejected_token_is_renewed_once_and_the_call_repeated(
    daraja: Daraja, gateway: MpesaGateway, rejection: Any
) -> None:
    daraja.answers(PUSH, rejection, sample("stk_response_200_accepted"))
    assert gateway.start(order()).status is Status.PENDING
    first, second = daraja.at(PUSH)
    assert len(daraja.at(OAUTH)) == 2
    assert first.headers["Authorization"] == "Bearer token-1"
    assert second.headers["Authorization"] == "Bearer token-2"
    assert first.body == second.body


@pytest.mark.parametrize("rejection", REJECTIONS)
def test_a_token_rejected_twice_is_given_up(daraja: Daraja, gateway: MpesaGateway, rejection: Any) -> None:
    daraja.answers(PUSH, rejection)
    with pytest.raises(Misconfigured) as caught:
        gateway.start(order())
    assert (len(daraja.at(PUSH)), len(daraja.at(OAUTH))) == (2, 2)
    assert_no_secret(str(caught.value))


def test_a_token_that_cannot_be_renewed_means_not_sent(daraja: Daraja, gateway: MpesaGateway) -> None:
    daraja.answers(OAUTH, sample("oauth_200_success"), (200, None))
    daraja.answers(PUSH, (401, b""))
    with pytest.raises(NotSent):
        gateway.start(order())
    assert len(daraja.at(PUSH)) == 1


@pytest.mark.parametrize(
    "answer",
    [
        (401, error("401.003.01", "Invalid API call as no apiproduct match found")),
        (401, fault("keymanagement.service.InvalidAPICallAsNoApiProductMatchFound", "Invalid API call")),
        (403, error("403.001", "Forbidden")),
    ],
)
def test_a_missing_subscription_is_not_met_with_a_new_token(
    daraja: Daraja, gateway: MpesaGateway, answer: Any
) -> None:
    daraja.answers(PUSH, answer)
    with pytest.raises(Misconfigured, match="ubscribe"):
        gateway.start(order())
    assert (len(daraja.at(PUSH)), len(daraja.at(OAUTH))) == (1, 1)


# --- the push ---------------------------------------------------------------------------------------------------


def test_the_password_is_that_of_the_vector() -> None:
    vector = json.loads((SAMPLES / "_test_vectors.json").read_bytes())["daraja_password"]
    password = password_of(vector["shortcode"], vector["passkey"], vector["timestamp"])
    assert password == vector["password"]


def test_the_timestamp_is_east_african_wherever_the_clock_stands() -> None:
    assert timestamp_of(NOW) == "20260301093015"
    assert timestamp_of(datetime(2025, 12, 31, 23, 30, tzinfo=UTC)) == "20260101023000"
    assert timestamp_of(NOW.astimezone()) == "20260301093015"


def test_a_paybill_is_asked_as_in_the_sample(daraja: Daraja, gateway: MpesaGateway) -> None:
    daraja.answers(PUSH, sample("stk_response_200_accepted"))
    assert gateway.start(order()) == Result(
        Status.PENDING,
        code="0",
        message="Success. Request accepted for processing",
        gateway_id="ws_CO_191220191020363925",
        details={"merchant_request_id": "29115-34620561-1"},
    )
    [push] = daraja.at(PUSH)
    assert push.document == {**sample("stk_request_paybill"), "AccountReference": "S1000123"}
    assert list(push.document) == list(sample("stk_request_paybill"))
    assert type(push.document["Amount"]) is int


def test_a_till_is_asked_as_in_the_sample(daraja: Daraja, make: Make) -> None:
    daraja.answers(PUSH, sample("stk_response_200_accepted_2018"))
    gateway = make(
        MPESA_SHORTCODE="7654321",
        MPESA_TRANSACTION_TYPE="CustomerBuyGoodsOnline",
        MPESA_TILL_NUMBER="5678901",
    )
    result = gateway.start(order(amount=Decimal("250.00"), account="S1000124"))
    assert result.gateway_id == "ws_CO_DMZ_157917982_20112018173133556"
    assert result.details == {"merchant_request_id": "2134-9231241-1"}
    [push] = daraja.at(PUSH)
    expected = {**sample("stk_request_buygoods"), "AccountReference": "S1000124"}
    # The sample quotes its numbers; Daraja takes both forms.
    assert {name: str(value) for name, value in push.document.items()} == {
        name: str(value) for name, value in expected.items()
    }


def test_the_clock_is_read_once(daraja: Daraja, make: Make) -> None:
    moments = [NOW + timedelta(seconds=second) for second in range(9)]
    daraja.answers(PUSH, sample("stk_response_200_accepted"))
    make(Runtime(now=lambda: moments.pop(0))).start(order())
    assert len(moments) == 8
    document = daraja.at(PUSH)[0].document
    assert base64.b64decode(document["Password"]).decode() == f"174379{PASSKEY}{document['Timestamp']}"


@pytest.mark.parametrize(
    ("account", "description", "sent"),
    [
        ("S1-000123", "Sale 5", ("S1000123", "Sale 5")),
        ("ABCDEFGHIJKLMNOP", "A description too long", ("ABCDEFGHIJKL", "A description")),
        ("", "", ("POS", "POS sale")),
        ("Mkaté é", "Über 'x' ☕", ("Mkat", "ber x")),
    ],
)
def test_texts_are_cut_to_what_daraja_takes(
    daraja: Daraja, gateway: MpesaGateway, account: str, description: str, sent: tuple[str, str]
) -> None:
    daraja.answers(PUSH, sample("stk_response_200_accepted"))
    gateway.start(order(account=account, description=description))
    document = daraja.at(PUSH)[0].document
    assert (document["AccountReference"], document["TransactionDesc"]) == sent


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": Decimal("0.50")}, "amount"),
        ({"amount": Decimal("10.50")}, "amount"),
        ({"amount": Decimal(0)}, "amount"),
        ({"amount": Decimal(250001)}, "amount"),
        ({"currency": "USD"}, "currency"),
        ({"phone_number": ""}, "phone_number"),
        ({"phone_number": "0708374149"}, "phone_number"),
        ({"phone_number": "256708374149"}, "phone_number"),
    ],
)
def test_what_daraja_would_refuse_is_not_sent(
    daraja: Daraja, gateway: MpesaGateway, changes: dict[str, Any], code: str
) -> None:
    result = gateway.start(order(**changes))
    assert (result.status, result.code) == (Status.DECLINED, code)
    assert result.message
    assert daraja.asked == []


@pytest.mark.parametrize(
    "word", ["mpesa", "M-Pesa", "SAFARICOM", "exe", "Exec", "cmd", "sql", "query", "m%70esa"]
)
def test_addresses_with_a_refused_word_are_not_sent(
    daraja: Daraja, refunding: MpesaGateway, word: str
) -> None:
    for url in (f"https://pos.example.co.ke/hooks/{word}/9f1c", f"https://{word}.example.co.ke/hooks/9f1c"):
        with pytest.raises(Misconfigured, match=r"PUBLIC_BASE_URL .*MPESA_CALLBACK_URL"):
            refunding.start(order(callback_url=url))
        with pytest.raises(Misconfigured):
            refunding.refund(refund_order(timeout_url=url))
        with pytest.raises(Misconfigured):
            refunding.query_refund(refund_order(status_url=url))
    assert daraja.asked == []


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ((400, sample("stk_error_400_invalid_phone")), "400.002.02", "phone number"),
        ((400, error("400.002.02", "Bad Request - Invalid PartyA")), "400.002.02", "phone number"),
        ((400, sample("stk_error_400_invalid_amount")), "400.002.02", "amount"),
        ((500, sample("stk_error_500_unable_to_lock_subscriber")), "500.001.1001", "one to three minutes"),
        ({"ResponseCode": "17", "ResponseDescription": "Rejected"}, "17", "did not take"),
        ({"ResponseCode": 1, "CheckoutRequestID": CHECKOUT}, "1", "did not take"),
    ],
)
def test_a_push_that_is_refused_is_declined(
    daraja: Daraja, gateway: MpesaGateway, answer: Any, code: str, words: str
) -> None:
    daraja.answers(PUSH, answer)
    result = gateway.start(order())
    assert (result.status, result.code, result.gateway_id) == (Status.DECLINED, code, "")
    assert words in result.message
    assert len(daraja.at(PUSH)) == 1


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ((400, sample("stk_error_400_invalid_callback")), "MPESA_CALLBACK_URL"),
        ((400, sample("stk_error_400_invalid_remarks")), "remarks"),
        ((400, error("400.002.02", "Bad Request - Invalid BusinessShortCode")), "MPESA_SHORTCODE"),
        ((400, error("400.002.02", "Bad Request - Invalid Timestamp")), "MPESA_PASSKEY"),
        ((400, error("400.002.05", "Invalid Request Payload")), "400.002.05"),
        ((500, sample("stk_error_500_wrong_credentials")), "MPESA_PASSKEY"),
        ((500, sample("stk_error_500_merchant_does_not_exist")), "MPESA_TILL_NUMBER"),
        ((403, error("403.001", "Forbidden")), "Subscribe"),
        ((404, error("404.001.01", "Resource not found")), "MPESA_BASE_URL"),
        ((404, error("404.002.01", "Resource not found")), "MPESA_BASE_URL"),
        ((404, error("404.003.01", "Resource not found")), "MPESA_BASE_URL"),
        ((404, fault("CLASSIFICATION_FAILURE", "Unable to identify proxy for host: x")), "MPESA_BASE_URL"),
        ((405, error("405.001", "Method Not Allowed")), "MPESA_BASE_URL"),
        ((400, error("400.999.99", "?")), "400.999.99"),
    ],
)
def test_a_push_refused_for_our_settings_names_them(
    daraja: Daraja, gateway: MpesaGateway, answer: Any, named: str
) -> None:
    daraja.answers(PUSH, answer)
    with pytest.raises(Misconfigured) as caught:
        gateway.start(order())
    assert named in str(caught.value)
    assert_no_secret(str(caught.value))
    assert len(daraja.at(PUSH)) == 1


LIMITS = [
    ((500, sample("error_500_spike_arrest_envelope")), 60.0),
    ((500, sample("error_500_quota_violation")), 60.0),
    ((429, fault("policies.ratelimit.SpikeArrestViolation", "Spike arrest violation")), 60.0),
    ((429, fault("policies.ratelimit.QuotaViolation"), {"Retry-After": "7"}), 7.0),
    ((500, fault("policies.ratelimit.SpikeArrestViolation")), 60.0),
    ((429, b""), 60.0),
    ((429, HTML, {"Retry-After": "120"}), 120.0),
]


@pytest.mark.parametrize(("answer", "seconds"), LIMITS)
def test_a_push_too_many_may_be_tried_later(
    daraja: Daraja, gateway: MpesaGateway, answer: Any, seconds: float
) -> None:
    daraja.answers(PUSH, answer)
    with pytest.raises(RateLimited) as caught:
        gateway.start(order())
    assert caught.value.retry_after == seconds
    assert len(daraja.at(PUSH)) == 1


def test_maintenance_surely_executes_nothing(daraja: Daraja, gateway: MpesaGateway) -> None:
    daraja.answers(PUSH, (503, error("00.002.1001", "Service is currently under maintenance")))
    with pytest.raises(NotSent) as caught:
        gateway.start(order())
    assert type(caught.value) is NotSent
    assert len(daraja.at(PUSH)) == 1


UNCLEAR = [
    (503, sample("error_503_maintenance_html_note")["_raw_body"].encode()),
    (502, HTML),
    (504, HTML),
    (500, b""),
    (500, {"nothing": "known"}),
    (500, error("500.003.1001", "Internal Server Error")),
    (500, error("500.001.1001", "Something new")),
    (503, fault("messaging.adaptors.http.flow.ServiceUnavailable", "The Service is temporarily unavailable")),
    (400, b""),
    (404, HTML),
    (302, b"", {"Location": "http://127.0.0.1:9/"}),
    (200, b""),
    (200, HTML),
    (200, b"[]"),
    (200, b'"0"'),
    (200, {}),
    (200, b"[" * 100000),
    (200, None),
]


@pytest.mark.parametrize(
    "answer",
    [
        *UNCLEAR,
        (500, error("500.002.1001", "Duplicate")),
        (500, sample("stkquery_500_pending")),
        (200, {"ResponseCode": "0", "MerchantRequestID": "1-2-3"}),
    ],
)
def test_a_push_without_a_clear_answer_stays_unknown_and_is_sent_once(
    daraja: Daraja, gateway: MpesaGateway, answer: Any
) -> None:
    daraja.answers(PUSH, answer)
    with pytest.raises(OutcomeUnknown):
        gateway.start(order())
    assert len(daraja.at(PUSH)) == 1


def test_what_cannot_be_reached_was_not_sent(make: Make) -> None:
    with pytest.raises(NotSent):
        make(MPESA_BASE_URL="http://127.0.0.1:9").start(order())


def test_logs_hold_no_secrets(
    daraja: Daraja, gateway: MpesaGateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="payments")
    daraja.answers(
        PUSH,
        (401, error("401.002.01", "Error Occurred - Invalid Access Token - token-1")),
        (400, error("400.002.02", f"Bad Request - Invalid PhoneNumber {PHONE}")),
    )
    result = gateway.start(order())
    assert "401.002.01" in caplog.text
    assert_no_secret(caplog.text + repr(result))


# --- the query --------------------------------------------------------------------------------------------------


def test_a_query_is_asked_as_in_the_sample(daraja: Daraja, make: Make) -> None:
    daraja.answers(QUERY, sample("stkquery_200_success"))
    gateway = make(Runtime(now=lambda: NOW + timedelta(seconds=45)))
    gateway_id = "ws_CO_13012021093521236557"
    assert gateway.query(attempt(gateway_id=gateway_id)) == Result(
        Status.SUCCEEDED, code="0", message="Paid with M-Pesa.", gateway_id=gateway_id
    )
    assert daraja.at(QUERY)[0].document == sample("stkquery_request")


def answered(code: Any, **changes: Any) -> dict[str, Any]:
    return {**sample("stkquery_200_success"), "CheckoutRequestID": CHECKOUT, "ResultCode": code, **changes}


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("stkquery_200_failed_1032", Status.CANCELLED, "1032"),
        ("stkquery_200_failed_1037", Status.DECLINED, "1037"),
    ],
)
def test_sampled_failures(
    daraja: Daraja, gateway: MpesaGateway, name: str, status: Status, code: str
) -> None:
    daraja.answers(QUERY, sample(name))
    result = gateway.query(attempt(gateway_id="ws_CO_13012021093521236557"))
    assert (result.status, result.code, result.message) == (status, code, STK[code].sentence)


@pytest.mark.parametrize("code", STK)
def test_every_code_has_its_outcome(daraja: Daraja, gateway: MpesaGateway, code: str) -> None:
    expected = {"0": Status.SUCCEEDED, "1032": Status.CANCELLED, "4999": Status.PENDING}
    forms: list[Any] = [code, int(code)] if code.isdigit() else [code]
    for form in forms:
        daraja.answers(QUERY, answered(form))
        result = gateway.query(attempt())
        assert (result.status, result.code) == (expected.get(code, Status.DECLINED), code)
        assert (result.amount, result.receipt, result.gateway_id) == (None, "", CHECKOUT)
        assert result.message == STK[code].sentence


def test_the_tables_hold_the_codes_of_the_fact_sheet() -> None:
    stk = [
        "0",
        "1",
        "2",
        "3",
        "4",
        "8",
        "17",
        "26",
        "1001",
        "1019",
        "1025",
        "1032",
        "1036",
        "1037",
        "2001",
        "2028",
        "4999",
        "8006",
        "9999",
        "E3008",
        "SFC_IC0003",
    ]
    assert sorted(STK) == sorted(stk)
    initiator = [
        "0",
        "1",
        "2",
        "3",
        "4",
        "8",
        "11",
        "21",
        "26",
        "2001",
        "2006",
        "2028",
        "8006",
        "R000001",
        "R000002",
        "SFC_IC0003",
    ]
    assert sorted(INITIATOR) == sorted(initiator)
    kinds = {code: meaning.kind for code, meaning in STK.items()}
    assert {code for code, kind in kinds.items() if kind is Kind.CONFIGURATION} == {
        "2028",
        "8006",
        "E3008",
        "SFC_IC0003",
    }
    assert {code for code, kind in kinds.items() if kind is Kind.TRANSIENT} == {
        "17",
        "26",
        "1001",
        "1025",
        "9999",
    }
    for meaning in (*STK.values(), *INITIATOR.values()):
        assert meaning.sentence.endswith(".")
        assert meaning.advice or meaning.kind in (Kind.SUCCESS, Kind.PENDING)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((500, sample("stkquery_500_pending")), "500.001.1001"),
        (answered("4999"), "4999"),
        ((400, error("400.002.02", "Bad Request - Invalid CheckoutRequestID")), "400.002.02"),
        ((500, sample("stk_error_500_unable_to_lock_subscriber")), "500.001.1001"),
    ],
)
def test_pending_is_said_in_several_ways(
    daraja: Daraja, gateway: MpesaGateway, answer: Any, code: str
) -> None:
    daraja.answers(QUERY, answer)
    result = gateway.query(attempt())
    assert (result.status, result.code, result.gateway_id) == (Status.PENDING, code, CHECKOUT)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (answered("4711"), "4711"),
        (answered("00"), "00"),
        (answered("-1"), "-1"),
        (answered("0", CheckoutRequestID="ws_CO_of_somebody_else"), "0"),
        (answered("1032", CheckoutRequestID="ws_CO_of_somebody_else"), "1032"),
        (answered("0", CheckoutRequestID=None), "0"),
        (answered("0", ResponseCode="1"), "0"),
        (answered(None, ResponseCode="0"), "0"),
        (answered(True, ResponseCode="0"), "0"),
        ({"ResponseCode": "5", "ResponseDescription": "?"}, "5"),
    ],
)
def test_answers_that_nobody_knows_are_unknown(
    daraja: Daraja, gateway: MpesaGateway, answer: Any, code: str
) -> None:
    daraja.answers(QUERY, answer)
    result = gateway.query(attempt())
    assert (result.status, result.code) == (Status.UNKNOWN, code)


@pytest.mark.parametrize("answer", UNCLEAR)
def test_a_query_without_an_answer_says_so(daraja: Daraja, gateway: MpesaGateway, answer: Any) -> None:
    daraja.answers(QUERY, answer)
    with pytest.raises(OutcomeUnknown):
        gateway.query(attempt())


def test_a_query_with_a_wrong_passkey_names_it(daraja: Daraja, gateway: MpesaGateway) -> None:
    daraja.answers(QUERY, (500, sample("stk_error_500_wrong_credentials")))
    with pytest.raises(Misconfigured, match="MPESA_PASSKEY"):
        gateway.query(attempt())


def test_a_push_that_was_never_named_cannot_be_asked_about(daraja: Daraja, gateway: MpesaGateway) -> None:
    result = gateway.query(attempt(gateway_id=""))
    assert (result.status, result.code) == (Status.PENDING, "not_identified")
    assert daraja.asked == []


def test_queries_share_one_budget(daraja: Daraja, make: Make) -> None:
    runtime = Runtime(now=lambda: NOW)
    daraja.answers(QUERY, answered("4999"))
    first, second = (make(runtime, MPESA_QUERIES_PER_MINUTE="5") for _ in range(2))
    first.query(attempt())
    with pytest.raises(RateLimited) as caught:
        second.query(attempt())
    assert 11 < caught.value.retry_after <= 12
    assert len(daraja.at(QUERY)) == 1


class Drained(MemoryBudget):
    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def drain(self, name: str, seconds: float) -> None:
        self.seconds.append(seconds)
        super().drain(name, seconds)


@pytest.mark.parametrize(("answer", "seconds"), LIMITS)
def test_a_query_too_many_empties_the_budget(daraja: Daraja, make: Make, answer: Any, seconds: float) -> None:
    budget = Drained()
    gateway = make(Runtime(budget=budget, now=lambda: NOW), MPESA_QUERIES_PER_MINUTE="60000")
    daraja.answers(QUERY, answer)
    for _ in range(2):
        with pytest.raises(RateLimited) as caught:
            gateway.query(attempt())
    assert budget.seconds == [seconds]
    assert seconds - 1 < caught.value.retry_after <= seconds
    assert len(daraja.at(QUERY)) == 1


# --- sending money back -----------------------------------------------------------------------------------------


def opened(credential: str) -> str:
    return PRIVATE_KEY.decrypt(base64.b64decode(credential), PKCS1v15()).decode()


def test_a_whole_payment_is_reversed_as_in_the_sample(daraja: Daraja, make: Make) -> None:
    daraja.answers(REVERSAL, sample("initiator_ack_200"))
    result = make(**INITIATED, MPESA_SHORTCODE="601315").refund(refund_order())
    assert (result.status, result.gateway_id) == (Status.PENDING, "AG_20210709_12346c8e6f8858d7b70a")
    assert result.details == {"originator_conversation_id": "71840-27539181-07", "way": "reversal"}
    document = daraja.at(REVERSAL)[0].document
    assert opened(document["SecurityCredential"]) == INITIATOR_PASSWORD
    assert document == {
        **sample("reversal_request"),
        "SecurityCredential": document["SecurityCredential"],
        "ResultURL": "https://pos.example.co.ke/hooks/dj/9f1c/result",
        "QueueTimeOutURL": "https://pos.example.co.ke/hooks/dj/9f1c/timeout",
        "Occasion": "0f6f0a2c-2f1e-4a57-9c1f-000000000045",
    }


def test_a_part_is_paid_out_as_in_the_sample(daraja: Daraja, refunding: MpesaGateway) -> None:
    daraja.answers(B2C, sample("initiator_ack_200"))
    result = refunding.refund(refund_order(amount=Decimal("10.00")))
    assert (result.status, result.gateway_id) == (Status.PENDING, "AG_20210709_12346c8e6f8858d7b70a")
    document = daraja.at(B2C)[0].document
    assert opened(document["SecurityCredential"]) == INITIATOR_PASSWORD
    assert document == {
        **sample("b2c_request_v3"),
        "OriginatorConversationID": "0f6f0a2c-2f1e-4a57-9c1f-000000000045",
        "SecurityCredential": document["SecurityCredential"],
        "ResultURL": "https://pos.example.co.ke/hooks/dj/9f1c/result",
        "QueueTimeOutURL": "https://pos.example.co.ke/hooks/dj/9f1c/timeout",
        "Occassion": "0f6f0a2c-2f1e-4a57-9c1f-000000000045",
    }


def test_a_b2c_refund_sent_again_is_under_way(daraja: Daraja, refunding: MpesaGateway) -> None:
    daraja.answers(B2C, (500, sample("b2c_error_500_duplicate_originator")))
    result = refunding.refund(refund_order(amount=Decimal(10), gateway_id="AG_1"))
    assert (result.status, result.code, result.gateway_id) == (Status.PENDING, "500.002.1001", "AG_1")


def test_without_a_receipt_the_whole_payment_goes_by_b2c_or_not_at_all(
    daraja: Daraja, refunding: MpesaGateway, make: Make
) -> None:
    unknown = refund_order(payment=attempt(receipt=""))
    result = make(**INITIATED).refund(unknown)
    assert (result.status, result.code) == (Status.DECLINED, "receipt_unknown")
    assert daraja.asked == []
    daraja.answers(B2C, sample("initiator_ack_200"))
    assert refunding.refund(unknown).status is Status.PENDING
    assert daraja.at(B2C)[0].document["Amount"] == 100


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": Decimal("50.50")}, "amount"),
        ({"amount": Decimal(0)}, "amount"),
        ({"amount": Decimal(101)}, "amount"),
        ({"amount": Decimal(9)}, "minimum"),
        ({"currency": "UGX"}, "currency"),
        ({"amount": Decimal(50), "phone_number": ""}, "phone_number"),
    ],
)
def test_refunds_that_daraja_would_not_make_are_not_sent(
    daraja: Daraja, refunding: MpesaGateway, changes: dict[str, Any], code: str
) -> None:
    result = refunding.refund(refund_order(**changes))
    assert (result.status, result.code) == (Status.DECLINED, code)
    assert daraja.asked == []


def test_without_b2c_no_part_is_sent_back(daraja: Daraja, make: Make) -> None:
    result = make(**INITIATED).refund(refund_order(amount=Decimal(50)))
    assert (result.status, result.code) == (Status.DECLINED, "partial_refund")
    assert daraja.asked == []


def test_without_an_initiator_the_settings_are_named(daraja: Daraja, gateway: MpesaGateway) -> None:
    for call in (gateway.refund, gateway.query_refund):
        with pytest.raises(
            Misconfigured, match="MPESA_INITIATOR_NAME, MPESA_INITIATOR_PASSWORD, MPESA_CERTIFICATE"
        ):
            call(refund_order())
    assert gateway.request_receipt(attempt(), "https://a.example/1", "https://a.example/2") is False
    assert daraja.asked == []


def test_outcomes_and_timeouts_need_two_addresses(daraja: Daraja, refunding: MpesaGateway) -> None:
    with pytest.raises(Misconfigured, match="two different addresses"):
        refunding.refund(refund_order(timeout_url=refund_order().result_url))
    assert daraja.asked == []


@pytest.mark.parametrize("path", [REVERSAL, B2C])
@pytest.mark.parametrize("answer", UNCLEAR)
def test_a_refund_without_a_clear_answer_stays_unknown_and_is_sent_once(
    daraja: Daraja, refunding: MpesaGateway, path: str, answer: Any
) -> None:
    daraja.answers(path, answer)
    with pytest.raises(OutcomeUnknown):
        refunding.refund(refund_order(amount=Decimal(100 if path == REVERSAL else 50)))
    assert len(daraja.at(path)) == 1


@pytest.mark.parametrize(
    ("path", "answer", "code"),
    [
        (REVERSAL, (400, error("400.002.02", "Bad Request - Invalid TransactionID")), "400.002.02"),
        (B2C, (400, error("400.002.02", "Bad Request - Invalid PartyB")), "400.002.02"),
        (B2C, (400, error("400.002.02", "Bad Request - Invalid Amount")), "400.002.02"),
        (REVERSAL, {"ResponseCode": "21", "ResponseDescription": "?"}, "21"),
    ],
)
def test_a_refused_refund_is_declined(
    daraja: Daraja, refunding: MpesaGateway, path: str, answer: Any, code: str
) -> None:
    daraja.answers(path, answer)
    result = refunding.refund(refund_order(amount=Decimal(100 if path == REVERSAL else 50)))
    assert (result.status, result.code) == (Status.DECLINED, code)


@pytest.mark.parametrize(
    ("field_name", "named"),
    [
        ("SecurityCredential", "MPESA_CERTIFICATE"),
        ("Initiator", "MPESA_INITIATOR_NAME"),
        ("QueueTimeOutURL", "PUBLIC_BASE_URL"),
        ("ReceiverParty", "MPESA_SHORTCODE"),
        ("RecieverIdentifierType", "recieveridentifiertype"),
    ],
)
def test_a_refund_refused_for_our_settings_names_them(
    daraja: Daraja, refunding: MpesaGateway, field_name: str, named: str
) -> None:
    daraja.answers(REVERSAL, (400, error("400.002.02", f"Bad Request - Invalid {field_name}")))
    with pytest.raises(Misconfigured, match=re.escape(named)):
        refunding.refund(refund_order())


# --- questions about transactions -------------------------------------------------------------------------------


def test_a_reversal_is_asked_about_by_receipt_as_in_the_sample(daraja: Daraja, make: Make) -> None:
    daraja.answers(STATUS, sample("initiator_ack_200"))
    gateway = make(**INITIATED, MPESA_SHORTCODE="600134")
    result = gateway.query_refund(refund_order(payment=attempt(receipt="LGR919G2AV"), gateway_id="AG_1"))
    assert (result.status, result.code, result.gateway_id) == (Status.PENDING, "asked", "AG_1")
    document = daraja.at(STATUS)[0].document
    assert opened(document["SecurityCredential"]) == INITIATOR_PASSWORD
    assert document == {
        **sample("txnstatus_request"),
        "SecurityCredential": document["SecurityCredential"],
        "ResultURL": "https://pos.example.co.ke/hooks/dj/9f1c/status",
        "QueueTimeOutURL": "https://pos.example.co.ke/hooks/dj/9f1c/status-timeout",
    }


def test_a_b2c_refund_is_asked_about_by_our_own_id(daraja: Daraja, refunding: MpesaGateway) -> None:
    daraja.answers(STATUS, sample("initiator_ack_200"))
    assert refunding.query_refund(refund_order(amount=Decimal(50))).status is Status.PENDING
    document = daraja.at(STATUS)[0].document
    assert document["OriginalConversationID"] == "0f6f0a2c-2f1e-4a57-9c1f-000000000045"
    assert document["PartyA"] == "600999"
    assert "TransactionID" not in document


def test_a_question_that_is_refused_says_nothing_of_the_refund(
    daraja: Daraja, refunding: MpesaGateway
) -> None:
    daraja.answers(STATUS, {"ResponseCode": "21", "ResponseDescription": "?"})
    result = refunding.query_refund(refund_order(gateway_id="AG_1"))
    assert (result.status, result.code, result.gateway_id) == (Status.PENDING, "21", "AG_1")


def test_a_missing_receipt_is_asked_for_by_the_id_of_the_push(
    daraja: Daraja, refunding: MpesaGateway
) -> None:
    urls = ("https://pos.example.co.ke/s", "https://pos.example.co.ke/t")
    daraja.answers(STATUS, sample("initiator_ack_200"))
    assert refunding.request_receipt(attempt(receipt=""), *urls) is True
    document = daraja.at(STATUS)[0].document
    assert document["OriginalConversationID"] == "29115-34620561-1"
    assert (document["ResultURL"], document["QueueTimeOutURL"], document["PartyA"]) == (*urls, "174379")
    daraja.answers(STATUS, {"ResponseCode": "21"})
    assert refunding.request_receipt(attempt(), *urls) is False
    assert refunding.request_receipt(attempt(details={}), *urls) is False
    daraja.answers(STATUS, (503, HTML))
    with pytest.raises(OutcomeUnknown):
        refunding.request_receipt(attempt(), *urls)
