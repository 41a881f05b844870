"""Sales in the back office: to read."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.core.admin import ReadOnlyAdmin
from apps.sales import selectors
from apps.sales.models import Sale, SaleItem


class SaleItemInline(ReadOnlyAdmin, admin.TabularInline):
    model = SaleItem
    extra = 0
    fields = ("product_name", "quantity", "unit_price", "tax_rate", "discount", "tax_amount", "total")


@admin.register(Sale)
class SaleAdmin(ReadOnlyAdmin, admin.ModelAdmin):
    list_display = (
        "sale_number",
        "receipt_number",
        "created_at",
        "cashier",
        "total",
        "status",
        "payment_status",
    )
    list_filter = ("status", "payment_status")
    list_select_related = ("cashier",)
    search_fields = ("sale_number",)
    ordering = ("-id",)
    inlines = (SaleItemInline,)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Sale], search_term: str
    ) -> tuple[QuerySet[Sale], bool]:
        return (selectors.search(queryset, search_term) if search_term.strip() else queryset), False

    @admin.display(ordering="receipt")
    def receipt_number(self, sale: Sale) -> Any:
        return sale.receipt_number
