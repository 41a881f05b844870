"""Reading sales."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from apps.core.clock import day_start, local_date
from apps.core.prepared import AnyOf, Given, Prepared, Row
from apps.sales.models import Sale, SaleItem

LINE_COLUMNS = tuple(field.attname for field in SaleItem._meta.concrete_fields)


def sales_seen_by(user: Any) -> QuerySet[Sale]:
    """A cashier's own sales, an administrator's all, each with its cashier."""
    sales = Sale.objects.select_related("cashier")
    return sales if user.is_admin else sales.filter(cashier=user)


_LINES = Prepared(
    lambda: SaleItem.objects.filter(AnyOf("sale_id", Given("sales"))).values(*LINE_COLUMNS).order_by("id")
)


def lines_of_sales(sale_ids: Sequence[int]) -> dict[int, list[Row]]:
    """The lines of several sales in the order they were scanned, by sale id, in one statement."""
    found: dict[int, list[Row]] = {sale_id: [] for sale_id in sale_ids}
    for line in _LINES.rows(sales=list(sale_ids)):
        found[line["sale_id"]].append(line)
    return found


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
