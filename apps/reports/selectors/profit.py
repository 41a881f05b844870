"""The profit report: revenue without tax, less what the goods had cost when they were sold. Call inside a snapshot."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from apps.core import money
from apps.reports.facts import CASHIERS, CATEGORIES, PRODUCTS
from apps.reports.periods import Period
from apps.reports.selectors.sales import total_of
from apps.reports.selectors.shown import category_label, heading, percent, product_names
from apps.reports.selectors.sums import Cover, Row, add_up, add_up_twice

TOP = 50
BY_PROFIT = "sum(revenue) - sum(tax) - sum(cost) DESC"


def profit_report(period: Period, cover: Cover) -> dict[str, Any]:
    """All of it, with the products that earned most."""
    return {**profit_figures(period, cover), "product_profit": product_profit(cover, TOP)}


def profit_figures(period: Period, cover: Cover) -> dict[str, Any]:
    """Goods that were sold; what refunds took from it stands beside it, for they name no goods."""
    categories, days = add_up_twice(CATEGORIES, cover)
    categories.sort(key=lambda row: (-profit_of(row), row["category_name"]))
    refunds = add_up(CASHIERS, cover)
    refunded = total_of(refunds, "refunded") - total_of(refunds, "refunded_tax")
    everything: Row = {name: total_of(categories, name) for name in ("revenue", "tax", "cost", "discount")}
    revenue, profit = revenue_of(everything), profit_of(everything)
    return {
        **heading(period),
        "total_revenue": money.format_money(revenue),
        "total_cost": money.format_money(everything["cost"]),
        "total_tax": money.format_money(everything["tax"]),
        "total_discount": money.format_money(everything["discount"]),
        "gross_profit": money.format_money(profit),
        "profit_margin": percent(profit, revenue),
        "total_refunds": money.format_money(refunded),
        "net_profit": money.format_money(profit - refunded),
        "category_profit": [
            {"category_name": category_label(row["category_name"]), **_figures(row)} for row in categories
        ],
        "chart_data": _chart(period, days),
    }


def product_profit(cover: Cover, limit: int) -> list[dict[str, Any]]:
    """The products that earned most."""
    measures = ("quantity", "revenue", "tax", "cost")
    rows = add_up(PRODUCTS, cover, measures=measures, order=f"{BY_PROFIT}, product_id LIMIT {limit}")
    names = product_names(row["product_id"] for row in rows)
    return [
        {
            "product": row["product_id"],
            "product_name": names.get(row["product_id"], ""),
            "quantity_sold": money.format_quantity(row["quantity"]),
            **_figures(row),
        }
        for row in rows
    ]


def _figures(row: Row) -> dict[str, Any]:
    revenue, profit = revenue_of(row), profit_of(row)
    return {
        "revenue": money.format_money(revenue),
        "cost": money.format_money(row["cost"]),
        "profit": money.format_money(profit),
        "margin": percent(profit, revenue),
    }


def _chart(period: Period, days: Mapping[date, Row]) -> list[dict[str, Any]]:
    nothing: Row = {"revenue": money.ZERO, "tax": money.ZERO, "cost": money.ZERO}
    return [
        {
            "date": day.isoformat(),
            "revenue": money.plain_number(revenue_of(row)),
            "cost": money.plain_number(row["cost"]),
            "profit": money.plain_number(profit_of(row)),
        }
        for day in period.days
        for row in [days.get(day, nothing)]
    ]


def revenue_of(row: Row) -> Decimal:
    """What the shop keeps of the sales: without the tax."""
    revenue: Decimal = row["revenue"] - row["tax"]
    return revenue


def profit_of(row: Row) -> Decimal:
    profit: Decimal = revenue_of(row) - row["cost"]
    return profit
