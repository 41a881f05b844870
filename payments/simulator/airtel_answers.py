"""The envelopes in which Airtel answers, and its callbacks."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Any

from payments.simulator.modes_airtel import OUTCOMES
from payments.simulator.state import PhonePayment, new_airtel_id
from payments.simulator.web import Reply, compact, json_reply

Document = dict[str, Any]
INVALID_TOKEN = {"error_description": "The access token is invalid or has expired", "error": "invalid_token"}
IO_EXCEPTION = json_reply({"status_message": "I/O Exception", "status_code": "CONNECTION_TIMEOUT"}, 408)


def envelope(
    data: Any = None,
    response_code: str = "",
    result_code: str = "ESB000010",
    message: str = "SUCCESS",
    success: bool = True,
    code: str | int = "200",
) -> Document:
    status: Document = {"code": code, "message": message, "result_code": result_code, "success": success}
    if response_code:
        status["response_code"] = response_code
    return {"status": status} if data is None else {"data": data, "status": status}


def refused(message: str, result_code: str, response_code: str = "", code: str | int = "400") -> Reply:
    """A refusal, with HTTP 200 as Airtel does it."""
    return json_reply(envelope(None, response_code, result_code, message, False, code))


def router(code: str, message: str, status: int = 400) -> Reply:
    return json_reply({"status_code": code, "status_message": message}, status)


def accepted(payment: PhonePayment, status: str = "SUCCESS") -> Reply:
    data = {"transaction": {"id": payment.id, "status": status}}
    return json_reply(envelope(data, "DP00800001006", message=status))


def enquiry(payment: PhonePayment, key: str) -> Reply:
    """What is known of a payment, as `OUTCOMES[key]` says it."""
    status, response_code, result_code, message = OUTCOMES[key]
    transaction = {"id": payment.id, "message": message, "status": status}
    if status in ("TS", "TR"):
        transaction["airtel_money_id"] = payment.receipt or new_airtel_id()
    success = status in ("TS", "TR", "TIP") and key != "odd"
    return json_reply(envelope({"transaction": transaction}, response_code, result_code, success=success))


NOT_FOUND = refused("Transaction not found.", "ESB000045", "DP00800001025", "404")


def callback(payment: PhonePayment, status: str = "") -> Document:
    """The `transaction` of a callback. It says TS or TF and names neither amount nor phone, except in words."""
    true_status, _, _, message = OUTCOMES[payment.outcome]
    status = status or ("TF" if true_status == "TE" else true_status)
    receipt = payment.receipt or new_airtel_id()
    if status == "TS":
        message = f"Paid KES {payment.amount:,} to SIMULATED SHOP Charge KES 0, Trans ID {receipt}."
    return {"id": payment.id, "message": message, "status_code": status, "airtel_money_id": receipt}


def signature(key: str, signed: bytes) -> str:
    return base64.b64encode(hmac.new(key.encode(), signed, hashlib.sha256).digest()).decode()


def _member(key: str, transaction: Document) -> Document:
    return {"transaction": transaction, "hash": signature(key, compact(transaction))}


def _body(key: str, transaction: Document) -> Document:
    return {"transaction": transaction, "hash": signature(key, compact({"transaction": transaction}))}


def _plain(key: str, transaction: Document) -> Document:
    """Signed where a key is set."""
    return _member(key, transaction) if key else {"transaction": transaction}


MESSAGES: dict[str, Callable[[str, PhonePayment], Document]] = {
    "plain": lambda key, payment: _plain(key, callback(payment)),
    "unsigned": lambda key, payment: {"transaction": callback(payment)},
    "member": lambda key, payment: _member(key, callback(payment)),
    "body": lambda key, payment: _body(key, callback(payment)),
    "bad-hash": lambda key, payment: _member(secrets.token_hex(8), callback(payment)),
    "TF": lambda key, payment: _plain(key, {**callback(payment, "TF"), "message": "Transaction failed"}),
    "TS": lambda key, payment: _plain(key, callback(payment, "TS")),
    "foreign": lambda key, payment: _plain(key, {**callback(payment, "TS"), "id": secrets.token_hex(16)}),
}
