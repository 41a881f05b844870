"""The ledger of stock in the back office: to read."""

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin
from apps.inventory.models import Movement


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
