"""Reports as tables for a file."""

from apps.reports.tables.day import dashboard_tables, day_end_tables
from apps.reports.tables.profit import profit_tables
from apps.reports.tables.reconciliation import reconciliation_table
from apps.reports.tables.sales import sales_tables
from apps.reports.tables.stock import inventory_tables

__all__ = [
    "dashboard_tables",
    "day_end_tables",
    "inventory_tables",
    "profit_tables",
    "reconciliation_table",
    "sales_tables",
]
