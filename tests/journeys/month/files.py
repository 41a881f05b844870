"""What the files of the reports must hold: every day, category and product, worked out from the independent books."""

import codecs
import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from tests.journeys.month.arithmetic import cents, total
from tests.journeys.month.days import Span
from tests.journeys.month.expected import Expected
from tests.journeys.month.records import Article, Line
from tests.journeys.month.standing import inventory
from tests.journeys.month.sums import (
    NO_CATEGORY,
    Report,
    by_article,
    by_category,
    earned,
    lines_of,
    money,
    profit,
    quantity,
    taken,
    totals,
)

TOTALS = (
    "total_transactions",
    "total_revenue",
    "total_tax",
    "total_discount",
    "total_refunds",
    "net_revenue",
    "average_sale",
)
Sections = dict[str, list[dict[str, str]]]


def read_file(content: bytes) -> Sections:
    """The lines of a CSV file by section, without the cells that a section does not have."""
    assert content.startswith(codecs.BOM_UTF8)
    sections: Sections = defaultdict(list)
    for line in csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")):
        cells = {name: cell for name, cell in line.items() if cell}
        sections[cells.pop("section")].append(cells)
    return sections


def sales_file(expected: Expected, span: Span) -> Sections:
    facts = expected.facts
    lines, report = lines_of(facts.sales_of(span)), expected.sales(span)
    days = {day: totals(facts.sales.get(day, []), facts.refunds.get(day, [])) for day in span}
    return {
        "totals": [_cells(report, "start", "end", "currency", *TOTALS)],
        "days": [{"date": str(day), **_cells(row, *TOTALS)} for day, row in days.items()],
        "hours": _hours(report),
        "payment_methods": _methods(report),
        "sales_by_cashier": [
            _cells(row, "cashier_name", "cashier", *TOTALS) for row in report["sales_by_cashier"]
        ],
        "categories": [{"category_name": name, **_sold(sold)} for name, sold in by_category(lines, taken)],
        "products": [{**_product(article), **_sold(sold)} for article, sold in by_article(lines, taken)],
    }


def profit_file(expected: Expected, span: Span) -> Sections:
    lines, report = lines_of(expected.facts.sales_of(span)), expected.profit(span)
    figures = [name for name in report if name.startswith(("total_", "gross_", "profit_m", "net_"))]
    return {
        "totals": [_cells(report, "start", "end", "currency", *figures)],
        "days": [
            {"date": row["date"], **{name: money(row[name]) for name in ("revenue", "cost", "profit")}}
            for row in report["chart_data"]
        ],
        "categories": [{"category_name": name, **earned(sold)} for name, sold in by_category(lines, profit)],
        "products": [
            {**_product(article), "quantity_sold": number(quantity(sold)), **earned(sold)}
            for article, sold in by_article(lines, profit)
        ],
    }


def day_end_file(expected: Expected, day: date) -> Sections:
    report = expected.day_end(day)
    refunds, receipts, drawer = report["refunds"], report["receipts"], report["cash_drawer"]
    return {
        "totals": [
            {
                **_cells(report, "date", "currency", *TOTALS),
                "refunds": str(refunds["count"]),
                "refunded_tax": refunds["tax"],
                **_cancelled(report),
                **{f"{name}_receipt": number for name, number in receipts.items() if number},
                **{f"cash_{name}": amount for name, amount in drawer.items()},
            }
        ],
        "tax_rates": report["tax_rates"],
        "payment_methods": _methods(report),
        "sales_by_cashier": [
            {**_cells(row, "cashier_name", "cashier", *TOTALS, "refunds"), **_cancelled(row)}
            for row in report["sales_by_cashier"]
        ],
        "hours": _hours(expected.sales(Span(day, day))),
    }


def inventory_file(expected: Expected) -> Sections:
    """The products in the order of their ids; the shop has them by name, in whatever order its database has names."""
    report = inventory(expected)
    counts = ("total_products", "low_stock_count", "out_of_stock_count", "active_alerts_count")
    articles = [article for article in expected.books.articles.values() if article.active]
    return {
        "totals": [
            {
                "date": str(expected.facts.day(expected.now)),
                **_cells(report, "currency", "total_stock_value", "total_retail_value", *counts),
            }
        ],
        "categories": [
            {name: number(cell) if isinstance(cell, Decimal) else str(cell) for name, cell in row.items()}
            for row in report["by_category"]
        ],
        "products": [_on_shelf(article) for article in sorted(articles, key=lambda article: article.id)],
    }


def number(amount: Decimal) -> str:
    """Without needless decimals."""
    whole = amount == amount.to_integral_value()
    return str(int(amount)) if whole else f"{amount:f}".rstrip("0")


def _cells(row: Mapping[str, Any], *names: str) -> dict[str, str]:
    return {name: str(row[name]) for name in names}


def _hours(report: Report) -> list[dict[str, str]]:
    return [
        {
            "hour": str(row["hour"]),
            "total_transactions": str(row["sales_count"]),
            "total_revenue": money(row["revenue"]),
        }
        for row in report["hourly_sales"]
    ]


def _methods(report: Report) -> list[dict[str, str]]:
    """By their names."""
    return [
        {"method": row["label"], **_cells(row, "count", "total", "refunds", "total_refunds")}
        for row in report["payment_methods"]
    ]


def _cancelled(row: Report) -> dict[str, str]:
    cancelled = row["cancelled_sales"]
    return {"cancelled_sales": str(cancelled["count"]), "cancelled_total": cancelled["total"]}


def _product(article: Article) -> dict[str, str]:
    """What it is called today."""
    return {
        "product_name": article.name,
        "sku": article.sku,
        "barcode": article.barcode,
        "category_name": article.category or NO_CATEGORY,
        "product": str(article.id),
    }


def _sold(lines: Sequence[Line]) -> dict[str, str]:
    return {
        "quantity_sold": number(quantity(lines)),
        "total_revenue": money(taken(lines)),
        "total_tax": money(total(line.figures.tax for line in lines)),
        "total_discount": money(total(line.figures.discount for line in lines)),
    }


def _on_shelf(article: Article) -> dict[str, str]:
    status = "out" if not article.stock else "low" if article.is_low else "ok"
    return {
        **_product(article),
        "stock": number(article.stock),
        "low_stock_threshold": number(article.threshold),
        "stock_status": status,
        "cost_price": money(article.cost),
        "price": money(article.price),
        "stock_value": money(cents(article.cost * article.stock)),
        "retail_value": money(cents(article.price * article.stock)),
    }
