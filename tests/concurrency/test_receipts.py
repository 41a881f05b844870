"""Receipt numbers: no gap and no double, in the order of completion, whatever is rolled back."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, TypeVar

import pytest

from apps.core.errors import Busy
from apps.sales.models import ReceiptCounter, Sale
from apps.sales.services import settling
from apps.users.models import User
from tests.concurrency.racing import LONG_WAIT, Overtaking, outcome, outcomes, race
from tests.concurrency.shop import PRICE, basket, pay, pending_sale, put_on_shelf, sell, sell_at_last, tills
from tests.figures import form, show
from tests.ledger import assert_ledgers_agree, disagreements

pytestmark = pytest.mark.django_db(transaction=True)
TILLS = form(16, 64)
GAPS = "receipts have no gaps"
COMPLETE = "_complete"
T = TypeVar("T")


def _every_tenth_fails(complete: Callable[..., T]) -> Callable[..., T]:
    """Takes the number first; what fails then must give it back."""
    turn = count(1)

    def complete_or_fail(*args: Any) -> T:
        done = complete(*args)
        if next(turn) % 10 == 0:
            raise Busy
        return done

    return complete_or_fail


def _numbered_by(sequence: Iterator[int]) -> Callable[..., list[str]]:
    """Completes with a number that does not come back when the transaction does not commit."""
    complete = settling._complete

    def complete_with_a_number_of_its_own(sale: Sale, *args: Any) -> list[str]:
        changed = complete(sale, *args)
        sale.receipt = next(sequence)
        return changed

    return complete_with_a_number_of_its_own


def _complete_many(cashier: User, each: int, sell: Callable[..., T]) -> list[T]:
    products = [put_on_shelf(f"Product {i}", TILLS * each) for i in range(4)]
    devices = tills(cashier, TILLS)
    body = [basket(product, amount_paid=PRICE) for product in products]
    answers = race(TILLS, lambda i: [sell(devices[i], body[i % 4]) for _ in range(each)], waits=LONG_WAIT)
    return [answer for several in answers for answer in several]


@pytest.mark.breaks_the_books
def test_control_numbers_that_do_not_roll_back_leave_gaps(
    cashier: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, COMPLETE, _every_tenth_fails(_numbered_by(count(1))))

    answers = _complete_many(cashier, 3, sell)

    lost = TILLS * 3 // 10
    assert outcomes(answers) == {(201, None): TILLS * 3 - lost, (503, "busy"): lost}
    assert GAPS in disagreements()


@pytest.mark.long_form
def test_rolled_back_completions_leave_no_gaps(cashier: User, monkeypatch: pytest.MonkeyPatch) -> None:
    each = form(14, 174)
    monkeypatch.setattr(settling, COMPLETE, _every_tenth_fails(settling._complete))

    answers = _complete_many(cashier, each, sell_at_last)

    done = TILLS * each
    assert outcomes([of_one[-1] for of_one in answers]) == {(201, None): done}
    lost = sum(map(len, answers)) - done
    assert lost >= done // 10
    receipts = Sale.objects.order_by("receipt").values_list("receipt", flat=True)
    assert list(receipts) == list(range(1, done + 1))
    assert ReceiptCounter.objects.get().last == done
    assert_ledgers_agree()
    extent = f"{done:,} by {TILLS} tills, {lost:,} more rolled back and made again"
    show(
        "C15",
        "receipts of completions at once",
        extent,
        f"1 to {done:,}: 0 gaps, 0 doubles, counter {done:,}",
    )


def test_the_later_receipt_belongs_to_the_later_completion(
    cashier: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A till that is held up on its way to the counter completes later, not earlier with the higher number."""
    milk, devices = put_on_shelf(stock=10), tills(cashier, 2)
    late, early = (pending_sale(devices[0], milk) for _ in range(2))
    overtaking = Overtaking()
    monkeypatch.setattr(settling, COMPLETE, overtaking.held_up(settling._complete))

    answers = overtaking.run(lambda: pay(devices[0], late), lambda: pay(devices[1], early))

    assert [outcome(answer) for answer in answers] == [(201, None)] * 2
    first, second = Sale.objects.order_by("receipt")
    assert [first.pk, second.pk] == [early, late]
    assert first.completed_at <= second.completed_at
    assert_ledgers_agree()
