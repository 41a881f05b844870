"""A busy hour with an auditor in the shop: the books agree at every moment, not only at closing time."""

from collections.abc import Callable
from contextlib import nullcontext
from random import Random
from threading import Event
from types import SimpleNamespace

import pytest
from django.http import HttpResponse
from rest_framework.test import APIClient

from apps.core import idempotency
from apps.products.models import Product
from apps.users.models import User
from tests.concurrency.racing import levels_read, outcome, race, wait_until
from tests.concurrency.shop import (
    PRICE,
    basket,
    cancel,
    pay,
    pending_sale,
    purchase,
    put_on_shelf,
    sell,
    tills,
)
from tests.ledger import assert_ledgers_agree, disagreements
from tests.watching import Watcher

pytestmark = pytest.mark.django_db(transaction=True)
TILLS = 8
CUSTOMERS = 15
AUDITS = 6
# Whatever else a till is told in this hour would be a fault. 400: another till has taken a part meanwhile.
ANSWERS = {
    (200, None),
    (201, None),
    (400, None),
    (409, "sale_already_cancelled"),
    (409, "sale_cancelled"),
    (409, "sale_completed"),
    (409, "sale_has_payments"),
}


@pytest.fixture
def half_sales(monkeypatch: pytest.MonkeyPatch) -> None:
    """No request is one transaction any more."""
    monkeypatch.setattr(idempotency, "transaction", SimpleNamespace(atomic=nullcontext))
    monkeypatch.setattr(
        "apps.inventory.services.moving.levels_held", levels_read(lambda rows: rows.order_by("pk"))
    )


@pytest.mark.may_break_the_books
@pytest.mark.usefixtures("half_sales")
def test_control_without_a_transaction_the_watcher_sees_half_a_sale(cashier: User) -> None:
    milk, (till,) = put_on_shelf(stock=100_000), tills(cashier, 1)

    with Watcher() as watcher:
        for _ in range(1_000):
            sell(till, basket(milk))
            if watcher.found:
                break

    with pytest.raises(AssertionError, match="seen in snapshot"):
        watcher.raise_what_was_seen()
    assert watcher.found
    assert_ledgers_agree()


@pytest.mark.may_break_the_books
@pytest.mark.usefixtures("half_sales")
def test_control_without_a_transaction_the_auditor_finds_half_a_sale(cashier: User) -> None:
    milk, (till,) = put_on_shelf(stock=100_000), tills(cashier, 1)
    found = Event()

    def audit() -> None:
        try:
            wait_until(lambda: bool(disagreements()))
        finally:
            found.set()

    def serve() -> None:
        while not found.is_set():
            sell(till, basket(milk))

    race(2, lambda i: (audit, serve)[i]())
    assert_ledgers_agree()


def test_the_books_agree_at_every_moment(admin: User) -> None:
    shop = Shop([put_on_shelf(f"Product {i}", 1000) for i in range(5)], Random(27))
    devices, at_work, audits = tills(admin, TILLS), set(range(TILLS)), list[None]()

    def serve(i: int) -> set[tuple[int, str | None]]:
        told, served = set[tuple[int, str | None]](), 0
        try:
            # An audit takes as long as the machine lets it; the hour is busy until there were some.
            while served < CUSTOMERS or len(audits) < AUDITS:
                told.add(outcome(shop.serve(devices[i])))
                served += 1
            return told
        finally:
            at_work.discard(i)

    def audit() -> set[tuple[int, str | None]]:
        while at_work:
            assert_ledgers_agree()
            audits.append(None)
        return set()

    told = race(TILLS + 1, lambda i: serve(i) if i < TILLS else audit())

    assert set().union(*told) <= ANSWERS
    assert_ledgers_agree()


class Shop:
    """Products, and open sales that any till may pay or cancel."""

    def __init__(self, products: list[Product], chance: Random) -> None:
        self.products = products
        self.chance = chance
        self.opened: list[int] = []

    def serve(self, till: APIClient) -> HttpResponse:
        acts: list[Callable[[APIClient], HttpResponse]] = [
            self.sell_for_cash,
            self.pay_part,
            self.settle_or_cancel,
            self.restock,
        ]
        return self.chance.choice(acts)(till)

    def sell_for_cash(self, till: APIClient) -> HttpResponse:
        products = self.chance.sample(self.products, 3)
        return sell(till, basket(*products, amount_paid="500.00"))

    def pay_part(self, till: APIClient) -> HttpResponse:
        return pay(till, self._one_open(till), "0.01")

    def settle_or_cancel(self, till: APIClient) -> HttpResponse:
        sale = pending_sale(till, self.chance.choice(self.products))
        self.opened.append(sale)
        return pay(till, sale, PRICE) if self.chance.random() < 0.5 else cancel(till, sale)

    def restock(self, till: APIClient) -> HttpResponse:
        return purchase(till, self.chance.choice(self.products), 7, "61.50")

    def _one_open(self, till: APIClient) -> int:
        if not self.opened:
            self.opened.append(pending_sale(till, self.products[0]))
        return self.chance.choice(self.opened)
