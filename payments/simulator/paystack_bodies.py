"""The bodies of the card gateway (Paystack): what verify answers and what webhooks carry."""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

from payments.simulator.credentials import Credentials
from payments.simulator.state import CardPayment, CardRefund, zulu
from payments.simulator.web import Reply, compact, json_reply

Document = dict[str, Any]
SIGNATURE = "x-paystack-signature"
BRANDS = {"visa": "4081", "mastercard": "8877", "verve": "4242"}
NEXT_STEP = "Ensure that you're passing the right parameter(s) and the parameter(s) are valid"
FEES = 0.029


def ok(message: str, data: Any, **more: Any) -> Reply:
    return json_reply({"status": True, "message": message, "data": data, **more})


def refused(message: str, code: str = "invalid_params", status: int = 400) -> Reply:
    document = {"status": False, "message": message, "meta": {"nextStep": NEXT_STEP}}
    return json_reply({**document, "type": "validation_error", "code": code}, status)


def domain(credentials: Credentials, other: bool = False) -> str:
    live = credentials.card_key.startswith("sk_live_")
    return "live" if live != other else "test"


def transaction(credentials: Credentials, payment: CardPayment, status: str, kind: str = "") -> Document:
    """A charge. `kind` is what is wrong with it: low, fees, currency, domain."""
    paid = status in ("success", "reversed")
    amount = {"low": payment.amount - 100, "fees": payment.amount + int(payment.amount * FEES)}.get(
        kind, payment.amount
    )
    currency = "NGN" if kind == "currency" else payment.currency
    return {
        "id": payment.id,
        "domain": domain(credentials, kind == "domain"),
        "status": status,
        "reference": payment.reference,
        "receipt_number": None,
        "amount": amount,
        "message": None,
        "gateway_response": {"success": "Approved", "failed": "Declined"}.get(
            status, "The transaction was not completed"
        ),
        "paid_at": zulu(payment.paid_at) if paid else None,
        "created_at": zulu(payment.created),
        "channel": "card",
        "currency": currency,
        "ip_address": "127.0.0.1",
        "metadata": payment.metadata if payment.metadata is not None else "",
        "log": _log(payment, paid),
        "fees": int(payment.amount * FEES) if paid else None,
        "fees_split": None,
        "authorization": _authorization(payment) if status in ("success", "failed", "reversed") else {},
        "customer": _customer(payment),
        "plan": None,
        "split": {},
        "order_id": None,
        "paidAt": zulu(payment.paid_at) if paid else None,
        "createdAt": zulu(payment.created),
        "requested_amount": payment.amount,
        "pos_transaction_data": None,
        "source": None,
        "fees_breakdown": None,
        "connect": None,
        "transaction_date": zulu(payment.created),
        "plan_object": {},
        "subaccount": {},
    }


def charge_event(credentials: Credentials, payment: CardPayment, kind: str) -> Document:
    """`charge.success`, or what else a mode sends in its place."""
    data = transaction(credentials, payment, "success", kind)
    if kind == "foreign":
        data["reference"] = f"foreign-{secrets.token_hex(6)}"
    if kind == "odd-event":
        return {"event": "subscription.create", "data": {"id": payment.id, "status": "active"}}
    if kind == "dispute":
        return {"event": "charge.dispute.create", "data": _dispute(payment, data)}
    return {"event": "charge.success", "data": data}


def refund_document(credentials: Credentials, refund: CardRefund, whole: bool) -> Document:
    """A refund; `whole`: with the transaction in it, as the answer to its request has."""
    payment = refund.payment
    done = refund.status == "processed"
    inside: Any = transaction(credentials, payment, "success") if whole else payment.id
    return {
        "integration": 412829,
        "transaction": inside,
        "dispute": None,
        "settlement": None,
        "id": refund.id,
        "domain": domain(credentials),
        "currency": payment.currency,
        "amount": refund.amount,
        "deducted_amount": refund.amount if done else 0,
        "fully_deducted": done,
        "channel": None,
        "status": refund.status,
        "refunded_by": payment.email,
        "refunded_at": zulu(refund.updated) if done else None,
        "expected_at": zulu(refund.created),
        "merchant_note": refund.merchant_note,
        "customer_note": refund.customer_note,
        "createdAt": zulu(refund.created),
        "updatedAt": zulu(refund.updated),
    }


