"""Messages of gateways that come many times, too early and too late."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.test import APIClient

from apps.payments.models import GatewayCallback, Payment, Refund
from apps.payments.services import outcomes as outcome_service
from apps.sales.models import Sale
from apps.sales.services import expire_sales
from conftest import make_user
from tests.concurrency.racing import LONG_WAIT, meeting_of, outcomes, race, together
from tests.concurrency.shop import cancel, tills
from tests.concurrency.test_gateways import counted, open_payment, unheard
from tests.figures import form, show
from tests.journeys.conftest import simulator, till
from tests.journeys.till import API, Till

__all__ = ["simulator", "till"]

pytestmark = pytest.mark.long_form
SENDERS = form(16, 64)
PAYMENTS = form(2, 100)
ROUNDS = form(2, 20)
EARLY, NEVER_ANSWERED = "0700000031", "0700000051"
SUM = Decimal("116.00")


@pytest.fixture
def devices(till: Till) -> list[APIClient]:
    """One administrator at many tills; the gateway at as many."""
    return tills(make_user("wanjiru", "admin"), SENDERS)


def test_identical_messages_at_once_credit_once(
    till: Till, devices: list[APIClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control, two that settle without locks, is in `test_gateways.py`."""
    till.simulator.switch_callbacks(False)
    settled, brings = counted(monkeypatch), []
    for _ in range(PAYMENTS):
        open_payment(till)
        brings.append(unheard(till))
    meeting = meeting_of(SENDERS)

    def bring_all(i: int) -> list[HttpResponse]:
        return [together(meeting, bring)(devices[i]) for bring in brings]

    answers = [answer for several in race(SENDERS, bring_all, waits=LONG_WAIT) for answer in several]

    assert outcomes(answers) == {(200, None): SENDERS * PAYMENTS}
    assert len(settled) == PAYMENTS
    paid = Payment.objects.values_list("status", "amount_received", "amount_unapplied")
    assert list(paid) == [("success", SUM, 0)] * PAYMENTS
    kept = GatewayCallback.objects.values_list("state", "repeats")
    assert list(kept) == [("applied", SENDERS - 1)] * PAYMENTS
    told = f"{len(answers):,} x 200, {PAYMENTS} credited once each"
    show("C9", "the same message at the same moment", f"{SENDERS} senders x {PAYMENTS} payments", told)


def test_a_message_overtakes_our_own_answer(till: Till) -> None:
    """The till that waits for the gateway's answer is told of the success that came first, where it is read by then."""
    waits, told_at_once = [], 0
    for _ in range(ROUNDS):
        begun = till.pay(till.sale(), phone=EARLY).json()
        assert begun["status"] in ("success", "processing")
        told_at_once += begun["status"] == "success"
        till.settle()
        assert till.payment(begun["id"])["status"] == "success"
        waits.append(_from_message_to_success(begun))

    assert till.pushes() == ROUNDS
    assert Sale.objects.filter(status="completed").count() == ROUNDS
    assert max(waits) < 2.0
    told = (
        f"the waiting call answers `success`; settled {max(waits):.2f} s after the message; {ROUNDS} pushes"
    )
    show("C11", "the message before the answer to our request", f"{ROUNDS} payments", told)


def test_our_own_answer_never_comes(till: Till) -> None:
    for _ in range(ROUNDS):
        begun = till.pay(till.sale(), phone=NEVER_ANSWERED).json()
        assert (begun["status"], begun["error_code"]) == ("pending", "outcome_unknown")
        till.settle()
        till.work(2)
        assert till.payment(begun["id"])["status"] == "success"

    assert till.pushes() == ROUNDS
    told = f"{ROUNDS} settled by the message and a question, no second push"
    show("C11", "the answer to our request never comes", f"{ROUNDS} payments", told)


def _from_message_to_success(payment: dict[str, Any]) -> float:
    """Seconds."""
    message = GatewayCallback.objects.get(payment=payment["id"])
    done = Payment.objects.get(pk=payment["id"]).completed_at
    assert done
    return (done - message.received_at).total_seconds()


def _expire(device: APIClient, sale_id: int) -> None:
    Sale.objects.filter(pk=sale_id, status="pending").update(created_at=timezone.now() - timedelta(days=2))
    expire_sales()


