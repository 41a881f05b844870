"""What happens to a payment, in every order: first on paper, all sequences, then in the database, by chance."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest
from django.db import transaction

from apps.payments.models import Payment
from apps.payments.services import outcomes
from apps.payments.services.locks import lock_payment
from apps.payments.states import MOVES, Status
from apps.sales import services as sales
from apps.sales.models import Sale
from apps.sales.services import Order, OrderLine
from apps.users.models import User
from conftest import stock_product
from tests.figures import form, show
from tests.ledger import assert_ledgers_agree
from tests.model.events import AMOUNT, BEGUN, EVENTS, PROOFS, Case, Desk, a_desk, assert_sound, happen

LENGTH = form(5, 6)
SEQUENCES = form(40, 5_000)
LONGEST = 30
FIELDS = (
    "status", "amount_received", "amount_applied", "amount_unapplied", "refund_reserved", "external_reference",
    "error_code", "gateway_id",
)  # fmt: skip


def _play_all(desk: Desk, left: int, paid: bool) -> int:
    """Every sequence that begins as the papers stand, `left` events long at most; how many."""
    if left == 0:
        return 0
    papers, counts, played = desk.papers, (desk.refunds, desk.receipts, desk.returns), 0
    for event in EVENTS:
        desk.papers = (papers[0].copy(), papers[1].copy())
        desk.refunds, desk.receipts, desk.returns = counts
        happen(desk.case, event)
        now_paid = paid or event in PROOFS
        assert_sound(papers[1].status, *desk.papers, now_paid)
        assert max(desk.refunds, desk.receipts, desk.returns) <= 1
        played += 1 + _play_all(desk, left - 1, now_paid)
    desk.papers = papers
    return played


@pytest.mark.long_form
def test_every_order_of_events_on_paper() -> None:
    """Success once proven is success for ever, in whatever order things are heard."""
    with a_desk() as desk:
        played = _play_all(desk, LENGTH, False)
    assert played == sum(10**length for length in range(1, LENGTH + 1))
    extent = f"all {played:,} sequences of up to {LENGTH} of {len(EVENTS)} events, on the pure functions"
    show(
        "C10",
        "what happens to a payment, in any order",
        extent,
        "0 violations, success independent of the order",
    )


def test_control_success_that_may_fail_again_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    forgetful = {**MOVES, Status.SUCCESS: frozenset({Status.FAILED, Status.CANCELLED})}
    monkeypatch.setattr("apps.payments.states.MOVES", forgetful)
    monkeypatch.setattr("tests.model.events.MOVES", forgetful)
    with a_desk() as desk, pytest.raises(AssertionError):
        _play_all(desk, 2, False)


def test_control_money_that_is_counted_again_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the look at what has happened already, two proofs pay twice."""
    monkeypatch.setattr(outcomes, "SETTLED", ())
    with a_desk() as desk, pytest.raises(AssertionError):
        _play_all(desk, 2, False)


@contextmanager
def _one_payment(cashier: User, admin: User, product_id: int) -> Iterator[Case]:
    """A sale that waits for the gateway; gone afterwards."""
    with transaction.atomic():
        order = Order([OrderLine(AMOUNT / 116, product_id)])
        sale = sales.sell(order, cashier=cashier, discount_limit=None, now=BEGUN).sale
        payment = Payment.objects.create(
            sale=sale, method="mpesa", amount=AMOUNT, initiated_by=cashier, initiated_at=BEGUN, sent_at=BEGUN,
            environment="sandbox",
        )  # fmt: skip
        sales.hold(sale, AMOUNT, now=BEGUN)
        yield Case(lambda: lock_payment(payment.pk), admin, payment.pk, sale.pk)
        transaction.set_rollback(True)


def _as_told(payment: Any) -> list[object]:
    return [getattr(payment, name) for name in FIELDS]


@pytest.mark.django_db
@pytest.mark.long_form
def test_orders_of_events_in_the_database(cashier: User, admin: User) -> None:
    """Events by chance, up to thirty; each leaves the rows as it leaves the papers."""
    chance, milk, events = Random(10), stock_product(stock=10), 0
    for number in range(SEQUENCES):
        sequence = chance.choices(list(EVENTS), k=min(LONGEST, 1 + int(chance.expovariate(1 / 4))))
        with _one_payment(cashier, admin, milk.pk) as case:
            _play(case, sequence)
            if number % 10 == 0:
                assert_ledgers_agree()
        events += len(sequence)
    extent = f"{SEQUENCES:,} sequences by chance, {events:,} events"
    show("C10", "the same in the database", extent, "0 violations, as on paper, books agree")


def _play(case: Case, sequence: list[str]) -> None:
    desk = Desk()
    paid = False
    for event in sequence:
        before = Payment.objects.get(pk=case.payment_id).status
        happen(case, event)
        with a_desk() as stand_ins:
            stand_ins.papers = desk.papers
            happen(stand_ins.case, event)
        paid = paid or event in PROOFS
        payment, sale = Payment.objects.get(pk=case.payment_id), Sale.objects.get(pk=case.sale_id)
        assert_sound(before, sale, payment, paid)
        assert _as_told(payment) == _as_told(desk.papers[1]), sequence