def refund_event(credentials: Credentials, refund: CardRefund) -> Document:
    """The amount is a text on the way and a number when it went wrong; the id comes only with needs-attention."""
    wrong = refund.status in ("failed", "needs-attention")
    data: Document = {
        "status": refund.status,
        "transaction_reference": refund.payment.reference,
        "refund_reference": str(refund.id * 41) if refund.status == "processed" else None,
        "amount": refund.amount if wrong else str(refund.amount),
        "currency": refund.payment.currency,
        "processor": "simulator",
        "customer": {"first_name": None, "last_name": None, "email": refund.payment.email},
        "integration": 412829,
        "domain": domain(credentials),
    }
    if refund.status == "needs-attention":
        data["id"] = str(refund.id)
    return {"event": f"refund.{refund.status}", "data": data}


def sealed(key: str, document: Document, kind: str = "plain") -> tuple[bytes, dict[str, str]]:
    """The bytes of a webhook and the headers that sign them, the way that `kind` says."""
    body = compact(document)
    if kind == "unsigned":
        return body, {}
    if kind in _OTHER_KEYS:
        return body, {SIGNATURE: _hmac512(_OTHER_KEYS[kind](key), body)}
    if kind in ("timestamp", "old-timestamp"):
        moment = int(time.time()) - (3600 if kind == "old-timestamp" else 0)
        signed = hmac.new(key.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        return body, {"Stripe-Signature": f"t={moment},v1={signed}"}
    headers = {SIGNATURE: _hmac512(key, body)}
    return (json.dumps(document, indent=1).encode() if kind == "altered" else body), headers


_OTHER_KEYS: dict[str, Callable[[str], str]] = {
    "bad-signature": lambda key: secrets.token_hex(16),
    "rotated": lambda key: f"{key}_rotated",
}


def _hmac512(key: str, body: bytes) -> str:
    return hmac.new(key.encode(), body, hashlib.sha512).hexdigest()


def _authorization(payment: CardPayment) -> Document:
    return {
        "authorization_code": f"AUTH_{secrets.token_hex(5)}",
        "bin": "408408",
        "last4": BRANDS[payment.brand],
        "exp_month": "12",
        "exp_year": "2030",
        "channel": "card",
        "card_type": f"{payment.brand} ",
        "bank": "TEST BANK",
        "country_code": "KE",
        "brand": payment.brand,
        "reusable": True,
        "signature": f"SIG_{secrets.token_hex(10)}",
        "account_name": None,
    }


def _customer(payment: CardPayment) -> Document:
    return {
        "id": 181873746,
        "first_name": None,
        "last_name": None,
        "email": payment.email,
        "customer_code": "CUS_1rkzaqsv4rrhqo6",
        "phone": None,
        "metadata": None,
        "risk_action": "default",
        "international_format_phone": None,
    }


def _log(payment: CardPayment, paid: bool) -> Document:
    history = [{"type": "action", "message": "Attempted to pay with card", "time": 3}]
    return {
        "start_time": int(payment.created.timestamp()),
        "time_spent": 4,
        "attempts": 1,
        "errors": 0,
        "success": paid,
        "mobile": False,
        "input": [],
        "history": history,
    }


def _dispute(payment: CardPayment, data: Document) -> Document:
    return {
        "id": payment.id % 1_000_000,
        "refund_amount": payment.amount,
        "currency": payment.currency,
        "status": "awaiting-merchant-feedback",
        "resolution": None,
        "domain": data["domain"],
        "transaction": data,
        "transaction_reference": None,
        "category": "chargeback",
        "customer": data["customer"],
        "bin": "408408",
        "last4": BRANDS[payment.brand],
        "dueAt": zulu(payment.created),
        "resolvedAt": None,
        "evidence": None,
        "note": None,
        "created_at": zulu(payment.created),
        "updated_at": zulu(payment.created),
    }
