"""The dashboard: today at a glance; a cashier's shows their own day. Call inside a snapshot."""

from decimal import Decimal
from typing import Any

from apps.core import money
from apps.core.clock import day_start, iso
from apps.payments.models import Payment
from apps.payments.states import OPEN
from apps.reports.facts import CASHIERS, PRODUCTS
from apps.reports.periods import Period
from apps.reports.selectors.sales import BY_REVENUE
from apps.reports.selectors.shown import product_names
from apps.reports.selectors.sums import Cover, Row, add_up, rows_of
from apps.sales.models import Sale

CHART_DAYS = 7
TOP = 5
RECENT = 10
SHELVES = """
    SELECT count(low_at) AS products, count(*) FILTER (WHERE quantity <= low_at) AS low FROM products_stocklevel
"""
OWN_TOP = """
    SELECT item.product_id, sum(item.total) AS revenue
      FROM sales_sale AS sale JOIN sales_saleitem AS item ON item.sale_id = sale.id
     WHERE sale.completed_at >= %(begins)s AND sale.cashier_id = %(cashier)s
     GROUP BY item.product_id ORDER BY revenue DESC, product_id LIMIT %(limit)s
"""


def dashboard(month: Period, cover: Cover, cashier_id: int | None) -> dict[str, Any]:
    """`month` is the last 30 days and `cover` theirs; with `cashier_id` the figures of that person's sales only."""
    only: dict[str, Any] = {} if cashier_id is None else {"cashier_id": cashier_id}
    days = {row["start"]: row for row in add_up(CASHIERS, cover, by="start", **only)}
    today = days.get(month.last)
    shelves = rows_of(SHELVES)[0]
    return {
        "today_sales": money.format_money(today["revenue"] if today else money.ZERO),
        "today_transactions": int(today["sales"]) if today else 0,
        "month_revenue": money.format_money(_revenue(list(days.values()))),
        "total_products": shelves["products"],
        "low_stock": shelves["low"],
        "pending_payments": _pending_payments(cashier_id),
        "recent_sales": _recent_sales(cashier_id),
        "sales_chart": [
            {
                "date": day.isoformat(),
                "sales": money.plain_number(days[day]["revenue"] if day in days else money.ZERO),
            }
            for day in month.days[-CHART_DAYS:]
        ],
        "top_products": _top_products(month, cover, cashier_id),
    }


def _revenue(rows: list[Row]) -> Decimal:
    return sum((row["revenue"] for row in rows), money.ZERO)


def _pending_payments(cashier_id: int | None) -> int:
    payments = Payment.objects.filter(status__in=OPEN)
    return payments.count() if cashier_id is None else payments.filter(sale__cashier=cashier_id).count()


def _recent_sales(cashier_id: int | None) -> list[dict[str, Any]]:
    sales = Sale.objects.select_related("cashier").defer("cashier__password").order_by("-id")
    if cashier_id is not None:
        sales = sales.filter(cashier=cashier_id)
    return [
        {
            "id": sale.pk,
            "sale_number": sale.sale_number,
            "receipt_number": sale.receipt_number,
            "cashier_name": sale.cashier.display_name,
            "total": money.format_money(sale.total),
            "status": sale.status,
            "payment_status": sale.payment_status,
            "payment_method": sale.payment_method or "N/A",
            "created_at": iso(sale.created_at),
        }
        for sale in sales[:RECENT]
    ]


def _top_products(month: Period, cover: Cover, cashier_id: int | None) -> list[dict[str, Any]]:
    """Of the month; of the day for a cashier, because sums of products by cashier are not kept."""
    if cashier_id is None:
        order = f"{BY_REVENUE}, product_id LIMIT {TOP}"
        rows = add_up(PRODUCTS, cover, measures=("revenue",), order=order)
    else:
        wanted = {"begins": day_start(month.last), "cashier": cashier_id, "limit": TOP}
        rows = rows_of(OWN_TOP, wanted)
    names = product_names(row["product_id"] for row in rows)
    return [
        {
            "product": row["product_id"],
            "name": names.get(row["product_id"], ""),
            "sales": money.plain_number(row["revenue"]),
        }
        for row in rows
    ]
