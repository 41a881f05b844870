"""Sales after the checkout: who sees them, how they are found, cancelled, completed and noted."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from rest_framework.test import APIClient

from apps.inventory.models import Movement
from apps.products.models import Product, StockLevel
from apps.sales.models import Sale
from apps.sales.tests.test_checkout import URL, Shelf, sell, stock_of

pytestmark = pytest.mark.django_db


def act(client: APIClient, sale: dict[str, Any], action: str) -> tuple[int, str]:
    answer = client.post(f"{URL}{sale['id']}/{action}/")
    body = answer.json()
    return answer.status_code, body.get("code", body.get("status"))


def ids(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def test_cancelling_puts_the_stock_back_once(as_cashier: APIClient, shelf: Shelf, cashier: Any) -> None:
    milk = shelf(stock=5)
    sale = sell(as_cashier, {"product": milk.pk, "quantity": 2}, milk).json()
    assert act(as_cashier, sale, "cancel") == (200, "cancelled")
    assert act(as_cashier, sale, "cancel") == (409, "sale_already_cancelled")
    assert act(as_cashier, sale, "complete") == (409, "sale_cancelled")
    assert stock_of(milk) == 5
    back = Movement.objects.get(movement_type="return")
    assert (back.quantity, back.reference_number, back.created_by) == (3, sale["sale_number"], cashier)
    shown = as_cashier.get(f"{URL}{sale['id']}/").json()
    assert (shown["status"], shown["balance_due"], shown["receipt_number"]) == ("cancelled", "0.00", None)


def test_a_sale_with_money_in_it_is_not_cancelled(as_cashier: APIClient, shelf: Shelf) -> None:
    milk = shelf(price="116.00")
    partly, paid, held = sell(as_cashier, milk, amount_paid=16), sell(as_cashier, milk, amount_paid=116), None
    assert act(as_cashier, partly.json(), "cancel") == (409, "sale_has_payments")
    assert act(as_cashier, paid.json(), "cancel") == (409, "sale_completed")
    held = sell(as_cashier, milk).json()
    body = {"sale": held["id"], "method": "bank", "amount": "100.00"}
    assert as_cashier.post("/api/payments/payments/initiate/", body).status_code == 201
    assert act(as_cashier, held, "cancel") == (409, "payment_in_progress")
    assert stock_of(milk) == 7


def test_completing_by_hand(as_cashier: APIClient, shelf: Shelf) -> None:
    sale = sell(as_cashier, shelf(), amount_paid=1).json()
    assert act(as_cashier, sale, "complete") == (409, "sale_not_paid")
    paid = sell(as_cashier, shelf("Bread"), amount_paid=200).json()
    assert act(as_cashier, paid, "complete") == (409, "sale_already_completed")


def test_a_strangers_sale_is_not_there(
    as_cashier: APIClient, as_stranger: APIClient, as_admin: APIClient, as_nobody: APIClient, shelf: Shelf
) -> None:
    sale = sell(as_cashier, shelf()).json()
    assert as_stranger.get(f"{URL}{sale['id']}/").json()["code"] == "sale_not_found"
    for action in ("cancel", "complete"):
        assert act(as_stranger, sale, action) == (404, "sale_not_found")
    assert as_stranger.patch(f"{URL}{sale['id']}/", {"notes": "x"}).status_code == 404
    assert ids(as_stranger.get(URL)) == []
    assert ids(as_admin.get(URL)) == [sale["id"]]
    assert as_nobody.get(URL).status_code == 401
    assert as_nobody.post(URL, {}).status_code == 401
    assert act(as_admin, sale, "cancel") == (200, "cancelled")


def test_only_notes_and_customer_change(as_cashier: APIClient, shelf: Shelf) -> None:
    sale = sell(as_cashier, shelf()).json()
    body = {
        **sale,
        "notes": "call back",
        "customer_phone": "0712 345 678",
        "total": "1.00",
        "status": "completed",
    }
    answer = as_cashier.patch(f"{URL}{sale['id']}/", body)
    assert answer.status_code == 200
    changed = {name for name, value in answer.json().items() if value != sale[name]}
    assert changed == {"notes", "customer_phone", "updated_at"}
    assert as_cashier.put(f"{URL}{sale['id']}/", body).status_code == 405
    assert as_cashier.delete(f"{URL}{sale['id']}/").status_code == 405
    assert as_cashier.delete(f"{URL}{sale['id']}/").json()["code"] == "method_not_allowed"


def test_filters(as_admin: APIClient, as_cashier: APIClient, shelf: Shelf, cashier: Any) -> None:
    milk = shelf(stock=50)
    pending = sell(as_cashier, milk, customer_name="Njeri", customer_phone="0712345678").json()
    paid = sell(as_admin, milk, amount_paid=200).json()
    found = {
        "status=pending": [pending["id"]],
        "payment_status=paid": [paid["id"]],
        f"cashier={cashier.pk}": [pending["id"]],
        "search=nje": [pending["id"]],
        "search=071234": [pending["id"]],
        f"search={paid['sale_number'].lower()}": [paid["id"]],
        f"search={paid['receipt_number']}": [paid["id"]],
        "search=nobody": [],
        f"start_date={timezone.localdate()}&end_date={timezone.localdate()}": [paid["id"], pending["id"]],
        "end_date=2020-01-01": [],
    }
    assert {query: ids(as_admin.get(f"{URL}?{query}")) for query in found} == found
    for query in ("start_date=yesterday", "end_date=2026-02-30", "cashier=x", "status=open", "cashier=٣"):
        assert as_admin.get(f"{URL}?{query}").status_code == 400, query


def test_days_are_the_shops_days(as_admin: APIClient, shelf: Shelf, settings: Any) -> None:
    """23:30 UTC is already tomorrow in Nairobi."""
    sale = sell(as_admin, shelf()).json()
    Sale.objects.update(created_at=datetime.fromisoformat("2026-03-01T23:30:00+00:00"))
    assert ids(as_admin.get(f"{URL}?start_date=2026-03-02&end_date=2026-03-02")) == [sale["id"]]
    assert ids(as_admin.get(f"{URL}?start_date=2026-03-01&end_date=2026-03-01")) == []
    assert ids(as_admin.get(f"{URL}?start_date=2026-03-02T02:30:00%2B03:00")) == [sale["id"]]
    assert ids(as_admin.get(f"{URL}?start_date=2026-03-02T02:30:01%2B03:00")) == []
    assert ids(as_admin.get(f"{URL}today/")) == []
    assert as_admin.get(f"{URL}{sale['id']}/").json()["created_at"] == "2026-03-02T02:30:00+03:00"


def test_a_page_of_fifty_in_five_statements(
    as_cashier: APIClient, shelf: Shelf, django_assert_max_num_queries: Any
) -> None:
    milk = shelf(stock=100)
    for _ in range(51):
        sell(as_cashier, milk, amount_paid=100)
    with django_assert_max_num_queries(5):
        page = as_cashier.get(URL).json()
    assert len(page["results"]) == 50
    assert set(page) == {"next", "previous", "results"}
    assert page["results"][0]["payments"][0]["amount"] == "100.00"
    assert len(as_cashier.get(page["next"]).json()["results"]) == 1


def test_unpaid_sales_expire(as_cashier: APIClient, shelf: Shelf, capsys: Any) -> None:
    milk = shelf(stock=10)
    old, partly, fresh = (sell(as_cashier, milk, amount_paid=paid).json() for paid in (0, 5, 0))
    Sale.objects.filter(pk__in=[old["id"], partly["id"]]).update(
        created_at=timezone.now() - timedelta(minutes=121)
    )
    call_command("expire_sales")
    call_command("expire_sales")
    assert capsys.readouterr().out == "1 sales expired.\n0 sales expired.\n"
    assert dict(Sale.objects.values_list("pk", "status")) == {
        old["id"]: "cancelled",
        partly["id"]: "pending",
        fresh["id"]: "pending",
    }
    assert stock_of(milk) == 8


def test_sale_numbers_rise_and_receipts_have_no_gaps(as_cashier: APIClient, shelf: Shelf) -> None:
    milk = shelf(stock=3)
    made = [sell(as_cashier, milk, amount_paid=paid) for paid in (200, 0, 200)]
    assert sell(as_cashier, milk, amount_paid=200).status_code == 409
    numbers = [answer.json()["sale_number"] for answer in made]
    assert numbers == sorted(set(numbers))
    assert [answer.json()["receipt_number"] for answer in made] == ["000001", None, "000002"]


def test_stock_is_the_sum_of_movements(as_cashier: APIClient, shelf: Shelf) -> None:
    milk = shelf(stock="12.250")
    sale = sell(as_cashier, {"product": milk.pk, "quantity": 0.125}).json()
    sell(as_cashier, milk, amount_paid=200)
    act(as_cashier, sale, "cancel")
    moved = sum(Movement.objects.filter(product=milk).values_list("quantity", flat=True), Decimal(0))
    assert moved == StockLevel.objects.get(product=milk).quantity == Decimal("11.250")
    assert Product.objects.get(pk=milk.pk).updated_at == milk.updated_at
