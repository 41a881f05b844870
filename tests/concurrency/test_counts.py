"""Many people count while the tills sell and an administrator ends the count."""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import chain
from threading import Event
from typing import Any

import pytest
from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.test import APIClient

from apps.inventory.models import CountLine, Movement, StockCount
from apps.inventory.services import counting
from apps.products.models import Product, StockLevel
from apps.sales.services import checkout
from apps.users.models import User
from tests.concurrency.racing import (
    PATIENCE,
    Overtaking,
    another_connection,
    deadlocks,
    levels_read,
    meeting_of,
    outcome,
    outcomes,
    race,
    together,
    unlocked,
    wait_until,
    waiting_for_locks,
)
from tests.concurrency.shop import basket, put_on_shelf, sell, stock_of, tills
from tests.ledger import assert_ledgers_agree, disagreements

pytestmark = pytest.mark.django_db(transaction=True)
COUNTS = "/api/inventory/counts/"
PEOPLE = 8
STOCK_RULE = "stock is the sum of its movements"
COUNT_LOCKED = "apps.inventory.services.counting.locked"
COUNT_SHARED = "apps.inventory.services.counting.locked_shared"
STOCK_LOCKED = "apps.inventory.services.moving.levels_held"


def begin(device: APIClient) -> int:
    return int(device.post(COUNTS, {}).json()["id"])


def add(device: APIClient, count: int, product: Product, quantity: int) -> HttpResponse:
    return device.post(f"{COUNTS}{count}/add_item/", {"product": product.pk, "physical_quantity": quantity})


def complete(device: APIClient, count: int, **headers: str) -> HttpResponse:
    return device.post(f"{COUNTS}{count}/complete/", headers=headers)


def cancel(device: APIClient, count: int) -> HttpResponse:
    return device.post(f"{COUNTS}{count}/cancel/")


def counted(device: APIClient, product: Product, quantity: int) -> int:
    """A count in progress with one line."""
    count = begin(device)
    assert add(device, count, product, quantity).status_code == 201
    return count


def joined(answers: Iterable[list[HttpResponse]]) -> list[HttpResponse]:
    return list(chain.from_iterable(answers))


def moved_by(count: int) -> list[int]:
    """The products that the count has moved."""
    return list(Movement.objects.filter(cause=f"count:{count}").values_list("product_id", flat=True))


def waits_for_a_rival(step: Callable[..., Any], begun: Event) -> Callable[..., Any]:
    """`step`, after which its caller waits until somebody else stands in line for what it has locked."""

    def act(*args: Any, **kwargs: Any) -> Any:
        done = step(*args, **kwargs)
        begun.set()
        with another_connection() as other:
            wait_until(lambda: waiting_for_locks(other) == 1)
        return done

    return act


def first_and_second(
    begun: Event, first: Callable[[], HttpResponse], second: Callable[[], HttpResponse]
) -> list[HttpResponse]:
    """The second begins when the first has got as far as the step that waits for it."""

    def act(number: int) -> HttpResponse:
        if number == 0:
            return first()
        assert begun.wait(PATIENCE)
        return second()

    return race(2, act)


# Completing, many times.


