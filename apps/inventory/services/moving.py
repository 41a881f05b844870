"""Everything that changes stock. Each change locks the stock rows, writes them, and appends its movements.

Three statements, however many products: one locks the rows in primary-key order, one updates them, one inserts
the movements. Call inside a transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection

from apps.core import money
from apps.core.locking import locked
from apps.inventory.errors import InsufficientStock, Shortage
from apps.inventory.models import Movement
from apps.products.errors import ProductNotFound
from apps.products.models import Product, StockLevel

TAKING = frozenset({Movement.Type.DAMAGE, Movement.Type.TRANSFER, Movement.Type.SALE})
ADDING = frozenset({Movement.Type.PURCHASE, Movement.Type.RETURN})

REMOVED = "A product was removed from the catalogue meanwhile. Scan again."
WRITE_LEVELS = """
    UPDATE products_stocklevel AS level SET quantity = moved.after
      FROM unnest(%s::bigint[], %s::numeric[]) AS moved (product_id, after)
     WHERE level.product_id = moved.product_id
"""


@dataclass(frozen=True)
class Occasion:
    """Why stock moves: what the movements of one event have in common."""

    movement_type: str
    user_id: int | None
    now: datetime
    reference: str = ""
    cause: str | None = None
    notes: str = ""


def issue_stock(quantities: Mapping[int, Decimal], occasion: Occasion) -> list[Movement]:
    """Takes positive `quantities` by product id; all or nothing.

    Raises `InsufficientStock` naming every product that falls short.
    """
    return _move({product_id: -quantity for product_id, quantity in quantities.items()}, occasion)


def return_stock(quantities: Mapping[int, Decimal], occasion: Occasion) -> list[Movement]:
    """Puts positive `quantities` by product id back."""
    return _move(quantities, occasion)


def open_stock(quantities: Mapping[int, Decimal], *, user_id: int | None, now: datetime) -> None:
    """The opening movements of new products, where there is something to open with."""
    opening = {product_id: quantity for product_id, quantity in quantities.items() if quantity}
    if opening:
        _move(opening, Occasion(Movement.Type.ADJUSTMENT, user_id, now, notes="Opening stock"))


def record_movement(
    product_id: int, quantity: Decimal, occasion: Occasion, unit_cost: Decimal | None = None
) -> Movement:
    """One movement by hand. The type decides the sign, except for an adjustment, which keeps its own.

    A purchase with `unit_cost` moves the product's cost to the weighted average. Raises `InsufficientStock`.
    """
    # The product before its stock, as everywhere: a purchase writes its cost, a removal would take the row away.
    product = locked(Product.objects.filter(pk=product_id)).first()
    if product is None:
        raise ProductNotFound(REMOVED)
    movement = _move({product_id: signed(occasion.movement_type, quantity)}, occasion, unit_cost)[0]
    if occasion.movement_type == Movement.Type.PURCHASE and unit_cost is not None:
        _average_cost(product, movement, unit_cost)
    return movement


def signed(movement_type: str, quantity: Decimal) -> Decimal:
    """`quantity` with the sign that its movement type gives it."""
    if movement_type in TAKING:
        return -abs(quantity)
    return abs(quantity) if movement_type in ADDING else quantity


def _move(
    changes: Mapping[int, Decimal], occasion: Occasion, unit_cost: Decimal | None = None
) -> list[Movement]:
    before = {
        level.product_id: level.quantity
        for level in locked(StockLevel.objects.filter(product_id__in=changes))
    }
    if len(before) < len(changes):
        raise ProductNotFound(REMOVED)
    _refuse_shortage(changes, before)
    movements = [
        Movement(
            product_id=product_id,
            movement_type=occasion.movement_type,
            quantity=changes[product_id],
            stock_before=stock,
            stock_after=stock + changes[product_id],
            reference_number=occasion.reference,
            unit_cost=unit_cost,
            notes=occasion.notes,
            cause=occasion.cause,
            created_by_id=occasion.user_id,
            created_at=occasion.now,
        )
        for product_id, stock in before.items()
    ]
    _write_levels(movements)
    return Movement.objects.bulk_create(movements)


def _refuse_shortage(changes: Mapping[int, Decimal], before: Mapping[int, Decimal]) -> None:
    short = [product_id for product_id in changes if before[product_id] + changes[product_id] < 0]
    if not short:
        return
    names = dict(Product.objects.filter(pk__in=short).values_list("pk", "name"))
    raise InsufficientStock(
        [Shortage(pk, names[pk], requested=-changes[pk], available=before[pk]) for pk in short]
    )


def _write_levels(movements: list[Movement]) -> None:
    ids = [movement.product_id for movement in movements]
    with connection.cursor() as cursor:
        cursor.execute(WRITE_LEVELS, [ids, [movement.stock_after for movement in movements]])


def _average_cost(product: Product, movement: Movement, unit_cost: Decimal) -> None:
    """The cost of what is there and what came, weighted by quantity. Both rows are locked."""
    value = movement.stock_before * product.cost_price + movement.quantity * unit_cost
    product.cost_price = money.round_money(value / movement.stock_after)
    product.save(update_fields=["cost_price", "updated_at"])
