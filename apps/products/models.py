"""The catalogue, and the row that carries a product's stock."""

import secrets
from typing import ClassVar

import pgtrigger
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Func, GeneratedField, Q, Value
from django.db.models.functions import Upper

from apps.core import money
from apps.products import barcodes

# ASCII punctuation separates words, so that "Coca-Cola 1.5L" is found by "cola" and by "5l".
PUNCTUATION = r"[!-/:-@\[-`{-~]+"


def image_path(product: "Product", filename: str) -> str:
    """A name of our own: what the client called its file is nobody's business."""
    suffix = filename.rsplit(".", 1)[-1].lower()
    return f"products/{secrets.token_hex(16)}.{suffix}"


class Category(models.Model):
    """A shelf of the shop."""

    name = models.CharField(max_length=100, unique=True)
    description = models.TextField(max_length=2000, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["name", "id"]
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    """What is sold. `price` and `cost_price` are in the shop's currency per unit, `tax` in percent.

    Whether `price` contains the tax is the shop's setting `PRICES_INCLUDE_TAX`. `barcode_key` is the barcode in
    the one form that all its spellings share.
    """

    name = models.CharField(max_length=200)
    # An index below begins with it.
    category = models.ForeignKey(
        Category, models.PROTECT, null=True, blank=True, related_name="products", db_index=False
    )
    barcode = models.CharField(max_length=barcodes.MAX_LENGTH, null=True, blank=True)
    barcode_key = models.CharField(max_length=barcodes.MAX_LENGTH, null=True, unique=True, editable=False)
    sku = models.CharField("SKU", max_length=64, unique=True)
    price = models.DecimalField(max_digits=12, decimal_places=2, validators=[MinValueValidator(0)])
    cost_price = models.DecimalField(
        max_digits=12, decimal_places=2, default=money.ZERO, validators=[MinValueValidator(0)]
    )
    tax = models.DecimalField(
        "tax %",
        max_digits=5,
        decimal_places=2,
        default=money.ZERO,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    low_stock_threshold = models.DecimalField(
        max_digits=12, decimal_places=3, default=10, validators=[MinValueValidator(0)]
    )
    description = models.TextField(max_length=5000, blank=True, default="")
    image = models.ImageField(upload_to=image_path, null=True, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    words = GeneratedField(
        expression=SearchVector(
            Func(F("name"), Value(PUNCTUATION), Value(" "), Value("g"), function="regexp_replace"),
            config="simple",
        ),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    class Meta:
        ordering: ClassVar = ["name", "id"]
        indexes: ClassVar = [
            # What was just written is found as quickly as the rest, and products are written seldom.
            GinIndex(fields=["words"], name="product_words", fastupdate=False),
            models.Index(OpClass("barcode", "varchar_pattern_ops"), name="product_barcode_prefix"),
            models.Index(OpClass(Upper("sku"), "text_pattern_ops"), name="product_sku_prefix"),
            models.Index(fields=["name", "id"], name="product_by_name"),
            models.Index(fields=["category", "name", "id"], name="product_by_category"),
            models.Index(fields=["price", "id"], name="product_by_price"),
            models.Index(fields=["created_at", "id"], name="product_by_creation"),
            models.Index(fields=["name", "id"], condition=Q(is_active=False), name="product_inactive"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(price__gte=0), name="price_not_negative"),
            models.CheckConstraint(condition=Q(cost_price__gte=0), name="cost_price_not_negative"),
            models.CheckConstraint(condition=Q(tax__gte=0, tax__lte=100), name="tax_is_a_percentage"),
            models.CheckConstraint(condition=Q(low_stock_threshold__gte=0), name="threshold_not_negative"),
            models.CheckConstraint(
                condition=Q(barcode__isnull=True, barcode_key__isnull=True)
                | Q(barcode__isnull=False, barcode_key__isnull=False),
                name="barcode_has_its_key",
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Trigger(
                name="has_stock_row",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(new="added"),
                func=(
                    "INSERT INTO products_stocklevel (product_id, quantity, low_at)"
                    " SELECT id, 0, CASE WHEN is_active THEN low_stock_threshold END FROM added; RETURN NULL;"
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class StockLevel(models.Model):
    """How much of a product is there, in its unit.

    A trigger makes the row with the product; only `apps.inventory.services` writes it.
    A row of its own, because every sale changes it: the product's wide row and its many indexes stay as they
    are (docs/adr/0004-stock-row.md). `low_at` repeats the threshold of an active product, so that what is low can be
    counted from these short rows alone.
    """

    product = models.OneToOneField(Product, models.CASCADE, primary_key=True, related_name="stock_level")
    quantity = models.DecimalField(max_digits=12, decimal_places=3, default=0)
    low_at = models.DecimalField(max_digits=12, decimal_places=3, null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(quantity__gte=0), name="stock_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity:f}"
