"""What the services keep up with every sale, brought up once for all of them."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

from django.apps import apps
from django.db import connection
from django.db.models import Model

from apps.core.models import LateBooking
from apps.inventory.services import watch_stock
from apps.products.models import StockLevel
from apps.sales.models import ReceiptCounter
from pos_backend.history.shelves import Product

STOCK = """
    UPDATE products_stocklevel AS level SET quantity = moved.quantity
      FROM (SELECT product_id, sum(quantity) AS quantity FROM inventory_movement GROUP BY product_id) AS moved
     WHERE moved.product_id = level.product_id AND moved.quantity <> level.quantity
"""
COSTS = """
    UPDATE products_product AS product SET cost_price = bought.cost, updated_at = %s
      FROM unnest(%s::bigint[], %s::numeric[]) AS bought (id, cost)
     WHERE product.id = bought.id AND product.cost_price <> bought.cost
"""
WATCHED_AT_ONCE = 10_000


def bring_stock_up() -> None:
    """The stock of every product as its movements say."""
    with connection.cursor() as cursor:
        cursor.execute(STOCK)


def finish(products: Iterable[Product], receipt: int, taken_at: datetime | None, now: datetime) -> None:
    """Stock, costs, alerts and the counter of receipts as the movements and sales say; no day is closed yet."""
    sold = list(products)
    bring_stock_up()
    with connection.cursor() as cursor:
        cursor.execute(COSTS, [now, [product.pk for product in sold], [product.cost for product in sold]])
    for some in _batches(StockLevel.objects.order_by("pk").values_list("pk", flat=True)):
        watch_stock(some, now=now)
    if taken_at is not None:
        ReceiptCounter.objects.update_or_create(pk=1, defaults={"last": receipt, "taken_at": taken_at})
    _forget_sums()


def _forget_sums() -> None:
    """Nothing was sold before: what was worked out of that, or noted to be worked out again, is void."""
    tables: list[type[Model]] = [LateBooking, *apps.get_app_config("reports").get_models()]
    for table in tables:
        table._default_manager.all().delete()


def _batches(ids: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(ids)
    while some := list(islice(rest, WATCHED_AT_ONCE)):
        yield some
