"""Reading payments, and how one looks on the wire wherever it is shown."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from apps.core import money
from apps.core.clock import iso
from apps.payments.models import Payment


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
        "metadata": payment.metadata,
    }


def payments_seen_by(user: Any) -> QuerySet[Payment]:
    """A cashier's payments are those of their own sales; an administrator sees all."""
    payments = Payment.objects.select_related("sale", "initiated_by")
    return payments if user.is_admin else payments.filter(sale__cashier=user)


def payments_of_sales(sale_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """The payments of several sales in the order they were begun, by sale id, in one statement."""
    found: dict[int, list[dict[str, Any]]] = {}
    payments = (
        Payment.objects.filter(sale_id__in=sale_ids).select_related("sale", "initiated_by").order_by("id")
    )
    for payment in payments:
        found.setdefault(payment.sale_id, []).append(payment_data(payment))
    return found
