"""The gateways' addresses take anything from anybody: everything is kept, nothing is believed, nothing breaks."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from apps.payments.addresses import hash_of, token_of
from apps.payments.models import GatewayCallback, Payment, Refund
from apps.users.models import User
from conftest import client_of, make_user, stock_product
from payments.simulator import running
from tests.contract.routes import all_routes
from tests.ledger import assert_ledgers_agree

pytestmark = pytest.mark.django_db
SAMPLES = sorted((Path(__file__).parents[2] / "payments" / "tests" / "samples").glob("*.json"))
WEBHOOKS = [route for route in all_routes() if route.is_webhook]
NOWHERE = "http://127.0.0.1:1"
UNREADABLE = [
    b"",
    b"{",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"\x00\x01\xff",
    b"NaN",
    b'{"Body": {"stkCallback": {"ResultCode": NaN}}}',
    b"null",
    b"[]",
    b'"text"',
    b"1e999",
    b"{'Body': 1}",
]
# Readable, and none of it of any gateway's shape; escapes and numbers that a database would refuse.
STRANGE = [
    b"\xef\xbb\xbf{}",
    b"{}",
    b'{"Body": null}',
    b'{"Body": {"stkCallback": []}}',
    b'{"Body": {"stkCallback": {"CheckoutRequestID": "\\u0000", "ResultCode": 0}}}',
    b'{"Body": {"stkCallback": {"CheckoutRequestID": "\\ud800", "ResultCode": "0"}}}',
    b'{"Body": {"stkCallback": {"CheckoutRequestID": 1e999, "ResultCode": 0}}}',
    b'{"Body": {"stkCallback": {"CheckoutRequestID": "x", "ResultCode": 0, "CallbackMetadata": {"Item": [{"Name": '
    b'"Amount", "Value": 1e400}, {"Name": "MpesaReceiptNumber", "Value": "\\u0000"}]}}}}',
    b'{"transaction": {"id": "\\u0000", "status_code": "TS"}}',
    b'{"transaction": {"id": ' + b"9" * 5_000 + b', "status_code": "TS"}}',
    b'{"event": "charge.success", "data": {"reference": "\\u0000", "amount": 1e400}}',
    b'{"event": {}, "data": 7}',
    b'{"Result": {"ResultCode": 0, "ResultParameters": {"ResultParameter": 7}}}',
    b'{"Result": {"ResultCode": {}, "ConversationID": ["x"]}}',
]


@pytest.fixture(scope="module")
def credentials() -> Iterator[dict[str, str]]:
    """Gateways that are set up and cannot be reached."""
    with running() as simulator:
        bases = ("MPESA_BASE_URL", "AIRTEL_BASE_URL", "PAYMENT_GATEWAY_BASE_URL")
        yield {**simulator.settings, **dict.fromkeys(bases, NOWHERE)}


@pytest.fixture
def open_payment(credentials: dict[str, str], settings: Any) -> Payment:
    """One payment by M-Pesa that is under way."""
    settings.GATEWAYS = {**settings.GATEWAYS, **credentials}
    settings.PUBLIC_BASE_URL = "http://127.0.0.1:9"
    return begun("mpesa", make_user("otieno"))


def begun(method: str, cashier: User) -> Payment:
    milk = stock_product(f"Milk {method}", "116.00")
    sale = client_of(cashier).post("/api/sales/sales/", {"items": [{"product": milk.pk, "quantity": 1}]})
    now = timezone.now()
    payment = Payment.objects.create(
        sale_id=sale.json()["id"],
        method=method,
        amount="116.00",
        status="processing",
        initiated_by=cashier,
        initiated_at=now,
        sent_at=now,
        environment="sandbox",
        gateway_id="ws_CO_1",
        phone_number="254712345678",
        next_query_at=now,
    )
    payment.token_hash = hash_of(token_of(payment.transaction_reference))
    payment.save()
    payment.sale.amount_pending = payment.amount
    payment.sale.save(update_fields=["amount_pending"])
    return payment


def addresses(payment: Payment) -> list[str]:
    """Every webhook, with no token, the right one and a wrong one."""
    found = []
    for route in WEBHOOKS:
        for token in (token_of(payment.transaction_reference), "0" * 32, "é.."):
            found.append(route.path(token))
    return sorted(set(found))


def post(path: str, body: bytes, **headers: str) -> Any:
    client = APIClient(raise_request_exception=True)
    return client.generic("POST", path, body, content_type="application/json", headers=headers)


def nothing_was_credited() -> None:
    assert not Payment.objects.exclude(status__in=["processing", "failed", "cancelled"]).exists()
    assert not Refund.objects.exists()
    assert_ledgers_agree()


def test_the_addresses_of_the_contract_are_there() -> None:
    templates = {route.template for route in WEBHOOKS}
    base = "/api/payments/webhooks/"
    for gateway in ("mpesa", "airtel", "card"):
        assert {f"{base}{gateway}/callback/", f"{base}{gateway}/callback/{{token}}/"} <= templates
    assert f"{base}daraja/{{token}}/" in templates


def test_every_sample_at_every_address_is_kept_and_credits_nothing(open_payment: Payment) -> None:
    for path in SAMPLES:
        body = json.dumps(json.loads(path.read_text())).encode()
        for address in addresses(open_payment):
            assert post(address, body).status_code in (200, 400, 401), (path.stem, address)
    nothing_was_credited()
    assert GatewayCallback.objects.count() > len(SAMPLES)


@pytest.mark.parametrize("body", UNREADABLE, ids=lambda body: repr(body[:24]))
def test_unreadable_messages_are_kept_and_refused(open_payment: Payment, body: bytes) -> None:
    for address in addresses(open_payment):
        answer = post(address, body)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json"), address
    kept = GatewayCallback.objects.all()
    assert {bytes(message.body) for message in kept} == {body}
    assert {message.state for message in kept} == {"rejected"}
    nothing_was_credited()


@pytest.mark.parametrize("body", STRANGE, ids=lambda body: repr(body[:60]))
def test_strange_messages_break_nothing(open_payment: Payment, as_admin: APIClient, body: bytes) -> None:
    for address in addresses(open_payment):
        assert post(address, body).status_code in (200, 400, 401), address
    assert as_admin.get("/api/payments/callbacks/?page_size=200").status_code == 200
    nothing_was_credited()


def test_a_message_that_is_too_large(open_payment: Payment) -> None:
    answer = post("/api/payments/webhooks/mpesa/callback/", b"{" + b" " * 300_000 + b"}")
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_acknowledgements_are_the_gateways_own(open_payment: Payment) -> None:
    stk = (
        b'{"Body":{"stkCallback":{"MerchantRequestID":"1","CheckoutRequestID":"unknown","ResultCode":1032}}}'
    )
    for address in ("mpesa/callback/", f"mpesa/callback/{'0' * 32}/", f"daraja/{'0' * 32}/"):
        answer = post(f"/api/payments/webhooks/{address}", stk)
        assert (answer.status_code, answer.json()) == (200, {"ResultCode": 0, "ResultDesc": "Accepted"})
    unsigned = b'{"event":"charge.success","data":{"reference":"unknown"}}'
    answer = post("/api/payments/webhooks/card/callback/", unsigned)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature")
    assert GatewayCallback.objects.filter(state="rejected", authentic=False).count() == 1


def test_without_credentials_a_message_is_kept_and_the_gateway_told_to_come_again(
    as_nobody: APIClient,
) -> None:
    answer = post("/api/payments/webhooks/mpesa/callback/", b'{"Body":{}}')
    assert (answer.status_code, answer.json()["code"]) == (503, "gateway_not_configured")
    assert GatewayCallback.objects.get().error_message


def test_secrets_and_card_numbers_are_blanked_before_they_are_kept(open_payment: Payment) -> None:
    echo = {"Initiator": "x", "SecurityCredential": "c2VjcmV0", "note": "card 4111 1111 1111 1111"}
    post(f"/api/payments/webhooks/daraja/{'0' * 32}/timeout/", json.dumps(echo).encode())
    kept = json.loads(bytes(GatewayCallback.objects.get().body))
    assert kept == {"Initiator": "x", "SecurityCredential": "***", "note": "card ***"}


@given(
    body=st.binary(max_size=300)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "Body",
                        "stkCallback",
                        "Result",
                        "transaction",
                        "data",
                        "event",
                        "ResultCode",
                        "id",
                        "amount",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=10,
    ).map(lambda document: json.dumps(document).encode())
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_fuzz_never_an_error_never_a_credit(open_payment: Payment, body: bytes) -> None:
    token = token_of(open_payment.transaction_reference)
    for place in (
        f"mpesa/callback/{token}/",
        f"daraja/{token}/result/",
        "airtel/callback/",
        "card/callback/",
    ):
        assert post(f"/api/payments/webhooks/{place}", body).status_code in (200, 400, 401)
    nothing_was_credited()
