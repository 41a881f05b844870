"""However a sale is paid in parts and refunded in parts: never more than was paid, and all of it exactly."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from apps.products.models import Product
from tests.figures import form, show
from tests.ledger import assert_ledgers_agree

pytestmark = [pytest.mark.django_db, pytest.mark.long_form]
EXAMPLES = form(15, 500)
REFUNDS = "/api/payments/refunds/"
cents = st.integers(1, 50_000).map(lambda value: Decimal(value).scaleb(-2))


def paid_in_parts(till: APIClient, product: Product, parts: list[Decimal]) -> dict[int, Decimal]:
    """What each payment of one sale brought, by its id."""
    sale = till.post("/api/sales/sales/", {"items": [{"product": product.pk, "quantity": 1}]}).json()
    brought = {}
    for part in parts:
        body = {"sale": sale["id"], "method": "cash", "amount": str(part)}
        answer = till.post("/api/payments/payments/initiate/", body)
        assert answer.status_code == 201, answer.content
        brought[answer.json()["id"]] = part
    assert till.get(f"/api/sales/sales/{sale['id']}/").json()["payment_status"] == "paid"
    return brought


def refund(till: APIClient, office: APIClient, payment: int, amount: Decimal) -> int:
    """The status of the request; when it was taken it is paid out."""
    body = {"payment": payment, "amount": str(amount), "reason": "x", "in_cash": True}
    asked = till.post(REFUNDS, body)
    if asked.status_code == 201:
        made = office.post(f"{REFUNDS}{asked.json()['id']}/approve/")
        assert (made.status_code, made.json()["status"]) == (200, "completed")
    return int(asked.status_code)


def try_all(
    till: APIClient, office: APIClient, left: dict[int, Decimal], tries: list[tuple[int, Decimal]]
) -> int:
    """How many of the refunds were refused: those above what is left of their payment."""
    refused = 0
    for index, amount in tries:
        payment = list(left)[index % len(left)]
        status = refund(till, office, payment, amount)
        assert status == (201 if amount <= left[payment] else 409)
        if status == 201:
            left[payment] -= amount
        refused += status != 201
    return refused


def test_refunds_in_any_order(
    as_cashier: APIClient, as_admin: APIClient, shelf: Callable[..., Product]
) -> None:
    seen = {"sales": 0, "refused": 0}

    @settings(
        max_examples=EXAMPLES, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(
        st.lists(cents, min_size=1, max_size=3),
        st.lists(st.tuples(st.integers(0, 2), cents), max_size=6),
    )
    def holds(parts: list[Decimal], tries: list[tuple[int, Decimal]]) -> None:
        with transaction.atomic():
            product = shelf("Milk", str(sum(parts)), stock=1, sku="M")
            left = paid_in_parts(as_cashier, product, parts)
            seen["sales"] += 1
            seen["refused"] += try_all(as_cashier, as_admin, left, tries)
            for payment, amount in left.items():
                assert not amount or refund(as_cashier, as_admin, payment, amount) == 201
                assert refund(as_cashier, as_admin, payment, Decimal("0.01")) == 409
            (sale,) = as_cashier.get("/api/sales/sales/").json()["results"]
            assert (sale["amount_refunded"], sale["payment_status"]) == (str(sum(parts)), "refunded")
            assert_ledgers_agree()
            transaction.set_rollback(True)

    holds()
    assert seen["refused"]
    show_what(seen)


def show_what(seen: dict[str, Any]) -> None:
    show(
        "B3",
        "sales paid in parts and refunded in parts of any size and order",
        f"{seen['sales']:,} sales, {seen['refused']:,} refunds that were too much",
        "never more than was paid, all of it to the cent",
    )
