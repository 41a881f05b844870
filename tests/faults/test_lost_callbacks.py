"""Callbacks that are lost, doubled, late, or come while we are down: every payment ends as the gateway has it (F5, F6).

A web server and a payments worker of their own, the simulated gateways over a bad line. So that a test does not take
an hour, all live `HURRY` times as fast: the customers, the line, and the waiting that the shop has planned.
"""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from django.utils import timezone

from apps.payments.models import GatewayCallback, Payment
from apps.payments.states import OPEN
from apps.sales.models import ReceiptCounter, Sale
from conftest import make_user
from payments.simulator.delivery import LOST
from tests.concurrency.racing import wait_until
from tests.concurrency.shop import put_on_shelf
from tests.faults.hurried import HURRY
from tests.faults.processes import Device, House, a_house
from tests.figures import form, show
from tests.journeys.till import API
from tests.ledger import assert_ledgers_agree

FAST = form(20.0, 5.0)
PAYMENTS = form(40, 1000)
TILLS = 4
SEED = 20261123
# A shop with so many tills at once has a larger allowance than one till: questions in a minute of the shop.
ALLOWED = 300
PATIENCE = 600.0
HURRIED = "tests.faults.hurried:application"
# What becomes of the payment, by the customer's number; M-Pesa and Airtel.
CUSTOMERS = {
    "mpesa": ("0700000001",) * 5 + tuple(f"07000000{end:02d}" for end in (2, 3, 4, 6)),
    "airtel": ("0733000001",) * 3 + tuple(f"07330000{end:02d}" for end in (2, 3, 6)),
    "card": ("",),
}
METHODS = ("mpesa",) * 7 + ("airtel",) * 2 + ("card",)
ENDS = {True: {"success"}, False: {"failed", "cancelled"}}


@dataclass
class Shop:
    """The tills, and the processes behind them."""

    house: House
    milk: int
    devices: list[Device]

    def sell_to(self, customers: int) -> None:
        with ThreadPoolExecutor(TILLS) as pool:
            tills = [pool.submit(self._till, number, customers) for number in range(TILLS)]
        for till in tills:
            till.result()

    def wait_for_all(self) -> None:
        """Until no payment is open and no callback on its way."""
        wait_until(lambda: not Payment.objects.filter(status__in=OPEN).exists(), PATIENCE)
        self.house.simulator.settle(PATIENCE)

    def _till(self, number: int, customers: int) -> None:
        for customer in range(number, customers, TILLS):
            self._sell(self.devices[number], customer)

    def _sell(self, device: Device, number: int) -> None:
        """One customer, who pays by phone or card or does not."""
        method = METHODS[number % len(METHODS)]
        phone = CUSTOMERS[method][number % len(CUSTOMERS[method])]
        sale = device.post("/api/sales/sales/", {"items": [{"product": self.milk, "quantity": 1}]}).json()
        body = {"sale": sale["id"], "method": method, "amount": sale["total"]}
        body |= {"phone_number": phone} if phone else {}
        begun = device.post(f"{API}initiate/", body, key=f"customer-{number}")
        assert begun.status_code == 201, begun.text
        if method == "card":
            self.house.simulator.pay_card(begun.json()["transaction_reference"])


