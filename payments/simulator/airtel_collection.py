"""Airtel's collection: the prompt on the customer's phone, the enquiry, the callback."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from payments.simulator import airtel_answers as answers
from payments.simulator import airtel_checks as checks
from payments.simulator.modes import Mode
from payments.simulator.modes_airtel import OUTCOMES
from payments.simulator.state import PhonePayment, new_airtel_id
from payments.simulator.web import BAD_GATEWAY, DROPPED, Refusal, Reply, Request, compact
from payments.simulator.world import World

# Answers with which a request is refused.
REFUSALS: Mapping[str, Reply] = {
    "html": BAD_GATEWAY,
    "router": answers.router("ROUTER110", "Partner not found"),
    "vendor": answers.refused("Vendor not configured", "ESB000039", "", "500"),
}
# Answers after which the payment goes on nevertheless.
UNCLEAR: Mapping[str, Reply] = {
    "408": answers.IO_EXCEPTION,
    "dropped": DROPPED,
    "router-timeout": answers.router("ROUTER117", "Request timeout"),
    "ambiguous": answers.refused("Transaction is ambiguous", "ESB000014", "DP00800001000", "500"),
}


def collect(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    token = checks.require_token(world, request)
    checks.require_where(request)
    document = checks.document_of(request)
    return _collect(world, document, token)


def collect_signed(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    token = checks.require_token(world, request)
    checks.require_where(request)
    document = checks.document_of(request)
    checks.check_signature(request)
    return _collect(world, document, token)


def enquire(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    checks.require_token(world, request)
    checks.require_where(request)
    payment = world.state.phone_payments.get(parts["id"])
    if payment is None or payment.gateway != "airtel":
        return answers.NOT_FOUND
    with world.lock:
        asked, payment.asked = payment.asked, payment.asked + 1
    return _answer(
        payment, payment.mode.asked[asked] if asked < len(payment.mode.asked) else payment.mode.always
    )


def finish(world: World, payment: PhonePayment, outcome: str) -> bool:
    """Decide an open prompt and send its callbacks."""
    if not world.decide(payment, outcome):
        return False
    payment.decided = datetime.now(UTC)
    if payment.paid:
        payment.receipt = new_airtel_id()
        with world.lock:
            world.state.airtel_receipts[payment.receipt] = payment.id

    def told() -> None:
        payment.told_late = True

    key = world.credentials.airtel_callback_key
    deliveries = [
        world.deliveries.prepare(
            "airtel",
            payment.id,
            f"callback {kind}",
            world.credentials.airtel_callback_url,
            compact(answers.MESSAGES[kind](key, payment)),
        )
        for kind in payment.mode.messages
    ]
    if deliveries:
        world.tell(payment.mode.when, deliveries, told)
    return True


def _collect(world: World, document: Mapping[str, Any], token: str) -> Reply:
    checks.check_collection(document)
    phone = f"254{document['subscriber']['msisdn']}"
    mode = world.choices.take("airtel", phone[-9:])
    checks.token_answer(world, mode, phone, token)
    if mode.answer in REFUSALS:
        raise Refusal(REFUSALS[mode.answer])
    payment = _payment(document, phone, mode)
    with world.lock:
        if payment.id in world.state.phone_payments:
            raise Refusal(
                answers.refused(
                    "External Transaction ID already exists.", "ESB000041", "DP00800001000", "500"
                )
            )
        world.state.phone_payments[payment.id] = payment
    _begin(world, payment)
    if mode.answer in UNCLEAR:
        return UNCLEAR[mode.answer]
    return answers.accepted(payment, "Success." if mode.answer == "variant" else "SUCCESS")


def _payment(document: Mapping[str, Any], phone: str, mode: Mode) -> PhonePayment:
    return PhonePayment(
        gateway="airtel",
        id=document["transaction"]["id"],
        phone=phone,
        amount=int(document["transaction"]["amount"]),
        account=document["reference"],
        mode=mode,
    )


def _begin(world: World, payment: PhonePayment) -> None:
    outcome = payment.mode.outcome
    if outcome and payment.mode.when == "first":
        finish(world, payment, outcome)
    elif outcome:
        world.later.after(world.pace.act, lambda: finish(world, payment, outcome))
    else:
        world.later.after(world.pace.patience, lambda: finish(world, payment, "no-pin"), patient=True)


def _answer(payment: PhonePayment, answer: str) -> Reply:
    if answer in SAID:
        return SAID[answer]
    waits = payment.mode.when == "late" and not payment.told_late
    if not payment.outcome or waits:
        return answers.enquiry(payment, "TIP")
    if payment.refunded and payment.mode.refund != "unreported":
        return answers.enquiry(payment, "reversed")
    return answers.enquiry(payment, answer if answer in OUTCOMES else payment.outcome)


SAID: Mapping[str, Reply] = {"none": answers.NOT_FOUND, "html": BAD_GATEWAY, "408": answers.IO_EXCEPTION}
