"""The ledger of stock."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from apps.inventory.models import Movement
from apps.inventory.services import Occasion, issue_stock
from apps.products.models import Product, StockLevel

pytestmark = pytest.mark.django_db
URL = "/api/inventory/movements/"
Shelf = Callable[..., Product]


def move(client: APIClient, product: Product, kind: str, quantity: object, **fields: object) -> Any:
    return client.post(URL, {"product": product.pk, "movement_type": kind, "quantity": quantity, **fields})


@pytest.mark.parametrize(
    ("kind", "sent", "moved"),
    [
        ("purchase", 5, 5),
        ("purchase", -5, 5),
        ("return", -2, 2),
        ("damage", 3, -3),
        ("damage", -3, -3),
        ("transfer", 4, -4),
        ("adjustment", -1.5, -1.5),
        ("adjustment", 1.5, 1.5),
    ],
)
def test_the_type_decides_the_sign(
    as_admin: APIClient, shelf: Shelf, kind: str, sent: float, moved: float
) -> None:
    answer = move(as_admin, shelf(stock=10), kind, sent, reference_number="GRN-7", notes="n")
    assert answer.status_code == 201
    row = answer.json()
    assert (row["quantity"], row["stock_before"], row["stock_after"]) == (moved, 10, 10 + moved)
    assert (row["reference_number"], row["notes"], row["created_by_name"]) == ("GRN-7", "n", "Amina Admin")
    assert StockLevel.objects.get().quantity == Decimal(str(10 + moved))
    assert as_admin.get(f"{URL}{row['id']}/").json() == row


def test_a_purchase_moves_the_cost_to_the_weighted_average(as_admin: APIClient, shelf: Shelf) -> None:
    milk = shelf(stock=10, cost_price=Decimal("80.00"))
    move(as_admin, milk, "purchase", 5, unit_cost="95.00")
    assert Product.objects.get().cost_price == Decimal("85.00")
    move(as_admin, milk, "purchase", 3)
    move(as_admin, milk, "damage", 18)
    assert Product.objects.get().cost_price == Decimal("85.00")
    move(as_admin, milk, "purchase", 3, unit_cost="10.00")
    assert Product.objects.get().cost_price == Decimal("10.00")


def test_refusals_change_nothing(as_admin: APIClient, as_cashier: APIClient, shelf: Shelf) -> None:
    milk = shelf(stock=10)
    short = move(as_admin, milk, "damage", 11)
    assert (short.status_code, short.json()["code"]) == (409, "insufficient_stock")
    for kind, quantity, field in [
        ("sale", 1, "movement_type"),
        ("gift", 1, "movement_type"),
        ("purchase", 0, "quantity"),
        ("purchase", "x", "quantity"),
        ("purchase", 1.0005, "quantity"),
    ]:
        answer = move(as_admin, milk, kind, quantity)
        assert (answer.status_code, list(answer.json())) == (400, [field])
    assert list(move(as_admin, Product(pk=999), "purchase", 1).json()) == ["product"]
    assert move(as_cashier, milk, "purchase", 1).status_code == 403
    assert Movement.objects.count() == 1
    assert StockLevel.objects.get().quantity == 10


def test_rows_never_change(as_admin: APIClient, shelf: Shelf) -> None:
    shelf()
    address = f"{URL}{Movement.objects.get().pk}/"
    for call in (as_admin.put, as_admin.patch, as_admin.delete):
        assert call(address, {}).status_code == 405
    for change in (lambda: Movement.objects.update(quantity=1), lambda: Movement.objects.all().delete()):
        with pytest.raises(DatabaseError, match="append_only"), transaction.atomic():
            change()


def test_the_database_refuses_what_must_never_be(shelf: Shelf) -> None:
    milk = shelf(stock=1)
    with pytest.raises(IntegrityError, match="stock_not_negative"), transaction.atomic():
        StockLevel.objects.update(quantity=-1)
    row = {"product": milk, "movement_type": "adjustment", "stock_before": 1, "created_at": timezone.now()}
    with pytest.raises(IntegrityError, match="movement_moves_something"), transaction.atomic():
        Movement.objects.create(**row, quantity=0, stock_after=1)
    with pytest.raises(IntegrityError, match="movement_adds_up"), transaction.atomic():
        Movement.objects.create(**row, quantity=1, stock_after=3)


def test_one_cause_moves_a_product_once(shelf: Shelf) -> None:
    milk = shelf(stock=5)
    occasion = Occasion("sale", None, timezone.now(), cause="sale:1")
    issue_stock({milk.pk: Decimal(1)}, occasion)
    with pytest.raises(IntegrityError, match="movement_once_per_cause"), transaction.atomic():
        issue_stock({milk.pk: Decimal(1)}, occasion)


@pytest.mark.parametrize("products", [1, 50])
def test_three_statements_however_many_products(
    shelf: Shelf, products: int, django_assert_num_queries: Any
) -> None:
    wanted = {shelf(f"P{n}").pk: Decimal(1) for n in range(products)}
    with django_assert_num_queries(3):
        issue_stock(wanted, Occasion("sale", None, timezone.now()))


@pytest.mark.django_db(transaction=True)
def test_stock_moves_only_inside_a_transaction() -> None:
    with pytest.raises(RuntimeError, match=r"transaction\.atomic"):
        issue_stock({1: Decimal(1)}, Occasion("sale", None, timezone.now()))


def test_filters_and_key(as_admin: APIClient, as_cashier: APIClient, shelf: Shelf, admin: Any) -> None:
    milk, bread = shelf("Milk"), shelf("Bread")
    body = {"product": milk.pk, "movement_type": "damage", "quantity": 1}
    first, again = (as_admin.post(URL, body, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert first.content == again.content
    found = {
        f"product={bread.pk}": 1,
        "movement_type=damage": 1,
        f"created_by={admin.pk}": 1,
        f"start_date={timezone.localdate()}": 3,
        "end_date=2020-01-01": 0,
    }
    counted = {query: len(as_cashier.get(f"{URL}?{query}").json()["results"]) for query in found}
    assert counted == found
