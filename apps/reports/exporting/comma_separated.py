"""CSV: one table for everything, so that a program can read it and a spreadsheet can pivot it.

The first column, `section`, names the table that a line belongs to; after it stand the columns of all tables, empty
where a table does not have them. All text is quoted, so that no separator inside it begins a cell of its own. The BOM
tells Excel that the file is UTF-8.
"""

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import IO, Any

from apps.core import money
from apps.reports.exporting.table import Cell, Kind, Table
from apps.reports.exporting.text import safe_text

SECTION = "section"


def _cents(value: Any) -> Decimal:
    return money.round_money(Decimal(value))


SHOWN: dict[Kind, Callable[[Any], Cell]] = {
    Kind.TEXT: safe_text,
    Kind.QUANTITY: money.format_quantity,
    Kind.MONEY: _cents,
    Kind.PERCENT: _cents,
}


class CsvFile:
    """`add` writes the tables row by row; there is nothing more to `finish`."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def add(self, tables: Sequence[Table]) -> None:
        self._file.write(codecs.BOM_UTF8)
        text = io.TextIOWrapper(self._file, encoding="utf-8", newline="")
        writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
        names = (column.name for table in tables for column in table.columns)
        header = list(dict.fromkeys([SECTION, *names]))
        writer.writerow(header)
        for table in tables:
            writer.writerows(_lines(table, header))
        text.flush()
        text.detach()

    def finish(self) -> None:
        pass


def _lines(table: Table, header: Sequence[str]) -> Iterator[list[Cell]]:
    # A table with sections of its own fills the first column itself.
    blank: list[Cell] = [table.name, *[None] * (len(header) - 1)]
    shown = [(header.index(column.name), SHOWN.get(column.kind)) for column in table.columns]
    for row in table.rows:
        line = blank.copy()
        for (place, show), value in zip(shown, row, strict=True):
            line[place] = value if value is None or show is None else show(value)
        yield line
