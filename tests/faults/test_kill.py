"""A process dies by `kill -9` at each named step. A fresh one goes on, and nothing is lost or done twice.

Each test plays one step: the process that comes to it dies there; then the till asks again with its key, the gateway's
messages come, a fresh worker works, and what time would bring is brought by writing earlier times into the rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.utils import timezone

from apps.core.idempotency import STALE
from apps.core.models import IdempotencyKey
from apps.payments.models import GatewayCallback, Payment, Refund
from apps.payments.services.polling import LEASE
from apps.payments.steps import STEPS
from apps.sales.models import Sale
from conftest import make_user
from tests.concurrency.racing import wait_until
from tests.concurrency.shop import put_on_shelf
from tests.faults.processes import Device, House
from tests.journeys.till import AIRTEL_PAYS, API, BY_HAND, PAYS, REFUNDS
from tests.ledger import assert_ledgers_agree

CHARGE = tuple(step for step in STEPS if step.startswith("charge"))
QUERY = tuple(step for step in STEPS if step.startswith("query"))
CALLBACK = tuple(step for step in STEPS if step.startswith("callback"))
REFUND = tuple(step for step in STEPS if step.startswith("refund"))
PUSH, ASK, REVERSAL = "/stkpush/v1", "/stkpushquery", "/reversal/v1"


@dataclass
class Shop:
    """The till, whose server dies, and what the gateway has seen of it."""

    house: House
    cashier: Device
    admin: Device
    milk: int

    def sale(self) -> dict[str, Any]:
        answer = self.cashier.post("/api/sales/sales/", {"items": [{"product": self.milk, "quantity": 1}]})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def pay(
        self, sale: dict[str, Any], key: str, phone: str = PAYS, method: str = "mpesa"
    ) -> requests.Response:
        body = {"sale": sale["id"], "method": method, "amount": sale["total"], "phone_number": phone}
        if method == "card":
            del body["phone_number"]
        return self.cashier.post(f"{API}initiate/", body, key)

    def paid(self) -> dict[str, Any]:
        """A payment that the customer has made and the shop has seen."""
        payment = self.pay(self.sale(), "paid").json()
        self.settle()
        found = dict(self.cashier.get(f"{API}{payment['id']}/").json())
        assert found["status"] == "success"
        return found

    def asked(self, what: str) -> int:
        """How often the gateway was asked for that."""
        return sum(what in str(request["path"]) for request in self.house.simulator.requests())

    def settle(self) -> None:
        """Until the gateway has said everything and the server, which answers first, has done what it heard."""
        self.house.simulator.settle()
        # What came to a server that died is left for the worker.
        due = GatewayCallback.objects.filter(state="received", received_at__gt=self.house.born)
        wait_until(lambda: not due.exists())

    def time_passes(self, **by: float) -> None:
        """Everything happened so much earlier, and is due."""
        ago, now = timedelta(**by), timezone.now()
        for key in IdempotencyKey.objects.all():
            IdempotencyKey.objects.filter(pk=key.pk).update(created_at=key.created_at - ago)
        for payment in Payment.objects.all():
            sent = payment.sent_at and payment.sent_at - ago
            began = payment.initiated_at - ago
            Payment.objects.filter(pk=payment.pk).update(initiated_at=began, sent_at=sent)
        for refund in Refund.objects.all():
            sent = refund.sent_at and refund.sent_at - ago
            asked = refund.requested_at - ago
            Refund.objects.filter(pk=refund.pk).update(requested_at=asked, sent_at=sent)
        Payment.objects.filter(next_query_at__isnull=False).update(next_query_at=now)
        Refund.objects.filter(next_query_at__isnull=False).update(next_query_at=now)
        GatewayCallback.objects.filter(next_try_at__isnull=False).update(next_try_at=now)

    def work(self) -> None:
        """A fresh worker, and what the gateway then says."""
        self.house.work()
        self.settle()


@pytest.fixture
def shop(house: House) -> Iterator[Shop]:
    yield Shop(
        house,
        Device(house.address, make_user("otieno")),
        Device(house.address, make_user("amina", "admin")),
        put_on_shelf(stock=10).pk,
    )
    assert_ledgers_agree()


def assert_sold_once(shop: Shop, pushes: int = 1) -> None:
    """The customer was asked once and paid once, and the sale has its one receipt."""
    assert shop.asked(PUSH) == pushes
    sale = Sale.objects.get()
    assert (sale.status, sale.receipt, str(sale.amount_paid)) == ("completed", 1, "116.00")
    (payment,) = Payment.objects.filter(status__in=["success", "refunded"])
    assert (str(payment.amount_received), len(payment.external_reference or "")) == ("116.00", 10)


def test_every_step_has_its_story() -> None:
    assert sorted(CHARGE + QUERY + CALLBACK + REFUND) == sorted(STEPS)


@pytest.mark.parametrize("step", CHARGE)
def test_killed_while_a_payment_begins(shop: Shop, step: str) -> None:
    sale = shop.sale()
    shop.house.kill_at(step)
    with pytest.raises(requests.ConnectionError):
        shop.pay(sale, "tap")
    shop.house.server_died(step)

    early = shop.pay(sale, "tap")
    assert (early.status_code, early.json()["code"]) == (409, "idempotency_in_progress")
    other = shop.pay(sale, "other")
    shop.house.simulator.settle()
    if step != "charge applied":  # after it the customer may have paid meanwhile
        assert (other.status_code, other.json()["code"]) == (409, "payment_in_progress")
    shop.time_passes(seconds=STALE.total_seconds() + 1)
    resumed = shop.pay(sale, "tap")
    assert resumed.status_code == 201, resumed.text
    shop.settle()
    shop.work()
    shop.time_passes(seconds=1)
    shop.work()

    if step == "charge marked as sent":
        assert shop.asked(PUSH) == 0
        _given_up_and_begun_again(shop, sale, resumed.json())
    assert_sold_once(shop)
    again = shop.pay(sale, "tap")
    assert (again.status_code, again.content) == (201, resumed.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert Payment.objects.filter(status="success").count() == 1


def _given_up_and_begun_again(shop: Shop, sale: dict[str, Any], payment: dict[str, Any]) -> None:
    """Nobody can tell whether the customer was asked, so nobody asks again until a person says so."""
    shop.time_passes(minutes=5)
    shop.work()
    unclear = shop.cashier.get(f"{API}{payment['id']}/").json()
    assert unclear["status"] == "pending"
    assert "give it up" in unclear["attention"]
    given_up = shop.admin.post(f"{API}{payment['id']}/cancel/")
    assert given_up.json()["status"] == "cancelled", given_up.text
    assert shop.pay(sale, "second").status_code == 201
    shop.settle()


def test_a_payment_nobody_asks_for_again_is_failed_by_the_worker(shop: Shop) -> None:
    """The till is gone too: the amount does not stay held, and the customer is not asked an hour later."""
    sale = shop.sale()
    shop.house.kill_at("charge recorded")
    with pytest.raises(requests.ConnectionError):
        shop.pay(sale, "tap")
    shop.house.server_died("charge recorded")
    shop.time_passes(seconds=STALE.total_seconds() + 1)

    shop.work()

    payment = Payment.objects.get()
    assert (payment.status, payment.error_code, shop.asked(PUSH)) == ("failed", "not_sent", 0)
    assert shop.pay(sale, "tap").json()["status"] == "failed"
    assert shop.pay(sale, "second").status_code == 201
    shop.settle()
    assert_sold_once(shop)


@pytest.mark.parametrize("method", ["airtel", "card"])
def test_a_gateway_that_knows_our_name_tells_that_it_was_never_asked(shop: Shop, method: str) -> None:
    """Nobody has to decide: what surely never arrived is failed, and the amount is free."""
    sale = shop.sale()
    shop.house.kill_at("charge marked as sent")
    with pytest.raises(requests.ConnectionError):
        shop.pay(sale, "tap", AIRTEL_PAYS, method)
    shop.house.server_died("charge marked as sent")

    shop.time_passes(seconds=60)
    shop.work()
    assert Payment.objects.get().status in ("pending", "processing")
    failed = Payment.objects.filter(status="failed")
    for _ in range(5):  # the gateway may not be asked too often
        if not failed.exists():
            shop.time_passes(minutes=5)
            shop.work()

    assert failed.exists()
    assert shop.pay(sale, "tap", AIRTEL_PAYS, method).json()["status"] == "failed"
    assert shop.pay(sale, "second").status_code == 201
    shop.settle()
    assert_sold_once(shop)


@pytest.mark.parametrize("step", QUERY)
def test_killed_while_the_gateway_is_asked(shop: Shop, step: str) -> None:
    shop.house.simulator.switch_callbacks(False)
    shop.pay(shop.sale(), "tap")
    shop.house.simulator.settle()
    shop.time_passes(seconds=30)

    shop.house.worker_died(step)

    payment = Payment.objects.get()
    if step != "query applied":
        # The dead worker's claim keeps others away, but not for long.
        assert payment.status == "processing"
        assert payment.next_query_at is not None
        assert timezone.now() < payment.next_query_at <= timezone.now() + LEASE
        shop.work()
        assert Payment.objects.get().status == "processing"
        shop.time_passes(seconds=LEASE.total_seconds())
        shop.work()
    shop.house.simulator.switch_callbacks(True)
    shop.time_passes(minutes=2)  # the receipt, which a query does not tell, is asked for
    shop.work()

    assert_sold_once(shop)
    assert shop.asked(ASK) == (2 if step == "query answered" else 1)


@pytest.mark.parametrize("step", CALLBACK)
def test_killed_while_a_callback_comes(shop: Shop, step: str) -> None:
    shop.pay(shop.sale(), "tap", BY_HAND)
    shop.house.kill_at(step)
    shop.house.simulator.enter_pin(BY_HAND)
    shop.house.simulator.settle()
    shop.house.server_died(step)
    if step == "callback stored":
        assert GatewayCallback.objects.get().state == "received"
        assert Payment.objects.get().status == "processing"
    shop.time_passes(seconds=5)

    shop.work()

    assert_sold_once(shop)
    # What the gateway does when it heard nothing.
    shop.house.simulator.send_again(1)
    shop.settle()
    assert_sold_once(shop)
    (message,) = GatewayCallback.objects.all()
    assert (message.state, message.repeats) == ("applied", 1)


def test_killed_while_the_worker_applies_a_message(shop: Shop) -> None:
    """The request that brought it had died before; now the worker dies too."""
    shop.pay(shop.sale(), "tap", BY_HAND)
    shop.house.kill_at("callback stored")
    shop.house.simulator.enter_pin(BY_HAND)
    shop.house.server_died("callback stored")
    shop.time_passes(seconds=5)

    shop.house.worker_died("callback applied")
    shop.work()

    assert_sold_once(shop)


@pytest.mark.parametrize("step", REFUND)
def test_killed_while_money_goes_back(shop: Shop, step: str) -> None:
    payment = shop.paid()
    body = {"payment": payment["id"], "amount": "116.00", "reason": "Sour"}
    refund = shop.cashier.post(REFUNDS, body).json()
    shop.house.kill_at(step)
    with pytest.raises(requests.ConnectionError):
        shop.admin.post(f"{REFUNDS}{refund['id']}/approve/", key="yes")
    shop.house.server_died(step)
    shop.settle()

    other = shop.admin.post(f"{REFUNDS}{refund['id']}/approve/", key="other")
    assert (other.status_code, other.json()["code"]) == (409, "refund_not_pending")
    shop.time_passes(seconds=STALE.total_seconds() + 1)
    shop.work()
    resumed = shop.admin.post(f"{REFUNDS}{refund['id']}/approve/", key="yes")
    assert resumed.status_code == 200, resumed.text

    if step == "refund marked as sent":
        assert shop.asked(REVERSAL) == 0
        _settled_by_hand_and_sent_again(shop, refund, body)
    assert shop.asked(REVERSAL) == 1
    (made,) = Refund.objects.filter(status="completed")
    assert (str(made.amount), len(made.external_reference or "")) == ("116.00", 10)
    assert Payment.objects.get().status == "refunded"
    assert_sold_once(shop)


@pytest.mark.parametrize("step", REFUND)
def test_killed_while_a_card_refund_is_sent(shop: Shop, step: str) -> None:
    """This gateway lists its refunds with our names, so one that surely never arrived is sent again, once."""
    begun = shop.pay(shop.sale(), "card", method="card").json()
    shop.house.simulator.pay_card(begun["transaction_reference"])
    shop.settle()
    shop.time_passes(seconds=1)
    shop.work()
    body = {"payment": begun["id"], "amount": "16.00", "reason": "Sour"}
    refund = shop.cashier.post(REFUNDS, body).json()
    shop.house.kill_at(step)
    with pytest.raises(requests.ConnectionError):
        shop.admin.post(f"{REFUNDS}{refund['id']}/approve/", key="yes")
    shop.house.server_died(step)
    shop.settle()

    for minutes in (1, 5, 5):
        shop.time_passes(minutes=minutes)
        shop.work()

    sent = [r for r in shop.house.simulator.requests() if (r["method"], r["path"]) == ("POST", "/refund")]
    assert len(sent) == 1
    made = Refund.objects.get()
    assert (made.status, str(made.amount)) == ("completed", "16.00")
    answered = shop.admin.post(f"{REFUNDS}{refund['id']}/approve/", key="yes")
    assert (answered.status_code, answered.json()["status"]) == (200, "completed")


def _settled_by_hand_and_sent_again(shop: Shop, refund: dict[str, Any], body: dict[str, Any]) -> None:
    """M-Pesa cannot be asked whether it ever heard of the refund; sent twice, the money would be gone twice."""
    shop.time_passes(minutes=20)
    shop.work()
    hanging = shop.admin.get(f"{REFUNDS}{refund['id']}/").json()
    assert (hanging["status"], shop.asked(REVERSAL)) == ("processing", 0)
    assert "by hand" in hanging["attention"]
    failed = shop.admin.post(f"{REFUNDS}{refund['id']}/settle/", {"outcome": "failed"})
    assert failed.json()["status"] == "failed", failed.text
    second = shop.cashier.post(REFUNDS, body).json()
    assert shop.admin.post(f"{REFUNDS}{second['id']}/approve/").status_code == 200
    shop.settle()
