"""Alerts beside tills, deliveries and administrators: one per product that runs low, none for any other."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Event
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model, QuerySet
from django.http import HttpResponse
from rest_framework.test import APIClient

from apps.inventory.models import StockAlert
from apps.inventory.services import moving
from apps.products import services as catalogue
from apps.products.models import Product
from apps.users.models import User
from tests.concurrency.racing import (
    PATIENCE,
    Overtaking,
    another_connection,
    deadlocks,
    levels_read,
    outcome,
    outcomes,
    race,
    wait_until,
    waiting_for_locks,
)
from tests.concurrency.shop import basket, purchase, put_on_shelf, sell, stock_of, tills
from tests.ledger import assert_ledgers_agree

pytestmark = pytest.mark.django_db(transaction=True)
STOCK_LOCK = "apps.inventory.services.moving.levels_held"
ALERT_LOCKS = "apps.inventory.services.alerts.locked"
ENDED = {"resolve": "resolved", "ignore": "ignored"}

# What breaks a rule: an active alert that says something else than the stock, a muted one of what is there, or what
# runs low without either, unless somebody has closed its last alert by hand.
BROKEN = """
    SELECT product.name, level.quantity, product.low_stock_threshold, alert.status, alert.muted
      FROM products_product AS product
      JOIN products_stocklevel AS level ON level.product_id = product.id
      LEFT JOIN LATERAL (
        SELECT * FROM inventory_stockalert WHERE product_id = product.id ORDER BY id DESC LIMIT 1
      ) AS alert ON true
     WHERE (alert.status = 'active' AND NOT (product.is_active AND level.quantity <= product.low_stock_threshold))
        OR (alert.status = 'active'
            AND (alert.current_stock, alert.threshold) <> (level.quantity, product.low_stock_threshold))
        OR (alert.muted AND level.quantity > product.low_stock_threshold)
        OR (product.is_active AND level.quantity <= product.low_stock_threshold
            AND EXISTS (SELECT FROM inventory_movement WHERE product_id = product.id)
            AND alert.status IS DISTINCT FROM 'active' AND alert.muted IS NOT TRUE
            AND NOT (alert.status = 'resolved' AND alert.resolved_by_id IS NOT NULL))
"""


def broken() -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(BROKEN)
        return list(cursor.fetchall())


def assert_alerts_agree() -> None:
    assert broken() == []
    assert_ledgers_agree()


def without_lock(rows: QuerySet[Model]) -> QuerySet[Model]:
    return rows.order_by("pk")


def end(client: APIClient, alert: StockAlert, how: str) -> HttpResponse:
    return client.post(f"/api/inventory/alerts/{alert.pk}/{how}/")


def change(client: APIClient, product: Product, **fields: Any) -> HttpResponse:
    return client.patch(f"/api/products/{product.pk}/", fields)


@contextmanager
def one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, module: Any, step: str
) -> Iterator[Callable[[Callable[[], HttpResponse], Callable[[], HttpResponse]], list[HttpResponse]]]:
    """The first has taken `step` and does not commit before the second waits for a lock, wherever that is."""
    taken, act = Event(), getattr(module, step)

    def act_and_let_wait(*args: Any) -> Any:
        result = act(*args)
        if not taken.is_set():
            taken.set()
            with another_connection() as other:
                wait_until(lambda: waiting_for_locks(other) == 1)
        return result

    def run(first: Callable[[], HttpResponse], second: Callable[[], HttpResponse]) -> list[HttpResponse]:
        def follow() -> HttpResponse:
            assert taken.wait(PATIENCE)
            return second()

        return race(2, lambda i: follow() if i else first())

    monkeypatch.setattr(module, step, act_and_let_wait)
    yield run


def test_control_without_the_lock_two_tills_open_two_alerts(
    cashier: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second does not see the first one's alert; only the database keeps it from opening another."""
    milk, devices = put_on_shelf(stock=5, low_stock_threshold=4), tills(cashier, 2)
    monkeypatch.setattr(STOCK_LOCK, levels_read(without_lock))
    with one_after_the_other(monkeypatch, moving, "append") as run:
        answers = run(lambda: sell(devices[0], basket(milk)), lambda: sell(devices[1], basket(milk)))
    assert [outcome(answer) for answer in answers] == [(201, None), (409, "already_exists")]


def test_two_tills_open_one_alert(cashier: User, monkeypatch: pytest.MonkeyPatch) -> None:
    milk, devices = put_on_shelf(stock=5, low_stock_threshold=4), tills(cashier, 2)
    with one_after_the_other(monkeypatch, moving, "append") as run:
        answers = run(lambda: sell(devices[0], basket(milk)), lambda: sell(devices[1], basket(milk)))
    assert outcomes(answers) == {(201, None): 2}
    assert StockAlert.objects.get().current_stock == 3
    assert_alerts_agree()


def test_many_tills_cross_many_thresholds(cashier: User) -> None:
    goods = [put_on_shelf(f"P{n}", stock=30, low_stock_threshold=10 + n) for n in range(12)]
    devices = tills(cashier, 16)
    answers = race(16, lambda i: sell(devices[i], basket(*goods[i % 3 :], *goods[: i % 3])))
    assert outcomes(answers) == {(201, None): 16}
    # 14 of each are left.
    found = StockAlert.objects.order_by("product_id").values_list("product__name", "status", "current_stock")
    assert list(found) == [(f"P{n}", "active", 14) for n in range(4, 12)]
    assert_alerts_agree()


