"""A shop's day at the gateways, composed row by row."""

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
from apps.users.models import User

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
