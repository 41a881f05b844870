"""The reconciliation as one table: a line for every row."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from apps.payments.states import Method
from apps.reports.exporting import Cell, Column, Kind, Table

# Heading of the column, and the names of a row that fill it; a row has one of them at most.
SOURCES: dict[str, Sequence[str]] = {
    "kind": ("kind",),
    "id": ("id",),
    "sale_number": ("sale_number",),
    "reference": ("transaction_reference", "refund_reference", "transaction_id"),
    "receipt": ("external_reference",),
    "amount": ("amount",),
    "amount_expected": ("amount_expected",),
    "amount_received": ("amount_received",),
    "amount_applied": ("amount_applied",),
    "amount_refunded": ("amount_refunded",),
    "gateway_amount": ("gateway_amount",),
    "late_money": ("late_money",),
    "status": ("status", "state"),
    "started_at": ("initiated_at", "requested_at", "received_at"),
    "completed_at": ("completed_at",),
    "confirmed_by": ("confirmed_by_name",),
    "remark": ("attention", "error_message"),
    "callback": ("callback",),
    "repeats": ("repeats",),
}
KINDS = {
    "date": Kind.DATE,
    **dict.fromkeys(("id", "callback", "repeats"), Kind.ID),
    **dict.fromkeys(
        (
            "amount",
            "amount_expected",
            "amount_received",
            "amount_applied",
            "amount_refunded",
            "late_money",
        ),
        Kind.MONEY,
    ),
}
# A payment may stand in several sections, so that sums over the rows would say nothing.
COLUMNS = [
    Column(name, KINDS.get(name, Kind.TEXT), adds_up=False)
    for name in ("section", "date", "method", *SOURCES)
]

Found = Iterable[tuple[str, date, str, dict[str, Any]]]


def reconciliation_table(rows: Found, size: int) -> Table:
    """All rows of the report, `size` of them."""
    return Table("reconciliation", COLUMNS, _lines(rows), size=size)


def _lines(rows: Found) -> Iterator[list[Cell]]:
    for section, day, method, row in rows:
        cells = (_cell(row, name) for name in SOURCES)
        yield [section, day, Method(method).label, *cells]


def _cell(row: dict[str, Any], column: str) -> Cell:
    name = next((name for name in SOURCES[column] if name in row), None)
    value = None if name is None else row[name]
    if value is None or isinstance(value, int):
        return value
    return Decimal(value) if KINDS.get(column) is Kind.MONEY else str(value)