@pytest.fixture(scope="module")
def hurried_house(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    env = {HURRY: str(FAST), "MPESA_QUERIES_PER_MINUTE": str(int(ALLOWED * FAST))}
    folder = tmp_path_factory.mktemp("hurried")
    with a_house(folder, HURRIED, FAST, env) as house:
        yield house


@pytest.fixture
def shop(transactional_db: None, hurried_house: House) -> Iterator[Shop]:
    hurried_house.simulator.reset()
    user = make_user("otieno")
    devices = [Device(hurried_house.address, user) for _ in range(TILLS)]
    yield Shop(hurried_house, put_on_shelf(stock=10_000).pk, devices)
    hurried_house.simulator.set_line()
    assert_ledgers_agree()


def assert_all_is_known(shop: Shop, customers: int) -> Counter[str]:
    """Each payment ends as the gateway has it, each that was made has its money and its receipt, once."""
    truth = truth_of(shop)
    payments = list(Payment.objects.select_related("sale"))
    assert len(payments) == len(truth) == customers
    for payment in payments:
        paid = truth[key_of(payment)]
        assert payment.status in ENDS[paid], (payment.pk, payment.status, payment.attention)
        assert payment.amount_received == (payment.amount if paid else 0)
        assert payment.amount_unapplied == 0
        assert payment.sale.status == ("completed" if paid else "pending")
    made = sum(truth.values())
    receipts = Sale.objects.filter(status="completed").order_by("receipt").values_list("receipt", flat=True)
    assert list(receipts) == list(range(1, made + 1))
    assert ReceiptCounter.objects.get().last == made
    assert not GatewayCallback.objects.filter(
        state__in=["received", "waiting", "parked", "rejected"]
    ).exists()
    return Counter(payment.status for payment in payments)


def key_of(payment: Payment) -> str:
    return payment.transaction_reference if payment.method == "card" else payment.gateway_id


def truth_of(shop: Shop) -> dict[str, bool]:
    """What the gateways know: whether each payment was made."""
    state = shop.house.simulator.world.state
    phones = {id_: payment.paid for id_, payment in state.phone_payments.items()}
    return phones | {reference: card.status == "success" for reference, card in state.cards.items()}


def detection(shop: Shop) -> list[float]:
    """After how many seconds of the shop each payment that was made was known here, shortest first."""
    state = shop.house.simulator.world.state
    made = {id_: payment.decided for id_, payment in state.phone_payments.items() if payment.paid}
    made |= {card.reference: card.paid_at for card in state.cards.values()}
    found = []
    for payment in Payment.objects.filter(status="success"):
        decided = made[key_of(payment)]
        assert payment.completed_at
        assert decided
        found.append((payment.completed_at - decided).total_seconds() * FAST)
    return sorted(found)


def shown(shop: Shop, number: str, what: str, ends: Counter[str]) -> None:
    times = detection(shop)
    results = Counter(
        result for delivery in shop.house.simulator.raw_deliveries() for result in delivery.results
    )
    lost, doubled = results[LOST], sum(len(d.results) > 1 for d in shop.house.simulator.raw_deliveries())
    total = sum(ends.values())
    told = f"{lost} callbacks lost, {doubled} doubled; {total} of {total} as the gateway has them"
    p95, longest = times[int(len(times) * 0.95)], times[-1]
    show(
        number,
        f"{what}; life {FAST:.0f} times as fast",
        f"{total} payments, {ALLOWED} questions a minute",
        f"{told} ({ends['success']} paid); known after p95 {p95:.0f} s, at most {longest:.0f} s of the shop",
    )


@contextmanager
def working(shop: Shop) -> Iterator[None]:
    worker = shop.house.hurried_worker()
    yield
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0, shop.house.workers_log.read_text()


@pytest.mark.long_form
def test_callbacks_lost_doubled_and_late(shop: Shop) -> None:
    shop.house.simulator.set_line(lost=0.3, doubled=0.3, delay=300, seed=SEED)
    with working(shop):
        shop.sell_to(PAYMENTS)
        shop.wait_for_all()
    shown(
        shop,
        "F5",
        "30 % of callbacks lost, 30 % doubled, up to 300 s late",
        assert_all_is_known(shop, PAYMENTS),
    )


@pytest.mark.long_form
def test_no_callback_arrives_at_all(shop: Shop) -> None:
    customers = form(20, 200)
    shop.house.simulator.set_line(lost=1)
    with working(shop):
        shop.sell_to(customers)
        shop.wait_for_all()
    assert not GatewayCallback.objects.filter(callback_type="airtel").exists()
    shown(shop, "F5", "All callbacks lost", assert_all_is_known(shop, customers))


@pytest.mark.long_form
def test_the_shop_is_down_when_callbacks_come(shop: Shop) -> None:
    """Web server and worker are away for minutes; every callback meanwhile finds nobody, and none is sent again."""
    customers, minutes = form((20, 2), (300, 10))
    shop.house.simulator.set_line(delay=60, seed=SEED)
    shop.sell_to(customers)
    shop.house.shut()
    shop.house.simulator.settle(PATIENCE)
    time.sleep(minutes * 60 / FAST)
    results = [result for d in shop.house.simulator.raw_deliveries() for result in d.results]
    missed = sum(result.startswith("no answer") for result in results)
    assert missed > 0
    assert Payment.objects.filter(status__in=OPEN).exists()

    port = int(shop.house.address.rpartition(":")[2])
    shop.house.start_server(port, HURRIED)
    with working(shop):
        began = timezone.now()
        shop.wait_for_all()
    took = (timezone.now() - began).total_seconds() * FAST
    ends = assert_all_is_known(shop, customers)
    show(
        "F6",
        f"Web server and worker down for {minutes} minutes when callbacks come; life {FAST:.0f} times as fast",
        f"{customers} payments, {missed} callbacks to a closed door",
        f"{customers} of {customers} as the gateway has them ({ends['success']} paid), {took:.0f} s after the start",
    )


@pytest.mark.may_break_the_books
def test_control_without_a_worker_lost_callbacks_are_never_found(shop: Shop) -> None:
    shop.house.simulator.set_line(lost=1)
    shop.sell_to(8)
    shop.house.simulator.settle()
    time.sleep(60 / FAST)
    assert Payment.objects.filter(status="success").count() == 0
    assert sum(truth_of(shop).values()) > 0
