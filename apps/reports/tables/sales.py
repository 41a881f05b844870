"""The sales report as tables, with every product that was sold. Call inside a snapshot."""

from collections.abc import Iterator

from apps.reports.exporting import MAX_ROWS, Cell, Chart, Column, Kind, Table
from apps.reports.facts import CASHIERS, CATEGORIES, HOURS, METHODS
from apps.reports.periods import Period
from apps.reports.selectors.goods import product_count, products_sold, products_sold_count
from apps.reports.selectors.sales import BY_REVENUE, cashiers_data, hourly, method_data, totals
from apps.reports.selectors.shown import category_label, heading
from apps.reports.selectors.sums import Cover, Row, add_up
from apps.reports.tables import columns
from apps.reports.tables.columns import methods_table, table_from

GOODS = (
    columns.QUANTITY_SOLD,
    Column("total_revenue", Kind.MONEY),
    Column("total_tax", Kind.MONEY),
    Column("total_discount", Kind.MONEY),
)
HOURS_COLUMNS = (
    columns.HOUR,
    Column("total_transactions", Kind.COUNT),
    Column("total_revenue", Kind.MONEY),
)


def sales_tables(period: Period, cover: Cover) -> list[Table]:
    """What the report says, by day and by hour, and all categories and products."""
    cashiers = add_up(CASHIERS, cover, order=f"{BY_REVENUE}, cashier_id")
    methods = add_up(METHODS, cover, order="total DESC, method")
    return [
        _totals(period, cashiers),
        _days(period, cover),
        hours_table(cover, chart=period.is_one_day),
        methods_table(map(method_data, methods)),
        table_from("sales_by_cashier", cashiers_data(cashiers), (*columns.CASHIER, *columns.TOTALS)),
        _categories(cover),
        Table(
            "products",
            (*columns.PRODUCT, *GOODS),
            _products(cover),
            size=sold_size(cover),
        ),
    ]


def hours_table(cover: Cover, *, chart: bool) -> Table:
    """The 24 hours of the shop's clock."""
    data = (
        {"hour": row["hour"], "total_transactions": row["sales_count"], "total_revenue": row["revenue"]}
        for row in hourly(add_up(HOURS, cover))
    )
    picture = Chart("Sales by hour", "hour", ["total_revenue"]) if chart else None
    return table_from("hours", data, HOURS_COLUMNS, chart=picture)


def _totals(period: Period, cashiers: list[Row]) -> Table:
    columns_ = (columns.START, columns.END, columns.CURRENCY, *columns.TOTALS)
    return table_from("totals", [{**heading(period), **totals(cashiers)}], columns_, upright=True)


def _days(period: Period, cover: Cover) -> Table:
    found = {row["start"]: row for row in add_up(CASHIERS, cover, by="start")}
    data = ({"date": day.isoformat(), **totals([found[day]] if day in found else [])} for day in period.days)
    picture = None if period.is_one_day else Chart("Sales by day", "date", ["total_revenue"])
    return table_from("days", data, (columns.DATE, *columns.TOTALS), chart=picture)


def _categories(cover: Cover) -> Table:
    rows = add_up(CATEGORIES, cover, order=f"{BY_REVENUE}, category_name")
    cells = ([category_label(row["category_name"]), *_goods(row)] for row in rows)
    return Table("categories", (columns.CATEGORY, *GOODS), cells)


def _products(cover: Cover) -> Iterator[list[Cell]]:
    for row in products_sold(cover, BY_REVENUE):
        yield [*product_cells(row), *_goods(row)]


def sold_size(cover: Cover) -> int:
    """How many products were sold, at most; they are counted only where that might be too many."""
    known = product_count()
    return known if known <= min(MAX_ROWS.values()) else products_sold_count(cover)


def product_cells(row: Row) -> list[Cell]:
    """The cells under `columns.PRODUCT`."""
    return [row["name"], row["sku"], row["barcode"], category_label(row["category_name"]), row["product_id"]]


def _goods(row: Row) -> list[Cell]:
    return [row["quantity"], row["revenue"], row["tax"], row["discount"]]
