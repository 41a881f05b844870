"""docs/money-and-states.md says what becomes of an alert: every cell of its table is played."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from apps.inventory.models import StockAlert
from apps.inventory.services import Occasion, ignore_alert, record_movement, resolve_alert
from apps.products.models import Product
from apps.products.services import update_product
from apps.users.models import User
from tests.journeys.test_money_page import table_after

THRESHOLD = 5
ENDS = {"resolved": resolve_alert, "ignored": ignore_alert}


def move_to(stock: int) -> Callable[[Product], Any]:
    def move(product: Product) -> None:
        product.refresh_from_db()
        change = Decimal(stock) - product.stock_level.quantity
        record_movement(product.pk, change, Occasion("adjustment", None, timezone.now()))

    return move


# In the order of the columns.
CHANGES: list[Callable[[Product], Any]] = [
    move_to(THRESHOLD - 2),
    move_to(THRESHOLD + 2),
    lambda product: update_product(product, {"is_active": False}, now=timezone.now()),
]


@pytest.mark.django_db
def test_an_alert_becomes_what_the_table_says(shelf: Callable[..., Product], admin: User) -> None:
    played = set()
    for names, *cells in table_after("what becomes of its\nlast alert:"):
        for before in re.findall(r"\w+", names):
            for number, (change, told) in enumerate(zip(CHANGES, cells, strict=True)):
                stock = THRESHOLD + 4 if before == "none" else THRESHOLD - 1
                product = shelf(f"{before} {number}", stock=stock, low_stock_threshold=THRESHOLD)
                if end := ENDS.get(before):
                    end(StockAlert.objects.get(product=product).pk, user_id=admin.pk, now=timezone.now())
                assert what_becomes_by(change, product) == told, (before, number)
                played.add(before)
    assert played == {"none", *StockAlert.Status.values}


def what_becomes_by(change: Callable[[Product], Any], product: Product) -> str:
    """Of the product's last alert, in the words of the table."""
    alerts = StockAlert.objects.filter(product=product).order_by("-id").values()
    before = alerts.first()
    change(product)
    after = alerts.first()
    if after == before or after is None:
        return ""
    if before is None or before["id"] != after["id"]:
        return f"opens, `{after['status']}`"
    if before["status"] != after["status"]:
        return f"`{after['status']}`"
    return "may open again" if before["muted"] and not after["muted"] else "follows"
