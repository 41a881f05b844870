"""Payments in the back office: to read."""

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin
from apps.payments.models import Payment


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin, admin.ModelAdmin):
    list_display = (
        "transaction_reference",
        "sale",
        "method",
        "amount",
        "status",
        "initiated_at",
        "initiated_by",
    )
    list_filter = ("method", "status")
    list_select_related = ("sale", "initiated_by")
    search_fields = ("=transaction_reference", "=external_reference", "=sale__sale_number")
    ordering = ("-id",)
