"""Receipt numbers: no gap and no double, in the order of completion, whatever is rolled back."""

from collections.abc import Callable
from itertools import count
from threading import Event

import pytest
from django.http import HttpResponse

from apps.core.errors import Busy
from apps.sales.models import Sale
from apps.sales.services import settling
from apps.users.models import User
from tests.concurrency.racing import PATIENCE, outcome, outcomes, race
from tests.concurrency.shop import PRICE, basket, pay, pending_sale, put_on_shelf, sell, tills
from tests.ledger import assert_ledgers_agree, disagreements

pytestmark = pytest.mark.django_db(transaction=True)
TILLS = 16
EACH = 14
GAPS = "receipts have no gaps"


def _every_tenth_fails(take: Callable[[], int]) -> Callable[[], int]:
    """Takes the number first; what fails then must give it back."""
    turn = count(1)

    def next_receipt() -> int:
        number = take()
        if next(turn) % 10 == 0:
            raise Busy
        return number

    return next_receipt


def _complete_many(cashier: User) -> list[HttpResponse]:
    products = [put_on_shelf(f"Product {i}", 1000) for i in range(4)]
    devices = tills(cashier, TILLS)
    body = [basket(product, amount_paid=PRICE) for product in products]
    answers = race(TILLS, lambda i: [sell(devices[i], body[i % 4]) for _ in range(EACH)])
    return [answer for several in answers for answer in several]


def test_control_numbers_that_do_not_roll_back_leave_gaps(
    cashier: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequence = count(1)
    monkeypatch.setattr(settling, "_next_receipt", _every_tenth_fails(lambda: next(sequence)))

    answers = _complete_many(cashier)

    assert outcomes(answers) == {(201, None): 202, (503, "busy"): 22}
    assert GAPS in disagreements()


def test_rolled_back_completions_leave_no_gaps(cashier: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "_next_receipt", _every_tenth_fails(settling._next_receipt))

    answers = _complete_many(cashier)

    assert outcomes(answers) == {(201, None): 202, (503, "busy"): 22}
    receipts = Sale.objects.order_by("receipt").values_list("receipt", flat=True)
    assert list(receipts) == list(range(1, 203))
    assert_ledgers_agree()


def test_the_later_receipt_belongs_to_the_later_completion(
    cashier: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A till that is held up on its way to the counter completes later, not earlier with the higher number."""
    milk, devices = put_on_shelf(stock=10), tills(cashier, 2)
    sales = [pending_sale(devices[0], milk) for _ in range(2)]
    arrived, overtaken = Event(), Event()
    take, turn = settling._next_receipt, count()

    def held_up_once() -> int:
        if next(turn) == 0:
            arrived.set()
            assert overtaken.wait(PATIENCE)
        return take()

    def act(i: int) -> HttpResponse:
        if i == 0:
            return pay(devices[0], sales[0])
        assert arrived.wait(PATIENCE)
        answer = pay(devices[1], sales[1])
        overtaken.set()
        return answer

    monkeypatch.setattr(settling, "_next_receipt", held_up_once)
    assert [outcome(answer) for answer in race(2, act)] == [(201, None)] * 2

    by_receipt = Sale.objects.order_by("receipt")
    assert [sale.pk for sale in by_receipt] == [sales[1], sales[0]]
    assert [sale.pk for sale in by_receipt.order_by("completed_at")] == [sales[1], sales[0]]
    assert_ledgers_agree()
