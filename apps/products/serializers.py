"""Products on the wire: a strict form for what comes in, a plain function for what goes out."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from rest_framework import serializers

from apps.core import money
from apps.core.clock import iso
from apps.core.fields import IdField, MoneyField, NoCardNumbers, PercentField, QuantityField
from apps.products import barcodes, images
from apps.products.models import Category, Product
from apps.products.services import unit_total

AddressOf = Callable[[str], str]


def product_data(row: dict[str, Any], *, with_cost: bool, address_of: AddressOf) -> dict[str, Any]:
    """A product row as the contract shows it; the cost is for administrators."""
    stock: Decimal = row["stock_level__quantity"]
    data = {
        "id": row["id"],
        "name": row["name"],
        "category": row["category"],
        "category_name": row["category__name"],
        "barcode": row["barcode"],
        "sku": row["sku"],
        "price": money.format_money(row["price"]),
        "cost_price": money.format_money(row["cost_price"]),
        "tax": money.format_money(row["tax"]),
        "stock": money.format_quantity(stock),
        "low_stock_threshold": money.format_quantity(row["low_stock_threshold"]),
        "description": row["description"],
        "image": address_of(row["image"]) if row["image"] else None,
        "is_active": row["is_active"],
        "is_low_stock": stock <= row["low_stock_threshold"],
        "total_price": money.format_money(unit_total(row["price"], row["tax"], settings.PRICES_INCLUDE_TAX)),
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
    }
    if not with_cost:
        del data["cost_price"]
    return data


class CategorySerializer(NoCardNumbers, serializers.ModelSerializer[Category]):
    class Meta:
        model = Category
        fields = ("id", "name", "description", "created_at", "updated_at")
        swagger_schema_fields: ClassVar = {"example": {"name": "Dairy & Eggs", "description": "Kept cold"}}
        read_only_fields = ("id", "created_at", "updated_at")


class ImageField(serializers.Field):
    """A picture to upload, null to remove it; the address that was shown before changes nothing."""

    class Meta:
        swagger_schema_fields: ClassVar = {
            "type": "string",
            "format": "uri",
            "x-nullable": True,
            "description": "Upload a JPEG, PNG or WebP of at most 5 MB as multipart/form-data.",
        }

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, str):
            if data and data == self.parent.context.get("image_address"):
                raise serializers.SkipField
            raise serializers.ValidationError("Upload the picture as a file in multipart/form-data.")
        if not hasattr(data, "read"):
            raise serializers.ValidationError("Upload the picture as a file in multipart/form-data.")
        return images.checked(data)

    def to_representation(self, value: Any) -> Any:
        return value


class ProductForm(NoCardNumbers):
    """What an administrator may set. Everything else that is sent back is ignored."""

    name = serializers.CharField(max_length=200)
    category = IdField(required=False, allow_null=True)
    barcode = serializers.CharField(
        max_length=barcodes.MAX_LENGTH, required=False, allow_null=True, allow_blank=True
    )
    sku = serializers.CharField(max_length=64)
    price = MoneyField()
    cost_price = MoneyField(required=False)
    tax = PercentField(required=False)
    stock = QuantityField(required=False, low=Decimal(0), high=money.MAX_STOCK)
    low_stock_threshold = QuantityField(required=False, low=Decimal(0), high=money.MAX_STOCK)
    description = serializers.CharField(max_length=5000, required=False, allow_blank=True)
    image = ImageField(required=False, allow_null=True)
    is_active = serializers.BooleanField(required=False)

    class Meta:
        ref_name = "ProductInput"
        swagger_schema_fields: ClassVar = {
            "example": {
                "name": "Fresh Milk 500 ml",
                "barcode": "6161100490000",
                "sku": "MILK-500",
                "price": "65.00",
                "cost_price": "52.00",
                "tax": "16.00",
                "stock": 24,
                "low_stock_threshold": 6,
            }
        }

    def validate_category(self, category_id: int | None) -> Category | None:
        if category_id is None:
            return None
        category = Category.objects.filter(pk=category_id).first()
        if category is None:
            raise serializers.ValidationError("There is no such category.")
        return category

    def validate_sku(self, sku: str) -> str:
        if self._others().filter(sku=sku).exists():
            raise serializers.ValidationError("Another product has this SKU.")
        return sku

    def validate_barcode(self, barcode: str | None) -> str | None:
        code = barcodes.clean(barcode or "")
        if code and self._others().filter(barcode_key=barcodes.lookup_key(code)).exists():
            raise serializers.ValidationError("Another product has this barcode.")
        return code or None

    def validate_stock(self, stock: Decimal) -> Decimal:
        product: Product | None = self.instance
        if product is not None and stock != product.stock_level.quantity:
            raise serializers.ValidationError(
                "Stock changes only through sales, movements and counts; leave it out or send it unchanged."
            )
        return stock

    def _others(self) -> Any:
        return Product.objects.exclude(pk=self.instance.pk) if self.instance else Product.objects.all()


class ProductSerializer(ProductForm):
    """A product as it is shown; used to describe it, `product_data` writes it."""

    id = serializers.IntegerField()
    category_name = serializers.CharField(allow_null=True)
    is_low_stock = serializers.BooleanField()
    total_price = MoneyField(help_text="What the customer pays for one unit, tax included.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    class Meta:
        ref_name = "Product"
