"""Reports over HTTP."""

from apps.reports.views.reconciliation import ReconciliationView
from apps.reports.views.reports import DashboardView, DayEndView, InventoryView, ProfitView, SalesView

__all__ = [
    "DashboardView",
    "DayEndView",
    "InventoryView",
    "ProfitView",
    "ReconciliationView",
    "SalesView",
]
