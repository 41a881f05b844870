"""XLSX: a sheet for each table and a chart on a sheet of its own.

Rows go to a temporary file as they come, so that a workbook of any size takes the same memory.
"""

from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import IO, Any

from xlsxwriter import Workbook

from apps.reports.exporting.sheet import Formats, write_rows, write_upright
from apps.reports.exporting.table import Chart, Table

CHART = "Chart"


class XlsxFile:
    """`add` writes the tables to the side, `finish` puts them together; that takes a while and needs no rows."""

    def __init__(self, file: IO[bytes]) -> None:
        # The folder goes with this object, also when it is not finished.
        self._folder = TemporaryDirectory(prefix="report-", ignore_cleanup_errors=True)
        self._book: Any = Workbook(file, {"constant_memory": True, "tmpdir": self._folder.name})

    def add(self, tables: Sequence[Table]) -> None:
        formats = Formats(self._book)
        charted: list[tuple[Table, Chart, int]] = []
        for table in tables:
            sheet = self._book.add_worksheet(table.label)
            if table.upright:
                write_upright(sheet, table, formats)
            elif (rows := write_rows(sheet, table, formats)) and table.chart:
                charted.append((table, table.chart, min(rows, table.chart.most)))
        for drawn in charted:
            self._draw(*drawn)

    def finish(self) -> None:
        self._book.close()
        self._folder.cleanup()

    def _draw(self, table: Table, chart: Chart, rows: int) -> None:
        picture = self._book.add_chart({"type": chart.shape})
        for name in chart.values:
            place = table.place(name)
            picture.add_series(
                {
                    "name": [table.label, 0, place],
                    "categories": [table.label, 1, table.place(chart.along), rows, table.place(chart.along)],
                    "values": [table.label, 1, place, rows, place],
                }
            )
        picture.set_title({"name": chart.title})
        picture.set_legend({"none": True} if len(chart.values) == 1 else {"position": "bottom"})
        self._book.add_chartsheet(CHART).set_chart(picture)
