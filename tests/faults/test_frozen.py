"""A process that stands still with locks in its hands, as on a machine that swaps or a virtual one that is moved (F9).

It is stopped (SIGSTOP) in the middle of a transaction and goes on much later (SIGCONT). The database, which still
takes it for alive, ends its transaction after 15 seconds (`idle_in_transaction_session_timeout`).
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from django.utils import timezone

from apps.payments.models import Payment
from apps.sales.models import Sale
from conftest import make_user
from tests.concurrency.racing import ask, wait_until
from tests.concurrency.shop import SALES, put_on_shelf
from tests.faults.freezing import ORDER, frozen
from tests.faults.processes import Device, House, another_server
from tests.figures import form, show
from tests.journeys.till import API, PAYS
from tests.ledger import assert_ledgers_agree

# The short form goes on while the locks are held; the long one long after the database has taken them away.
FROZEN_SECONDS = form(8, 30)
NO_ANSWER = 0
DECLINES = "0700000003"
LOCK_SECONDS = 3  # lock_timeout
IDLE_SECONDS = 15  # idle_in_transaction_session_timeout
SLACK = 10  # of a busy machine
HOLDERS = "application_name = 'frozen' AND state LIKE 'idle in transaction%'"


@dataclass
class Shop:
    """Two web servers for the same shop, of which one can be made to stand still."""

    house: House
    other: House
    order: Path

    @contextmanager
    def frozen(self, table: str, begin: Any) -> Iterator[Future[Any]]:
        """`begin` is what the process is at; it stands still with rows of `table` locked, and goes on afterwards."""
        frozen(self.order).unlink(missing_ok=True)
        self.order.write_text(table)
        with ThreadPoolExecutor(1) as pool:
            begun = pool.submit(begin)
            wait_until(lambda: frozen(self.order).exists(), 30)
            process = int(frozen(self.order).read_text())
            try:
                wait_until(lambda: holders() > 0, SLACK)
                yield begun
            finally:
                os.kill(process, signal.SIGCONT)
            begun.result(60)


@pytest.fixture
def shop(house: House, tmp_path: Path) -> Iterator[Shop]:
    order = tmp_path / "freeze"
    env = {ORDER: str(order), "PGAPPNAME": "frozen"}
    with another_server(house, tmp_path, env, "tests.faults.freezing:application") as other:
        yield Shop(house, other, order)
    assert_ledgers_agree()


def holders() -> int:
    return ask(f"SELECT count(*) FROM pg_stat_activity WHERE {HOLDERS}")  # noqa: S608 - ours


def in_line() -> int:
    return ask("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")


def basket(product: int, **more: Any) -> dict[str, Any]:
    return {"items": [{"product": product, "quantity": 1}], **more}


def sold(device: Device, body: dict[str, Any], key: str = "") -> tuple[int, float]:
    """The status, NO_ANSWER when the till would not wait any longer, and how long it took."""
    began = time.monotonic()
    try:
        status = device.post(SALES, body, key).status_code
    except requests.RequestException:
        status = NO_ANSWER
    return status, time.monotonic() - began


def hurried_away(device: Device, body: dict[str, Any], until: float) -> list[tuple[int, float]]:
    """Somebody who tries again and again."""
    answers = []
    while time.monotonic() < until:
        answers.append(sold(device, body))
        time.sleep(0.2)
    return answers


@pytest.mark.long_form
def test_a_frozen_web_server_that_holds_a_product(shop: Shop) -> None:
    """Others wait no longer than for a lock, other products are sold on, and nothing piles up."""
    user = make_user("otieno")
    slow, tills = Device(shop.other.address, user), [Device(shop.house.address, user) for _ in range(6)]
    milk, bread = put_on_shelf("Milk", 1000).pk, put_on_shelf("Bread", 1000).pk
    with shop.frozen("products_stocklevel", lambda: sold(slow, basket(milk), "held")) as held:
        until = time.monotonic() + FROZEN_SECONDS
        with ThreadPoolExecutor(6) as pool:
            wanted = [milk] * 3 + [bread] * 3
            runs = [
                pool.submit(hurried_away, till, basket(product), until)
                for till, product in zip(tills, wanted, strict=True)
            ]
            of_milk = [answer for run in runs[:3] for answer in run.result()]
            of_bread = [answer for run in runs[3:] for answer in run.result()]
        freed = holders() == 0
        assert freed == (FROZEN_SECONDS > IDLE_SECONDS)
    wait_until(lambda: in_line() == 0, SLACK)
    after = [sold(till, basket(product)) for till, product in zip(tills, wanted, strict=True)]

    statuses = Counter(status for status, _ in of_milk)
    assert set(statuses) == ({201, 503} if freed else {503})
    assert {status for status, _ in of_bread} == {status for status, _ in after} == {201}
    assert max(took for _, took in of_milk) < LOCK_SECONDS + SLACK
    assert held.result()[0] in ((503, NO_ANSWER) if freed else (201,))
    assert sold(slow, basket(milk), "held")[0] == 201
    kept = Sale.objects.filter(items__product_id=milk).count()
    assert kept == statuses[201] + 1 + sum(product == milk for product in wanted)
    longest = max(took for _, took in of_milk)
    show(
        "F9",
        f"A web server stopped for {FROZEN_SECONDS} s with a product locked",
        f"{len(of_milk)} sales of it tried, {len(of_bread)} of another",
        f"{statuses[503]} refused (503) after {longest:.1f} s at most; all {len(of_bread)} others sold; afterwards "
        f"0 in line, the held sale made once",
    )


@pytest.mark.long_form
def test_a_frozen_web_server_that_holds_the_receipts(shop: Shop) -> None:
    """The worst: the counter is the whole shop's. Goods are taken on, completing waits for the database's time-out."""
    user = make_user("otieno")
    slow, till = Device(shop.other.address, user), Device(shop.house.address, user)
    milk, bread = put_on_shelf("Milk", 1000).pk, put_on_shelf("Bread", 1000).pk
    paid = {"amount_paid": "116.00"}
    with shop.frozen("sales_receiptcounter", lambda: sold(slow, basket(milk, **paid), "held")) as held:
        began = time.monotonic()
        refused, took = sold(till, basket(bread, **paid))
        assert refused == 503
        assert took < LOCK_SECONDS + SLACK
        assert sold(till, basket(bread))[0] == 201
        if FROZEN_SECONDS > IDLE_SECONDS:
            wait_until(
                lambda: sold(till, basket(bread, **paid))[0] == 201, IDLE_SECONDS + LOCK_SECONDS + SLACK
            )
            free = f"free again after {time.monotonic() - began:.0f} s"
        else:
            free = f"free again when it went on, or after {IDLE_SECONDS} s"
    status = held.result()[0]
    assert status in ((503, NO_ANSWER) if FROZEN_SECONDS > IDLE_SECONDS else (201,))
    assert sold(slow, basket(milk, **paid), "held")[0] == 201
    assert sold(till, basket(bread, **paid))[0] == 201
    assert Sale.objects.filter(items__product_id=milk).count() == 1
    receipts = list(
        Sale.objects.filter(status="completed").order_by("receipt").values_list("receipt", flat=True)
    )
    assert receipts == list(range(1, len(receipts) + 1))
    show(
        "F9",
        f"A web server stopped for up to {FROZEN_SECONDS} s with the receipt counter locked",
        "1 held, others beside it",
        f"completing refused (503) after {took:.1f} s, {free}; selling goes on; {len(receipts)} receipts, 0 gaps",
    )


@pytest.mark.long_form
def test_a_frozen_payments_worker(shop: Shop) -> None:
    """It holds one payment and its sale; another worker settles the rest, and each is settled once."""
    till, milk = Device(shop.house.address, make_user("otieno")), put_on_shelf(stock=100).pk
    shop.house.simulator.switch_callbacks(False)
    count = form(6, 30)
    for number in range(count):
        sale = till.post(SALES, basket(milk)).json()
        # A refusal: who settles holds the receipts as well, which is another story.
        phone = PAYS if number else DECLINES
        body = {"sale": sale["id"], "method": "mpesa", "amount": sale["total"], "phone_number": phone}
        assert till.post(f"{API}initiate/", body, f"customer-{number}").status_code == 201
    shop.house.simulator.settle()
    Payment.objects.update(next_query_at=timezone.now())
    first = Payment.objects.order_by("id")[0]
    Payment.objects.filter(pk=first.pk).update(next_query_at=timezone.now() - timedelta(minutes=1))

    worker: list[Any] = []
    with shop.frozen("payments_payment", lambda: worker.append(shop.other.freezing_worker())):
        began = time.monotonic()
        shop.house.work()
        assert Payment.objects.filter(status="success").count() == count - 1
        assert Payment.objects.get(status="processing").pk == first.pk
        answer = till.post(f"{SALES}{first.sale_id}/cancel/")
        took = time.monotonic() - began
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
        time.sleep(max(0.0, FROZEN_SECONDS - took))
    Payment.objects.filter(status="processing", next_query_at__isnull=False).update(
        next_query_at=timezone.now()
    )
    wait_until(lambda: Payment.objects.filter(status="cancelled").count() == 1, 60)
    worker[0].terminate()
    assert worker[0].wait(60) == 0
    receipts = Sale.objects.filter(status="completed").order_by("receipt").values_list("receipt", flat=True)
    assert list(receipts) == list(range(1, count))
    show(
        "F9",
        f"A payments worker stopped for {FROZEN_SECONDS} s in the middle of a payment",
        f"{count} payments, 2 workers",
        f"{count - 1} settled by the other meanwhile, the held one after it; each once",
    )
