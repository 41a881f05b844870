"""M-Pesa Express: the prompt on the customer's phone (STK push), its query, its callbacks."""

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from payments.simulator import daraja_fields as fields
from payments.simulator.daraja_c2b import confirmation_of
from payments.simulator.daraja_messages import STK_MESSAGES
from payments.simulator.daraja_token import FAULT, require_token, token_answer
from payments.simulator.delivery import Delivery
from payments.simulator.modes import Mode
from payments.simulator.modes_mpesa import RESULTS
from payments.simulator.state import PhonePayment, east_africa, new_receipt
from payments.simulator.web import DROPPED, UNAVAILABLE, Refusal, Reply, Request, compact, json_reply
from payments.simulator.world import World

ACCEPTED = "Success. Request accepted for processing"
BUSY = "Unable to lock subscriber, a transaction is already in process for the current subscriber"
PENDING = "The transaction is being processed"
NO_PROXY = Reply(404, b"Unable to identify proxy for host: default and url: /mpesa/stkpush", "text/plain")

# Answers with which a push is refused.
REFUSALS: Mapping[str, Reply] = {
    "html": UNAVAILABLE,
    "fault": FAULT,
    "empty": Reply(500),
    "no-proxy": NO_PROXY,
    "spike": fields.error(500, "500.003.02", "Error Occurred: Spike Arrest Violation"),
    "quota": fields.error(500, "500.003.03", "Error Occurred: Quota Violation"),
    "maintenance": fields.error(503, "00.002.1001", "System under maintenance"),
    "internal": fields.error(500, "500.003.1001", "Internal Server Error"),
    "merchant": fields.error(500, "500.001.1001", "Merchant does not exist"),
    "locked": fields.error(500, "500.001.1001", BUSY),
    "forbidden": fields.error(403, "403.001", "The app is not permitted to use this product"),
}


def push(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    token = require_token(world, request, "stk")
    document = fields.document_of(request)
    fields.check(document, fields.PUSH, fields.PUSH_NAMES)
    if fields.digits(document["PartyA"]) != fields.digits(document["PhoneNumber"]):
        raise fields.invalid("PartyA")
    fields.check_merchant(document, world.credentials)
    phone = fields.digits(document["PhoneNumber"])
    mode = world.choices.take("mpesa", phone[-9:])
    token_answer(world, mode, phone, token)
    if mode.answer in REFUSALS:
        raise Refusal(REFUSALS[mode.answer])
    payment = _payment(document, phone, mode)
    with world.lock:
        world.state.phone_payments[payment.id] = payment
    fault = fields.pairing_fault(document, world.credentials)
    _begin(world, payment, fault or mode.outcome)
    return DROPPED if mode.answer == "dropped" else _accepted(payment)


def finish(world: World, payment: PhonePayment, outcome: str) -> bool:
    """Decide an open prompt and send its callbacks."""
    if not world.decide(payment, outcome):
        return False
    payment.decided = datetime.now(UTC)
    payment.receipt = new_receipt() if payment.paid else ""
    # A wrong pairing has its own callback, whatever the mode wanted to send.
    kinds = payment.mode.messages if outcome == (payment.mode.outcome or outcome) else ("plain",)

    def told() -> None:
        payment.told_late = True

    deliveries = [made for kind in kinds if (made := _delivery(world, payment, kind))]
    if deliveries:
        world.tell(payment.mode.when, deliveries, told)
    return True


def query(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    require_token(world, request, "stk")
    if world.query_limit.exceeded():
        raise Refusal(FAULT)
    document = fields.document_of(request)
    fields.check(document, fields.QUERY)
    fields.check_merchant(document, world.credentials)
    payment = world.state.phone_payments.get(document["CheckoutRequestID"])
    if payment is None or payment.gateway != "mpesa":
        raise fields.invalid("CheckoutRequestID")
    return _answer(world, payment)


def _payment(document: Mapping[str, Any], phone: str, mode: Mode) -> PhonePayment:
    return PhonePayment(
        gateway="mpesa",
        id=f"ws_CO_{east_africa('%d%m%Y%H%M%S')}{secrets.randbelow(10**12):012d}",
        merchant_id=f"{secrets.token_hex(2)}-{secrets.token_hex(2)}-{secrets.token_hex(8)}",
        phone=phone,
        amount=int(document["Amount"]),
        account=document["AccountReference"],
        mode=mode,
        payee=fields.digits(document["PartyB"]),
        callback_url=document["CallBackURL"],
    )


def _begin(world: World, payment: PhonePayment, outcome: str) -> None:
    if outcome and payment.mode.when == "first":
        finish(world, payment, outcome)
    elif outcome:
        world.later.after(world.pace.act, lambda: finish(world, payment, outcome))
    else:
        world.later.after(world.pace.patience, lambda: finish(world, payment, "1037"), patient=True)


def _accepted(payment: PhonePayment) -> Reply:
    return json_reply(
        {
            "MerchantRequestID": payment.merchant_id,
            "CheckoutRequestID": payment.id,
            "ResponseCode": "0",
            "ResponseDescription": ACCEPTED,
            "CustomerMessage": ACCEPTED,
        }
    )


def _delivery(world: World, payment: PhonePayment, kind: str) -> Delivery | None:
    if kind == "c2b":
        return confirmation_of(world, payment)
    body = compact(STK_MESSAGES[kind](payment))
    return world.deliveries.prepare("mpesa", payment.id, f"stk {kind}", payment.callback_url, body)


def _answer(world: World, payment: PhonePayment) -> Reply:
    """What the query says: the mode's answers first, then the truth."""
    mode = payment.mode
    with world.lock:
        asked, payment.asked = payment.asked, payment.asked + 1
    if mode.always == "limited" and world.strict_limit.exceeded():
        return FAULT
    answer = mode.asked[asked] if asked < len(mode.asked) else mode.always.replace("limited", "")
    if mode.when == "late" and payment.told_late:
        answer = ""
    if answer in SAID:
        return SAID[answer](payment)
    waits = mode.when == "late" and not payment.told_late
    if not answer and (waits or not payment.outcome):
        return _pending(payment)
    return _said(payment, answer or payment.outcome)


def _pending(payment: PhonePayment) -> Reply:
    return fields.error(500, "500.001.1001", PENDING, payment.id)


def _said(payment: PhonePayment, code: str) -> Reply:
    return json_reply(
        {
            "ResponseCode": "0",
            "ResponseDescription": "The service request has been accepted successsfully",
            "MerchantRequestID": payment.merchant_id,
            "CheckoutRequestID": payment.id,
            "ResultCode": code,
            "ResultDesc": RESULTS.get(code, "The request failed."),
        }
    )


SAID: Mapping[str, Callable[[PhonePayment], Reply]] = {
    "500": _pending,
    "4999": lambda payment: _said(payment, "4999"),
    "400": lambda payment: fields.error(400, "400.002.02", "Bad Request - Invalid CheckoutRequestID"),
    "html": lambda payment: UNAVAILABLE,
}
