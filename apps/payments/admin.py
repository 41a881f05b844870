"""Payments, refunds and the gateways' messages in the back office: to read."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.core.admin import ReadOnlyAdmin
from apps.payments.models import GatewayCallback, Payment, Refund
from apps.payments.selectors import readable


class NeedsAttention(admin.SimpleListFilter):
    """What a person must look at."""

    title = "needs attention"
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Yes")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(attention__gt="") if self.value() == "yes" else queryset


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin, admin.ModelAdmin):
    list_display = (
        "transaction_reference",
        "sale",
        "method",
        "amount",
        "status",
        "external_reference",
        "attention",
        "initiated_at",
        "initiated_by",
    )
    list_filter = ("method", "status", NeedsAttention)
    list_select_related = ("sale", "initiated_by")
    search_fields = ("=transaction_reference", "=external_reference", "=sale__sale_number", "=gateway_id")
    exclude = ("token_hash",)
    ordering = ("-id",)


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin, admin.ModelAdmin):
    list_display = (
        "refund_reference",
        "payment",
        "method",
        "amount",
        "status",
        "attention",
        "requested_at",
        "requested_by",
        "approved_by",
    )
    list_filter = ("method", "status", NeedsAttention)
    list_select_related = ("payment", "requested_by", "approved_by")
    search_fields = ("=refund_reference", "=external_reference", "=payment__transaction_reference")
    exclude = ("token_hash",)
    ordering = ("-id",)


@admin.register(GatewayCallback)
class GatewayCallbackAdmin(ReadOnlyAdmin, admin.ModelAdmin):
    """What became of each message, and why."""

    list_display = (
        "id",
        "callback_type",
        "route",
        "state",
        "success",
        "amount",
        "transaction_id",
        "payment",
        "error_message",
        "repeats",
        "received_at",
    )
    list_filter = ("callback_type", "state", "success")
    list_select_related = ("payment",)
    search_fields = ("=transaction_id", "=payment__transaction_reference")
    fields = (
        "callback_type",
        "route",
        "state",
        "error_message",
        "payment",
        "refund",
        "transaction_id",
        "amount",
        "success",
        "authentic",
        "source_address",
        "repeats",
        "tries",
        "received_at",
        "processed_at",
        "next_try_at",
        "message",
    )
    readonly_fields = ("message",)
    ordering = ("-id",)

    def message(self, item: GatewayCallback) -> str:
        """As it came, secrets blanked."""
        found = readable(bytes(item.body))
        return found if isinstance(found, str) else json.dumps(found, indent=2, ensure_ascii=False)
