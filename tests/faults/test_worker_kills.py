"""Payments workers that die by `kill -9` at any moment, again and again: what they were at is done, and once (F7).

tests/faults/test_kill.py ends them at each step that has a name. Here nobody chooses the moment.
"""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from apps.payments.models import Payment, Refund
from apps.payments.services import approve_refund
from apps.payments.services.polling import LEASE
from apps.payments.states import SETTLED
from apps.payments.worker import HOUSEKEEPING_SECONDS
from apps.sales.models import Sale
from apps.users.models import User
from conftest import make_user
from tests.concurrency.racing import wait_until
from tests.concurrency.shop import put_on_shelf
from tests.faults.processes import Device, House
from tests.figures import LONG, form, show
from tests.journeys.till import API, PAYS, REFUNDS
from tests.ledger import assert_ledgers_agree

KILLS = form(8, 100)
# So many of them at least while a question is under way; a worker mostly waits.
HITS = form(2, 40)
OPEN = form(30, 330)
BACK = form(6, 60)
SHORTEST, LONGEST = 0.02, 0.4
SEED = 20261123


@pytest.fixture
def shop(house: House, settings: Any) -> Iterator[House]:
    settings.GATEWAYS = {**settings.GATEWAYS, **house.simulator.settings}
    yield house
    assert_ledgers_agree()


@pytest.mark.long_form
def test_workers_that_are_killed_at_any_moment(shop: House) -> None:
    admin, milk = make_user("amina", "admin"), put_on_shelf(stock=OPEN + BACK).pk
    till = Device(shop.address, make_user("otieno"))
    _asked_back(shop, till, milk, admin)
    _open(shop, till, milk)
    chance = random.Random(SEED)
    began: dict[tuple[str, int], datetime] = {}
    kills, hits, longest = 0, 0, LONGEST
    while kills < KILLS or hits < HITS:
        shop.work_and_die(chance.uniform(SHORTEST, longest))
        kills += 1
        caught = _claimed()
        hit = bool(set(caught) - set(began))
        # On a busy machine a worker takes longer to come to its first question.
        hits, longest = (hits + 1, LONGEST) if hit else (hits, longest * 1.2)
        began |= {row: began.get(row, timezone.now()) for row in caught}
        assert kills < 5 * KILLS, f"only {hits} of {kills} workers were killed while they asked something"
    resumed = _all_is_done(shop, began)

    assert Payment.objects.filter(status__in=SETTLED, amount_received=116).count() == OPEN + BACK
    receipts = Sale.objects.filter(status="completed").order_by("receipt").values_list("receipt", flat=True)
    assert list(receipts) == list(range(1, OPEN + BACK + 1))
    unclear = _assert_sent_back_once(shop)
    show(
        "F7",
        "Payments workers killed at random moments",
        f"{kills} kills, {hits} in the middle of a question; {OPEN} payments, {BACK} refunds",
        f"each done once, {unclear} refunds left to a person, {resumed}",
    )


def _sell(till: Device, milk: int, number: int) -> int:
    sale = till.post("/api/sales/sales/", {"items": [{"product": milk, "quantity": 1}]}).json()
    body = {"sale": sale["id"], "method": "mpesa", "amount": sale["total"], "phone_number": PAYS}
    begun = till.post(f"{API}initiate/", body, key=f"customer-{number}")
    assert begun.status_code == 201, begun.text
    return int(begun.json()["id"])


def _asked_back(shop: House, till: Device, milk: int, admin: User) -> None:
    """Refunds that an administrator has approved, in a process that died before it sent them."""
    payments = [_sell(till, milk, number) for number in range(BACK)]
    shop.simulator.settle(60)
    wait_until(lambda: Payment.objects.filter(status="success").count() == BACK, 60)
    for payment in payments:
        body = {"payment": payment, "amount": "116.00", "reason": "Sour"}
        refund = till.post(REFUNDS, body).json()
        with transaction.atomic():
            approve_refund(refund["id"], user=admin, now=timezone.now() - timedelta(minutes=1))


def _open(shop: House, till: Device, milk: int) -> None:
    """Payments that the customers have made, and of which no message has come."""
    shop.simulator.switch_callbacks(False)
    for number in range(OPEN):
        _sell(till, milk, BACK + number)
    shop.simulator.settle(60)
    shop.simulator.switch_callbacks(True)
    assert Payment.objects.filter(status="processing").count() == OPEN
    Payment.objects.filter(status="processing").update(next_query_at=timezone.now())


def _claimed() -> list[tuple[str, int]]:
    """What a worker has taken and not brought to an end; nobody else may until the claim lapses."""
    now = timezone.now()
    claims = {"next_query_at__gt": now + LEASE - timedelta(seconds=10), "next_query_at__lte": now + LEASE}
    payments = Payment.objects.filter(status="processing", queries__gt=0, **claims)
    refunds = Refund.objects.filter(status="processing", queries__gt=0, sent_at=None, **claims)
    return [("payment", pk) for pk in payments.values_list("pk", flat=True)] + [
        ("refund", pk) for pk in refunds.values_list("pk", flat=True)
    ]


def _all_is_done(shop: House, began: dict[tuple[str, int], datetime]) -> str:
    """Workers that live take over: when the claims of the dead lapse, or (short form) as if they had."""
    if not LONG:
        for _ in range(3):
            due = {"next_query_at__isnull": False}
            Payment.objects.filter(status="processing", **due).update(next_query_at=timezone.now())
            Refund.objects.filter(sent_at=None, **due).update(next_query_at=timezone.now())
            shop.work()
            shop.simulator.settle()
        assert not Payment.objects.filter(status="processing").exists()
        return f"claims of the dead lapse within {LEASE.total_seconds():.0f} s"
    worker = shop.worker()
    wait_until(lambda: not Payment.objects.filter(status="processing").exists(), 120)
    wait_until(lambda: not Refund.objects.filter(sent_at=None).exists(), 120)
    shop.simulator.settle(30)
    taken = {pk: at for (kind, pk), at in began.items() if kind == "payment"}
    waits = [
        (payment.completed_at - taken[payment.pk]).total_seconds()
        for payment in Payment.objects.filter(pk__in=taken)
        if payment.completed_at
    ]
    worker.terminate()
    worker.wait(60)
    assert max(waits) < LEASE.total_seconds() + HOUSEKEEPING_SECONDS
    return f"resumed after {max(waits):.0f} s at most"


def _assert_sent_back_once(shop: House) -> int:
    """No refund was sent twice; how many of them nobody can tell of whether they were sent."""
    conversations = {c.id: c for c in shop.simulator.world.state.conversations.values()}
    sent = Counter(c.original for c in conversations.values() if c.kind == "reversal")
    assert set(sent.values()) <= {1}
    wait_until(lambda: Refund.objects.filter(status="completed").count() == len(sent), 60)
    unclear = Refund.objects.filter(status="processing", sent_at__isnull=False).count()
    assert len(sent) + unclear == BACK
    return unclear
