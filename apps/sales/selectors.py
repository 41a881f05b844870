"""Reading sales."""

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from apps.core.clock import day_start, local_date
from apps.sales.models import Sale


def sales_seen_by(user: Any) -> QuerySet[Sale]:
    """A cashier's own sales, an administrator's all; with cashier and lines, two statements."""
    sales = Sale.objects.select_related("cashier").prefetch_related("items")
    return sales if user.is_admin else sales.filter(cashier=user)


def made_today(sales: QuerySet[Sale], now: datetime) -> QuerySet[Sale]:
    """Those of the shop's calendar day."""
    return sales.filter(created_at__gte=day_start(local_date(now)))


def search(sales: QuerySet[Sale], text: str) -> QuerySet[Sale]:
    """By the beginning of the sale number, the customer's name or phone, or by receipt number."""
    text = text.strip()
    wanted = (
        Q(sale_number__startswith=text.upper())
        | Q(customer_name__gt="", customer_name__istartswith=text)
        | Q(customer_phone__gt="", customer_phone__startswith=text)
    )
    if text.isascii() and text.isdigit() and len(text) <= 18:
        wanted |= Q(receipt=int(text))
    return sales.filter(wanted)
