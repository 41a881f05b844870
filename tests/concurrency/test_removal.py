"""A product is removed while a till sells it."""

from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils.module_loading import import_string
from rest_framework.test import APIClient

from apps.inventory.services import moving as inventory
from apps.products.models import Product
from apps.sales.models import Sale
from apps.users.models import User
from tests.concurrency.racing import (
    PATIENCE,
    Overtaking,
    another_connection,
    outcome,
    outcomes,
    race,
    wait_until,
    waiting_for_locks,
)
from tests.concurrency.shop import basket, purchase, put_on_shelf, sell, tills
from tests.ledger import assert_ledgers_agree

pytestmark = pytest.mark.django_db(transaction=True)


def remove(till: APIClient, product: Product) -> HttpResponse:
    return till.delete(f"/api/products/{product.pk}/")


def _sell(till: APIClient, product: Product) -> HttpResponse:
    return sell(till, basket(product))


def _deliver(till: APIClient, product: Product) -> HttpResponse:
    return purchase(till, product, 5, "60.00")


@pytest.mark.parametrize(
    ("move", "step"),
    [
        (_sell, "apps.inventory.services.moving._move"),
        (_deliver, "apps.inventory.services.record_movement"),
    ],
    ids=["sale", "delivery"],
)
def test_goods_removed_after_they_were_looked_up_are_refused(
    admin: User,
    monkeypatch: pytest.MonkeyPatch,
    move: Callable[[APIClient, Product], HttpResponse],
    step: str,
) -> None:
    """The till has read the product; when it comes to the stock, product and stock row are gone."""
    milk, devices = put_on_shelf(stock=0), tills(admin, 2)
    overtaking = Overtaking()
    monkeypatch.setattr(step, overtaking.held_up(import_string(step)))

    moved, removed = overtaking.run(lambda: move(devices[0], milk), lambda: remove(devices[1], milk))

    assert outcome(removed) == (204, None)
    assert moved.status_code in (400, 404, 409)
    assert (Product.objects.count(), Sale.objects.count()) == (0, 0)
    assert_ledgers_agree()


def test_goods_that_are_just_being_sold_stay_in_the_catalogue(
    admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    milk, devices = put_on_shelf(stock=0), tills(admin, 2)
    taken, change = Event(), inventory._move

    def move_and_let_wait(*args: Any) -> Any:
        movements = change(*args)
        taken.set()
        with another_connection() as other:
            wait_until(lambda: waiting_for_locks(other) == 1)
        return movements

    def remove_when_taken() -> HttpResponse:
        assert taken.wait(PATIENCE)
        return remove(devices[1], milk)

    monkeypatch.setattr(inventory, "_move", move_and_let_wait)
    acts = [lambda: _deliver(devices[0], milk), remove_when_taken]
    delivered, removed = race(2, lambda i: acts[i]())

    assert outcome(delivered) == (201, None)
    assert outcome(removed) == (204, None)
    assert Product.objects.get().is_active is False
    assert_ledgers_agree()


def test_two_remove_the_same_product(admin: User) -> None:
    milk, devices = put_on_shelf(stock=0), tills(admin, 4)

    answers = race(4, lambda i: remove(devices[i], milk))

    assert outcomes(answers) == {(204, None): 1, (404, "product_not_found"): 3}
    assert Product.objects.count() == 0
