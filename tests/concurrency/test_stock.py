"""Many tills, few goods. Each race is preceded by its control: without the lock, the shop oversells."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from itertools import count

import pytest
from django.db.models import QuerySet
from django.http import HttpResponse

from apps.core import money
from apps.inventory.models import Movement
from apps.products.models import Product, StockLevel
from apps.sales.models import Sale
from apps.users.models import User
from tests.concurrency.racing import (
    LONG_WAIT,
    deadlocks,
    levels_read,
    meeting_of,
    outcome,
    outcomes,
    race,
    together,
    unlocked,
)
from tests.concurrency.shop import PRICE, basket, purchase, put_on_shelf, sell, sell_at_last, stock_of, tills
from tests.figures import form, show
from tests.ledger import assert_ledgers_agree, disagreements

pytestmark = pytest.mark.django_db(transaction=True)
TILLS = 24
BUYERS = form(TILLS, 64)
LOCKED = "apps.inventory.services.moving.levels_held"
STOCK_RULE = "stock is the sum of its movements"


@pytest.mark.breaks_the_books
def test_control_without_the_lock_the_last_five_are_sold_to_everybody(
    cashier: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    milk, devices = put_on_shelf(stock=5), tills(cashier, TILLS)
    monkeypatch.setattr(LOCKED, levels_read(unlocked(TILLS)))

    answers = race(TILLS, lambda i: sell(devices[i], basket(milk)))

    assert outcomes(answers) == {(201, None): TILLS}
    assert stock_of(milk) == 4
    assert disagreements()[STOCK_RULE] == [
        {"product_id": milk.pk, "product": "Milk", "stock": 4, "moved": 5 - TILLS}
    ]


@pytest.mark.parametrize("paid", ["0.00", PRICE])
def test_the_last_five_are_sold_five_times(cashier: User, paid: str) -> None:
    milk, devices = put_on_shelf(stock=5), tills(cashier, TILLS)

    answers = race(TILLS, lambda i: sell(devices[i], basket(milk, amount_paid=paid)))

    assert outcomes(answers) == {(201, None): 5, (409, "insufficient_stock"): 19}
    refused = [answer.json()["items"] for answer in answers if answer.status_code == 409]
    assert refused == [[{"product": milk.pk, "requested": 1, "available": 0}]] * 19
    assert stock_of(milk) == 0
    assert Sale.objects.count() == 5
    assert_ledgers_agree()


@pytest.mark.long_form
def test_the_last_one_is_sold_to_one_of_many(cashier: User) -> None:
    rounds, devices = form(3, 50), tills(cashier, BUYERS)
    last_ones = [put_on_shelf(f"Product {i}", 1) for i in range(rounds)]
    meeting = meeting_of(BUYERS)

    def buy(i: int) -> list[HttpResponse]:
        at_once = together(meeting, sell)
        return [at_once(devices[i], basket(product, amount_paid=PRICE)) for product in last_ones]

    answers = [answer for several in race(BUYERS, buy, waits=LONG_WAIT) for answer in several]

    assert outcomes(answers) == {(201, None): rounds, (409, "insufficient_stock"): rounds * (BUYERS - 1)}
    assert {stock_of(product) for product in last_ones} == {0}
    assert_ledgers_agree()
    told = f"{rounds} sold, {rounds * (BUYERS - 1):,} refused, 0 other answers, stock 0"
    show("C1", "a stock of 1 and many buyers", f"{BUYERS} buyers x {rounds} rounds", told)


@pytest.mark.long_form
def test_the_last_seventeen_are_sold_seventeen_times(cashier: User) -> None:
    milk, devices = put_on_shelf(stock=17), tills(cashier, BUYERS)

    answers = race(BUYERS, lambda i: sell(devices[i], basket(milk)), waits=LONG_WAIT)

    assert outcomes(answers) == {(201, None): 17, (409, "insufficient_stock"): BUYERS - 17}
    assert stock_of(milk) == 0
    assert_ledgers_agree()
    show("C2", "a stock of 17 and many buyers of 1", f"{BUYERS} buyers", "17 sold, the others refused")


@pytest.mark.long_form
def test_uneven_quantities_are_refused_only_when_there_is_less(cashier: User) -> None:
    milk, devices = put_on_shelf(stock=17), tills(cashier, BUYERS)

    answers = race(BUYERS, lambda i: sell(devices[i], basket(milk, quantity=1 + i % 3)), waits=LONG_WAIT)

    assert {outcome(answer) for answer in answers} == {(201, None), (409, "insufficient_stock")}
    sold = sum(answer.json()["items"][0]["quantity"] for answer in answers if answer.status_code == 201)
    left = stock_of(milk)
    assert left == 17 - sold
    # Stock only falls here, so whoever was refused asked for more than what is left at the end.
    for item in (answer.json()["items"][0] for answer in answers if answer.status_code == 409):
        assert item["requested"] > item["available"] >= left
    assert_ledgers_agree()
    told = f"{sold:g} of 17 sold, nobody refused what was there"
    show("C2", "a stock of 17 and buyers of 1, 2 and 3", f"{BUYERS} buyers", told)


def test_control_locks_in_any_order_end_in_a_deadlock(cashier: User, monkeypatch: pytest.MonkeyPatch) -> None:
    products, devices = [put_on_shelf(f"Product {i}", 100) for i in range(20)], tills(cashier, 2)
    monkeypatch.setattr(LOCKED, levels_read(_locked_from_opposite_ends()))
    before = deadlocks()

    answers = race(2, lambda i: sell(devices[i], basket(*products)))

    assert outcomes(answers) == {(201, None): 1, (503, "busy"): 1}
    assert {answer.headers.get("Retry-After") for answer in answers} == {None, "1"}
    assert deadlocks() == before + 1
    assert_ledgers_agree()


def _locked_from_opposite_ends() -> Callable[[QuerySet[StockLevel]], list[StockLevel]]:
    """Two callers lock the same rows one by one, one from the first and one from the last."""
    turn, meeting = count(), meeting_of(2)

    def locked(rows: QuerySet[StockLevel]) -> list[StockLevel]:
        keys = sorted(rows.values_list("pk", flat=True), reverse=next(turn) % 2 == 1)
        lock = StockLevel.objects.select_for_update(no_key=True)
        first = lock.get(pk=keys[0])
        meeting.wait()
        return [first, *(lock.get(pk=key) for key in keys[1:])]

    return locked


@pytest.mark.long_form
def test_long_carts_in_opposite_order_never_wait_in_a_circle(cashier: User) -> None:
    racers, turns = form(16, 64), form(4, 100)
    stock = racers * turns + 36
    products, devices = [put_on_shelf(f"Product {i}", stock) for i in range(20)], tills(cashier, racers)
    carts = [basket(*products, amount_paid="5000.00"), basket(*reversed(products))]
    before = deadlocks()

    answers = race(
        racers,
        lambda i: [sell_at_last(devices[i], carts[(i + turn) % 2]) for turn in range(turns)],
        waits=LONG_WAIT,
    )

    of_each = [several for turn in answers for several in turn]
    assert outcomes([several[-1] for several in of_each]) == {(201, None): racers * turns}
    busy = sum(map(len, of_each)) - racers * turns
    assert deadlocks() == before
    assert {stock_of(product) for product in products} == {Decimal(36)}
    assert_ledgers_agree()
    extent = f"{racers} tills x {turns} carts of 20 lines"
    show("C4", "long carts in opposite order", extent, f"all sold, 0 deadlocks, {busy} told to come back")


@pytest.mark.breaks_the_books
def test_control_without_the_lock_deliveries_are_lost(admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    milk, devices = put_on_shelf(stock=100), tills(admin, 8)
    monkeypatch.setattr("apps.inventory.services.moving.locked", lambda rows: rows.order_by("pk"))
    monkeypatch.setattr(LOCKED, levels_read(unlocked(8)))

    answers = race(8, lambda i: purchase(devices[i], milk, quantity=10, unit_cost="61.00"))

    assert outcomes(answers) == {(201, None): 8}
    assert disagreements()[STOCK_RULE] == [
        {"product_id": milk.pk, "product": "Milk", "stock": 110, "moved": 180}
    ]


def test_deliveries_beside_sales_keep_stock_and_average_cost_exact(cashier: User, admin: User) -> None:
    milk = put_on_shelf(stock=100, cost_price=Decimal("50.00"))
    selling, buying = tills(cashier, 16), tills(admin, 8)

    def act(i: int) -> Counter[tuple[int, str | None]]:
        if i < 8:
            return outcomes([purchase(buying[i], milk, 3 + i, f"{60 + 7 * i}.37") for _ in range(2)])
        return outcomes([sell(selling[i - 8], basket(milk, quantity=2, amount_paid="232.00"))])

    assert sum(race(24, act), Counter()) == {(201, None): 32}

    assert stock_of(milk) == 100 + 2 * sum(3 + i for i in range(8)) - 16 * 2
    milk.refresh_from_db()
    assert milk.cost_price == _cost_by_the_ledger(milk, Decimal("50.00"))
    assert_ledgers_agree()


def _cost_by_the_ledger(product: Product, cost: Decimal) -> Decimal:
    """The weighted average, worked out again in the order in which the ledger says the goods came."""
    for movement in Movement.objects.filter(product=product, unit_cost__isnull=False).order_by("pk"):
        value = movement.stock_before * cost + movement.quantity * movement.unit_cost
        cost = money.round_money(value / movement.stock_after)
    return cost
