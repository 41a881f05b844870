"""The sales report: what was sold, by whom, when, and how it was paid. Call inside a snapshot."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from apps.core import money
from apps.payments.states import Method
from apps.reports.facts import CASHIERS, CATEGORIES, HOURS, METHODS, PRODUCTS
from apps.reports.periods import Period
from apps.reports.selectors.shown import cashier_names, category_label, heading, product_names
from apps.reports.selectors.sums import Cover, Row, add_up, add_up_twice

TOP = 10
BY_REVENUE = "revenue DESC"


def sales_report(period: Period, cover: Cover) -> dict[str, Any]:
    """All of it; amounts contain the tax, charts carry plain numbers."""
    cashiers, days = add_up_twice(CASHIERS, cover)
    hours = add_up(HOURS, cover)
    return {
        **heading(period),
        **totals(cashiers),
        "payment_methods": [method_data(row) for row in add_up(METHODS, cover, order="total DESC, method")],
        "sales_by_cashier": cashiers_data(cashiers),
        "top_products": top_products(cover, TOP),
        "top_categories": top_categories(cover, TOP),
        "hourly_sales": hourly(hours),
        "chart_data": _chart(period, days, hours),
    }


def totals(cashiers: Iterable[Row]) -> dict[str, Any]:
    """The whole of it, from the sums of all cashiers."""
    rows = list(cashiers)
    sales = sum(row["sales"] for row in rows)
    revenue, refunded = total_of(rows, "revenue"), total_of(rows, "refunded")
    return {
        "total_sales": money.format_money(revenue),
        "total_transactions": int(sales),
        "total_revenue": money.format_money(revenue),
        "total_tax": money.format_money(total_of(rows, "tax")),
        "total_discount": money.format_money(total_of(rows, "discount")),
        "total_refunds": money.format_money(refunded),
        "net_revenue": money.format_money(revenue - refunded),
        "average_sale": money.format_money(money.round_money(revenue / sales) if sales else money.ZERO),
    }


def total_of(rows: Iterable[Row], measure: str) -> Decimal:
    """One measure of all rows together."""
    return sum((row[measure] for row in rows), money.ZERO)


def method_data(row: Row) -> dict[str, Any]:
    """How much of the sales was paid one way, in how many payments, and what went back that way."""
    return {
        "method": row["method"],
        "label": Method(row["method"]).label,
        "total": money.format_money(row["total"]),
        "count": int(row["payments"]),
        "refunds": int(row["refunds"]),
        "total_refunds": money.format_money(row["refunded"]),
    }


def cashiers_data(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Each cashier's part of the totals."""
    found = list(rows)
    names = cashier_names(row["cashier_id"] for row in found)
    return [
        {"cashier": row["cashier_id"], "cashier_name": names.get(row["cashier_id"], ""), **totals([row])}
        for row in found
    ]


def top_products(cover: Cover, limit: int) -> list[dict[str, Any]]:
    """What brought most, tax included."""
    rows = add_up(
        PRODUCTS, cover, measures=("quantity", "revenue"), order=f"{BY_REVENUE}, product_id LIMIT {limit}"
    )
    names = product_names(row["product_id"] for row in rows)
    return [
        {
            "product": row["product_id"],
            "product_name": names.get(row["product_id"], ""),
            "quantity_sold": money.format_quantity(row["quantity"]),
            "total_revenue": money.format_money(row["revenue"]),
        }
        for row in rows
    ]


def top_categories(cover: Cover, limit: int) -> list[dict[str, Any]]:
    """The categories that brought most, by the names that they had when the goods were sold."""
    rows = add_up(CATEGORIES, cover, order=f"{BY_REVENUE}, category_name LIMIT {limit}")
    return [
        {
            "category_name": category_label(row["category_name"]),
            "quantity_sold": money.format_quantity(row["quantity"]),
            "total_revenue": money.format_money(row["revenue"]),
        }
        for row in rows
    ]


def hourly(hours: Iterable[Row]) -> list[dict[str, Any]]:
    """All 24 hours of the shop's clock; the hour that an autumn night has twice counts as one."""
    found = {row["hour"]: row for row in hours}
    nothing = {"sales": 0, "revenue": money.ZERO}
    return [
        {"hour": hour, "sales_count": int(row["sales"]), "revenue": money.plain_number(row["revenue"])}
        for hour in range(24)
        for row in [found.get(hour, nothing)]
    ]


def _chart(period: Period, days: Mapping[date, Row], hours: Iterable[Row]) -> list[dict[str, Any]]:
    """The hours of a single day, else the days."""
    if period.is_one_day:
        return [{"hour": row["hour"], "sales": row["revenue"]} for row in hourly(hours)]
    return [
        {
            "date": day.isoformat(),
            "sales": money.plain_number(days[day]["revenue"] if day in days else money.ZERO),
        }
        for day in period.days
    ]
