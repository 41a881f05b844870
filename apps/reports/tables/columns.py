"""The columns that reports share, and cells from the figures of a report."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from apps.reports.exporting import Cell, Column, Kind, Table

START = Column("start", Kind.DATE)
END = Column("end", Kind.DATE)
CURRENCY = Column("currency")
DATE = Column("date", Kind.DATE)
HOUR = Column("hour", Kind.HOUR)
CATEGORY = Column("category_name")
QUANTITY_SOLD = Column("quantity_sold", Kind.QUANTITY)
PRODUCT = (
    Column("product_name"),
    Column("sku"),
    Column("barcode"),
    CATEGORY,
    Column("product", Kind.ID),
)
TOTALS = (
    Column("total_transactions", Kind.COUNT),
    Column("total_revenue", Kind.MONEY),
    Column("total_tax", Kind.MONEY),
    Column("total_discount", Kind.MONEY),
    Column("total_refunds", Kind.MONEY),
    Column("net_revenue", Kind.MONEY),
    Column("average_sale", Kind.MONEY, adds_up=False),
)
CASHIER = (Column("cashier_name"), Column("cashier", Kind.ID))
METHODS = (
    Column("method"),
    Column("count", Kind.COUNT),
    Column("total", Kind.MONEY),
    Column("refunds", Kind.COUNT),
    Column("total_refunds", Kind.MONEY),
)


def rows_from(data: Iterable[Mapping[str, Any]], columns: Sequence[Column]) -> Iterator[list[Cell]]:
    """The rows of a table from parts of a report as it is on the wire."""
    for item in data:
        yield [cell_from(item[column.name], column.kind) for column in columns]


def cell_from(value: Any, kind: Kind) -> Cell:
    """One figure of a report as a cell. A double carries its amounts exactly, so `str` gives them back."""
    if value is None or kind is Kind.TEXT:
        return value if value is None else str(value)
    if kind is Kind.DATE:
        return date.fromisoformat(value)
    return int(value) if kind in (Kind.ID, Kind.COUNT, Kind.HOUR) else Decimal(str(value))


def table_from(name: str, data: Iterable[Mapping[str, Any]], columns: Sequence[Column], **more: Any) -> Table:
    """A table from parts of a report as it is on the wire."""
    return Table(name, columns, rows_from(data, columns), **more)


def methods_table(data: Iterable[Mapping[str, Any]], **more: Any) -> Table:
    """How sales were paid and refunds paid out, by the methods' names."""
    named = ({**item, "method": item["label"]} for item in data)
    return table_from("payment_methods", named, METHODS, **more)
