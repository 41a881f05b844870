"""Deliveries of many rows beside each other, the tills and the catalogue."""

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from rest_framework.test import APIClient

from apps.core.models import IdempotencyKey
from apps.inventory.models import Movement, StockAlert
from apps.inventory.services import deliveries
from apps.products.models import Product
from apps.users.models import User
from tests.concurrency.racing import another_connection, deadlocks, outcome, outcomes, race, unlocked
from tests.concurrency.shop import basket, put_on_shelf, sell, stock_of, tills
from tests.concurrency.test_alerts import assert_alerts_agree
from tests.concurrency.test_stock import _cost_by_the_ledger as cost_by_the_ledger

pytestmark = pytest.mark.django_db(transaction=True)
COST = Decimal("50.00")


def deliver(client: APIClient, rows: list[tuple[Product, int, str]], key: str | None = None) -> HttpResponse:
    lines = [f"{product.sku},{quantity},{cost}" for product, quantity, cost in rows]
    text = "\n".join(["sku,quantity,unit_cost", *lines])
    headers = {"Idempotency-Key": key} if key else {}
    return client.generic(
        "POST", "/api/inventory/movements/bulk/", text, content_type="text/csv", headers=headers
    )


def goods(number: int, **fields: Any) -> list[Product]:
    return [put_on_shelf(f"P{n}", 50, sku=f"P{n}", cost_price=COST, **fields) for n in range(number)]


def assert_costs_agree(products: list[Product]) -> None:
    for product in products:
        product.refresh_from_db()
        assert product.cost_price == cost_by_the_ledger(product, COST)


def test_control_without_the_lock_the_cost_of_a_delivery_is_lost(
    admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    [milk], devices = goods(1), tills(admin, 2)
    monkeypatch.setattr("apps.inventory.services.deliveries.locked", unlocked(2, meet_at=Product))
    answers = race(2, lambda i: deliver(devices[i], [(milk, 50, f"{100 + 40 * i}.00")]))
    assert outcomes(answers) == {(201, None): 2}
    milk.refresh_from_db()
    assert milk.cost_price != cost_by_the_ledger(milk, COST)


def test_deliveries_and_sales_of_the_same_goods(cashier: User, admin: User) -> None:
    """In any order of rows, and with goods on several of them: nobody waits in a circle, every cost adds up."""
    products, before = goods(20, low_stock_threshold=40), deadlocks()
    selling, buying = tills(cashier, 8), tills(admin, 4)

    def act(i: int) -> Counter[tuple[int, str | None]]:
        order = products[::-1] if i % 2 else products
        if i < 4:
            rows = [
                (product, 1 + n % 3, f"{60 + i}.{n:02}") for n, product in enumerate([*order, *order[:5]])
            ]
            return outcomes([deliver(buying[i], rows) for _ in range(2)])
        return outcomes([sell(selling[i - 4], basket(*order, quantity=3)) for _ in range(2)])

    assert sum(race(12, act), Counter()) == {(201, None): 24}

    assert deadlocks() == before
    assert Movement.objects.filter(movement_type="purchase").count() == 4 * 2 * 25
    assert_costs_agree(products)
    assert_alerts_agree()


def test_deliveries_beside_the_catalogue(admin: User) -> None:
    """New names and thresholds, and goods that are given up, while they come in."""
    products, devices, before = goods(8, low_stock_threshold=60), tills(admin, 6), deadlocks()

    def act(i: int) -> Any:
        if i < 3:
            return [
                deliver(devices[i], [(p, 5, "70.00") for p in products[:: 1 - 2 * (i % 2)]]) for _ in range(2)
            ]
        if i < 5:
            fields = {"sku": f"NEW{i}", "low_stock_threshold": 40 + 40 * (i % 2)}
            return [devices[i].patch(f"/api/products/{products[i].pk}/", fields)]
        return [devices[i].delete(f"/api/products/{products[0].pk}/")]

    answers = [answer for made in race(6, act) for answer in made]

    # A row that names what is gone by then refuses its delivery.
    assert {outcome(answer) for answer in answers} <= {(200, None), (201, None), (204, None), (400, None)}
    assert deadlocks() == before
    assert_costs_agree(products)
    assert_alerts_agree()


def test_a_connection_that_dies_leaves_nothing(admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """All is written but the costs; the same request, sent again, does it."""
    products, [device] = goods(3, low_stock_threshold=55), tills(admin, 1)
    rows = [(product, 10, "80.00") for product in products]
    before = list(StockAlert.objects.values())

    def die(*args: Any) -> None:
        with another_connection() as other, connection.cursor() as own, other.cursor() as cursor:
            own.execute("SELECT pg_backend_pid()")
            cursor.execute("SELECT pg_terminate_backend(%s)", own.fetchone())
        write_costs(*args)

    write_costs = deliveries._write_costs
    with monkeypatch.context() as patched:
        patched.setattr(deliveries, "_write_costs", die)
        assert outcome(deliver(device, rows, "k")) == (503, "busy")
    connection.close()

    assert [stock_of(product) for product in products] == [50, 50, 50]
    assert (Movement.objects.count(), IdempotencyKey.objects.count()) == (3, 0)
    assert list(StockAlert.objects.values()) == before
    assert outcome(deliver(device, rows, "k")) == (201, None)
    assert [stock_of(product) for product in products] == [60, 60, 60]
    assert_costs_agree(products)
    assert_alerts_agree()
