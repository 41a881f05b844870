"""How the sums of a report are worked out from the ledgers: one SQL text for what is rolled up and what is read live.

A sale counts on the day of the shop on which it completed, with its lines, and with the payments that were applied to
it; a refund on the day on which it was paid out, as far as it had counted as revenue; a cancellation on its own day.
Each text is a query of the columns `start` (the day), keys and measures, and holds `{moment}` conditions for the
part of time that is wanted. The parameter `zone` is the shop's time zone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Model

from apps.reports.models import CashierDay, CategoryDay, HourDay, MethodDay, ProductSpan, TaxRateDay

Moments = Sequence[tuple[datetime, datetime]]

# What went back of a sale holds tax in the proportion in which the sale holds it.
_CASHIERS = """
    SELECT start, cashier_id, sum(sales)::int AS sales, sum(revenue) AS revenue, sum(tax) AS tax,
           sum(discount) AS discount, sum(refunds)::int AS refunds, sum(refunded) AS refunded,
           sum(refunded_tax) AS refunded_tax, sum(cancelled)::int AS cancelled,
           sum(cancelled_total) AS cancelled_total
      FROM (
        SELECT (sale.completed_at AT TIME ZONE %(zone)s)::date AS start, sale.cashier_id, count(*) AS sales,
               sum(sale.total) AS revenue, sum(sale.tax_amount) AS tax, sum(sale.discount) AS discount,
               0 AS refunds, 0.00 AS refunded, 0.00 AS refunded_tax, 0 AS cancelled, 0.00 AS cancelled_total
          FROM sales_sale AS sale WHERE {sale.completed_at} GROUP BY 1, 2
         UNION ALL
        SELECT (refund.completed_at AT TIME ZONE %(zone)s)::date, sale.cashier_id, 0, 0, 0, 0,
               count(*), sum(refund.from_sale),
               sum(round(sale.tax_amount * refund.from_sale / sale.total, 2)), 0, 0
          FROM payments_refund AS refund
          JOIN payments_payment AS payment ON payment.id = refund.payment_id
          JOIN sales_sale AS sale ON sale.id = payment.sale_id
         WHERE {refund.completed_at} AND refund.from_sale > 0 GROUP BY 1, 2
         UNION ALL
        SELECT (sale.cancelled_at AT TIME ZONE %(zone)s)::date, sale.cashier_id, 0, 0, 0, 0, 0, 0, 0,
               count(*), sum(sale.total)
          FROM sales_sale AS sale WHERE {sale.cancelled_at} GROUP BY 1, 2
      ) AS booked GROUP BY 1, 2
"""
_METHODS = """
    SELECT start, method, sum(payments)::int AS payments, sum(total) AS total, sum(refunds)::int AS refunds,
           sum(refunded) AS refunded
      FROM (
        SELECT (sale.completed_at AT TIME ZONE %(zone)s)::date AS start, payment.method, count(*) AS payments,
               sum(payment.amount_applied) AS total, 0 AS refunds, 0.00 AS refunded
          FROM sales_sale AS sale JOIN payments_payment AS payment ON payment.sale_id = sale.id
         WHERE {sale.completed_at} AND payment.amount_applied > 0 GROUP BY 1, 2
         UNION ALL
        SELECT (refund.completed_at AT TIME ZONE %(zone)s)::date, refund.method, 0, 0, count(*),
               sum(refund.from_sale)
          FROM payments_refund AS refund
         WHERE {refund.completed_at} AND refund.from_sale > 0 GROUP BY 1, 2
      ) AS booked GROUP BY 1, 2
"""
_HOURS = """
    SELECT (sale.completed_at AT TIME ZONE %(zone)s)::date AS start,
           extract(hour FROM sale.completed_at AT TIME ZONE %(zone)s)::smallint AS hour,
           count(*)::int AS sales, sum(sale.total) AS revenue
      FROM sales_sale AS sale WHERE {sale.completed_at} GROUP BY 1, 2
"""
# The day is worked out once for a sale instead of for each of its lines, which halves the work.
_LINES = """
    WITH sold AS MATERIALIZED (
        SELECT sale.id, (sale.completed_at AT TIME ZONE %(zone)s)::date AS start
          FROM sales_sale AS sale WHERE {sale.completed_at}
    )
    SELECT start, item.KEY, MEASURES FROM sold JOIN sales_saleitem AS item ON item.sale_id = sold.id GROUP BY 1, 2
"""
_GOODS = """
           sum(item.quantity) AS quantity, sum(item.total) AS revenue, sum(item.tax_amount) AS tax,
           sum(item.discount) AS discount, sum(round(item.cost_price * item.quantity, 2)) AS cost
"""
_TAXED = "sum(item.total) AS revenue, sum(item.tax_amount) AS tax"


def _lines(key: str, measures: str) -> str:
    return _LINES.replace("KEY", key).replace("MEASURES", measures)


@dataclass(frozen=True)
class Sums:
    """One table of sums: whose rows differ in `start` and `key`, and add up in `measures`."""

    model: type[Model]
    key: str
    measures: tuple[str, ...]
    query: str

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    def live(self, moments: Moments) -> tuple[str, dict[str, Any]]:
        """The query of the ledgers for these parts of time, and its parameters."""
        within, parameters = _Within(moments), {"zone": settings.TIME_ZONE}
        for number, (begins, ends) in enumerate(moments):
            parameters |= {f"begins{number}": begins, f"ends{number}": ends}
        return self.query.format(sale=within, refund=within.of("refund")), parameters


class _Within:
    """`{sale.completed_at}` in a text becomes the condition that the column lies within one of `moments`."""

    def __init__(self, moments: Moments, table: str = "sale") -> None:
        self._moments = moments
        self._table = table

    def of(self, table: str) -> "_Within":
        return _Within(self._moments, table)

    def __getattr__(self, column: str) -> str:
        name = f"{self._table}.{column}"
        parts = (
            f"{name} >= %(begins{number})s AND {name} < %(ends{number})s"
            for number in range(len(self._moments))
        )
        return f"({' OR '.join(parts)})"


GOODS = ("quantity", "revenue", "tax", "discount", "cost")
CASHIERS = Sums(
    CashierDay,
    "cashier_id",
    (
        "sales",
        "revenue",
        "tax",
        "discount",
        "refunds",
        "refunded",
        "refunded_tax",
        "cancelled",
        "cancelled_total",
    ),
    _CASHIERS,
)
METHODS = Sums(MethodDay, "method", ("payments", "total", "refunds", "refunded"), _METHODS)
HOURS = Sums(HourDay, "hour", ("sales", "revenue"), _HOURS)
TAX_RATES = Sums(TaxRateDay, "rate", ("revenue", "tax"), _lines("tax_rate AS rate", _TAXED))
CATEGORIES = Sums(CategoryDay, "category_name", GOODS, _lines("category_name", _GOODS))
PRODUCTS = Sums(ProductSpan, "product_id", GOODS, _lines("product_id", _GOODS))
BY_DAY = (CASHIERS, METHODS, HOURS, TAX_RATES, CATEGORIES)
"""All but the products, whose days and longer spans share a table."""

LONGER_SPAN = f"""
    SELECT %(first)s::date AS start, product_id, {", ".join(f"sum({name}) AS {name}" for name in GOODS)}
      FROM {PRODUCTS.table} WHERE span = 'day' AND start >= %(first)s AND start <= %(last)s GROUP BY product_id
"""  # noqa: S608 - names of our own table and columns
"""What was sold of each product in a longer span, from its days."""
