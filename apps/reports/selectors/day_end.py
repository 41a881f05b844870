"""The day-end summary: what the person who closes the shop signs. Call inside a snapshot."""

from datetime import date, datetime
from typing import Any

from apps.core import money
from apps.core.clock import day_end, day_start, local_date
from apps.reports.facts import CASHIERS, METHODS, TAX_RATES
from apps.reports.periods import Period
from apps.reports.selectors.sales import cashiers_data, method_data, total_of, totals
from apps.reports.selectors.shown import heading
from apps.reports.selectors.sums import Cover, Row, add_up, rows_of

# What went through the drawer on this day, whichever sales it was for.
DRAWER = """
    SELECT (SELECT coalesce(sum(amount_received), 0) FROM payments_payment
             WHERE method = 'cash' AND completed_at >= %(begins)s AND completed_at < %(ends)s
               AND status IN ('success', 'refunded')) AS received,
           (SELECT coalesce(sum(amount), 0) FROM payments_refund
             WHERE method = 'cash' AND completed_at >= %(begins)s AND completed_at < %(ends)s
               AND status = 'completed') AS refunded
"""
# Left to itself the planner looks for the smallest receipt of all that lies in the day.
RECEIPTS = """
    WITH completed AS MATERIALIZED (
        SELECT receipt FROM sales_sale WHERE completed_at >= %(begins)s AND completed_at < %(ends)s
    )
    SELECT min(receipt) AS first, max(receipt) AS last FROM completed
"""


def day_end_summary(day: date, cover: Cover, now: datetime) -> dict[str, Any]:
    """All of it; `is_closed` says whether the day is over."""
    cashiers = add_up(CASHIERS, cover, order="revenue DESC, cashier_id")
    moments = {"begins": day_start(day), "ends": day_end(day)}
    return {
        "date": day.isoformat(),
        **heading(Period(day, day)),
        "is_closed": day < local_date(now),
        **totals(cashiers),
        "tax_rates": [_tax_data(row) for row in add_up(TAX_RATES, cover, order="rate DESC")],
        "payment_methods": [method_data(row) for row in add_up(METHODS, cover, order="total DESC, method")],
        "refunds": {
            "count": int(sum(row["refunds"] for row in cashiers)),
            "total": money.format_money(total_of(cashiers, "refunded")),
            "tax": money.format_money(total_of(cashiers, "refunded_tax")),
        },
        "cancelled_sales": _cancelled(cashiers),
        "sales_by_cashier": _by_cashier(cashiers),
        "receipts": _receipts(rows_of(RECEIPTS, moments)[0]),
        "cash_drawer": _drawer(rows_of(DRAWER, moments)[0]),
    }


def _tax_data(row: Row) -> dict[str, Any]:
    return {
        "rate": money.format_money(row["rate"]),
        "total": money.format_money(row["revenue"]),
        "net": money.format_money(row["revenue"] - row["tax"]),
        "tax": money.format_money(row["tax"]),
    }


def _cancelled(cashiers: list[Row]) -> dict[str, Any]:
    return {
        "count": int(sum(row["cancelled"] for row in cashiers)),
        "total": money.format_money(total_of(cashiers, "cancelled_total")),
    }


def _by_cashier(cashiers: list[Row]) -> list[dict[str, Any]]:
    return [
        {**data, "refunds": int(row["refunds"]), "cancelled_sales": _cancelled([row])}
        for row, data in zip(cashiers, cashiers_data(cashiers), strict=True)
    ]


def _receipts(row: Row) -> dict[str, Any]:
    return {name: None if row[name] is None else f"{row[name]:06d}" for name in ("first", "last")}


def _drawer(row: Row) -> dict[str, Any]:
    return {
        "received": money.format_money(row["received"]),
        "refunded": money.format_money(row["refunded"]),
        "expected": money.format_money(row["received"] - row["refunded"]),
    }
