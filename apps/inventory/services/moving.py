"""Everything that changes stock. Each change locks the stock rows, writes them, and appends its movements.

Three statements, however many products: one locks the rows in primary-key order, one updates them together with their
alerts, one inserts the movements. Call inside a transaction.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from apps.core import money
from apps.core.locking import locked, require_transaction
from apps.core.prepared import AnyOf, Given, Prepared, Row
from apps.inventory.errors import InsufficientStock, Shortage
from apps.inventory.models import Movement
from apps.inventory.services.alerts import FOLLOW
from apps.products.errors import ProductNotFound
from apps.products.models import Product, StockLevel

TAKING = frozenset({Movement.Type.DAMAGE, Movement.Type.TRANSFER, Movement.Type.SALE})
ADDING = frozenset({Movement.Type.PURCHASE, Movement.Type.RETURN})

REMOVED = "A product was removed from the catalogue meanwhile. Scan again."
WRITE_LEVELS = """
    WITH level AS (
        UPDATE products_stocklevel AS level SET quantity = moved.after
          FROM unnest(%(ids)s::bigint[], %(after)s::numeric[]) AS moved (product_id, after)
         WHERE level.product_id = moved.product_id
        RETURNING level.product_id, level.quantity, level.low_at
    )
"""
# Not by the ORM, which takes four times as long over the 20 lines of a cart.
WRITE_MOVEMENTS = """
    INSERT INTO inventory_movement (
           product_id, movement_type, quantity, stock_before, stock_after, unit_cost,
           reference_number, notes, cause, created_by_id, created_at)
    SELECT product_id, %(type)s, quantity, before, after, unit_cost,
           %(reference)s, %(notes)s, %(cause)s, %(user)s, %(now)s
      FROM unnest(%(ids)s::bigint[], %(quantities)s::numeric[], %(before)s::numeric[], %(after)s::numeric[],
                  %(costs)s::numeric[])
           WITH ORDINALITY AS moved (product_id, quantity, before, after, unit_cost, place)
     ORDER BY place
    RETURNING id
"""
_LOCKED_LEVELS = Prepared(
    lambda: locked(StockLevel.objects.filter(AnyOf("product_id", Given("ids")))).values(
        "product_id", "quantity"
    )
)


@dataclass(frozen=True)
class Occasion:
    """Why stock moves: what the movements of one event have in common."""

    movement_type: str
    user_id: int | None
    now: datetime
    reference: str = ""
    cause: str | None = None
    notes: str = ""


class Change(NamedTuple):
    """So much of one product, signed; `unit_cost` where goods come in and it is known."""

    product_id: int
    quantity: Decimal
    unit_cost: Decimal | None = None


def issue_stock(quantities: Mapping[int, Decimal], occasion: Occasion) -> list[Movement]:
    """Takes positive `quantities` by product id; all or nothing.

    Raises `InsufficientStock` naming every product that falls short.
    """
    return _move({product_id: -quantity for product_id, quantity in quantities.items()}, occasion)


def return_stock(quantities: Mapping[int, Decimal], occasion: Occasion) -> list[Movement]:
    """Puts positive `quantities` by product id back."""
    return _move(quantities, occasion)


def adjust_stock(changes: Mapping[int, Decimal], occasion: Occasion) -> list[Movement]:
    """Adds signed `changes` by product id, none of them zero; all or nothing. Raises `InsufficientStock`."""
    return _move(changes, occasion)


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
        product.cost_price = average_cost(product.cost_price, movement)
        product.save(update_fields=["cost_price", "updated_at"])
    return movement


def signed(movement_type: str, quantity: Decimal) -> Decimal:
    """`quantity` with the sign that its movement type gives it."""
    if movement_type in TAKING:
        return -abs(quantity)
    return abs(quantity) if movement_type in ADDING else quantity


def _move(
    changes: Mapping[int, Decimal], occasion: Occasion, unit_cost: Decimal | None = None
) -> list[Movement]:
    before = locked_levels(changes)
    _refuse_shortage(changes, before)
    movements = chained((Change(pk, changes[pk], unit_cost) for pk in before), before, occasion)
    return append(movements, occasion)


def locked_levels(product_ids: Collection[int]) -> dict[int, Decimal]:
    """The stock of each product, locked in primary-key order. Raises `ProductNotFound`."""
    before = {row["product_id"]: row["quantity"] for row in levels_held(product_ids)}
    if len(before) < len(product_ids):
        raise ProductNotFound(REMOVED)
    return before


def levels_held(product_ids: Collection[int]) -> list[Row]:
    """The stock rows, locked in primary-key order until the transaction ends."""
    require_transaction()
    return _LOCKED_LEVELS.rows(ids=list(product_ids))


def chained(changes: Iterable[Change], before: Mapping[int, Decimal], occasion: Occasion) -> list[Movement]:
    """A movement for each change, not yet written; each begins where the one before it of its product ends."""
    stock = dict(before)
    movements = []
    for change in changes:
        after = stock[change.product_id] + change.quantity
        movements.append(
            Movement(
                product_id=change.product_id,
                movement_type=occasion.movement_type,
                quantity=change.quantity,
                stock_before=stock[change.product_id],
                stock_after=after,
                reference_number=occasion.reference,
                unit_cost=change.unit_cost,
                notes=occasion.notes,
                cause=occasion.cause,
                created_by_id=occasion.user_id,
                created_at=occasion.now,
            )
        )
        stock[change.product_id] = after
    return movements


def append(movements: list[Movement], occasion: Occasion) -> list[Movement]:
    """Writes the stock that the movements of one occasion leave, what it means for the alerts, and themselves."""
    after = {movement.product_id: movement.stock_after for movement in movements}
    levels: dict[str, Any] = {"ids": list(after), "after": list(after.values()), "now": occasion.now}
    with connection.cursor() as cursor:
        cursor.execute(WRITE_LEVELS + FOLLOW, levels)
        cursor.execute(WRITE_MOVEMENTS, {**_shared(occasion), **_columns(movements)})
        for movement, (key,) in zip(movements, cursor.fetchall(), strict=True):
            movement.pk = key
    return movements


def _shared(occasion: Occasion) -> dict[str, Any]:
    return {
        "type": occasion.movement_type,
        "reference": occasion.reference,
        "notes": occasion.notes,
        "cause": occasion.cause,
        "user": occasion.user_id,
        "now": occasion.now,
    }


def _columns(movements: list[Movement]) -> dict[str, Any]:
    return {
        "ids": [movement.product_id for movement in movements],
        "quantities": [movement.quantity for movement in movements],
        "before": [movement.stock_before for movement in movements],
        "after": [movement.stock_after for movement in movements],
        "costs": [movement.unit_cost for movement in movements],
    }


def _refuse_shortage(changes: Mapping[int, Decimal], before: Mapping[int, Decimal]) -> None:
    short = [product_id for product_id in changes if before[product_id] + changes[product_id] < 0]
    if not short:
        return
    names = dict(Product.objects.filter(pk__in=short).values_list("pk", "name"))
    raise InsufficientStock(
        [Shortage(pk, names[pk], requested=-changes[pk], available=before[pk]) for pk in short]
    )


def average_cost(cost: Decimal, movement: Movement) -> Decimal:
    """The cost of what is there and what came, weighted by quantity; `cost` is that of what is there."""
    if movement.unit_cost is None:
        return cost
    value = movement.stock_before * cost + movement.quantity * movement.unit_cost
    return money.round_money(value / movement.stock_after)
