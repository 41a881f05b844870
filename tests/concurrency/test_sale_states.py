"""Cancelling, paying and expiring the same sale at once: one of them happens, once."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError
from django.db.models import QuerySet, Sum
from django.http import HttpResponse
from django.utils import timezone

from apps.payments.models import Payment
from apps.products.models import Product
from apps.sales import services
from apps.sales.models import Sale
from apps.users.models import User
from tests.concurrency.racing import (
    LONG_WAIT,
    SALE_HELD,
    Overtaking,
    meeting_of,
    outcome,
    outcomes,
    race,
    row_read,
    together,
    unlocked,
)
from tests.concurrency.shop import cancel, pay, pending_sale, put_on_shelf, stock_of, tills
from tests.figures import form, show
from tests.ledger import assert_ledgers_agree, disagreements

pytestmark = pytest.mark.django_db(transaction=True)
TILLS = 24
ROUNDS = 20
GOODS_RULE = "a sale takes its goods once, and only a cancelled one gives them back, once"
PAID_RULE = "what a sale says is paid, pending and change is what its payments say"


def test_control_without_the_lock_only_a_constraint_stops_the_paying_of_a_cancelled_sale(
    cashier: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`sale_state_holds` refuses it: without it the customer would pay for milk that is back on the shelf."""
    milk, devices = put_on_shelf(stock=10), tills(cashier, 2)
    sale, overtaking = pending_sale(devices[0], milk), Overtaking()
    monkeypatch.setattr(SALE_HELD, row_read(Sale, unlocked(1)))
    monkeypatch.setattr(services, "settle", overtaking.held_up(services.settle))

    answers = overtaking.run(lambda: pay(devices[0], sale), lambda: cancel(devices[1], sale))

    assert [outcome(answer) for answer in answers] == [(400, "not_allowed"), (200, None)]
    assert Sale.objects.get().status == "cancelled"
    assert stock_of(milk) == 10
    assert_ledgers_agree()


