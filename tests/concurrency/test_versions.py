"""Price, tax and name change while the tills sell: every line is of one version of its product, never of two."""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from django.http import HttpResponse
from rest_framework.test import APIClient

from apps.products.models import Product
from apps.products.selectors import products_for_sale
from apps.sales.models import Sale, SaleItem
from apps.sales.services import checkout
from apps.sales.totals import PricedLine, line_totals
from apps.users.models import User
from tests.concurrency.racing import LONG_WAIT, Overtaking, deadlocks, outcome, race
from tests.concurrency.shop import MOVEMENTS, basket, put_on_shelf, sell, stock_of, tills
from tests.concurrency.test_counts import complete, counted
from tests.figures import form, show
from tests.ledger import assert_ledgers_agree

pytestmark = pytest.mark.django_db(transaction=True)
TILLS = form(8, 24)
BASKETS = form(8, 50)
VERSIONS = form(30, 400)
ANSWERS = {(200, None), (201, None), (400, None)}  # 400: it is not sold just now


def version(number: int) -> dict[str, Any]:
    """All that a line copies, each telling the version."""
    return {"name": f"Milk {number}", "price": f"{100 + number}.00", "tax": f"{number % 100}.00"}


def change(office: APIClient, product: Product, **fields: Any) -> HttpResponse:
    return office.patch(f"/api/products/{product.pk}/", fields)


def mixed() -> list[SaleItem]:
    """The lines that are of no single version."""
    return [
        item
        for item in SaleItem.objects.all()
        if item.product_name != f"Milk {item.unit_price - 100:.0f}"
        or item.tax_rate != (item.unit_price - 100) % 100
    ]


def _read_twice(changed: Callable[[], None]) -> Callable[..., Any]:
    """Reads the price, and the tax afterwards."""

    def read(*args: Any) -> Any:
        prices = products_for_sale(*args)
        changed()
        taxes = {row["id"]: row for row in products_for_sale(*args)}
        return [{**row, "tax": taxes[row["id"]]["tax"]} for row in prices]

    return read


def test_control_reading_twice_mixes_two_versions(
    cashier: User, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    milk, (till,), (office,) = put_on_shelf(stock=10), tills(cashier, 1), tills(admin, 1)
    change(office, milk, **version(1))
    overtaking = Overtaking()
    monkeypatch.setattr(checkout, "products_for_sale", _read_twice(overtaking.held_up(lambda: None)))

    answers = overtaking.run(lambda: sell(till, basket(milk)), lambda: change(office, milk, **version(2)))

    assert [outcome(answer) for answer in answers] == [(201, None), (200, None)]
    assert len(mixed()) == 1


@pytest.mark.long_form
def test_every_line_is_of_one_version(cashier: User, admin: User) -> None:
    """Beside it goods are counted, moved away, given up and taken up again."""
    milk, bread = put_on_shelf("Milk", 10_000), put_on_shelf("Bread", 10_000)
    offices, devices, before = tills(admin, 3), tills(cashier, TILLS), deadlocks()
    change(offices[0], milk, **version(1))
    chance = Random(16)
    counts = [counted(offices[0], bread, 9_999) for _ in range(3)]

    def reprice() -> list[HttpResponse]:
        return [change(offices[0], milk, **version(number)) for number in range(2, VERSIONS)]

    def hide_and_show() -> list[HttpResponse]:
        return [change(offices[1], bread, is_active=i % 2 == 1) for i in range(VERSIONS // 3 * 2)]

    def count_and_move() -> list[HttpResponse]:
        away = {"product": milk.pk, "movement_type": "transfer", "quantity": 3}
        moves = [offices[2].post(MOVEMENTS, away) for _ in range(VERSIONS // 3)]
        return [*moves, *(complete(offices[2], count) for count in counts)]

    def buy(i: int) -> list[HttpResponse]:
        goods = [milk, milk, bread] if i % 2 else [milk]
        bodies = [basket(*goods, quantity=chance.randint(1, 3)) for _ in range(BASKETS)]
        return [sell(devices[i], body) for body in bodies]

    acts = [reprice, hide_and_show, count_and_move]
    answers = race(TILLS + 3, lambda i: buy(i - 3) if i >= 3 else acts[i](), waits=LONG_WAIT)

    told = [outcome(answer) for several in answers for answer in several]
    assert set(told) <= ANSWERS
    assert deadlocks() == before
    assert mixed_of(milk) == []
    seen = _assert_sales_are_of_one_moment(milk)
    assert stock_of(milk) == 10_000 - _sold(milk) - 3 * (VERSIONS // 3)
    assert stock_of(bread) == 10_000 - _sold(bread) - 3
    assert_ledgers_agree()
    extent = (
        f"{Sale.objects.count():,} sales at {TILLS} tills beside {VERSIONS} versions, a transfer and 3 counts"
    )
    show(
        "C16",
        "price, tax, name, removal, counts beside checkouts",
        extent,
        f"0 mixed lines; {seen} versions sold",
    )


def mixed_of(product: Product) -> list[SaleItem]:
    return [item for item in mixed() if item.product_id == product.pk]


def _sold(product: Product) -> Decimal:
    return sum((item.quantity for item in SaleItem.objects.filter(product=product)), start=Decimal(0))


def _assert_sales_are_of_one_moment(product: Product) -> int:
    """Two lines of one basket are of the same version, and amounts are worked out from it; how many were seen."""
    seen = set()
    for sale in Sale.objects.prefetch_related("items"):
        lines = [item for item in sale.items.all() if item.product_id == product.pk]
        assert len({line.unit_price for line in lines}) == 1
        seen.add(lines[0].unit_price)
        for line in lines:
            priced = [PricedLine(line.unit_price, line.quantity, line.tax_rate, Decimal(0))]
            [wanted], _ = line_totals(priced, Decimal(0), prices_include_tax=True)
            assert (line.subtotal, line.tax_amount, line.total) == (
                wanted.subtotal,
                wanted.tax_amount,
                wanted.total,
            )
    assert len(seen) > 1
    return len(seen)
