"""Messages that anybody could write: kept, answered as always, and never a shilling credited (S9, S10)."""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Sum
from django.http import HttpResponse
from rest_framework.test import APIClient

from apps.payments.addresses import token_of
from apps.payments.models import GatewayCallback, Payment
from tests.figures import form, show
from tests.journeys.till import AIRTEL_PAYS, BY_HAND, PAYS, Till

HOOKS = "/api/payments/webhooks/"
RECEIPT = "SGH7XK21PQ"
ACKNOWLEDGED = {"ResultCode": 0, "ResultDesc": "Accepted"}
SIGNATURE = "x-paystack-signature"
REPLAYS = form(100, 1_000)


def bring(path: str, body: bytes, **headers: str) -> HttpResponse:
    names = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    answer: HttpResponse = APIClient().generic("POST", path, body, content_type="application/json", **names)
    return answer


def claim(payment: Payment, **changes: Any) -> bytes:
    """What Safaricom would write if the customer had paid, with `changes`."""
    said = {
        "merchant": payment.metadata["gateway"]["merchant_request_id"],
        "checkout": payment.gateway_id,
        "code": 0,
        "amount": 116,
        **changes,
    }
    items = [
        {"Name": "Amount", "Value": said["amount"]},
        {"Name": "MpesaReceiptNumber", "Value": RECEIPT},
        {"Name": "TransactionDate", "Value": 20261122191500},
        {"Name": "PhoneNumber", "Value": 254712345678},
    ]
    call = {
        "MerchantRequestID": said["merchant"],
        "CheckoutRequestID": said["checkout"],
        "ResultCode": said["code"],
        "ResultDesc": "The service request is processed successfully.",
        "CallbackMetadata": {"Item": items},
    }
    return json.dumps({"Body": {"stkCallback": call}}).encode()


def open_payment(till: Till, method: str = "mpesa") -> Payment:
    """The customer looks at the prompt, or at the page, and has not paid."""
    phone = {"mpesa": BY_HAND, "airtel": "0733123456"}.get(method, "")
    begun = till.pay(till.sale(), method, phone=phone)
    assert begun.status_code == 201, begun.content
    return Payment.objects.get(pk=begun.json()["id"])


def credited() -> object:
    return Payment.objects.aggregate(Sum("amount_received"))["amount_received__sum"]


def token(payment: Payment) -> str:
    return token_of(payment.transaction_reference)


# Each forges for `payment`, knowing `other`: where to, and what.
FORGED_MPESA: dict[str, Callable[[Payment, Payment], tuple[str, bytes]]] = {
    "no token": lambda p, o: ("mpesa/callback/", claim(p)),
    "a wrong token": lambda p, o: (f"daraja/{'0' * 32}/", claim(p)),
    "a token one digit too long": lambda p, o: (f"daraja/{token(p)}0/", claim(p)),
    "a token in capitals": lambda p, o: (f"daraja/{token(p).upper()}/", claim(p)),
    "the token's hash": lambda p, o: (f"daraja/{p.token_hash}/", claim(p)),
    "the reference as token": lambda p, o: (f"daraja/{p.transaction_reference}/", claim(p)),
    "another payment's token": lambda p, o: (f"daraja/{token(o)}/", claim(p)),
    "less money": lambda p, o: (f"daraja/{token(p)}/", claim(p, amount=1)),
    "more money": lambda p, o: (f"daraja/{token(p)}/", claim(p, amount=11600)),
    "money as a text": lambda p, o: (f"daraja/{token(p)}/", claim(p, amount="116 KES")),
    "no money": lambda p, o: (f"daraja/{token(p)}/", claim(p, amount=None)),
    "another checkout": lambda p, o: (f"daraja/{token(p)}/", claim(p, checkout="ws_CO_1")),
    "no checkout": lambda p, o: (f"daraja/{token(p)}/", claim(p, checkout="")),
    "the other's checkout": lambda p, o: (f"daraja/{token(p)}/", claim(p, checkout=o.gateway_id)),
    "another merchant request": lambda p, o: (f"daraja/{token(p)}/", claim(p, merchant="1-2-3")),
    "code 00": lambda p, o: (f"daraja/{token(p)}/", claim(p, code="00")),
    "no code": lambda p, o: (f"daraja/{token(p)}/", claim(p, code=None)),
    "at the card's address": lambda p, o: (f"airtel/callback/{token(p)}/", claim(p)),
}


