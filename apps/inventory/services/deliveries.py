"""Receiving a delivery: many purchases at once, all of them or none, in a fixed number of statements.

Locks as everywhere: the products by key, because their cost moves, then their stock.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection
from django.db.models import Q
from rest_framework.exceptions import ValidationError

from apps.core import money
from apps.core.locking import locked
from apps.inventory.models import Movement
from apps.inventory.services.moving import (
    Change,
    Occasion,
    append,
    average_cost,
    chained,
    locked_levels,
)
from apps.products import barcodes
from apps.products.models import Product

WRITE_COSTS = """
    UPDATE products_product AS product SET cost_price = averaged.cost, updated_at = %(now)s
      FROM unnest(%(ids)s::bigint[], %(costs)s::numeric[]) AS averaged (product_id, cost)
     WHERE product.id = averaged.product_id AND product.cost_price <> averaged.cost
"""
# By line of the file and by field, as the API answers.
Mistakes = dict[int, Mapping[str, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """So much of one product, named by barcode, SKU or both. `unit_cost` is None where its cost is to stay."""

    line: int
    quantity: Decimal
    barcode: str = ""
    sku: str = ""
    unit_cost: Decimal | None = None


@dataclass(frozen=True)
class Delivery:
    """The sound rows of a delivery in their order, and what is wrong with the others."""

    rows: list[DeliveryRow]
    mistakes: Mistakes


def receive_delivery(delivery: Delivery, occasion: Occasion) -> list[Movement]:
    """A purchase for each row; stock and cost move row by row, as if each had been recorded by itself.

    Raises `ValidationError` naming every row that is wrong in itself, that names no active product, or whose stock
    would grow beyond what can be stored.
    """
    products = _products(delivery)
    before = locked_levels({product.pk for product in products})
    changes = [
        Change(product.pk, row.quantity, row.unit_cost)
        for product, row in zip(products, delivery.rows, strict=True)
    ]
    movements = chained(changes, before, occasion)
    _refuse_overflow(delivery.rows, movements)
    append(movements, occasion)
    _write_costs(products, movements, occasion.now)
    for movement, product in zip(movements, products, strict=True):
        movement.product = product
    return movements


def _products(delivery: Delivery) -> list[Product]:
    """The product of every row, locked; all rows' mistakes at once."""
    keys = [barcodes.lookup_key(barcodes.clean(row.barcode)) for row in delivery.rows]
    by_key, by_sku = _found(filter(None, keys), (row.sku for row in delivery.rows if row.sku))
    products, mistakes = [], dict(delivery.mistakes)
    for row, key in zip(delivery.rows, keys, strict=True):
        product = by_key.get(key) if key else by_sku.get(row.sku)
        if mistake := _mistake(row, product):
            mistakes[row.line] = mistake
        if product is not None:
            products.append(product)
    if mistakes:
        raise ValidationError({"rows": {str(line): mistakes[line] for line in sorted(mistakes)}})
    return products


def _found(keys: Iterable[str], skus: Iterable[str]) -> tuple[dict[str | None, Product], dict[str, Product]]:
    """The products with these barcodes or SKUs, locked, by either of the two."""
    wanted = Product.objects.filter(Q(barcode_key__in=set(keys)) | Q(sku__in=set(skus)))
    products = list(locked(wanted.only("name", "sku", "barcode_key", "cost_price", "is_active")))
    by_key = {product.barcode_key: product for product in products}
    return by_key, {product.sku: product for product in products}


def _mistake(row: DeliveryRow, product: Product | None) -> dict[str, list[str]]:
    name, shown = ("barcode", "barcode") if row.barcode else ("sku", "SKU")
    if product is None:
        return {name: [f"There is no product with this {shown}."]}
    if row.sku and product.sku != row.sku:
        return {"sku": ["The barcode belongs to a product with another SKU."]}
    if not product.is_active:
        return {name: [f"{product.name} is not sold any more. Activate it, then book its delivery."]}
    return {}


def _refuse_overflow(rows: Sequence[DeliveryRow], movements: Sequence[Movement]) -> None:
    most = f"With this there would be more than {money.MAX_STOCK:f} in stock."
    mistakes = {
        str(row.line): {"quantity": [most]}
        for row, movement in zip(rows, movements, strict=True)
        if movement.stock_after > money.MAX_STOCK
    }
    if mistakes:
        raise ValidationError({"rows": mistakes})


def _write_costs(products: Sequence[Product], movements: Sequence[Movement], now: datetime) -> None:
    costs = _costs({product.pk: product.cost_price for product in products}, movements)
    if costs:
        with connection.cursor() as cursor:
            cursor.execute(WRITE_COSTS, {"ids": list(costs), "costs": list(costs.values()), "now": now})


def _costs(before: Mapping[int, Decimal], movements: Sequence[Movement]) -> dict[int, Decimal]:
    """What each product costs after its last row; those whose rows name no cost are left out."""
    costs: dict[int, Decimal] = {}
    for movement in movements:
        if movement.unit_cost is not None:
            cost = costs.get(movement.product_id, before[movement.product_id])
            costs[movement.product_id] = average_cost(cost, movement)
    return costs
