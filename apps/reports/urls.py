"""Addresses of the reports."""

from django.urls import path

from apps.reports import views

urlpatterns = [
    path("reports/reconciliation/", views.ReconciliationView.as_view(), name="reconciliation"),
]
