"""Refunds at the card gateway: asked for, listed, fetched, and their way to the customer."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from payments.simulator import paystack_bodies as bodies
from payments.simulator.paystack_charge import document_of, minor_units, require_key
from payments.simulator.state import CardPayment, CardRefund, new_number
from payments.simulator.web import BAD_GATEWAY, DROPPED, Refusal, Reply, Request
from payments.simulator.world import World

# The last status of a refund, by mode.
ENDS = {"failed": "failed", "needs-attention": "needs-attention"}


def create(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    require_key(world, request)
    document = document_of(request)
    payment = _payment(world, document.get("transaction"))
    mode = world.choices.take_refund("card", "", payment.mode)
    if mode.refund == "html":
        return BAD_GATEWAY
    with world.lock:
        refund = CardRefund(
            id=new_number() % 10_000_000,
            payment=payment,
            amount=_amount(world, payment, document),
            merchant_note=str(document.get("merchant_note") or f"Refund for transaction {payment.reference}"),
            customer_note=str(document.get("customer_note") or f"Refund for transaction {payment.reference}"),
            mode=mode,
        )
        world.state.card_refunds[refund.id] = refund
    if mode.refund == "at-once":
        _become(world, refund, "processed")
    else:
        _begin(world, refund)
    if mode.refund == "dropped":
        return DROPPED
    return bodies.ok(
        "Refund has been queued for processing", bodies.refund_document(world.credentials, refund, True)
    )


def fetch(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    require_key(world, request)
    refund = world.state.card_refunds.get(int(parts["id"])) if parts["id"].isdecimal() else None
    if refund is None:
        return bodies.refused("Refund not found", "refund_not_found", 404)
    return bodies.ok("Refund retrieved", bodies.refund_document(world.credentials, refund, False))


def listed(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    """Newest first; filtered by `from` and `to` only, paged by `perPage` and `page`."""
    require_key(world, request)
    since, until = _moment(request, "from"), _moment(request, "to")
    per_page, page = _count(request, "perPage", 50, 100), _count(request, "page", 1, 10**6)
    with world.lock:
        refunds = sorted(world.state.card_refunds.values(), key=lambda r: r.created, reverse=True)
    fitting = [r for r in refunds if (not since or r.created >= since) and (not until or r.created <= until)]
    shown = fitting[(page - 1) * per_page : page * per_page]
    pages = -(-len(fitting) // per_page)
    meta = {"total": len(fitting), "skipped": 0, "perPage": per_page, "page": page, "pageCount": pages}
    data = [bodies.refund_document(world.credentials, refund, False) for refund in shown]
    return bodies.ok("Refunds retrieved", data, meta=meta)


def _payment(world: World, named: Any) -> CardPayment:
    """The charge called by its reference or its id."""
    for payment in world.state.cards.values():
        if payment.reference == named or (named and str(payment.id) == str(named)):
            if payment.status != "success":
                raise Refusal(bodies.refused("Transaction has not been paid", "transaction_not_successful"))
            return payment
    raise Refusal(bodies.refused("Transaction not found", "transaction_not_found", 404))


def _amount(world: World, payment: CardPayment, document: Mapping[str, Any]) -> int:
    remaining = payment.amount - sum(
        r.amount for r in world.state.card_refunds.values() if r.payment is payment and r.counts
    )
    amount = remaining if document.get("amount") is None else minor_units(document["amount"])
    if document.get("currency", payment.currency) != payment.currency:
        raise Refusal(bodies.refused("Currency does not match the transaction's", "invalid_currency"))
    if remaining <= 0:
        raise Refusal(bodies.refused("Transaction has been fully reversed", "transaction_reversed"))
    if amount > remaining:
        raise Refusal(
            bodies.refused("Refund amount cannot be more than transaction amount", "invalid_amount")
        )
    return amount


def _begin(world: World, refund: CardRefund) -> None:
    """pending, processing, then its end, a step at a time; `stuck` stays at the first."""
    steps = ["pending"]
    if refund.mode.refund != "stuck":
        steps += ["processing", ENDS.get(refund.mode.refund, "processed")]

    def step() -> None:
        _become(world, refund, steps.pop(0))
        if steps:
            world.later.after(world.pace.act / 2, step)

    world.later.after(world.pace.act / 4, step)


def _become(world: World, refund: CardRefund, status: str) -> None:
    refund.status, refund.updated = status, datetime.now(UTC)
    if refund.mode.refund == "silent":
        return
    event = bodies.refund_event(world.credentials, refund)
    body, headers = bodies.sealed(world.credentials.card_key, event)
    url = world.credentials.card_webhook_url
    delivery = world.deliveries.prepare("card", refund.payment.reference, event["event"], url, body, headers)
    world.tell("soon", [delivery])


def _moment(request: Request, name: str) -> datetime | None:
    text = request.query.get(name, "")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(bodies.refused(f"Invalid {name} date", "invalid_date")) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _count(request: Request, name: str, default: int, most: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise Refusal(bodies.refused(f"Invalid {name}", "invalid_params"))
    return int(text)
