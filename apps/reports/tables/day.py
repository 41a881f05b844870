"""The day-end summary and the dashboard as tables. Call inside a snapshot."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from apps.reports.exporting import Chart, Column, Kind, Table
from apps.reports.selectors.sums import Cover
from apps.reports.tables import columns
from apps.reports.tables.columns import methods_table, table_from
from apps.reports.tables.sales import hours_table

CANCELLED = (Column("cancelled_sales", Kind.COUNT), Column("cancelled_total", Kind.MONEY))
DAY_TOTALS = (
    columns.DATE,
    columns.CURRENCY,
    *columns.TOTALS,
    Column("refunds", Kind.COUNT),
    Column("refunded_tax", Kind.MONEY),
    *CANCELLED,
    Column("first_receipt"),
    Column("last_receipt"),
    Column("cash_received", Kind.MONEY),
    Column("cash_refunded", Kind.MONEY),
    Column("cash_expected", Kind.MONEY),
)
TAX_RATES = (
    Column("rate", Kind.PERCENT),
    Column("net", Kind.MONEY),
    Column("tax", Kind.MONEY),
    Column("total", Kind.MONEY),
)
DASHBOARD = (
    columns.DATE,
    Column("today_sales", Kind.MONEY),
    Column("today_transactions", Kind.COUNT),
    Column("month_revenue", Kind.MONEY),
    Column("total_products", Kind.COUNT),
    Column("low_stock", Kind.COUNT),
    Column("pending_payments", Kind.COUNT),
)
RECENT = (
    Column("sale_number"),
    Column("receipt_number"),
    Column("created_at"),
    Column("cashier_name"),
    Column("total", Kind.MONEY),
    Column("status"),
    Column("payment_status"),
    Column("payment_method"),
    Column("id", Kind.ID),
)


def day_end_tables(summary: Mapping[str, Any], cover: Cover) -> list[Table]:
    """What the summary says, and the day's hours."""
    by_cashier = ({**item, **_cancelled(item)} for item in summary["sales_by_cashier"])
    by_cashier_columns = (*columns.CASHIER, *columns.TOTALS, Column("refunds", Kind.COUNT), *CANCELLED)
    picture = Chart("Sales by payment method", "method", ["total"])
    return [
        table_from("totals", [_day_totals(summary)], DAY_TOTALS, upright=True),
        table_from("tax_rates", summary["tax_rates"], TAX_RATES),
        methods_table(summary["payment_methods"], chart=picture),
        table_from("sales_by_cashier", by_cashier, by_cashier_columns),
        hours_table(cover, chart=False),
    ]


def dashboard_tables(data: Mapping[str, Any], today: date) -> list[Table]:
    """What the dashboard shows."""
    days = ({"date": item["date"], "sales": item["sales"]} for item in data["sales_chart"])
    products = ({**item, "product_name": item["name"]} for item in data["top_products"])
    product = (Column("product_name"), Column("sales", Kind.MONEY), Column("product", Kind.ID))
    sales = (columns.DATE, Column("sales", Kind.MONEY))
    picture = Chart("Sales of the last days", "date", ["sales"])
    return [
        table_from("totals", [{**data, "date": today.isoformat()}], DASHBOARD, upright=True),
        table_from("days", days, sales, chart=picture),
        table_from("products", products, product),
        table_from("recent_sales", data["recent_sales"], RECENT),
    ]


def _day_totals(summary: Mapping[str, Any]) -> dict[str, Any]:
    refunds, receipts, drawer = summary["refunds"], summary["receipts"], summary["cash_drawer"]
    return {
        **summary,
        **_cancelled(summary),
        "refunds": refunds["count"],
        "refunded_tax": refunds["tax"],
        **{f"{name}_receipt": receipts[name] for name in ("first", "last")},
        **{f"cash_{name}": drawer[name] for name in ("received", "refunded", "expected")},
    }


def _cancelled(item: Mapping[str, Any]) -> dict[str, Any]:
    cancelled = item["cancelled_sales"]
    return {"cancelled_sales": cancelled["count"], "cancelled_total": cancelled["total"]}
