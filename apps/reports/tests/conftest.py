"""A shop's day at the gateways, composed row by row; and days of a shop, sold through the API."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from apps.payments.models import GatewayCallback, Payment, Refund
from apps.payments.states import SETTLED
from apps.products.models import Category
from apps.reports.services import roll_up
from apps.reports.tests.till import Clock, Till, signed_in
from apps.users.models import User
from conftest import make_user

Make = Callable[..., Any]
NUMBERS = count(1)
# In Nairobi it is 23:30 of 21 November, half an hour before the day that the tests look at.
EVE = datetime(2026, 11, 21, 20, 30, tzinfo=UTC)
NOON = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def late_in_the_day(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """It is 20:00 of 22 November in Nairobi."""
    now = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    return now


@pytest.fixture
def sale(as_cashier: APIClient, shelf: Make) -> dict[str, Any]:
    with transaction.atomic():
        product = shelf(price="116.00")
    body = {"items": [{"product": product.pk, "quantity": 1}]}
    return as_cashier.post("/api/sales/sales/", body).json()


@pytest.fixture
def payment(sale: dict[str, Any], cashier: User) -> Make:
    """`payment("100.00", method="mpesa", at=NOON)`: settled at that moment unless `status` says otherwise."""

    def make(amount: str = "116.00", *, at: datetime = NOON, **fields: Any) -> Payment:
        settled = fields.setdefault("status", "success") in SETTLED
        fields.setdefault("amount_received", Decimal(amount if settled else "0.00"))
        fields.setdefault("amount_applied", Decimal(amount if settled else "0.00"))
        fields.setdefault("initiated_at", at - timedelta(seconds=20) if settled else at)
        if settled:
            fields.setdefault("external_reference", f"SGH{next(NUMBERS):07}")
        return Payment.objects.create(
            sale_id=sale["id"],
            initiated_by=cashier,
            amount=Decimal(amount),
            completed_at=at if settled else None,
            **{"method": "mpesa", **fields},
        )

    return make


@pytest.fixture
def message(db: None) -> Make:
    """A message to a webhook, as the inbox would have left it."""

    def make(state: str, amount: str | None = None, *, at: datetime = NOON, **fields: Any) -> GatewayCallback:
        return GatewayCallback.objects.create(
            state=state,
            amount=None if amount is None else Decimal(amount),
            digest=hashlib.sha256(str(next(NUMBERS)).encode()).hexdigest(),
            body=b"{}",
            route="result",
            received_at=at,
            **{"callback_type": "mpesa", "success": True, **fields},
        )

    return make


@pytest.fixture
def refund(db: None) -> Make:
    def make(
        payment: Payment, amount: str, *, at: datetime = NOON, status: str = "completed", **fields: Any
    ) -> Refund:
        return Refund.objects.create(
            payment=payment,
            amount=Decimal(amount),
            status=status,
            requested_at=at,
            completed_at=at if status == "completed" else None,
            **{"method": payment.method, **fields},
        )

    return make


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the shop, to be set."""
    clock = Clock(NOON)
    monkeypatch.setattr("django.utils.timezone.now", clock)
    return clock


@pytest.fixture
def people(admin: User, cashier: User, stranger: User) -> dict[str, APIClient]:
    """Two administrators and two cashiers, signed in for good."""
    owner = make_user("baraka", "admin", first_name="Baraka")
    users = {"amina": admin, "baraka": owner, "otieno": cashier, "wanjiru": stranger}
    return {name: signed_in(user) for name, user in users.items()}


@pytest.fixture
def till(clock: Clock, people: dict[str, APIClient], shelf: Make) -> Till:
    """Milk at 16 %, gas at 8 %, rice by weight and bread without tax, soap at 16 %; 50 of each."""
    with transaction.atomic():
        dairy, dry, bakery = (Category.objects.create(name=name) for name in ("Dairy", "Dry goods", "Bakery"))
        goods = {
            "milk": shelf("Milk", "116.00", stock=50, cost_price="80.00", category=dairy, tax="16.00"),
            "gas": shelf("Gas", "108.00", stock=50, cost_price="70.10", tax="8.00"),
            "rice": shelf("Rice", "180.00", stock=50, cost_price="120.00", category=dry, tax="0.00"),
            "bread": shelf("Bread", "60.00", stock=50, cost_price="41.50", category=bakery, tax="0.00"),
            "soap": shelf("Soap", "65.00", stock=50, cost_price="40.00", tax="16.00"),
        }
    return Till(clock, goods, people["amina"], people["baraka"])


@pytest.fixture
def story(till: Till, people: dict[str, APIClient]) -> dict[str, Any]:
    """Sales by name, of 2 to 10 March 2026; it is 20:00 of the 10th afterwards.

    Discounts, a split payment, refunds of parts and of all, a sale of nothing, one that is paid after midnight,
    a cancelled one, and today one that waits for a transfer.
    """
    amina, otieno, wanjiru = people["amina"], people["otieno"], people["wanjiru"]
    first = till.sell(otieno, "2026-03-02 09:15", {"milk": 2}, amount_paid="232.00")
    split = till.sell(wanjiru, "2026-03-02 17:40", {"gas": 1, "rice": 0.755}, amount_paid="143.90")
    transfer = till.pay(wanjiru, "2026-03-02 17:50", split, "100.00", "bank")
    cash = split["payments"][0]["id"]
    lines = {"milk": (3, "8.00"), "rice": 0.755, "soap": 1}
    till.sell(otieno, "2026-03-03 09:05", lines, discount="20.00", amount_paid="600.00")
    unpaid = till.sell(wanjiru, "2026-03-03 12:00", {"bread": 1})
    till.cancel(wanjiru, "2026-03-03 12:30", unpaid)
    till.refund(otieno, "2026-03-03 15:00", first["payments"][0]["id"], "58.00")
    till.sell(amina, "2026-03-05 23:40", {"bread": 1}, discount="60.00")
    late = till.sell(wanjiru, "2026-03-05 23:50", {"bread": 1})
    till.pay(wanjiru, "2026-03-06 00:10", late, "60.00")
    till.refund(wanjiru, "2026-03-06 11:00", transfer["id"], "100.00")
    till.refund(wanjiru, "2026-03-06 11:05", cash, "143.90")
    till.sell(otieno, "2026-03-10 10:00", {"milk": 1}, amount_paid="200.00")
    waiting = till.sell(wanjiru, "2026-03-10 12:00", {"soap": 1})
    body = {"sale": waiting["id"], "method": "bank", "amount": "65.00"}
    assert wanjiru.post("/api/payments/payments/initiate/", body).status_code == 201
    till.clock.set("2026-03-10 20:00")
    return {"first": first, "split": split, "late": late, "waiting": waiting}


@pytest.fixture(params=["from the ledgers", "rolled up", "rolled up on first need"])
def way(request: pytest.FixtureRequest, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """To be called when everything is booked: where the figures of closed days then come from."""

    def prepare() -> str:
        if request.param == "from the ledgers":
            monkeypatch.setattr("apps.reports.views.reading.roll_up_soon", lambda *_: None)
        elif request.param == "rolled up":
            assert roll_up(clock()) > 0
        return str(request.param)

    return prepare
