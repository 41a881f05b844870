"""One sheet of a workbook: a heading, rows with typed cells, totals."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from apps.core.money import plain_number
from apps.reports.exporting.table import Column, Kind, Table
from apps.reports.exporting.text import sheet_text

FORMATS = {
    Kind.TEXT: "General",
    Kind.ID: "0",
    Kind.COUNT: "#,##0",
    Kind.QUANTITY: "#,##0.###",
    Kind.MONEY: "#,##0.00",
    Kind.PERCENT: "0.00%",
    Kind.DATE: "yyyy-mm-dd",
    Kind.HOUR: '00":00"',
}
# In characters. A line is looked at while it is written, so only texts need more than their kind does.
NARROWEST, WIDEST = 12, 50
MONEY_WIDTH = 16
HUNDRED = Decimal(100)

Put = Callable[[int, Any], None]


class Formats:
    """How cells look, made once for a workbook."""

    def __init__(self, book: Any) -> None:
        self.heading = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self.label = book.add_format({"bold": True})
        self.plain = {kind: book.add_format({"num_format": text}) for kind, text in FORMATS.items()}
        self.total = {
            kind: book.add_format({"bold": True, "top": 1, "num_format": text})
            for kind, text in FORMATS.items()
        }


class SheetColumn:
    """Writes the cells of one column, and keeps their sum and how wide they are."""

    def __init__(self, sheet: Any, place: int, column: Column) -> None:
        self._sheet = sheet
        self._place = place
        self.column = column
        self.width = MONEY_WIDTH if column.kind is Kind.MONEY else NARROWEST
        self.total = Decimal(0)
        writers: dict[Kind, Put] = {
            Kind.TEXT: self._text,
            Kind.DATE: self._date,
            Kind.PERCENT: self._percent,
        }
        self.put = writers.get(column.kind, self._sum if column.is_summed else self._number)

    def _text(self, line: int, value: str) -> None:
        if text := sheet_text(value):
            self.width = max(self.width, len(text))
            self._sheet.write_string(line, self._place, text)

    def _date(self, line: int, value: date) -> None:
        self._sheet.write_datetime(line, self._place, value)

    def _percent(self, line: int, value: Decimal) -> None:
        self._sheet.write_number(line, self._place, plain_number(value / HUNDRED))

    def _number(self, line: int, value: Any) -> None:
        self._sheet.write_number(line, self._place, plain_number(value))

    def _sum(self, line: int, value: Any) -> None:
        self.total += value
        self._sheet.write_number(line, self._place, plain_number(value))


def write_rows(sheet: Any, table: Table, formats: Formats) -> int:
    """The table, with totals below it; how many rows it has."""
    # Cells without a format take their column's, so it must be known before them and the widths come after.
    for place, column in enumerate(table.columns):
        sheet.set_column(place, place, None, formats.plain[column.kind])
        sheet.write_string(0, place, column.label, formats.heading)
    written = [SheetColumn(sheet, place, column) for place, column in enumerate(table.columns)]
    puts = [column.put for column in written]
    last = 0
    for last, row in enumerate(table.rows, 1):
        for put, value in zip(puts, row, strict=True):
            if value is not None:
                put(last, value)
    _write_totals(sheet, written, formats, last)
    for place, done in enumerate(written):
        sheet.set_column(place, place, min(done.width, WIDEST), formats.plain[done.column.kind])
    _make_printable(sheet)
    return last


def write_upright(sheet: Any, table: Table, formats: Formats) -> None:
    """The one row of the table as a list of names and values."""
    (row,) = table.rows
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 1, 20)
    for line, (column, value) in enumerate(zip(table.columns, row, strict=True)):
        # Cells without a format take their row's.
        sheet.set_row(line, None, formats.plain[column.kind])
        sheet.write_string(line, 0, column.label, formats.label)
        if value is not None:
            SheetColumn(sheet, 1, column).put(line, value)


def _write_totals(sheet: Any, columns: list[SheetColumn], formats: Formats, last: int) -> None:
    if last < 2 or not any(column.column.is_summed for column in columns):
        return
    for place, column in enumerate(columns):
        look = formats.total[column.column.kind]
        if column.column.is_summed:
            sheet.write_number(last + 1, place, plain_number(column.total), look)
        elif place == 0:
            sheet.write_string(last + 1, place, "Total", look)
        else:
            sheet.write_blank(last + 1, place, None, look)


def _make_printable(sheet: Any) -> None:
    sheet.freeze_panes(1, 0)
    sheet.repeat_rows(0)
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
