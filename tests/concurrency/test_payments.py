"""Bank transfers: confirmed once, under a reference that settles once, and never beside cash for the same goods."""

from collections import Counter

import pytest
from django.http import HttpResponse
from rest_framework.test import APIClient

from apps.payments.models import Payment
from apps.payments.services import outcomes as outcome_service
from apps.sales import services as sales
from apps.sales.models import Sale
from apps.users.models import User
from tests.concurrency.racing import (
    SALE_HELD,
    Overtaking,
    meeting_of,
    outcomes,
    race,
    row_read,
    take_locks_away,
    together,
    unlocked,
)
from tests.concurrency.shop import PAYMENTS, PRICE, pay, pending_sale, put_on_shelf, tills
from tests.ledger import assert_ledgers_agree, disagreements

pytestmark = pytest.mark.django_db(transaction=True)
TILLS = 16
RECEIPT = "FT26327KX4TQ"
PAID_RULE = "what a sale says is paid, pending and change is what its payments say"


def transfer(till: APIClient, sale_id: int) -> HttpResponse:
    return till.post(f"{PAYMENTS}initiate/", {"sale": sale_id, "method": "bank", "amount": PRICE})


def confirm(till: APIClient, payment_id: int, reference: str = RECEIPT) -> HttpResponse:
    return till.post(f"{PAYMENTS}{payment_id}/confirm/", {"reference": reference})


def give_up(till: APIClient, payment_id: int) -> HttpResponse:
    return till.post(f"{PAYMENTS}{payment_id}/cancel/")


def _open_transfers(till: APIClient, count: int) -> list[int]:
    milk = put_on_shelf(stock=10)
    return [int(transfer(till, pending_sale(till, milk)).json()["id"]) for _ in range(count)]


@pytest.mark.may_break_the_books
def test_control_without_the_lock_a_transfer_given_up_is_confirmed(
    admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices = tills(admin, 2)
    (payment,) = _open_transfers(devices[0], 1)
    take_locks_away(monkeypatch, 2)

    answers = race(2, lambda i: (confirm if i else give_up)(devices[i], payment))

    # Nobody was told that the other was faster. Where giving up was the later one, the database's own guard of what
    # has succeeded was the last to stand.
    assert outcomes(answers) in ({(200, None): 2}, {(200, None): 1, (400, "not_allowed"): 1})
    assert Sale.objects.get().status == "completed"


def test_a_transfer_is_confirmed_once_or_given_up_once(admin: User) -> None:
    devices = tills(admin, TILLS)
    payments, meeting = _open_transfers(devices[0], 8), meeting_of(TILLS)

    def act(i: int) -> list[HttpResponse]:
        at_once = together(meeting, confirm if i % 2 else give_up)
        return [at_once(devices[i], payment, *([f"{RECEIPT}{payment}"] * (i % 2))) for payment in payments]

    for payment, answers in zip(payments, zip(*race(TILLS, act), strict=True), strict=True):
        given_up, confirmed = outcomes(answers[0::2]), outcomes(answers[1::2])
        if Payment.objects.get(pk=payment).status == "success":
            assert confirmed == {(200, None): 1, (409, "payment_not_confirmable"): 7}
            assert given_up == {(409, "payment_not_open"): 8}
        else:
            assert given_up == {(200, None): 1, (409, "payment_not_open"): 7}
            assert confirmed == {(409, "payment_not_confirmable"): 8}
    states = Counter(Payment.objects.values_list("status", "sale__status"))
    assert set(states) <= {("success", "completed"), ("cancelled", "pending")}
    assert sum(states.values()) == 8
    assert_ledgers_agree()


def test_one_bank_receipt_settles_one_of_two_sales(admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have looked the reference up and found it unused: the loser is told the same as one who comes later."""
    devices = tills(admin, 2)
    payments = _open_transfers(devices[0], 2)
    claim = "_receipt_is_free"
    monkeypatch.setattr(outcome_service, claim, together(meeting_of(2), getattr(outcome_service, claim)))

    answers = race(2, lambda i: confirm(devices[i], payments[i]))

    assert sorted(Payment.objects.values_list("status", flat=True)) == ["pending", "success"]
    assert disagreements() == {}
    assert outcomes(answers) == {(200, None): 1, (409, "reference_already_used"): 1}


@pytest.mark.breaks_the_books
def test_control_without_the_lock_cash_is_taken_beside_a_transfer(
    admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other way round `sale_never_overpaid` would refuse the transfer; here nothing does."""
    devices, overtaking = tills(admin, 2), Overtaking()
    sale = pending_sale(devices[0], put_on_shelf(stock=10))
    monkeypatch.setattr(SALE_HELD, row_read(Sale, unlocked(1)))
    monkeypatch.setattr(sales, "settle", overtaking.held_up(sales.settle))

    answers = overtaking.run(lambda: pay(devices[0], sale), lambda: transfer(devices[1], sale))

    assert outcomes(answers) == {(201, None): 2}
    assert list(disagreements()) == [PAID_RULE]


def test_cash_and_transfers_never_pay_the_same_goods(admin: User) -> None:
    devices = tills(admin, TILLS)
    milk, meeting = put_on_shelf(stock=10), meeting_of(TILLS)
    pending = [pending_sale(devices[0], milk) for _ in range(8)]

    def act(i: int) -> list[HttpResponse]:
        at_once = together(meeting, transfer if i % 2 else pay)
        return [at_once(devices[i], sale) for sale in pending]

    for sale_id, answers in zip(pending, zip(*race(TILLS, act), strict=True), strict=True):
        sale = Sale.objects.get(pk=sale_id)
        code = "sale_completed" if sale.status == "completed" else "payment_in_progress"
        assert outcomes(answers) == {(201, None): 1, (409, code): TILLS - 1}
        assert sale.amount_paid + sale.amount_pending == sale.total
    assert_ledgers_agree()
