"""The profit report as tables, with every product that was sold. Call inside a snapshot."""

from collections.abc import Iterator

from apps.reports.exporting import Cell, Chart, Column, Kind, Table
from apps.reports.periods import Period
from apps.reports.selectors.goods import products_sold
from apps.reports.selectors.profit import profit_figures, profit_of, revenue_of
from apps.reports.selectors.shown import percent_of
from apps.reports.selectors.sums import Cover
from apps.reports.tables import columns
from apps.reports.tables.columns import table_from
from apps.reports.tables.sales import product_cells, sold_size

BY_PROFIT = "sold.revenue - sold.tax - sold.cost DESC"
FIGURES = (Column("revenue", Kind.MONEY), Column("cost", Kind.MONEY), Column("profit", Kind.MONEY))
WITH_MARGIN = (*FIGURES, Column("margin", Kind.PERCENT))
TOTALS = (
    columns.START,
    columns.END,
    columns.CURRENCY,
    *(Column(name, Kind.MONEY) for name in ("total_revenue", "total_cost", "total_tax", "total_discount")),
    Column("gross_profit", Kind.MONEY),
    Column("profit_margin", Kind.PERCENT),
    Column("total_refunds", Kind.MONEY),
    Column("net_profit", Kind.MONEY),
)


def profit_tables(period: Period, cover: Cover) -> list[Table]:
    """What the report says, and all products."""
    report = profit_figures(period, cover)
    picture = Chart("Profit by day", "date", ["profit"])
    return [
        table_from("totals", [report], TOTALS, upright=True),
        table_from("days", report["chart_data"], (columns.DATE, *FIGURES), chart=picture),
        table_from("categories", report["category_profit"], (columns.CATEGORY, *WITH_MARGIN)),
        Table(
            "products",
            (*columns.PRODUCT, columns.QUANTITY_SOLD, *WITH_MARGIN),
            _products(cover),
            size=sold_size(cover),
        ),
    ]


def _products(cover: Cover) -> Iterator[list[Cell]]:
    for row in products_sold(cover, BY_PROFIT):
        revenue, profit = revenue_of(row), profit_of(row)
        margin = percent_of(profit, revenue)
        yield [*product_cells(row), row["quantity"], revenue, row["cost"], profit, margin]
