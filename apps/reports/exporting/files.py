"""What `export` asks for, and the answer to it.

A file is written completely before the answer begins, so that a slow client holds no database transaction, and so that
a failure is an answer of its own and no file that ends in the middle.
"""

from collections.abc import Collection, Sequence
from tempfile import SpooledTemporaryFile
from typing import Any

from django.http import FileResponse
from rest_framework.exceptions import ValidationError

from apps.reports.exporting.comma_separated import CsvFile
from apps.reports.exporting.table import Table
from apps.reports.exporting.workbook import XlsxFile

CSV, XLSX, HTML = "csv", "xlsx", "html"
FILES = (CSV, XLSX)
CONTENT_TYPES = {
    CSV: "text/csv; charset=utf-8",
    XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
QUERY = {"export": ("`csv` or `xlsx`: a file instead of JSON.", FILES)}
PRINTABLE = {
    "export": ("`csv` or `xlsx`: a file instead of JSON. `html`: a page to be printed.", (*FILES, HTML))
}
PRODUCES = ("application/json", *(kind.partition(";")[0] for kind in CONTENT_TYPES.values()), "text/html")
# What can be written while somebody waits (docs/adr/0024-report-files.md).
MAX_ROWS = {CSV: 250_000, XLSX: 100_000}
IN_MEMORY = 1_000_000


def export_kind(text: str, kinds: Collection[str] = FILES) -> str:
    """What the query parameter `export` asks for, empty for none. Raises DRF's `ValidationError`."""
    if text and text not in kinds:
        *others, last = kinds
        raise ValidationError({"export": [f"Use {', '.join(others)} or {last}."]})
    return text


def check_size(kind: str, rows: int) -> None:
    """Refuses a file that would take too long. Raises DRF's `ValidationError`."""
    if rows > MAX_ROWS[kind]:
        way = "Use csv or a shorter period." if kind == XLSX else "Use a shorter period."
        raise ValidationError(
            {"export": [f"These are {rows:,} rows; {kind} takes {MAX_ROWS[kind]:,}. {way}"]}
        )


class ReportFile:
    """The rows of all tables, written down. Raises DRF's `ValidationError` when they are too many."""

    def __init__(self, kind: str, tables: Sequence[Table]) -> None:
        check_size(kind, sum(table.size for table in tables))
        self._kind = kind
        self._content: Any = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - the response closes it
        self._file = CsvFile(self._content) if kind == CSV else XlsxFile(self._content)
        self._file.add(tables)

    def answer(self, name: str) -> FileResponse:
        """The attachment called `name`. Needs no database, so call it after the snapshot."""
        self._file.finish()
        self._content.seek(0)
        return FileResponse(
            self._content,
            as_attachment=True,
            filename=f"{name}.{self._kind}",
            content_type=CONTENT_TYPES[self._kind],
        )
