"""How one row of the reconciliation looks: a payment, a message or a refund."""

from datetime import date, datetime
from typing import Any

from apps.core import money
from apps.core.clock import iso, local_date
from apps.payments.models import GatewayCallback, Payment, Refund
from apps.reports.selectors.sections import Source, open_too_long

TOO_LONG = (
    "Open for more than 24 hours. Look it up at the gateway, then confirm it with the receipt or give it up."
)


def row_day(source: Source, item: Any) -> date:
    """The shop's day on which the row stands."""
    return local_date(getattr(item, source.moment))


def row_data(item: Payment | GatewayCallback | Refund, now: datetime) -> dict[str, Any]:
    """The row on the wire; `kind` tells which it is."""
    if isinstance(item, Payment):
        return _payment(item, now)
    return _refund(item) if isinstance(item, Refund) else _message(item)


def _payment(item: Payment, now: datetime) -> dict[str, Any]:
    # `sale_number` and `callback` are read along, which is cheaper than the whole records.
    return {
        "kind": "payment",
        "id": item.pk,
        "sale": item.sale_id,
        "sale_number": getattr(item, "sale_number", None),
        "transaction_reference": item.transaction_reference,
        "external_reference": item.external_reference,
        "amount": money.format_money(item.amount),
        "amount_received": money.format_money(item.amount_received),
        "amount_applied": money.format_money(item.amount_applied),
        "amount_refunded": money.format_money(item.amount_refunded),
        "gateway_amount": item.metadata.get("gateway_amount"),
        "late_money": item.metadata.get("late_money"),
        "confirmed_by_name": str(item.metadata.get("confirmed_by_hand", "")),
        "status": item.status,
        "initiated_at": iso(item.initiated_at),
        "completed_at": iso(item.completed_at),
        "attention": item.attention or (TOO_LONG if open_too_long(item, now) else ""),
        "callback": getattr(item, "callback", None),
    }


def _message(item: GatewayCallback) -> dict[str, Any]:
    about = item.refund or item.payment
    return {
        "kind": "callback",
        "id": item.pk,
        "callback_type": item.callback_type,
        "payment": item.payment_id,
        "refund": item.refund_id,
        "sale_number": item.payment.sale.sale_number if item.payment else None,
        "transaction_id": item.transaction_id,
        "amount": None if item.amount is None else money.format_money(item.amount),
        "amount_expected": None if about is None else money.format_money(about.amount),
        "success": item.success,
        "state": item.state,
        "error_message": item.error_message,
        "received_at": iso(item.received_at),
        "repeats": item.repeats,
    }


def _refund(item: Refund) -> dict[str, Any]:
    return {
        "kind": "refund",
        "id": item.pk,
        "payment": item.payment_id,
        "sale": item.payment.sale_id,
        "sale_number": item.payment.sale.sale_number,
        "refund_reference": item.refund_reference,
        "external_reference": item.external_reference,
        "amount": money.format_money(item.amount),
        "status": item.status,
        "requested_at": iso(item.requested_at),
        "completed_at": iso(item.completed_at),
        "attention": item.attention,
    }
