"""Changing the catalogue. Call inside a transaction."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import ProtectedError

from apps.core import money, ports
from apps.core.locking import locked_for_removal
from apps.products import barcodes
from apps.products.errors import CategoryInUse, ProductNotFound
from apps.products.models import Category, Product

# What decides, beside the stock, whether a product runs low.
WATCHED = ("low_stock_threshold", "is_active")


def create_product(
    fields: Mapping[str, Any], *, stock: Decimal, user_id: int | None, now: datetime
) -> Product:
    """A new product; an opening stock other than zero is recorded as its first movement."""
    product = Product(**fields)
    set_barcode(product, fields.get("barcode"))
    product.save(force_insert=True)
    ports.open_stock()({product.pk: stock}, user_id=user_id, now=now)
    return product


def update_product(product: Product, fields: Mapping[str, Any], *, now: datetime) -> Product:
    """Changes the given fields of the catalogue row and nothing else; stock is not among them."""
    _update_watched(product.pk, {name: fields[name] for name in WATCHED if name in fields}, now)
    for name, value in fields.items():
        setattr(product, name, value)
    changed = [name for name in (*fields, "updated_at") if name not in WATCHED]
    if "barcode" in fields:
        set_barcode(product, fields["barcode"])
        changed.append("barcode_key")
    try:
        product.save(update_fields=changed)
    except DatabaseError as error:
        if error.__cause__ is not None:  # the database's own complaint
            raise
        raise ProductNotFound("There is no such product any more.") from None
    return product


def _update_watched(product_id: int, fields: Mapping[str, Any], now: datetime) -> None:
    """The row itself says whether they change; what was read before may be somebody else's past.

    First of all, because a new barcode or SKU locks the product also against the foreign keys of new rows: the stock
    must not be waited for after that, or a checkout that holds it could wait for the product.
    """
    if fields and Product.objects.filter(pk=product_id).exclude(**fields).update(**fields):
        ports.watch_stock()([product_id], now=now)


def set_barcode(product: Product, barcode: str | None) -> None:
    """The barcode as printed, and the key that all its forms share; an empty one is none."""
    product.barcode = barcodes.clean(barcode or "") or None
    product.barcode_key = barcodes.lookup_key(product.barcode) if product.barcode else None


def remove_product(product: Product, *, now: datetime) -> None:
    """Deletes a product that never moved or sold; any other is deactivated, so that history keeps its name."""
    try:
        with transaction.atomic():
            # Against the foreign keys of a checkout under way: it ends first, and then there is history. The lock
            # goes with the savepoint, because deactivating waits for the stock.
            if locked_for_removal(Product.objects.filter(pk=product.pk)).first() is None:
                raise ProductNotFound("There is no such product.")
            product.delete()
    except ProtectedError:
        update_product(product, {"is_active": False}, now=now)


def remove_category(category: Category) -> None:
    """Raises `CategoryInUse` while products stand on the shelf."""
    try:
        category.delete()
    except ProtectedError:
        raise CategoryInUse("Products are in this category. Move them to another one first.") from None


def unit_total(price: Decimal, tax: Decimal, prices_include_tax: bool) -> Decimal:
    """What the customer pays for one unit, tax included, to the cent."""
    return price if prices_include_tax else money.round_money(price + price * tax / 100)
