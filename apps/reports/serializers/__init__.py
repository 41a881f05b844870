"""Reports on the wire; used to describe them, the selectors write them."""

from apps.reports.serializers.dashboard import DashboardSerializer
from apps.reports.serializers.goods import InventoryReportSerializer, ProfitReportSerializer
from apps.reports.serializers.reconciliation import ReconciliationSerializer
from apps.reports.serializers.sales import DayEndSerializer, SalesReportSerializer

__all__ = [
    "DashboardSerializer",
    "DayEndSerializer",
    "InventoryReportSerializer",
    "ProfitReportSerializer",
    "ReconciliationSerializer",
    "SalesReportSerializer",
]
