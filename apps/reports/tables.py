"""The reconciliation as one table: a line for every row."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from apps.payments.states import Method
from apps.reports.exporting import Cell

# Heading of the column, and the names of a row that fill it; a row has one of them at most.
COLUMNS: dict[str, Sequence[str]] = {
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
HEADER = ("section", "date", "method", *COLUMNS)
MONEY = frozenset(
    {
        "amount",
        "amount_expected",
        "amount_received",
        "amount_applied",
        "amount_refunded",
        "late_money",
    }
)


def reconciliation_table(rows: Iterable[tuple[str, date, str, dict[str, Any]]]) -> Iterator[list[Cell]]:
    """The lines under `HEADER`."""
    for section, day, method, row in rows:
        yield [section, day, Method(method).label, *(_cell(row, names) for names in COLUMNS.values())]


def _cell(row: dict[str, Any], names: Sequence[str]) -> Cell:
    name = next((name for name in names if name in row), None)
    value = None if name is None else row[name]
    if value is None or isinstance(value, int):
        return value
    return Decimal(value) if name in MONEY else str(value)
