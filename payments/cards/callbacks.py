"""What messages from the gateway claim. Money is only ever credited after a verification."""

from typing import Any

from payments.base import About, Notice, Result, Status
from payments.cards.amounts import read_amount
from payments.errors import BadCallback
from payments.values import callback_document, member, text_of

_REFUNDS = {
    "refund.pending": Status.PENDING,
    "refund.processing": Status.PENDING,
    "refund.processed": Status.SUCCEEDED,
    "refund.failed": Status.DECLINED,
}


def read_notice(body: bytes, minor_unit: bool) -> Notice:
    """Raises `BadCallback` unless it is an event with an object, naming its transaction where that matters."""
    document = callback_document(body)
    event = text_of(document.get("event"), 60)
    data = document.get("data")
    if not event or not isinstance(data, dict):
        raise BadCallback("The message is no event.")
    if event == "charge.success":
        return _payment(event, data, minor_unit)
    if event.startswith("refund."):
        return _refund(event, data, minor_unit)
    return Notice(About.OTHER, Result(Status.UNKNOWN, event), reference=_reference(data))


def _payment(event: str, data: dict[str, Any], minor_unit: bool) -> Notice:
    reference = text_of(data.get("reference"), 100)
    if not reference:
        raise BadCallback("The message does not say which payment it is about.")
    result = Result(
        Status.SUCCEEDED if data.get("status") == "success" else Status.PENDING,
        event,
        gateway_id=reference,
        receipt=text_of(data.get("id"), 64),
        amount=read_amount(data.get("amount"), minor_unit),
        currency=text_of(data.get("currency"), 10),
    )
    return Notice(About.PAYMENT, result, gateway_id=reference, reference=reference)


def _refund(event: str, data: dict[str, Any], minor_unit: bool) -> Notice:
    """Most carry no id of the refund, so it has to be found by payment and amount."""
    reference = _reference(data)
    if not reference:
        raise BadCallback("The message does not say which payment was refunded.")
    gateway_id = text_of(data.get("id"), 64)
    result = Result(
        _REFUNDS.get(event, Status.UNKNOWN),
        event,
        gateway_id=gateway_id,
        receipt=text_of(data.get("refund_reference"), 64),
        amount=read_amount(data.get("amount"), minor_unit),
        currency=text_of(data.get("currency"), 10),
    )
    return Notice(About.REFUND, result, gateway_id=gateway_id, reference=reference)


def _reference(data: dict[str, Any]) -> str:
    """The reference of the transaction, which each kind of event keeps in another place."""
    places = (
        data.get("transaction_reference"),
        member(data, "transaction", "reference"),
        data.get("reference"),
    )
    return next((text for place in places if (text := text_of(place, 100))), "")
