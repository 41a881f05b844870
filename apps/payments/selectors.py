"""Reading payments, refunds and messages, and how one looks on the wire wherever it is shown."""

import json
from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from apps.core import money
from apps.core.clock import iso
from apps.payments.errors import PaymentNotFound, RefundNotFound
from apps.payments.models import GatewayCallback, Payment, Refund

NAMED = ("username", "first_name", "last_name")


def payment_data(payment: Payment) -> dict[str, Any]:
    """A payment as the contract shows it; `sale` and `initiated_by` must be loaded."""
    tendered = payment.amount_tendered
    return {
        "id": payment.pk,
        "sale": payment.sale_id,
        "sale_number": payment.sale.sale_number,
        "method": payment.method,
        "amount": money.format_money(payment.amount),
        "amount_tendered": None if tendered is None else money.format_money(tendered),
        "change": money.format_money(payment.change),
        "amount_refunded": money.format_money(payment.amount_refunded),
        "status": payment.status,
        "transaction_reference": payment.transaction_reference,
        "external_reference": payment.external_reference,
        "phone_number": payment.phone_number,
        "account_number": payment.account_number,
        "payment_url": payment.payment_url,
        "initiated_by": payment.initiated_by_id,
        "initiated_by_name": payment.initiated_by.display_name,
        "initiated_at": iso(payment.initiated_at),
        "completed_at": iso(payment.completed_at),
        "error_code": payment.error_code,
        "error_message": payment.error_message,
        "attention": payment.attention,
        "metadata": payment.metadata,
    }


def _shown() -> QuerySet[Payment]:
    """With what `payment_data` shows of the sale and the person, and no more of them."""
    needed = ("sale__sale_number", *(f"initiated_by__{name}" for name in NAMED))
    own = (field.attname for field in Payment._meta.concrete_fields)
    return Payment.objects.select_related("sale", "initiated_by").only(*own, *needed)


def payments_seen_by(user: Any) -> QuerySet[Payment]:
    """A cashier's payments are those of their own sales; an administrator sees all."""
    payments = _shown()
    return payments if user.is_admin else payments.filter(sale__cashier=user)


def payments_of_sales(sale_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """The payments of several sales in the order they were begun, by sale id, in one statement."""
    found: dict[int, list[dict[str, Any]]] = {}
    for payment in _shown().filter(sale_id__in=sale_ids).order_by("id"):
        found.setdefault(payment.sale_id, []).append(payment_data(payment))
    return found


def find_payment(payment_id: int) -> Payment:
    """The payment with its sale and the person who began it. Raises `PaymentNotFound`."""
    payment = Payment.objects.select_related("sale", "initiated_by").filter(pk=payment_id).first()
    if payment is None:
        raise PaymentNotFound
    return payment


REFUND_PARTS = ("payment__sale", "requested_by", "approved_by")


def find_refund(refund_id: int) -> Refund:
    """The refund with its payment and people. Raises `RefundNotFound`."""
    refund = Refund.objects.select_related(*REFUND_PARTS).filter(pk=refund_id).first()
    if refund is None:
        raise RefundNotFound
    return refund


def refunds_seen_by(user: Any) -> QuerySet[Refund]:
    """A cashier's refunds are those of their own sales; an administrator sees all."""
    refunds = Refund.objects.select_related(*REFUND_PARTS)
    return refunds if user.is_admin else refunds.filter(payment__sale__cashier=user)


def refund_data(refund: Refund) -> dict[str, Any]:
    """A refund as the contract shows it; `payment` with its sale and the people must be loaded."""
    requested, approved = refund.requested_by, refund.approved_by
    return {
        "id": refund.pk,
        "payment": refund.payment_id,
        "payment_reference": refund.payment.transaction_reference,
        "sale": refund.payment.sale_id,
        "method": refund.method,
        "amount": money.format_money(refund.amount),
        "reason": refund.reason,
        "status": refund.status,
        "refund_reference": refund.refund_reference,
        "external_reference": refund.external_reference,
        "requested_by": refund.requested_by_id,
        "requested_by_name": requested.display_name if requested else "The shop",
        "approved_by": refund.approved_by_id,
        "approved_by_name": approved.display_name if approved else "",
        "requested_at": iso(refund.requested_at),
        "approved_at": iso(refund.approved_at),
        "completed_at": iso(refund.completed_at),
        "error_code": refund.error_code,
        "error_message": refund.error_message,
        "attention": refund.attention,
    }


def callback_data(item: GatewayCallback) -> dict[str, Any]:
    """A message to a webhook as administrators see it."""
    return {
        "id": item.pk,
        "payment": item.payment_id,
        "refund": item.refund_id,
        "callback_type": item.callback_type,
        "route": item.route,
        "raw_data": readable(bytes(item.body)),
        "processed": item.processed,
        "state": item.state,
        "authentic": item.authentic,
        "transaction_id": item.transaction_id,
        "amount": None if item.amount is None else money.format_money(item.amount),
        "phone_number": item.phone_number,
        "success": item.success,
        "error_message": item.error_message,
        "repeats": item.repeats,
        "received_at": iso(item.received_at),
        "processed_at": iso(item.processed_at),
    }


def readable(body: bytes) -> Any:
    """The JSON of a message; text where it is none, or none that may be shown again."""
    try:
        found = json.loads(body)
        json.dumps(found, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return body.decode("utf-8", "backslashreplace")
    return found
