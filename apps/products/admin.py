"""The catalogue in the back office. Stock is shown, never typed: it has its own ledger."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest

from apps.core import clock, money
from apps.core.admin import RefusesCardNumbers, TellsRefusals
from apps.products import barcodes, services
from apps.products.models import Category, Product


@admin.register(Category)
class CategoryAdmin(RefusesCardNumbers, admin.ModelAdmin):
    list_display = ("name", "description")
    search_fields = ("name",)


class ProductAdminForm(forms.ModelForm):
    class Meta:
        model = Product
        fields = (
            "name",
            "category",
            "barcode",
            "sku",
            "price",
            "cost_price",
            "tax",
            "low_stock_threshold",
            "description",
            "image",
            "is_active",
        )

    def clean_barcode(self) -> str | None:
        code = barcodes.clean(self.cleaned_data["barcode"] or "")
        others = Product.objects.exclude(pk=self.instance.pk)
        if code and others.filter(barcode_key=barcodes.lookup_key(code)).exists():
            raise forms.ValidationError("Another product has this barcode.")
        return code or None


@admin.register(Product)
class ProductAdmin(RefusesCardNumbers, TellsRefusals, admin.ModelAdmin):
    form = ProductAdminForm
    list_display = ("name", "sku", "barcode", "category", "price", "stock", "is_active")
    list_filter = ("is_active", "category")
    list_select_related = ("category", "stock_level")
    search_fields = ("name", "sku", "barcode")
    autocomplete_fields = ("category",)
    readonly_fields = ("stock",)

    @admin.display(ordering="stock_level__quantity")
    def stock(self, product: Product) -> Any:
        return money.format_quantity(product.stock_level.quantity) if product.pk else "0"

    def has_delete_permission(self, request: HttpRequest, obj: Product | None = None) -> bool:
        """Products are deactivated; only the API's DELETE removes one that never moved."""
        return False

    @transaction.atomic
    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        fields = {name: form.cleaned_data[name] for name in ProductAdminForm.Meta.fields}
        now = clock.now()
        if change:
            services.update_product(obj, fields, now=now)
        else:
            created = services.create_product(fields, stock=money.ZERO, user_id=request.user.pk, now=now)
            obj.pk = created.pk
