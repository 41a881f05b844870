"""What has ended stays as it ended, whatever the code believes: the database says so itself (I12)."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from apps.payments.models import Payment, Refund
from apps.sales.models import Sale

pytestmark = pytest.mark.django_db


@pytest.fixture
def sold(as_cashier: APIClient, shelf: Any) -> Payment:
    body = {"items": [{"product": shelf().pk, "quantity": 1}], "amount_paid": "116.00"}
    answer = as_cashier.post("/api/sales/sales/", body, headers={"Idempotency-Key": "final-1"})
    assert answer.status_code == 201, answer.content
    return Payment.objects.get()


def refused(rows: Any, **changes: Any) -> None:
    before = rows.values().get()
    with pytest.raises(IntegrityError, match="stays so"), transaction.atomic():
        rows.update(**changes)
    assert rows.values().get() == before


@pytest.mark.parametrize("status", ["pending", "processing", "failed", "cancelled"])
def test_money_that_came_is_not_unsaid(sold: Payment, status: str) -> None:
    payments = Payment.objects.filter(pk=sold.pk)
    refused(payments, status=status)
    # Control: the one way on.
    assert payments.update(status="refunded") == 1
    refused(payments, status=status)
    refused(payments, status="success")


@pytest.mark.parametrize("status", ["pending", "cancelled"])
def test_a_completed_sale_stays_completed(sold: Payment, status: str) -> None:
    sales = Sale.objects.filter(pk=sold.sale_id)
    refused(sales, status=status)
    assert sales.update(notes="Wrapped") == 1


@pytest.mark.parametrize("status", ["pending", "completed"])
def test_a_cancelled_sale_stays_cancelled(as_cashier: APIClient, shelf: Any, status: str) -> None:
    body = {"items": [{"product": shelf().pk, "quantity": 1}], "amount_paid": "0"}
    sale = as_cashier.post("/api/sales/sales/", body, headers={"Idempotency-Key": "final-2"}).json()
    assert as_cashier.post(f"/api/sales/sales/{sale['id']}/cancel/").status_code == 200
    refused(Sale.objects.filter(pk=sale["id"]), status=status)


@pytest.mark.parametrize("final", ["completed", "rejected"])
def test_a_refund_that_has_ended_stays_so(sold: Payment, final: str) -> None:
    refund = Refund.objects.create(
        payment=sold,
        method="cash",
        amount="1.00",
        reason="Broken",
        status=final,
        requested_by_id=sold.initiated_by_id,
        requested_at=timezone.now(),
        completed_at=timezone.now() if final == "completed" else None,
    )
    for status in ("pending", "processing", "failed"):
        refused(Refund.objects.filter(pk=refund.pk), status=status, completed_at=None)