def _pay_cash(device: APIClient, sale_id: int) -> HttpResponse:
    return device.post(f"{API}initiate/", {"sale": sale_id, "method": "cash", "amount": "116.00"})


@pytest.mark.breaks_the_books
def test_control_a_payment_given_up_for_good_loses_the_money(
    till: Till, devices: list[APIClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = open_payment(till)
    till.age(payment, minutes=5)
    assert till.admin.post(f"{API}{payment['id']}/cancel/").status_code == 200
    monkeypatch.setattr(outcome_service, "SETTLED", ("success", "refunded", "cancelled"))

    assert unheard(till)(devices[0]).status_code == 200

    found = Payment.objects.get(pk=payment["id"])
    assert (found.status, found.amount_received) == ("cancelled", 0)
    assert not Refund.objects.exists()


@pytest.mark.parametrize("meanwhile", [cancel, _expire, _pay_cash], ids=["cancel", "expire", "cash"])
def test_money_that_comes_too_late_is_kept(
    till: Till, devices: list[APIClient], meanwhile: Callable[[APIClient, int], Any]
) -> None:
    """The payment was given up; its money comes at the moment at which the sale goes another way."""
    late = 0
    for _ in range(ROUNDS):
        payment = open_payment(till)
        till.age(payment, minutes=5)
        assert till.admin.post(f"{API}{payment['id']}/cancel/").status_code == 200
        bring = unheard(till)
        acts = [lambda i, p=payment: meanwhile(devices[i], p["sale"]), lambda i, say=bring: say(devices[i])]
        race(8, lambda i, acts=acts: acts[i % 2](i), waits=LONG_WAIT)
        late += _kept_as_late(payment)
        till.simulator.switch_callbacks(True)

    received = sum(Payment.objects.filter(method="mpesa").values_list("amount_received", flat=True))
    assert received == SUM * ROUNDS
    told = f"{ROUNDS} of {ROUNDS} recorded, {late} as late money with a refund raised, 0 lost"
    show(
        "C12", f"success after the sale went another way ({_NAMES[meanwhile]})", f"{ROUNDS} races of 8", told
    )


_NAMES = {cancel: "cancelled", _expire: "expired", _pay_cash: "paid in cash"}


def _kept_as_late(payment: dict[str, Any]) -> bool:
    """Whether the money found no room on the sale; all of it is either there, or waits to go back."""
    found, sale = Payment.objects.get(pk=payment["id"]), Sale.objects.get(pk=payment["sale"])
    assert (found.status, found.amount_received) == ("success", SUM)
    assert sale.status in ("completed", "cancelled")
    if found.amount_applied:
        assert (sale.status, found.amount_applied, found.attention) == ("completed", SUM, "")
        return False
    (refund,) = Refund.objects.filter(payment=found)
    assert (found.amount_unapplied, refund.amount, refund.status) == (SUM, SUM, "pending")
    assert found.attention
    return True


def test_many_ask_for_parts_of_a_payment_back(till: Till, devices: list[APIClient]) -> None:
    """The control is in `test_gateways.py`."""
    paid = [till.pay(till.sale(), "cash", amount="100.00").json() for _ in range(form(1, 10))]
    meeting = meeting_of(SENDERS)

    def ask_back(i: int) -> list[HttpResponse]:
        body = {"amount": "10.00", "reason": "Sour", "in_cash": True}
        post = together(meeting, devices[i].post)
        return [post("/api/payments/refunds/", {**body, "payment": payment["id"]}) for payment in paid]

    answers = [answer for several in race(SENDERS, ask_back, waits=LONG_WAIT) for answer in several]

    asked, refused = 10 * len(paid), (SENDERS - 10) * len(paid)
    assert outcomes(answers) == {(201, None): asked, (409, "refund_exceeds_payment"): refused}
    assert set(Payment.objects.values_list("refund_reserved", flat=True)) == {Decimal(100)}
    told = f"10 asked back of each, {refused} refused"
    show("C13", "refunds of 10.00 of a payment of 100.00", f"{SENDERS} at once x {len(paid)} payments", told)