def test_control_without_the_lock_only_a_constraint_stops_the_cancelling_of_a_paid_sale(
    cashier: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`sale_state_holds` refuses it, with an answer that tells a cashier nothing."""
    milk, devices = put_on_shelf(stock=10), tills(cashier, 2)
    sale, overtaking = pending_sale(devices[0], milk), Overtaking()
    monkeypatch.setattr(SALE_HELD, row_read(Sale, unlocked(1)))
    monkeypatch.setattr(services, "cancel_sale", overtaking.held_up(services.cancel_sale))

    answers = overtaking.run(lambda: cancel(devices[0], sale), lambda: pay(devices[1], sale))

    assert [outcome(answer) for answer in answers] == [(400, "not_allowed"), (201, None)]
    assert_ledgers_agree()


def test_cancel_against_pay_has_one_outcome(cashier: User) -> None:
    milk, devices = put_on_shelf(stock=100), tills(cashier, 8)
    sales = [pending_sale(devices[0], milk) for _ in range(ROUNDS)]
    meeting = meeting_of(8)

    def act(i: int) -> list[HttpResponse]:
        at_once = together(meeting, pay if i % 2 else cancel)
        return [at_once(devices[i], sale) for sale in sales]

    rounds = zip(*race(8, act), strict=True)

    paid = sum(
        _was_paid(sale, cancels=answers[0::2], payments=answers[1::2])
        for sale, answers in zip(sales, rounds, strict=True)
    )
    assert stock_of(milk) == 100 - paid
    assert_ledgers_agree()


def _was_paid(sale_id: int, cancels: Sequence[HttpResponse], payments: Sequence[HttpResponse]) -> bool:
    """Whether it was paid; every answer must say the same."""
    sale, taken = Sale.objects.get(pk=sale_id), Payment.objects.filter(sale=sale_id).count()
    if sale.status == "completed":
        assert (sale.amount_paid, taken) == (sale.total, 1)
        assert outcomes(payments) == {(201, None): 1, (409, "sale_completed"): 3}
        assert outcomes(cancels) == {(409, "sale_completed"): 4}
        return True
    assert (sale.status, sale.amount_paid, taken) == ("cancelled", 0, 0)
    assert outcomes(cancels) == {(200, None): 1, (409, "sale_already_cancelled"): 3}
    assert outcomes(payments) == {(409, "sale_cancelled"): 4}
    return False


def test_control_without_the_lock_only_a_constraint_stops_the_second_return(
    cashier: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`movement_once_per_cause` refuses it: `already_exists` instead of `sale_already_cancelled`."""
    milk, devices = put_on_shelf(stock=10), tills(cashier, TILLS)
    sale = pending_sale(devices[0], milk)
    monkeypatch.setattr(SALE_HELD, row_read(Sale, unlocked(TILLS)))

    answers = race(TILLS, lambda i: cancel(devices[i], sale))

    assert outcomes(answers) == {(200, None): 1, (409, "already_exists"): TILLS - 1}
    assert stock_of(milk) == 10
    assert_ledgers_agree()


@pytest.mark.long_form
def test_many_cancels_return_the_goods_once(cashier: User) -> None:
    many = form(TILLS, 64)
    milk, devices = put_on_shelf(stock=10), tills(cashier, many)
    sale = pending_sale(devices[0], milk)

    answers = race(many, lambda i: cancel(devices[i], sale), waits=LONG_WAIT)

    assert outcomes(answers) == {(200, None): 1, (409, "sale_already_cancelled"): many - 1}
    assert stock_of(milk) == 10
    assert_ledgers_agree()
    show("C13", "one sale cancelled by many", f"{many} requests", "cancelled once, the goods came back once")


def _sale_of_a_hundred(cashier: User) -> int:
    milk = put_on_shelf(stock=10)
    Product.objects.filter(pk=milk.pk).update(price=Decimal("100.00"))
    return pending_sale(tills(cashier, 1)[0], milk)


def _taken(sale_id: int) -> Decimal:
    return Payment.objects.filter(sale=sale_id).aggregate(sum=Sum("amount"))["sum"]


@pytest.mark.breaks_the_books
def test_control_without_the_lock_part_payments_are_forgotten(
    cashier: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    sale, devices = _sale_of_a_hundred(cashier), tills(cashier, TILLS)
    monkeypatch.setattr(SALE_HELD, row_read(Sale, unlocked(TILLS)))

    answers = race(TILLS, lambda i: pay(devices[i], sale, "10.00"))

    assert outcomes(answers) == {(201, None): TILLS}
    assert _taken(sale) == 240
    assert Sale.objects.get().amount_paid == 10
    assert list(disagreements()) == [PAID_RULE]


@pytest.mark.long_form
def test_part_payments_complete_a_sale_once(cashier: User) -> None:
    many = form(TILLS, 64)
    sale, devices = _sale_of_a_hundred(cashier), tills(cashier, many)

    answers = race(many, lambda i: pay(devices[i], sale, "10.00"), waits=LONG_WAIT)

    assert outcomes(answers) == {(201, None): 10, (409, "sale_completed"): many - 10}
    assert _taken(sale) == 100
    done = Sale.objects.get()
    assert (done.status, done.amount_paid, done.receipt) == ("completed", 100, 1)
    assert_ledgers_agree()
    told = "10 taken, completed once, 1 receipt"
    show("C14", "part payments of 10.00 on a sale of 100.00", f"{many} at once", told)


def test_two_part_payments_too_large_together_are_not_both_taken(cashier: User) -> None:
    sale, devices = _sale_of_a_hundred(cashier), tills(cashier, TILLS)

    answers = race(TILLS, lambda i: pay(devices[i], sale, "60.00"))

    # 400 on `amount`: more than the balance, which the first has left at 40.00.
    assert outcomes(answers) == {(201, None): 1, (400, None): TILLS - 1}
    assert (_taken(sale), Sale.objects.get().status) == (60, "pending")
    assert_ledgers_agree()


def _abandoned(cashier: User, product: Product, count: int) -> list[int]:
    """Sales that have long been waiting to be paid."""
    (till,) = tills(cashier, 1)
    sales = [pending_sale(till, product) for _ in range(count)]
    Sale.objects.filter(pk__in=sales).update(created_at=timezone.now() - timedelta(days=1))
    return sales


def test_control_without_the_lock_two_sweeps_expire_the_same_sale(
    cashier: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And once more `movement_once_per_cause` keeps the goods from coming back twice."""
    milk = put_on_shelf(stock=10)
    _abandoned(cashier, milk, 1)
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, **_: rows)
    cancelling = "apps.sales.services.cancelling.cancel_sale"
    monkeypatch.setattr(cancelling, together(meeting_of(2), services.cancel_sale))

    def sweep(_: int) -> int | str:
        try:
            return services.expire_sales()
        except IntegrityError as error:
            return str(error.__cause__.diag.constraint_name)

    assert set(race(2, sweep)) == {1, "movement_once_per_cause"}
    assert_ledgers_agree()


def test_an_abandoned_sale_expires_once_or_is_paid(cashier: User) -> None:
    milk, devices = put_on_shelf(stock=100), tills(cashier, 8)
    sales = _abandoned(cashier, milk, 64)

    def act(i: int) -> int | list[HttpResponse]:
        return [pay(devices[i], sale) for sale in sales[i::8]] if i < 8 else services.expire_sales()

    *paying, first, second = race(10, act)

    # Till 0 was given the sales 0, 8, 16 ...
    told = [outcome(answers[turn]) for turn in range(8) for answers in paying]
    status = dict(Sale.objects.values_list("pk", "status"))
    expected = {"completed": (201, None), "cancelled": (409, "sale_cancelled")}
    assert told == [expected[status[sale]] for sale in sales]
    assert first + second == told.count((409, "sale_cancelled"))
    assert stock_of(milk) == 100 - told.count((201, None))
    assert_ledgers_agree()
