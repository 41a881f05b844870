"""Many open payments whose callbacks are lost: two workers share them, and each is asked about once."""

import re
import signal
from collections import Counter

from django.utils import timezone

from apps.payments.models import Payment
from apps.sales.models import Sale
from conftest import make_user
from tests.concurrency.racing import wait_until
from tests.concurrency.shop import put_on_shelf
from tests.faults.processes import PATIENCE, Device, House
from tests.journeys.till import API
from tests.ledger import assert_ledgers_agree

OPEN = 30


def test_two_workers_settle_each_payment_once(house: House) -> None:
    milk = put_on_shelf(stock=OPEN).pk
    till = Device(house.address, make_user("otieno"))
    house.simulator.switch_callbacks(False)
    house.simulator.set_mode("mpesa", "no-callback")
    for number in range(OPEN):
        _begin(till, milk, f"07123{number:05d}")
    house.simulator.settle()
    assert Payment.objects.filter(status="processing").count() == OPEN
    Payment.objects.update(next_query_at=timezone.now())

    workers = [house.worker(), house.worker()]
    wait_until(lambda: not Payment.objects.filter(status="processing").exists(), PATIENCE)
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
    assert [worker.wait(PATIENCE) for worker in workers] == [0, 0], house.workers_log.read_text()

    asked = Counter(re.findall(r"ws_CO_\w+", _questions(house)))
    assert (len(asked), set(asked.values())) == (OPEN, {1})
    assert Payment.objects.filter(status="success", queries=1).count() == OPEN
    receipts = Sale.objects.filter(status="completed").order_by("receipt").values_list("receipt", flat=True)
    assert list(receipts) == list(range(1, OPEN + 1))
    assert_ledgers_agree()


def _begin(till: Device, milk: int, phone: str) -> None:
    sale = till.post("/api/sales/sales/", {"items": [{"product": milk, "quantity": 1}]}).json()
    body = {"sale": sale["id"], "method": "mpesa", "amount": sale["total"], "phone_number": phone}
    assert till.post(f"{API}initiate/", body).status_code == 201


def _questions(house: House) -> str:
    """What the gateway was asked about, each time."""
    requests = house.simulator.requests()
    return " ".join(str(request["body"]) for request in requests if "/stkpushquery/" in str(request["path"]))
