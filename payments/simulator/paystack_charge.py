"""Charges at the card gateway: initialize, verify, and what becomes of them."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from payments.simulator import paystack_bodies as bodies
from payments.simulator.delivery import Delivery
from payments.simulator.modes import Mode
from payments.simulator.state import CardPayment, new_number
from payments.simulator.web import BAD_GATEWAY, DROPPED, NotJson, Refusal, Reply, Request, json_reply
from payments.simulator.world import World

CURRENCIES = ("GHS", "KES", "NGN", "USD", "ZAR")
INVALID_KEY = json_reply({"status": False, "message": "Invalid key"}, 401)
TOO_MANY = json_reply(
    {"status": False, "message": "Too many requests. Slow down.", "code": "rate_limited"}, 429
)
REFUSALS: Mapping[str, Reply] = {"key": INVALID_KEY, "limited": TOO_MANY, "html": BAD_GATEWAY}
NOT_FOUND = bodies.refused("Transaction reference not found", "transaction_not_found")
# What a webhook says; every other kind is a way to sign the plain one.
_CONTENTS = ("low", "fees", "currency", "domain", "foreign", "odd-event", "dispute")


def require_key(world: World, request: Request) -> None:
    if request.bearer() != world.credentials.card_key:
        raise Refusal(INVALID_KEY)


def document_of(request: Request) -> dict[str, Any]:
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise Refusal(bodies.refused("Content-Type must be application/json"))
    try:
        return request.document()
    except NotJson as error:
        raise Refusal(bodies.refused(str(error))) from None


def minor_units(value: Any, name: str = "Amount") -> int:
    """A positive whole number, or its digits as text."""
    digits = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not re.fullmatch(r"[1-9]\d{0,11}", digits, re.ASCII):
        raise Refusal(bodies.refused(f"Invalid {name} Sent", "invalid_amount"))
    return int(digits)


def initialize(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    require_key(world, request)
    document = document_of(request)
    _check(document)
    amount = minor_units(document.get("amount"))
    mode = world.choices.take("card", email=document["email"])
    if mode.answer in REFUSALS:
        return REFUSALS[mode.answer]
    payment = _payment(document, amount, mode)
    with world.lock:
        if payment.reference in world.state.cards:
            raise Refusal(bodies.refused("Duplicate Transaction Reference", "duplicate_reference"))
        world.state.cards[payment.reference] = payment
    _begin(world, payment)
    data = {
        "authorization_url": f"{world.base_url}/pay/{payment.access_code}",
        "access_code": payment.access_code,
        "reference": payment.reference,
    }
    return DROPPED if mode.answer == "dropped" else bodies.ok("Authorization URL created", data)


def verify(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    require_key(world, request)
    payment = world.state.cards.get(parts["reference"])
    if payment is None:
        return NOT_FOUND
    mode, settled = payment.mode, payment.status == "success"
    with world.lock:
        answer = mode.asked[payment.asked] if payment.asked < len(mode.asked) else mode.always
        # "Paid at first" counts from the payment on.
        payment.asked += 1 if settled or answer != "success" else 0
    if answer in ("html", "limited"):
        return REFUSALS[answer]
    status = answer if answer in UNPAID or (settled and answer == "reversed") else payment.status
    data = bodies.transaction(world.credentials, payment, status, answer if settled else "")
    return bodies.ok("Verification successful", data)


UNPAID = ("failed", "abandoned", "ongoing", "pending")


def finish(
    world: World, payment: CardPayment, status: str, brand: str = "visa", variant: Mode | None = None
) -> bool:
    """The customer pays (`success`), is declined (`failed`) or leaves; False when it was paid before.

    `variant` is the mode whose webhooks are sent instead of the payment's own.
    """
    with world.lock:
        if payment.status == "success":
            return False
        payment.status, payment.brand, payment.decided = status, brand, True
        payment.paid_at = datetime.now(UTC) if status == "success" else None
        if variant is not None:
            payment.mode = replace(variant, when="soon" if variant.when == "first" else variant.when)
    if status == "success":
        _webhooks(world, payment)
    return True


def _webhooks(world: World, payment: CardPayment) -> None:
    deliveries = [_webhook(world, payment, kind) for kind in payment.mode.messages]
    if deliveries:
        world.tell(payment.mode.when, deliveries)


def _webhook(world: World, payment: CardPayment, kind: str) -> Delivery:
    content = kind if kind in _CONTENTS else ""
    event = bodies.charge_event(world.credentials, payment, content)
    body, headers = bodies.sealed(world.credentials.card_key, event, "plain" if content else kind)
    url = world.credentials.card_webhook_url
    return world.deliveries.prepare("card", payment.reference, f"{event['event']} {kind}", url, body, headers)


def _begin(world: World, payment: CardPayment) -> None:
    outcome = payment.mode.outcome
    if outcome and payment.mode.when == "first":
        finish(world, payment, outcome)
    elif outcome:
        world.later.after(world.pace.act, lambda: finish(world, payment, outcome))


def _check(document: Mapping[str, Any]) -> None:
    email, reference = document.get("email"), document.get("reference")
    if not isinstance(email, str) or not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
        raise Refusal(bodies.refused("Invalid Email Address Passed", "invalid_email_address"))
    if document.get("currency", "KES") not in CURRENCIES:
        raise Refusal(bodies.refused("Currency not supported by merchant", "unsupported_currency"))
    if reference is not None and (
        not isinstance(reference, str) or not re.fullmatch(r"[A-Za-z0-9.=-]{1,100}", reference)
    ):
        raise Refusal(
            bodies.refused("Invalid Reference: only -, ., = and letters and digits", "invalid_reference")
        )
    callback = document.get("callback_url")
    if callback is not None and not (isinstance(callback, str) and re.match(r"https?://[^\s/]+", callback)):
        raise Refusal(bodies.refused("Invalid Callback URL", "invalid_callback_url"))
    if not isinstance(document.get("channels", []), list):
        raise Refusal(bodies.refused("Channels must be a list", "invalid_channels"))


def _payment(document: Mapping[str, Any], amount: int, mode: Mode) -> CardPayment:
    return CardPayment(
        id=new_number(),
        reference=document.get("reference") or secrets.token_hex(5),
        access_code=secrets.token_hex(8),
        amount=amount,
        currency=document.get("currency", "KES"),
        email=document["email"],
        callback_url=document.get("callback_url") or "",
        metadata=document.get("metadata"),
        mode=mode,
    )
