"""Money from gateways: however many say the same at the same moment, it is counted, asked for and sent back once.

The gateways are simulated ones that answer as the real ones do; they call back to a server of the same shop.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from threading import Lock
from typing import Any

import pytest
from django.db import connection, transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.test import APIClient

from apps.payments import gateways
from apps.payments.gateways import SharedBudget, SharedTokens
from apps.payments.models import GatewayCallback, GatewayToken, Payment, Refund
from apps.payments.services import approve_refund, send_refund
from apps.payments.services import refunds as refund_service
from apps.payments.services.polling import work_on_payments
from apps.sales import services as sales
from apps.sales.models import ReceiptCounter, Sale
from conftest import make_user
from payments.runtime import AccessToken
from tests.concurrency.racing import (
    SALE_HELD,
    meeting_of,
    outcomes,
    race,
    row_read,
    take_locks_away,
    together,
    unlocked,
)
from tests.concurrency.shop import cancel, tills
from tests.figures import show
from tests.journeys.conftest import simulator, till
from tests.journeys.till import API, BY_HAND, PAYS, REFUNDS, Till
from tests.ledger import assert_ledgers_agree, disagreements

__all__ = ["simulator", "till"]

TILLS = 16
PAID = "what a sale says is paid, pending and change is what its payments say"


@pytest.fixture
def devices(till: Till) -> list[APIClient]:
    """One administrator at many tills."""
    return tills(make_user("wanjiru", "admin"), TILLS)


def open_payment(till: Till, quantity: int = 1, **fields: Any) -> dict[str, Any]:
    """The customer looks at the prompt."""
    begun = till.pay(till.sale(quantity), phone=BY_HAND, **fields)
    assert begun.status_code == 201, begun.content
    return dict(begun.json())


def unheard(till: Till) -> Callable[[APIClient], HttpResponse]:
    """The customer pays; the message of it is held back and may be brought by anybody, any number of times."""
    till.simulator.switch_callbacks(False)
    till.simulator.enter_pin(BY_HAND)
    till.simulator.settle()
    message = till.simulator.raw_deliveries()[-1]
    path = message.url.removeprefix(message.url.partition("/api/")[0])
    return lambda device: device.generic("POST", path, message.body, content_type="application/json")


def paid_payment(till: Till) -> dict[str, Any]:
    payment = till.pay(till.sale(), phone=PAYS).json()
    till.settle()
    assert till.payment(payment["id"])["status"] == "success"
    return dict(payment)


def settled_once(payment: dict[str, Any]) -> None:
    found = Payment.objects.get(pk=payment["id"])
    assert (found.status, found.amount_received, found.amount_unapplied) == ("success", Decimal(116), 0)
    sale = Sale.objects.get(pk=found.sale_id)
    assert (sale.status, sale.amount_paid, sale.amount_pending, sale.receipt) == (
        "completed",
        Decimal(116),
        0,
        1,
    )
    assert ReceiptCounter.objects.get().last == 1
    assert not Refund.objects.exists()


def counted(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Grows with every settlement of a sale that is tried."""
    calls: list[object] = []
    settle = sales.settle

    def count(sale: Sale, *args: Any, **kwargs: Any) -> None:
        calls.append(sale.pk)
        settle(sale, *args, **kwargs)

    monkeypatch.setattr(sales, "settle", count)
    return calls


# --- Settling -------------------------------------------------------------------------------------------


