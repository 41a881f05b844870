"""Tables as files for a spreadsheet: CSV and XLSX, in which no text ever becomes a formula."""

from apps.reports.exporting.files import (
    CSV,
    FILES,
    HTML,
    MAX_ROWS,
    PRINTABLE,
    PRODUCES,
    QUERY,
    XLSX,
    ReportFile,
    check_size,
    export_kind,
)
from apps.reports.exporting.table import Cell, Chart, Column, Kind, Table
from apps.reports.exporting.text import safe_text

__all__ = [
    "CSV",
    "FILES",
    "HTML",
    "MAX_ROWS",
    "PRINTABLE",
    "PRODUCES",
    "QUERY",
    "XLSX",
    "Cell",
    "Chart",
    "Column",
    "Kind",
    "ReportFile",
    "Table",
    "check_size",
    "export_kind",
    "safe_text",
]
