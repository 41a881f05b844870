"""Addresses of the reports."""

from django.urls import path

from apps.reports import views

urlpatterns = [
    path("reports/sales/", views.SalesView.as_view(), name="report-sales"),
    path("reports/profit/", views.ProfitView.as_view(), name="report-profit"),
    path("reports/inventory/", views.InventoryView.as_view(), name="report-inventory"),
    path("reports/dashboard/", views.DashboardView.as_view(), name="report-dashboard"),
    path("reports/day-end/", views.DayEndView.as_view(), name="report-day-end"),
    path("reports/reconciliation/", views.ReconciliationView.as_view(), name="reconciliation"),
]
