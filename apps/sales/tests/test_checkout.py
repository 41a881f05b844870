"""The checkout through the API."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.core.models import IdempotencyKey
from apps.inventory.models import Movement
from apps.payments.models import Payment
from apps.products.models import Product, StockLevel
from apps.sales.models import Sale, SaleItem

pytestmark = pytest.mark.django_db
URL = "/api/sales/sales/"
Shelf = Callable[..., Product]


def sell(client: APIClient, *lines: Any, **fields: Any) -> Any:
    items = [line if isinstance(line, dict) else {"product": line.pk, "quantity": 1} for line in lines]
    return client.post(URL, {"items": items, **fields})


def stock_of(product: Product) -> Decimal:
    return StockLevel.objects.get(product=product).quantity


def nothing_happened() -> bool:
    tables = (Sale, SaleItem, Payment, IdempotencyKey)
    return (
        not any(table.objects.exists() for table in tables)
        and not Movement.objects.filter(movement_type="sale").exists()
    )


def test_a_cash_sale_completes_by_itself(as_cashier: APIClient, shelf: Shelf, cashier: Any) -> None:
    milk = shelf("Milk", "116.00", barcode="6161100490000")
    bread = shelf("Bread", "65.00", tax=Decimal(0))
    answer = as_cashier.post(
        URL,
        {
            "items": [{"product": milk.pk, "quantity": 2}, {"product": bread.pk, "quantity": "1.5"}],
            "amount_paid": "500.00",
            "customer_name": "Njeri",
        },
    )
    assert answer.status_code == 201
    sale = answer.json()
    assert sale["sale_number"] == f"SALE-{timezone.localdate():%Y%m%d}-{Sale.objects.get().number:06d}"
    expected = {
        "receipt_number": "000001",
        "cashier": cashier.pk,
        "cashier_name": "Otieno Till",
        "customer_name": "Njeri",
        "subtotal": "297.50",
        "tax_amount": "32.00",
        "discount": "0.00",
        "total": "329.50",
        "amount_paid": "329.50",
        "amount_refunded": "0.00",
        "balance_due": "0.00",
        "change": "170.50",
        "status": "completed",
        "payment_status": "paid",
        "payment_method": "Cash",
    }
    assert {name: sale[name] for name in expected} == expected
    assert sale["items"][1]["quantity"] == 1.5
    assert sale["items"][1]["total"] == "97.50"
    assert "cost_price" not in sale["items"][0]
    [payment] = sale["payments"]
    assert payment["amount"] == "329.50"
    assert payment["amount_tendered"] == "500.00"
    assert payment["change"] == "170.50"
    assert payment["status"] == "success"
    assert stock_of(milk) == 8
    assert stock_of(bread) == Decimal("8.5")
    assert as_cashier.get(f"{URL}{sale['id']}/").json() == sale


def test_what_is_sold_twice_is_two_lines_and_one_movement(as_cashier: APIClient, shelf: Shelf) -> None:
    milk = shelf(stock=5)
    assert sell(as_cashier, milk, {"product": milk.pk, "quantity": 3}).status_code == 201
    movement = Movement.objects.get(movement_type="sale")
    assert (movement.quantity, movement.stock_before, movement.stock_after) == (-4, 5, 1)


def test_prices_never_come_from_the_request(as_cashier: APIClient, shelf: Shelf) -> None:
    milk = shelf(price="116.00")
    line = {"product": milk.pk, "quantity": 1, "unit_price": "0.01", "total": "0.01"}
    answer = sell(as_cashier, line, total="0.01", status="completed", amount_refunded="5.00", cashier=1)
    assert answer.status_code == 201
    assert answer.json()["total"] == "116.00"
    assert answer.json()["status"] == "pending"


def test_a_sale_is_a_snapshot(as_admin: APIClient, shelf: Shelf) -> None:
    milk = shelf("Milk", "116.00", cost_price=Decimal("80.00"))
    before = sell(as_admin, milk).json()
    as_admin.patch(
        f"/api/products/{milk.pk}/", {"name": "Cream", "price": "1.00", "tax": "0", "cost_price": "1"}
    )
    after = as_admin.get(f"{URL}{before['id']}/").json()
    assert after["items"] == before["items"]
    assert after["items"][0]["cost_price"] == "80.00"


def test_by_barcode_in_another_form(as_cashier: APIClient, shelf: Shelf) -> None:
    shelf(barcode="012345678905")
    answer = sell(as_cashier, {"barcode": "0012345678905\r", "quantity": 1})
    assert answer.status_code == 201
    assert answer.json()["items"][0]["product_barcode"] == "012345678905"


def test_a_short_shelf_takes_nothing(as_cashier: APIClient, shelf: Shelf) -> None:
    milk, bread = shelf("Milk", stock=2), shelf("Bread", stock=9)
    lines = [{"product": bread.pk, "quantity": 4}, *[{"product": milk.pk, "quantity": 1.5}] * 2]
    answer = sell(as_cashier, *lines)
    assert answer.status_code == 409
    assert answer.json() == {
        "error": "Not enough stock of Milk: 3 asked for, 2 there. Take less or remove it.",
        "code": "insufficient_stock",
        "items": [{"product": milk.pk, "requested": 3, "available": 2}],
    }
    assert nothing_happened()
    assert stock_of(bread) == 9


REFUSED_LINES: list[tuple[dict[str, Any], str]] = [
    ({"quantity": 0}, "quantity"),
    ({"quantity": -1}, "quantity"),
    ({"quantity": "1.2345"}, "quantity"),
    ({"quantity": 1e300}, "quantity"),
    ({"quantity": "NaN"}, "quantity"),
    ({"quantity": "١"}, "quantity"),
    ({"quantity": True}, "quantity"),
    ({"quantity": None}, "quantity"),
    ({"quantity": 1000001}, "quantity"),
    ({"quantity": 1, "discount": "-1.00"}, "discount"),
    ({"quantity": 1, "discount": "1.001"}, "discount"),
    ({"quantity": 1, "discount": "116.01"}, "discount"),
    ({"quantity": 1, "price": "0.01"}, "price"),
    ({"quantity": 1, "product": 999999}, "product"),
    ({"quantity": 1, "product": "abc"}, "product"),
    ({"quantity": 1, "product": None}, "product"),
]


@pytest.mark.parametrize(("line", "field"), REFUSED_LINES)
def test_refused_lines(as_cashier: APIClient, shelf: Shelf, line: dict[str, Any], field: str) -> None:
    milk = shelf(price="116.00")
    answer = sell(as_cashier, milk, {"product": milk.pk, **line})
    assert answer.status_code == 400
    assert list(answer.json()["items"]) == ["1"]
    assert list(answer.json()["items"]["1"]) == [field]
    assert nothing_happened()


def test_refused_orders(as_cashier: APIClient, shelf: Shelf) -> None:
    milk = shelf(price="116.00")
    gone = shelf("Old", is_active=False)
    line = {"product": milk.pk, "quantity": 1}
    for body, field in [
        ({"items": []}, "items"),
        ({}, "items"),
        ({"items": "milk"}, "items"),
        ({"items": [line] * 201}, "items"),
        ({"items": [line], "amount_paid": "-5"}, "amount_paid"),
        ({"items": [line], "amount_paid": "5.001"}, "amount_paid"),
        ({"items": [line], "discount": "116.01"}, "discount"),
        ({"items": [{"product": gone.pk, "quantity": 1}]}, "items"),
        ({"items": [{"barcode": "nowhere", "quantity": 1}]}, "items"),
        ({"items": [{"product": milk.pk, "barcode": "nowhere", "quantity": 1}]}, "items"),
        ({"items": [line], "customer_name": "x" * 151}, "customer_name"),
    ]:
        answer = as_cashier.post(URL, body)
        assert (answer.status_code, list(answer.json())) == (400, [field]), body
    assert nothing_happened()


def test_a_cashiers_discount_has_a_limit(as_cashier: APIClient, as_admin: APIClient, shelf: Shelf) -> None:
    milk = shelf(price="100.00")
    refused = sell(as_cashier, {"product": milk.pk, "quantity": 1, "discount": "5.00"}, discount="5.01")
    assert refused.status_code == 403
    assert refused.json()["code"] == "discount_not_allowed"
    assert refused.json()["allowed"] == "10.00"
    assert nothing_happened()
    allowed = sell(as_cashier, {"product": milk.pk, "quantity": 1, "discount": "5.00"}, discount="5.00")
    assert allowed.json()["total"] == "90.00"
    free = sell(as_admin, milk, discount="100.00").json()
    assert (free["status"], free["payment_status"], free["total"], free["payment_method"]) == (
        "completed",
        "paid",
        "0.00",
        "N/A",
    )


def test_prices_without_tax(as_cashier: APIClient, shelf: Shelf, settings: Any) -> None:
    settings.PRICES_INCLUDE_TAX = False
    sale = sell(as_cashier, shelf(price="100.00")).json()
    assert (sale["subtotal"], sale["tax_amount"], sale["total"]) == ("100.00", "16.00", "116.00")


def test_part_of_the_money(as_cashier: APIClient, shelf: Shelf) -> None:
    sale = sell(as_cashier, shelf(price="116.00"), amount_paid=100).json()
    assert (sale["status"], sale["payment_status"], sale["balance_due"], sale["receipt_number"]) == (
        "pending",
        "partial",
        "16.00",
        None,
    )


@pytest.mark.parametrize("lines", [1, 5, 20, 200])
def test_a_checkout_has_at_most_14_statements_whatever_its_lines(
    as_cashier: APIClient, shelf: Shelf, lines: int, django_assert_max_num_queries: Any
) -> None:
    products = [shelf(f"Product {n}") for n in range(lines)]
    items = [{"product": product.pk, "quantity": 1} for product in products]
    with django_assert_max_num_queries(14):
        answer = as_cashier.post(
            URL, {"items": items, "amount_paid": 10**6}, headers={"Idempotency-Key": f"till-{lines}"}
        )
    assert answer.json()["status"] == "completed"


def test_one_key_one_sale(as_cashier: APIClient, shelf: Shelf) -> None:
    milk = shelf(stock=5)
    body = {"items": [{"product": milk.pk, "quantity": 1}], "amount_paid": "200"}
    first, second = (as_cashier.post(URL, body, headers={"Idempotency-Key": "till-1-42"}) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert stock_of(milk) == 4
    other = as_cashier.post(URL, {**body, "amount_paid": "201"}, headers={"Idempotency-Key": "till-1-42"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_a_refused_sale_leaves_its_key_free(as_cashier: APIClient, as_admin: APIClient, shelf: Shelf) -> None:
    milk = shelf(stock=0)
    body = {"items": [{"product": milk.pk, "quantity": 1}]}
    key = {"Idempotency-Key": "again"}
    assert as_cashier.post(URL, body, headers=key).status_code == 409
    as_admin.post(
        "/api/inventory/movements/", {"product": milk.pk, "movement_type": "purchase", "quantity": 1}
    )
    assert as_cashier.post(URL, body, headers=key).status_code == 201