@pytest.mark.parametrize("forged", FORGED_MPESA)
def test_forged_mpesa_callbacks_credit_nothing(till: Till, forged: str) -> None:
    payment, other = open_payment(till), open_payment(till)
    path, body = FORGED_MPESA[forged](payment, other)

    answer = bring(HOOKS + path, body)

    if path.startswith("airtel"):
        assert answer.status_code == 400
    elif forged == "no code":
        assert answer.status_code in (200, 400)
    else:
        assert (answer.status_code, answer.json()) == (200, ACKNOWLEDGED)
    (message,) = GatewayCallback.objects.all()
    assert message.state in ("rejected", "asked", "waiting", "unmatched", "applied", "received")
    assert bytes(message.body) == body
    till.work(2)
    assert credited() == 0
    assert set(Payment.objects.values_list("status", flat=True)) == {"processing"}
    # The real one still counts.
    till.simulator.enter_pin(BY_HAND)
    till.settle()
    assert credited() == 116


def test_control_the_same_message_unforged_settles(till: Till) -> None:
    payment = open_payment(till)
    answer = bring(f"{HOOKS}daraja/{token(payment)}/", claim(payment))
    assert (answer.status_code, answer.json()) == (200, ACKNOWLEDGED)
    assert credited() == 116


def test_known_and_unknown_tokens_are_answered_the_same(till: Till) -> None:
    payment = open_payment(till)
    answers = [bring(f"{HOOKS}daraja/{word}/", claim(payment)) for word in (token(payment), "f" * 32)]
    assert answers[0].content == answers[1].content
    assert dict(answers[0].headers) == dict(answers[1].headers)


def test_an_address_that_is_not_safaricoms_proves_nothing(till: Till, settings: Any) -> None:
    """Not even when it says in a header that it is; without proxies nobody may say so."""
    settings.MPESA_CALLBACK_IPS = ["196.201.214.200"]
    payment = open_payment(till)
    path = f"{HOOKS}daraja/{token(payment)}/"
    answer = bring(path, claim(payment), **{"X-Forwarded-For": "196.201.214.200"})
    assert (answer.status_code, answer.json()) == (200, ACKNOWLEDGED)
    till.work()
    assert credited() == 0
    assert GatewayCallback.objects.get().source_address == "127.0.0.1"


@pytest.mark.long_form
def test_a_genuine_success_many_times_and_elsewhere(till: Till) -> None:
    payment, other = open_payment(till), open_payment(till)
    till.simulator.enter_pin(BY_HAND, id=payment.gateway_id)
    till.settle()
    (message,) = till.simulator.raw_deliveries()
    path = message.url.removeprefix(message.url.partition("/api/")[0])

    answers = {bring(path, message.body).content for _ in range(REPLAYS)}
    elsewhere = bring(f"{HOOKS}daraja/{token(other)}/", message.body)
    till.work()

    assert answers == {elsewhere.content}
    assert credited() == 116
    assert Payment.objects.get(pk=other.pk).status == "processing"
    kept = GatewayCallback.objects.order_by("id").values_list("state", "repeats")
    assert list(kept) == [("applied", REPLAYS), ("rejected", 0)]
    show(
        "S10",
        "a genuine success again, and at another sale's address",
        f"{REPLAYS} + 1 replays",
        "one credit",
    )


def test_a_success_again_after_the_refund(till: Till) -> None:
    payment = till.pay(till.sale(), phone=PAYS).json()
    till.settle()
    message = till.simulator.raw_deliveries()[0]
    path = message.url.removeprefix(message.url.partition("/api/")[0])
    till.approve(till.refund(payment).json())
    till.settle()
    assert till.payment(payment["id"])["status"] == "refunded"

    # Other bytes, so that it is another message to us.
    assert bring(path, message.body + b" ").status_code == 200
    till.work()

    again = till.payment(payment["id"])
    assert (again["status"], again["amount_refunded"]) == ("refunded", "116.00")
    show("S10", "a genuine success after the refund", "1 replay", "stays refunded")


# --- Cards ----------------------------------------------------------------------------------------------


def charge(payment: Payment, **changes: Any) -> bytes:
    data = {
        "id": 4099260516,
        "domain": "test",
        "status": "success",
        "reference": payment.transaction_reference,
        "amount": 11600,
        "currency": "KES",
        **changes,
    }
    return json.dumps({"event": "charge.success", "data": data}, separators=(",", ":")).encode()


def signed(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha512).hexdigest()


