"""The inventory report as tables, with every product on the shelf. Call inside a snapshot."""

from collections.abc import Iterator
from datetime import date

from apps.reports.exporting import Cell, Chart, Column, Kind, Table
from apps.reports.selectors.goods import shelf, shelf_count
from apps.reports.selectors.stock import inventory_report
from apps.reports.tables import columns
from apps.reports.tables.columns import table_from
from apps.reports.tables.sales import product_cells

# More bars than this nobody tells apart; the categories come by value.
CATEGORIES_DRAWN = 25
TOTALS = (
    columns.DATE,
    columns.CURRENCY,
    Column("total_products", Kind.COUNT),
    Column("total_stock_value", Kind.MONEY),
    Column("total_retail_value", Kind.MONEY),
    Column("low_stock_count", Kind.COUNT),
    Column("out_of_stock_count", Kind.COUNT),
    Column("active_alerts_count", Kind.COUNT),
)
CATEGORIES = (
    columns.CATEGORY,
    Column("product_count", Kind.COUNT),
    Column("total_stock", Kind.QUANTITY),
    Column("stock_value", Kind.MONEY),
    Column("retail_value", Kind.MONEY),
    Column("low_stock_count", Kind.COUNT),
)
PRODUCTS = (
    *columns.PRODUCT,
    Column("stock", Kind.QUANTITY),
    Column("low_stock_threshold", Kind.QUANTITY, adds_up=False),
    Column("stock_status"),
    Column("cost_price", Kind.MONEY, adds_up=False),
    Column("price", Kind.MONEY, adds_up=False),
    Column("stock_value", Kind.MONEY),
    Column("retail_value", Kind.MONEY),
)


def inventory_tables(today: date) -> list[Table]:
    """What the report says, and all active products."""
    report = inventory_report()
    picture = Chart(
        "Stock value by category", "category_name", ["stock_value"], shape="bar", most=CATEGORIES_DRAWN
    )
    return [
        table_from("totals", [{**report, "date": today.isoformat()}], TOTALS, upright=True),
        table_from("categories", report["by_category"], CATEGORIES, chart=picture),
        Table("products", PRODUCTS, _products(), size=shelf_count()),
    ]


def _products() -> Iterator[list[Cell]]:
    for row in shelf():
        stock, threshold = row["stock"], row["low_stock_threshold"]
        status = "low" if stock <= threshold else "ok"
        yield [
            *product_cells(row),
            stock,
            threshold,
            status if stock else "out",
            row["cost_price"],
            row["price"],
            row["value"],
            row["retail"],
        ]