@pytest.mark.may_break_the_books
def test_control_without_locks_a_callback_and_a_person_both_settle(
    till: Till, devices: list[APIClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = open_payment(till)
    bring = unheard(till)
    settled = counted(monkeypatch)
    take_locks_away(monkeypatch, 2, meet_at=Payment)

    def act(i: int) -> HttpResponse:
        if i:
            return bring(devices[i])
        return devices[i].post(f"{API}{payment['id']}/confirm/", {"reference": "SGH7XK21PQ"})

    answers = race(2, act)

    assert outcomes(answers) == {(200, None): 2}
    assert len(settled) == 2
    assert ReceiptCounter.objects.get().last == 2
    Sale.objects.update(receipt=1)  # the books are put right for the end of the test
    ReceiptCounter.objects.update(last=1)


def test_sixteen_identical_callbacks_settle_once(
    till: Till, devices: list[APIClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = open_payment(till)
    bring = unheard(till)
    settled = counted(monkeypatch)

    answers = race(TILLS, lambda i: bring(devices[i]))

    assert outcomes(answers) == {(200, None): TILLS}
    assert {answer.content for answer in answers} == {answers[0].content}
    settled_once(payment)
    assert len(settled) == 1
    (message,) = GatewayCallback.objects.all()
    assert (message.state, message.repeats) == ("applied", TILLS - 1)


def test_callback_verify_worker_and_person_at_once_settle_once(
    till: Till, devices: list[APIClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = open_payment(till)
    bring = unheard(till)
    settled = counted(monkeypatch)
    receipt = (
        till.simulator.raw_deliveries()[-1].body.decode().partition('"MpesaReceiptNumber","Value":"')[2][:10]
    )
    Payment.objects.update(next_query_at=timezone.now())
    acts: list[Callable[[APIClient], Any]] = [
        bring,
        lambda device: device.post(f"{API}{payment['id']}/verify/"),
        lambda _: work_on_payments("mpesa"),
        lambda device: device.post(f"{API}{payment['id']}/confirm/", {"reference": receipt}),
    ]

    race(TILLS, lambda i: acts[i % 4](devices[i]))

    settled_once(payment)
    assert len(settled) == 1
    assert Payment.objects.get().external_reference == receipt


def test_two_payments_that_finish_one_sale_together(till: Till, devices: list[APIClient]) -> None:
    """One receipt, whichever comes last."""
    sale = till.sale(2)
    first = till.pay(sale, phone=BY_HAND, amount="100.00").json()
    second = till.pay(sale, phone="0712345679", amount="132.00").json()
    till.simulator.switch_callbacks(False)
    till.simulator.enter_pin(BY_HAND)
    till.simulator.enter_pin("0712345679")
    till.simulator.settle()
    messages = till.simulator.raw_deliveries()
    paths = [message.url.removeprefix(message.url.partition("/api/")[0]) for message in messages]

    race(
        TILLS,
        lambda i: devices[i].generic(
            "POST", paths[i % 2], messages[i % 2].body, content_type="application/json"
        ),
    )

    assert {till.payment(payment["id"])["status"] for payment in (first, second)} == {"success"}
    shown = till.shown(sale)
    assert (shown["status"], shown["amount_paid"], shown["receipt_number"]) == (
        "completed",
        "232.00",
        "000001",
    )
    assert ReceiptCounter.objects.get().last == 1
    told = "completed once, 1 receipt"
    show("C14", "two payments that finish a sale together", f"{TILLS} messages at once", told)


@pytest.mark.parametrize("sale_too", [False, True])
def test_money_that_comes_while_the_payment_is_given_up(
    till: Till, devices: list[APIClient], sale_too: bool
) -> None:
    """Kept in any order; what the sale no longer takes waits to go back."""
    payment = open_payment(till)
    till.age(payment, minutes=5)
    bring = unheard(till)
    sale_id = payment["sale"]

    def act(i: int) -> Any:
        if i % 2:
            return bring(devices[i])
        given_up = devices[i].post(f"{API}{payment['id']}/cancel/")
        return cancel(devices[i], sale_id) if sale_too else given_up

    race(TILLS, act)

    found, sale = Payment.objects.get(), Sale.objects.get()
    assert (found.status, found.amount_received) == ("success", Decimal(116))
    if sale.status == "cancelled":
        assert (found.amount_applied, found.amount_unapplied) == (0, Decimal(116))
        assert Refund.objects.get(status="pending").amount == Decimal(116)
    else:
        settled_once(payment)
    assert_ledgers_agree()


# --- Beginning ------------------------------------------------------------------------------------------


def test_eight_taps_with_one_key_give_one_prompt(till: Till) -> None:
    sale = till.sale()
    devices = tills(make_user("kamau", "admin"), 8)
    body = {"sale": sale["id"], "method": "mpesa", "amount": "116.00", "phone_number": BY_HAND}

    answers = race(8, lambda i: devices[i].post(f"{API}initiate/", body, headers={"Idempotency-Key": "tap"}))

    seen = outcomes(answers)
    assert set(seen) <= {(201, None), (409, "idempotency_in_progress")}
    assert seen[(201, None)] >= 1
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert (till.pushes(), Payment.objects.count()) == (1, 1)
    last = devices[0].post(f"{API}initiate/", body, headers={"Idempotency-Key": "tap"})
    assert (last.status_code, last["Idempotent-Replayed"]) == (201, "true")
    assert till.pushes() == 1


@pytest.mark.may_break_the_books
def test_control_without_the_lock_two_begin_for_the_full_balance(
    till: Till, devices: list[APIClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    sale = till.sale()
    monkeypatch.setattr(SALE_HELD, row_read(Sale, unlocked(2)))

    answers = race(2, lambda i: _begin(devices[i], sale, f"071234567{i}"))

    monkeypatch.undo()
    assert outcomes(answers) == {(201, None): 2}
    assert till.pushes() == 2
    assert list(disagreements()) == [PAID]
    last = Payment.objects.latest("id")  # the books are put right for the end of the test
    Payment.objects.filter(pk=last.pk).update(status="failed")


def test_two_who_begin_for_the_full_balance_give_one_prompt(till: Till, devices: list[APIClient]) -> None:
    sale = till.sale()

    answers = race(TILLS, lambda i: _begin(devices[i], sale, f"07123456{i:02d}"))

    assert outcomes(answers) == {(201, None): 1, (409, "payment_in_progress"): TILLS - 1}
    assert till.pushes() == 1


def _begin(device: APIClient, sale: dict[str, Any], phone: str) -> HttpResponse:
    body = {"sale": sale["id"], "method": "mpesa", "amount": "116.00", "phone_number": phone}
    return device.post(f"{API}initiate/", body)


# --- Sending back ---------------------------------------------------------------------------------------


@pytest.mark.may_break_the_books
def test_control_without_locks_a_refund_is_approved_twice(
    till: Till, devices: list[APIClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mark in front of the call still lets only one of them through."""
    refund = till.refund(paid_payment(till)).json()
    take_locks_away(monkeypatch, 2, meet_at=Refund)
    # Both have looked for another refund on its way before either has written.
    monkeypatch.setattr(refund_service, "_check_way", together(meeting_of(2), refund_service._check_way))

    answers = race(2, lambda i: devices[i].post(f"{REFUNDS}{refund['id']}/approve/"))

    # Where the money was back before the second one wrote, the database's own guard of what is completed stood.
    assert outcomes(answers) in ({(200, None): 2}, {(200, None): 1, (400, "not_allowed"): 1})
    monkeypatch.undo()
    till.settle()


def test_sixteen_approvals_send_one_refund(till: Till, devices: list[APIClient]) -> None:
    refund = till.refund(paid_payment(till)).json()

    answers = race(TILLS, lambda i: devices[i].post(f"{REFUNDS}{refund['id']}/approve/"))

    assert outcomes(answers) == {(200, None): 1, (409, "refund_not_pending"): TILLS - 1}
    till.settle()
    assert till.pushes("reversal/v1") == 1
    assert Refund.objects.get().status == "completed"


def test_approval_and_worker_send_one_refund(till: Till, devices: list[APIClient]) -> None:
    """Approved by a process that died; the worker and the till that asks again come at the same moment."""
    refund = till.refund(paid_payment(till)).json()
    with transaction.atomic():
        approve_refund(refund["id"], user=make_user("njeri", "admin"), now=timezone.now())

    race(TILLS, lambda _: send_refund(refund["id"]))

    till.settle()
    assert till.pushes("reversal/v1") == 1
    assert Refund.objects.get().status == "completed"


@pytest.mark.may_break_the_books
def test_control_without_locks_more_is_asked_back_than_came(
    till: Till, devices: list[APIClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = paid_payment(till)
    take_locks_away(monkeypatch, 2, meet_at=Payment)

    answers = race(2, lambda i: _ask_back(devices[i], payment, "60.00"))

    monkeypatch.undo()
    assert outcomes(answers) == {(201, None): 2}
    assert list(disagreements()) == ["a payment says what its refunds say, and never more than came in"]
    last = Refund.objects.latest("id")
    Refund.objects.filter(pk=last.pk).update(status="rejected")


def test_refunds_never_exceed_the_payment(till: Till, devices: list[APIClient]) -> None:
    payment = till.pay(till.sale(), phone=PAYS, amount="100.00").json()
    till.settle()

    answers = race(TILLS, lambda i: _ask_back(devices[i], payment, "10.00", in_cash=True))

    assert outcomes(answers) == {(201, None): 10, (409, "refund_exceeds_payment"): 6}
    assert Payment.objects.get().refund_reserved == Decimal(100)


def test_a_refund_and_the_cancelling_of_its_sale(till: Till, devices: list[APIClient]) -> None:
    """Whoever comes first: the sale is cancelled only when all money is back, and the goods come back once."""
    pairs = []
    for _ in range(4):
        sale = till.sale()
        payment = till.pay(sale, "cash", amount="50.00").json()
        pairs.append((sale, till.refund(payment).json()))
    meeting = meeting_of(TILLS)

    def act(i: int) -> list[HttpResponse]:
        back = together(meeting, lambda refund: devices[i].post(f"{REFUNDS}{refund['id']}/approve/"))
        gone = together(meeting, lambda sale: cancel(devices[i], sale["id"]))
        return [gone(sale) if i % 2 else back(refund) for sale, refund in pairs]

    for number, answers in enumerate(zip(*race(TILLS, act), strict=True)):
        approved, cancelled = outcomes(answers[0::2]), outcomes(answers[1::2])
        assert approved == {(200, None): 1, (409, "refund_not_pending"): 7}
        assert set(cancelled) <= {(200, None), (409, "sale_has_payments"), (409, "sale_already_cancelled")}
        sale = Sale.objects.get(pk=pairs[number][0]["id"])
        assert sale.status == ("cancelled" if cancelled[(200, None)] else "pending")
        assert (sale.amount_paid, cancelled[(200, None)] <= 1) == (0, True)
    assert_ledgers_agree()
    extent = f"{TILLS} at once x {len(pairs)} sales"
    show("C13", "a refund against the cancelling of its sale", extent, "one outcome each")


def _ask_back(device: APIClient, payment: dict[str, Any], amount: str, **fields: Any) -> HttpResponse:
    body = {"payment": payment["id"], "amount": amount, "reason": "Sour", **fields}
    return device.post(REFUNDS, body)


# --- What all processes share ---------------------------------------------------------------------------


class Mint:
    """Makes tokens that can be told apart, slowly enough for everybody to come."""

    def __init__(self, arrived: Callable[[], object] = lambda: None) -> None:
        self.made, self._lock, self._arrived = 0, Lock(), arrived

    def __call__(self) -> AccessToken:
        self._arrived()
        with self._lock:
            self.made += 1
            return AccessToken(f"token-{self.made}", 60)


@pytest.mark.django_db(transaction=True)
def test_control_without_the_claim_everybody_mints(monkeypatch: pytest.MonkeyPatch) -> None:
    mint = Mint(meeting_of(4).wait)
    monkeypatch.setattr(SharedTokens, "_claimed", lambda *_: True)

    race(4, lambda _: SharedTokens().get("token", mint))

    assert mint.made == 4


@pytest.mark.django_db(transaction=True)
def test_a_token_is_minted_once_for_everybody() -> None:
    mint = Mint()

    tokens = race(TILLS, lambda _: SharedTokens().get("token", mint))

    assert (Counter(tokens), mint.made) == ({"token-1": TILLS}, 1)


@pytest.mark.django_db(transaction=True)
def test_a_rejected_token_is_renewed_once_for_everybody() -> None:
    mint = Mint()
    SharedTokens().get("token", mint)

    tokens = race(TILLS, lambda _: SharedTokens().get("token", mint, rejected="token-1"))

    assert (Counter(tokens), mint.made) == ({"token-2": TILLS}, 2)


@pytest.mark.django_db(transaction=True)
def test_a_token_whose_minter_died_is_minted_by_another() -> None:
    """The claim of the dead lapses."""
    mint = Mint()
    past = timezone.now() - timedelta(seconds=1)
    GatewayToken.objects.create(name="token", minting_until=past)

    tokens = race(TILLS, lambda _: SharedTokens().get("token", mint))

    assert (Counter(tokens), mint.made) == ({"token-1": TILLS}, 1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The time that the budget sees is what stands in the list."""
    now = [timezone.now()]
    monkeypatch.setattr(gateways.clock, "now", lambda: now[0])
    return now


@pytest.mark.django_db(transaction=True)
def test_the_budget_grants_its_share_and_no_more(clock: list[datetime]) -> None:
    """Twelve in a minute: one every five seconds, to whoever comes first."""
    granted = []
    for _ in range(7):
        waits = race(TILLS, lambda _: SharedBudget().take("questions", 12))
        granted.append(sum(wait == 0 for wait in waits))
        assert all(0 <= wait <= 5 for wait in waits)
        clock[0] += timedelta(seconds=2.5)

    assert granted == [1, 0, 1, 0, 1, 0, 1]


@pytest.mark.django_db(transaction=True)
def test_control_a_budget_that_looks_first_grants_too_much(clock: list[datetime]) -> None:
    meeting = meeting_of(4)

    def look_then_take(_: int) -> float:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM payments_querybudget WHERE free_at > %s", [clock[0]])
            busy = cursor.fetchone()[0]
        meeting.wait()
        return 5.0 if busy else SharedBudget().take("questions", 1e9)

    assert race(4, look_then_take) == [0.0] * 4