# What is sent instead of the body that was signed, and the signature.
FORGED_CARD: dict[str, Callable[[bytes, str], tuple[bytes, dict[str, str]]]] = {
    "no signature": lambda body, key: (body, {}),
    "an empty signature": lambda body, key: (body, {SIGNATURE: ""}),
    "a wrong signature": lambda body, key: (body, {SIGNATURE: "0" * 128}),
    "half a signature": lambda body, key: (body, {SIGNATURE: signed(body, key)[:64]}),
    "another secret": lambda body, key: (body, {SIGNATURE: signed(body, "sk_test_other")}),
    "an empty secret": lambda body, key: (body, {SIGNATURE: signed(body, "")}),
    "an altered body": lambda body, key: (body.replace(b"11600", b"11601"), {SIGNATURE: signed(body, key)}),
    "a body written anew": lambda body, key: (
        json.dumps(json.loads(body)).encode(),
        {SIGNATURE: signed(body, key)},
    ),
    "sha256": lambda body, key: (
        body,
        {SIGNATURE: hmac.new(key.encode(), body, hashlib.sha256).hexdigest()},
    ),
    "the signature in the body": lambda body, key: (
        body[:-1] + f',"signature":"{signed(body, key)}"}}'.encode(),
        {},
    ),
}


@pytest.mark.parametrize("forged", FORGED_CARD)
def test_card_webhooks_that_are_not_signed_are_refused(till: Till, forged: str) -> None:
    payment = open_payment(till, "card")
    # What is believed without proof would now be found to be true: the refusal must not even ask.
    body, headers = FORGED_CARD[forged](charge(payment), till.simulator.credentials.card_key)

    answer = bring(f"{HOOKS}card/callback/", body, **headers)

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature")
    (message,) = GatewayCallback.objects.all()
    assert (message.state, message.authentic, message.next_try_at) == ("rejected", False, None)
    till.work()
    assert credited() == 0


def test_a_signed_card_webhook_is_still_no_money(till: Till) -> None:
    """Whoever has the key can sign; only the verification counts, and it says that nobody has paid."""
    payment = open_payment(till, "card")
    body = charge(payment)
    headers = {SIGNATURE: signed(body, till.simulator.credentials.card_key)}
    assert bring(f"{HOOKS}card/callback/", body, **headers).status_code == 200
    assert GatewayCallback.objects.get().state == "asked"
    till.work()
    assert credited() == 0


@pytest.mark.parametrize("mode", ["callback-unsigned", "callback-bad-hash"])
def test_airtel_messages_without_a_good_hash_only_make_us_ask(till: Till, mode: str) -> None:
    payment = open_payment(till, "airtel")
    body = {"transaction": {"id": payment.gateway_id, "status_code": "TS", "airtel_money_id": "MP1"}}
    if mode == "callback-bad-hash":
        body["hash"] = "AAAA"  # type: ignore[assignment]
    answer = bring(f"{HOOKS}airtel/callback/", json.dumps(body).encode())
    assert answer.status_code in (200, 401)
    assert GatewayCallback.objects.get().authentic is False
    till.work()
    assert (credited(), Payment.objects.get().status) == (0, "processing")
    # The honest one in the same clothes is found out by asking.
    till.simulator.set_mode("airtel", mode)
    till.pay(till.sale(), "airtel", AIRTEL_PAYS)
    till.settle()
    till.work()
    assert credited() == 116


@pytest.mark.parametrize("method", ["mpesa", "airtel", "card"])
def test_unknown_ids_are_acknowledged_and_kept(till: Till, method: str) -> None:
    nobody = Payment(
        transaction_reference="PAY-00000000000000000000",
        gateway_id="ws_CO_22112026000000000",
        metadata={"gateway": {"merchant_request_id": "1-1-1"}},
    )
    bodies = {
        "mpesa": claim(nobody),
        "airtel": b'{"transaction":{"id":"PAY00000000000000000000","status_code":"TS"}}',
        "card": charge(nobody),
    }
    body = bodies[method]
    headers = {SIGNATURE: signed(body, till.simulator.credentials.card_key)} if method == "card" else {}
    assert bring(f"{HOOKS}{method}/callback/", body, **headers).status_code in (200, 401)
    assert GatewayCallback.objects.get().state == "unmatched"
    till.work()
    assert Payment.objects.count() == 0


UNREADABLE = [b"", b"not json", b"[]", b"{}", b"\xff\xfe", b'{"Body":NaN}', b"[" * 5000]


@pytest.mark.parametrize("method", ["mpesa", "airtel", "card"])
def test_what_cannot_be_read_is_refused_and_kept(till: Till, method: str) -> None:
    for body in UNREADABLE:
        headers = {SIGNATURE: signed(body, till.simulator.credentials.card_key)}
        answer = bring(f"{HOOKS}{method}/callback/", body, **headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json"), body
    kept = GatewayCallback.objects.order_by("id")
    assert [bytes(message.body) for message in kept] == UNREADABLE
    assert {message.state for message in kept} == {"rejected"}