def test_control_without_the_lock_only_a_constraint_stops_the_second_completion(
    admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`movement_once_per_cause` refuses it, with an answer that tells nobody anything."""
    milk, devices = put_on_shelf(stock=10), tills(admin, PEOPLE)
    count = counted(devices[0], milk, 7)
    monkeypatch.setattr(COUNT_LOCKED, unlocked(PEOPLE, meet_at=StockCount))

    answers = race(PEOPLE, lambda i: complete(devices[i], count))

    assert outcomes(answers) == {(200, None): 1, (409, "already_exists"): PEOPLE - 1}
    assert_ledgers_agree()


def test_many_clicks_complete_once(admin: User) -> None:
    milk, devices = put_on_shelf(stock=10), tills(admin, PEOPLE)
    count = counted(devices[0], milk, 7)

    answers = race(PEOPLE, lambda i: complete(devices[i], count))

    assert outcomes(answers) == {(200, None): 1, (409, "count_completed"): PEOPLE - 1}
    assert (stock_of(milk), moved_by(count)) == (7, [milk.pk])
    assert_ledgers_agree()


def test_many_clicks_with_one_key_get_one_answer(admin: User) -> None:
    milk, devices = put_on_shelf(stock=10), tills(admin, PEOPLE)
    count = counted(devices[0], milk, 7)

    answers = race(PEOPLE, lambda i: complete(devices[i], count, **{"Idempotency-Key": "k"}))

    assert outcomes(answers) == {(200, None): PEOPLE}
    assert len({answer.content for answer in answers}) == 1
    assert (stock_of(milk), moved_by(count)) == (7, [milk.pk])


# Completing while somebody cancels.


@pytest.mark.breaks_the_books
def test_control_without_the_lock_a_cancelled_count_moves_stock(
    admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    milk, devices, overtaking = put_on_shelf(stock=10), tills(admin, 2), Overtaking()
    count = counted(devices[0], milk, 7)
    monkeypatch.setattr(COUNT_LOCKED, unlocked(1))
    monkeypatch.setattr(counting, "_end", overtaking.held_up(counting._end))

    answers = overtaking.run(lambda: cancel(devices[0], count), lambda: complete(devices[1], count))

    assert outcomes(answers) == {(200, None): 2}
    assert (StockCount.objects.get().status, stock_of(milk)) == ("cancelled", 7)


def test_complete_against_cancel_has_one_outcome(admin: User) -> None:
    milk, devices = put_on_shelf(stock=100), tills(admin, 4)
    counts = [counted(devices[0], milk, 99) for _ in range(12)]
    meeting = meeting_of(4)

    def act(i: int) -> list[HttpResponse]:
        at_once = together(meeting, complete if i % 2 else cancel)
        return [at_once(devices[i], count) for count in counts]

    rounds = list(zip(*race(4, act), strict=True))

    states = dict(StockCount.objects.values_list("pk", "status"))
    for count, answers in zip(counts, rounds, strict=True):
        assert outcomes(answers) == {(200, None): 1, (409, f"count_{states[count]}"): 3}
        did = next(answer for answer in answers if answer.status_code == 200)
        assert did.json()["status"] == states[count]
        assert moved_by(count) == ([milk.pk] if states[count] == "completed" else [])
    assert stock_of(milk) == 100 - list(states.values()).count("completed")
    assert_ledgers_agree()


# Completing while others count.


@pytest.mark.breaks_the_books
def test_control_without_the_lock_a_line_is_written_beside_a_completed_count(
    admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three bottles are missing, the line says so, and no stock ever moves for it."""
    milk, devices = put_on_shelf(stock=10), tills(admin, 2)
    count, overtaking = begin(devices[0]), Overtaking()
    monkeypatch.setattr(COUNT_SHARED, list)
    monkeypatch.setattr(counting, "_product", overtaking.held_up(counting._product))

    answers = overtaking.run(lambda: add(devices[0], count, milk, 7), lambda: complete(devices[1], count))

    assert [outcome(answer) for answer in answers] == [(201, None), (200, None)]
    assert StockCount.objects.get().status == "completed"
    assert CountLine.objects.get().variance == -3
    assert (stock_of(milk), moved_by(count)) == (10, [])


def test_completion_waits_for_a_line_that_is_being_written(
    admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    milk, devices, begun = put_on_shelf(stock=10), tills(admin, 2), Event()
    count = begin(devices[0])
    monkeypatch.setattr(counting, "_product", waits_for_a_rival(counting._product, begun))

    added, completed = first_and_second(
        begun, lambda: add(devices[0], count, milk, 7), lambda: complete(devices[1], count)
    )

    assert (outcome(added), outcome(completed)) == ((201, None), (200, None))
    assert completed.json()["items"] == [added.json()]
    assert stock_of(milk) == 7


def test_every_line_is_in_the_completed_count_or_refused(admin: User, cashier: User) -> None:
    goods = [put_on_shelf(f"Product {i}", 10) for i in range(PEOPLE * 4)]
    (manager,), counters, ended = tills(admin, 1), tills(cashier, PEOPLE), Event()
    count = begin(manager)

    def act(i: int) -> list[HttpResponse]:
        if i == PEOPLE:
            wait_until(lambda: CountLine.objects.count() >= PEOPLE)
            answer = complete(manager, count)
            ended.set()
            return [answer]
        *most, last = goods[i::PEOPLE]
        answers = [add(counters[i], count, product, 7) for product in most]
        assert ended.wait(PATIENCE)
        return [*answers, add(counters[i], count, last, 7)]

    *adding, (completed,) = race(PEOPLE + 1, act)

    told = Counter(map(outcome, joined(adding)))
    assert set(told) == {(201, None), (409, "count_completed")}
    assert completed.status_code == 200
    lines = [row["product"] for row in completed.json()["items"]]
    assert len(lines) == told[201, None] == CountLine.objects.count()
    assert sorted(moved_by(count)) == sorted(lines)
    assert {product.pk for product in goods if stock_of(product) == 7} == set(lines)
    assert_ledgers_agree()


# Completing while the tills sell.


@pytest.mark.breaks_the_books
def test_control_without_the_lock_a_sale_is_lost(
    admin: User, cashier: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    milk, (manager,), (till,) = put_on_shelf(stock=10), tills(admin, 1), tills(cashier, 1)
    count = counted(manager, milk, 7)
    monkeypatch.setattr(STOCK_LOCKED, levels_read(unlocked(2, meet_at=StockLevel)))

    answers = race(2, lambda i: complete(manager, count) if i else sell(till, basket(milk, quantity=2)))

    assert [outcome(answer) for answer in answers] == [(201, None), (200, None)]
    assert [row["moved"] for row in disagreements()[STOCK_RULE]] == [5]
    assert stock_of(milk) != 5


def test_what_is_sold_meanwhile_stays_sold(admin: User, cashier: User) -> None:
    milk, bread = put_on_shelf("Milk", 100), put_on_shelf("Bread", 100)
    managers, selling = tills(admin, 4), tills(cashier, 8)
    counts = [counted(managers[0], milk, 99) for _ in range(4)]
    for count in counts:
        add(managers[0], count, bread, 101)

    def act(i: int) -> list[HttpResponse]:
        if i < 4:
            return [complete(managers[i], counts[i])]
        carts = [basket(milk, bread), basket(bread, milk)]
        return [sell(selling[i - 4], carts[(i + turn) % 2]) for turn in range(4)]

    before = deadlocks()
    answers = joined(race(12, act))

    assert outcomes(answers) == {(200, None): 4, (201, None): 32}
    assert (stock_of(milk), stock_of(bread)) == (100 - 32 - 4, 100 - 32 + 4)
    assert deadlocks() == before
    assert_ledgers_agree()


# Counting while the tills sell.


def test_control_without_the_lock_goods_on_their_way_out_are_missed_twice(
    admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of ten leave the shelf, eight are counted, and the stock says six."""
    milk, devices, overtaking = put_on_shelf(stock=10), tills(admin, 2), Overtaking()
    count = begin(devices[0])
    monkeypatch.setattr(checkout, "_pay", overtaking.held_up(checkout._pay))
    monkeypatch.setattr(COUNT_LOCKED, unlocked(1))

    _, added = overtaking.run(
        lambda: sell(devices[0], basket(milk, quantity=2)), lambda: add(devices[1], count, milk, 8)
    )

    assert added.json()["system_quantity"] == 10
    assert complete(devices[0], count).status_code == 200
    assert stock_of(milk) == 6


def test_counting_waits_for_a_sale_under_way(admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    milk, devices, begun = put_on_shelf(stock=10), tills(admin, 2), Event()
    count = begin(devices[0])
    monkeypatch.setattr(checkout, "_pay", waits_for_a_rival(checkout._pay, begun))

    sold, added = first_and_second(
        begun,
        lambda: sell(devices[0], basket(milk, quantity=2)),
        lambda: add(devices[1], count, milk, 8),
    )

    assert (sold.status_code, added.status_code) == (201, 201)
    assert (added.json()["system_quantity"], added.json()["variance"]) == (8, 0)
    assert complete(devices[0], count).status_code == 200
    assert stock_of(milk) == 8


def test_a_sale_is_wholly_in_the_expected_stock_or_not_at_all(cashier: User, admin: User) -> None:
    milk, counters, selling = put_on_shelf(stock=100), tills(cashier, 4), tills(cashier, 8)
    count = begin(tills(admin, 1)[0])
    # The same goods in two lines are one sale of three.
    lines = [{"product": milk.pk, "quantity": quantity} for quantity in (1, 2)]

    def act(i: int) -> list[HttpResponse]:
        if i < 4:
            return [add(counters[i], count, milk, 5) for _ in range(6)]
        return [sell(selling[i - 4], {"items": lines}) for _ in range(4)]

    answers = race(12, act)

    expected = [answer.json()["system_quantity"] for answer in joined(answers[:4])]
    assert set(expected) <= {100 - 3 * sold for sold in range(33)}
    assert stock_of(milk) == 4
    assert_ledgers_agree()


# Many who count the same.


def test_control_without_the_locks_everybody_believes_to_be_the_first(
    cashier: User, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    milk, devices = put_on_shelf(stock=10), tills(cashier, PEOPLE)
    count = begin(tills(admin, 1)[0])
    monkeypatch.setattr(COUNT_LOCKED, unlocked(1))
    monkeypatch.setattr(QuerySet, "bulk_create", together(meeting_of(PEOPLE), QuerySet.bulk_create))

    answers = race(PEOPLE, lambda i: add(devices[i], count, milk, i))

    assert outcomes(answers) == {(201, None): PEOPLE}
    assert CountLine.objects.count() == 1


def test_nobody_who_counts_waits_for_another(
    cashier: User, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is still at it, and holds the count, while the other is answered."""
    (milk, bread), devices = [put_on_shelf(name) for name in ("Milk", "Bread")], tills(cashier, 2)
    count, overtaking = begin(tills(admin, 1)[0]), Overtaking()
    monkeypatch.setattr(counting, "_product", overtaking.held_up(counting._product))

    answers = overtaking.run(
        lambda: add(devices[0], count, milk, 9), lambda: add(devices[1], count, bread, 9)
    )

    assert outcomes(answers) == {(201, None): 2}


def test_of_many_who_count_the_same_the_last_wins(cashier: User, admin: User) -> None:
    milk, devices = put_on_shelf(stock=10), tills(cashier, PEOPLE)
    (manager,) = tills(admin, 1)
    count = begin(manager)

    answers = race(PEOPLE, lambda i: add(devices[i], count, milk, i))

    assert outcomes(answers) == {(201, None): 1, (200, None): PEOPLE - 1}
    (line,) = manager.get(f"{COUNTS}{count}/").json()["items"]
    assert line in [answer.json() for answer in answers]
    assert complete(manager, count).status_code == 200
    assert stock_of(milk) == line["physical_quantity"]


def test_many_counters_in_any_order(cashier: User, admin: User) -> None:
    goods = [put_on_shelf(f"Product {i}", 10) for i in range(6)]
    (manager,), counters = tills(admin, 1), tills(cashier, PEOPLE)
    count, before = begin(manager), deadlocks()

    def act(i: int) -> list[HttpResponse]:
        turned = goods[i % 6 :] + goods[: i % 6]
        return [add(counters[i], count, product, 9) for product in (turned if i % 2 else turned[::-1])]

    answers = joined(race(PEOPLE, act))

    assert outcomes(answers) == {(201, None): 6, (200, None): 6 * PEOPLE - 6}
    assert deadlocks() == before
    assert complete(manager, count).json()["item_count"] == 6
    assert {stock_of(product) for product in goods} == {9}
    assert_ledgers_agree()


# Counting what is being removed from the catalogue.


def test_goods_that_are_just_being_counted_stay_in_the_catalogue(
    admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    milk, devices, begun = put_on_shelf(stock=0), tills(admin, 2), Event()
    count = begin(devices[0])
    monkeypatch.setattr(counting, "_product", waits_for_a_rival(counting._product, begun))

    added, removed = first_and_second(
        begun,
        lambda: add(devices[0], count, milk, 1),
        lambda: devices[1].delete(f"/api/products/{milk.pk}/"),
    )

    assert (added.status_code, removed.status_code) == (201, 204)
    assert Product.objects.get().is_active is False


def test_goods_removed_before_they_were_counted_are_not_found(
    admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    milk, devices, overtaking = put_on_shelf(stock=0), tills(admin, 2), Overtaking()
    count = begin(devices[0])
    monkeypatch.setattr(counting, "_product", overtaking.held_up(counting._product))

    added, removed = overtaking.run(
        lambda: add(devices[0], count, milk, 1), lambda: devices[1].delete(f"/api/products/{milk.pk}/")
    )

    assert (outcome(added), removed.status_code) == ((404, "product_not_found"), 204)
    assert not Product.objects.exists()
