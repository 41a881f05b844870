"""The ledger of stock in the back office, to read; and alerts and counts, to be ended."""

from typing import Any, Protocol

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from apps.core import clock
from apps.core.admin import ReadOnlyAdmin
from apps.core.errors import DomainError
from apps.inventory import services
from apps.inventory.models import CountLine, Movement, StockAlert, StockCount


@admin.register(Movement)
class MovementAdmin(ReadOnlyAdmin, admin.ModelAdmin):
    list_display = (
        "created_at",
        "product",
        "movement_type",
        "quantity",
        "stock_before",
        "stock_after",
        "created_by",
    )
    list_filter = ("movement_type",)
    list_select_related = ("product", "created_by")
    search_fields = ("=reference_number", "=product__barcode", "=product__sku")
    ordering = ("-id",)


class _Ends(Protocol):
    def __call__(self, row_id: int, /, *, user_id: int, now: Any) -> None: ...


def _end_each(request: HttpRequest, rows: QuerySet[Any], end: _Ends) -> None:
    """Each in a transaction of its own: one that is refused keeps none of the others from it."""
    for row in rows:
        try:
            with transaction.atomic():
                end(row.pk, user_id=int(request.user.pk or 0), now=clock.now())
        except DomainError as error:
            messages.error(request, error.sentence)
        else:
            messages.success(request, f"{row}: done.")


@admin.register(StockAlert)
class StockAlertAdmin(ReadOnlyAdmin, admin.ModelAdmin):
    list_display = (
        "product",
        "status",
        "muted",
        "current_stock",
        "threshold",
        "created_at",
        "resolved_at",
        "resolved_by",
    )
    list_filter = ("status",)
    list_select_related = ("product", "resolved_by")
    search_fields = ("=product__barcode", "=product__sku")
    actions = ("resolve", "ignore")
    ordering = ("-id",)

    @admin.action(description="Resolve: the next change that leaves the stock low opens another")
    def resolve(self, request: HttpRequest, alerts: QuerySet[StockAlert]) -> None:
        _end_each(request, alerts, services.resolve_alert)

    @admin.action(description="Ignore: no other until the stock has risen above the threshold")
    def ignore(self, request: HttpRequest, alerts: QuerySet[StockAlert]) -> None:
        _end_each(request, alerts, services.ignore_alert)


@admin.register(StockCount)
class StockCountAdmin(ReadOnlyAdmin, admin.ModelAdmin):
    list_display = (
        "count_number",
        "description",
        "status",
        "started_at",
        "started_by",
        "completed_at",
        "items",
    )
    list_filter = ("status", "blind")
    list_select_related = ("started_by",)
    search_fields = ("description",)
    readonly_fields = ("items",)
    actions = ("complete", "cancel")
    ordering = ("-id",)

    @admin.display(description="lines")
    def items(self, count: StockCount) -> str:
        """On pages of their own: there may be thousands."""
        address = reverse("admin:inventory_countline_changelist")
        return format_html('<a href="{}?count__id__exact={}">Lines</a>', address, count.pk)

    @admin.action(description="Complete: add the differences to the stock")
    def complete(self, request: HttpRequest, counts: QuerySet[StockCount]) -> None:
        _end_each(request, counts, services.complete_count)

    @admin.action(description="Cancel: no stock moves")
    def cancel(self, request: HttpRequest, counts: QuerySet[StockCount]) -> None:
        _end_each(request, counts, services.cancel_count)


@admin.register(CountLine)
class CountLineAdmin(ReadOnlyAdmin, admin.ModelAdmin):
    list_display = (
        "product",
        "count",
        "system_quantity",
        "physical_quantity",
        "variance",
        "notes",
        "counted_by",
        "counted_at",
    )
    list_select_related = ("count", "product", "counted_by")
    search_fields = ("=product__barcode", "=product__sku")
    ordering = ("-id",)