@pytest.mark.breaks_the_books
def test_control_without_the_lock_goods_come_and_the_alert_stays(
    cashier: User, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    milk, till, office = put_on_shelf(stock=5, low_stock_threshold=4), tills(cashier, 1), tills(admin, 1)
    monkeypatch.setattr(STOCK_LOCK, levels_read(without_lock))
    with one_after_the_other(monkeypatch, moving, "append") as run:
        answers = run(lambda: sell(till[0], basket(milk)), lambda: purchase(office[0], milk, 10, "60.00"))
    assert outcomes(answers) == {(201, None): 2}
    assert broken() == [("Milk", 15, 4, "active", False)]


def test_goods_come_while_the_last_are_sold(
    cashier: User, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    milk, till, office = put_on_shelf(stock=5, low_stock_threshold=4), tills(cashier, 1), tills(admin, 1)
    with one_after_the_other(monkeypatch, moving, "append") as run:
        answers = run(lambda: sell(till[0], basket(milk)), lambda: purchase(office[0], milk, 10, "60.00"))
    assert outcomes(answers) == {(201, None): 2}
    alert = StockAlert.objects.get()
    assert (alert.status, alert.current_stock, alert.resolved_by_id) == ("resolved", 14, None)
    assert_alerts_agree()


def test_control_without_the_lock_another_threshold_does_not_see_the_alert(
    cashier: User, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks before the sale has committed, and would open a second one."""
    milk, till, office = put_on_shelf(stock=6, low_stock_threshold=5), tills(cashier, 1), tills(admin, 1)
    monkeypatch.setattr(ALERT_LOCKS, without_lock)
    with one_after_the_other(monkeypatch, moving, "append") as run:
        answers = run(
            lambda: sell(till[0], basket(milk)), lambda: change(office[0], milk, low_stock_threshold=8)
        )
    assert [outcome(answer) for answer in answers] == [(201, None), (409, "already_exists")]


@pytest.mark.parametrize("first", ["threshold", "sale"])
def test_another_threshold_beside_a_sale(
    cashier: User, admin: User, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    milk, till, office = put_on_shelf(stock=6, low_stock_threshold=3), tills(cashier, 1), tills(admin, 1)
    acts = {
        "threshold": lambda: change(office[0], milk, low_stock_threshold=5),
        "sale": lambda: sell(till[0], basket(milk)),
    }
    step = (catalogue, "_update_watched") if first == "threshold" else (moving, "append")
    with one_after_the_other(monkeypatch, *step) as run:
        answers = run(acts.pop(first), acts.popitem()[1])
    assert {outcome(answer) for answer in answers} == {(200, None), (201, None)}
    alert = StockAlert.objects.get()
    assert (alert.status, alert.current_stock, alert.threshold) == ("active", 5, 5)
    assert_alerts_agree()


@pytest.mark.parametrize("how", ["new SKU and threshold", "removal"])
def test_a_checkout_that_commits_is_not_waited_for_in_a_circle(
    cashier: User, admin: User, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """It holds the stock, and its lines' foreign keys ask for the product at the very end."""
    milk, till, office = put_on_shelf(stock=6, low_stock_threshold=3), tills(cashier, 1), tills(admin, 1)
    before = deadlocks()

    def edit() -> HttpResponse:
        if how == "removal":
            return office[0].delete(f"/api/products/{milk.pk}/")
        return change(office[0], milk, sku="MILK-500", low_stock_threshold=5)

    with one_after_the_other(monkeypatch, moving, "append") as run:
        answers = run(lambda: sell(till[0], basket(milk)), edit)
    assert [answer.status_code for answer in answers] == [201, 204 if how == "removal" else 200]
    assert deadlocks() == before
    assert_alerts_agree()


def test_control_without_the_lock_what_has_come_is_ignored(
    admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    milk, devices = put_on_shelf(stock=3, low_stock_threshold=4), tills(admin, 2)
    alert, overtaking = StockAlert.objects.get(), Overtaking()
    monkeypatch.setattr(ALERT_LOCKS, without_lock)
    monkeypatch.setattr(StockAlert, "save", overtaking.held_up(StockAlert.save))
    answers = overtaking.run(
        lambda: end(devices[0], alert, "ignore"), lambda: purchase(devices[1], milk, 10, "60.00")
    )
    assert [outcome(answer) for answer in answers] == [(200, None), (201, None)]
    assert broken() == [("Milk", 13, 4, "ignored", True)]


@pytest.mark.parametrize("how", ["resolve", "ignore"])
def test_ending_by_hand_beside_goods_that_come_and_go(cashier: User, admin: User, how: str) -> None:
    """Whoever is first: one outcome, and never two that are active."""
    till, office = tills(cashier, 1)[0], tills(admin, 2)
    seen = Counter[tuple[Any, ...]]()
    for turn in range(12):
        milk, comes = put_on_shelf(f"Milk {turn}", stock=4, low_stock_threshold=4), turn % 2 == 1
        alert = StockAlert.objects.get(product=milk)
        move = partial(purchase, office[1], milk, 10, "60.00") if comes else partial(sell, till, basket(milk))
        acts = [partial(end, office[0], alert, how), move]
        ended, moved = race(2, partial(_one_of, acts))
        assert outcome(moved) == (201, None)
        found = StockAlert.objects.filter(product=milk).order_by("id")
        seen[comes, outcome(ended), tuple(found.values_list("status", flat=True))] += 1
        assert stock_of(milk) == (14 if comes else 3)
    done, late, name = (200, None), (409, "alert_not_active"), ENDED[how]
    sold = {("resolved",), ("resolved", "active")} if how == "resolve" else {("ignored",)}
    allowed = {(False, done, statuses) for statuses in sold}
    assert set(seen) <= allowed | {(True, done, (name,)), (True, late, ("resolved",))}
    assert_alerts_agree()


def _one_of(acts: Sequence[Callable[[], HttpResponse]], number: int) -> HttpResponse:
    return acts[number]()
