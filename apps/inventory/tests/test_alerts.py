"""Alerts of low stock: when there is one, when there is none, and who may end it."""

import importlib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from apps.inventory.models import Movement, StockAlert
from apps.products.models import Product
from apps.users.models import User
from tests.ledger import assert_ledgers_agree

pytestmark = pytest.mark.django_db
URL = "/api/inventory/alerts/"
PRODUCTS = "/api/products/"
Shelf = Callable[..., Product]


def alerts(product: Product) -> list[tuple[str, Decimal, Decimal]]:
    """Of the product, oldest first: status, current stock, threshold."""
    found = StockAlert.objects.filter(product=product).order_by("id")
    return list(found.values_list("status", "current_stock", "threshold"))


def move(client: APIClient, product: Product, quantity: float) -> None:
    body = {"product": product.pk, "movement_type": "adjustment", "quantity": quantity}
    assert client.post("/api/inventory/movements/", body).status_code == 201


def sell(client: APIClient, product: Product, quantity: float) -> int:
    body = {"items": [{"product": product.pk, "quantity": quantity}]}
    answer = client.post("/api/sales/sales/", body)
    assert answer.status_code == 201
    return int(answer.json()["id"])


def end(client: APIClient, how: str) -> Any:
    """Resolves or ignores the newest alert."""
    return client.post(f"{URL}{StockAlert.objects.latest('id').pk}/{how}/")


@pytest.fixture
def milk(shelf: Shelf) -> Product:
    return shelf(
        "Milk", stock=10, low_stock_threshold=5, barcode="6161100490002", cost_price=Decimal("80.00")
    )


def test_an_alert_opens_follows_the_stock_and_resolves_itself(as_admin: APIClient, milk: Product) -> None:
    sell(as_admin, milk, 4)
    assert alerts(milk) == []
    sell(as_admin, milk, 1)
    assert alerts(milk) == [("active", 5, 5)]
    sell(as_admin, milk, 1.25)
    assert alerts(milk) == [("active", Decimal("3.750"), 5)]
    move(as_admin, milk, 1.25)
    assert alerts(milk) == [("active", 5, 5)]
    move(as_admin, milk, 0.001)
    assert alerts(milk) == [("resolved", Decimal("5.001"), 5)]
    ended = StockAlert.objects.get()
    assert (ended.resolved_by, ended.resolved_at) == (None, ended.updated_at)
    sell(as_admin, milk, 5.001)
    assert alerts(milk) == [("resolved", Decimal("5.001"), 5), ("active", 0, 5)]
    assert_ledgers_agree()


def test_everything_that_moves_stock_is_watched(as_admin: APIClient, shelf: Shelf) -> None:
    low = shelf("Low from the beginning", stock=3, low_stock_threshold=3)
    assert alerts(low) == [("active", 3, 3)]
    milk = shelf("Milk", stock=5, low_stock_threshold=4, barcode="6161100490002")
    sale = sell(as_admin, milk, 2)
    assert as_admin.post(f"/api/sales/sales/{sale}/cancel/").status_code == 200
    count = as_admin.post("/api/inventory/counts/", {}).json()["id"]
    line = {"product": milk.pk, "physical_quantity": 4}
    as_admin.post(f"/api/inventory/counts/{count}/add_item/", line)
    assert as_admin.post(f"/api/inventory/counts/{count}/complete/").status_code == 200
    rows = [{"barcode": milk.barcode, "quantity": 1}]
    assert as_admin.post("/api/inventory/movements/bulk/", {"rows": rows}).status_code == 201
    move(as_admin, milk, -2)
    # The sale and its cancellation, the count and the delivery, the movement by hand.
    assert alerts(milk) == [("resolved", 5, 4), ("resolved", 5, 4), ("active", 3, 4)]


def test_what_never_was_there_does_not_run_low(as_admin: APIClient, shelf: Shelf) -> None:
    new = shelf("New", stock=0, low_stock_threshold=5)
    as_admin.patch(f"{PRODUCTS}{new.pk}/", {"low_stock_threshold": 6})
    assert alerts(new) == []
    move(as_admin, new, 6)
    assert alerts(new) == [("active", 6, 6)]


def test_resolved_by_hand_it_opens_again_at_the_next_change(
    as_admin: APIClient, milk: Product, admin: User
) -> None:
    sell(as_admin, milk, 6)
    resolved = end(as_admin, "resolve").json()
    assert (resolved["status"], resolved["resolved_by"], resolved["resolved_by_name"]) == (
        "resolved",
        admin.pk,
        "Amina Admin",
    )
    assert resolved["resolved_at"] == resolved["updated_at"] > resolved["created_at"]
    assert alerts(milk) == [("resolved", 4, 5)]
    move(as_admin, milk, 1)
    assert alerts(milk) == [("resolved", 4, 5), ("active", 5, 5)]
    end(as_admin, "resolve")
    move(as_admin, milk, 1)
    assert alerts(milk) == [("resolved", 4, 5), ("resolved", 5, 5)]


def test_ignored_it_is_silent_until_the_stock_was_above_the_threshold(
    as_admin: APIClient, milk: Product
) -> None:
    sell(as_admin, milk, 6)
    ignored = end(as_admin, "ignore").json()
    assert (ignored["status"], ignored["resolved_by_name"]) == ("ignored", "Amina Admin")
    for quantity in (-1, 2, -3):
        move(as_admin, milk, quantity)
    # Neither taking it off the shelves nor another threshold below the stock is a rise above it.
    for active in (False, True):
        as_admin.patch(f"{PRODUCTS}{milk.pk}/", {"is_active": active})
    assert alerts(milk) == [("ignored", 4, 5)]
    move(as_admin, milk, 10)
    assert alerts(milk) == [("ignored", 4, 5)]
    assert not StockAlert.objects.get().muted
    move(as_admin, milk, -10)
    assert alerts(milk) == [("ignored", 4, 5), ("active", 2, 5)]


def test_only_an_active_one_is_ended_and_only_by_an_administrator(
    as_admin: APIClient, as_cashier: APIClient, as_nobody: APIClient, milk: Product
) -> None:
    sell(as_admin, milk, 6)
    before = list(StockAlert.objects.values())
    for how in ("resolve", "ignore"):
        assert end(as_nobody, how).status_code == 401
        assert end(as_cashier, how).status_code == 403
        assert as_admin.get(f"{URL}{before[0]['id']}/{how}/").status_code == 405
        missing = as_admin.post(f"{URL}999999/{how}/")
        assert (missing.status_code, missing.json()["code"]) == (404, "alert_not_found")
    assert list(StockAlert.objects.values()) == before
    assert end(as_admin, "ignore").status_code == 200
    after = list(StockAlert.objects.values())
    for how in ("resolve", "ignore"):
        again = end(as_admin, how)
        assert (again.status_code, again.json()) == (
            409,
            {"error": "This alert is ignored already.", "code": "alert_not_active"},
        )
    assert list(StockAlert.objects.values()) == after


def test_a_step_is_taken_once_per_key(as_admin: APIClient, milk: Product) -> None:
    sell(as_admin, milk, 6)
    address = f"{URL}{StockAlert.objects.get().pk}/resolve/"
    first, again = (as_admin.post(address, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.content == again.content


def test_another_threshold_opens_follows_and_ends(as_admin: APIClient, milk: Product) -> None:
    def set_threshold(value: float) -> None:
        assert as_admin.patch(f"{PRODUCTS}{milk.pk}/", {"low_stock_threshold": value}).status_code == 200

    set_threshold(9.999)
    assert alerts(milk) == []
    set_threshold(10)
    assert alerts(milk) == [("active", 10, 10)]
    set_threshold(12)
    assert alerts(milk) == [("active", 10, 12)]
    whole = as_admin.get(f"{PRODUCTS}{milk.pk}/").json()
    assert as_admin.put(f"{PRODUCTS}{milk.pk}/", {**whole, "low_stock_threshold": 9}).status_code == 200
    assert alerts(milk) == [("resolved", 10, 9)]


def test_what_is_not_sold_any_more_does_not_run_low(as_admin: APIClient, milk: Product) -> None:
    sell(as_admin, milk, 6)
    address = f"{PRODUCTS}{milk.pk}/"
    as_admin.patch(address, {"is_active": False})
    assert alerts(milk) == [("resolved", 4, 5)]
    assert StockAlert.objects.get().resolved_by is None
    move(as_admin, milk, -1)
    assert alerts(milk) == [("resolved", 4, 5)]
    as_admin.patch(address, {"is_active": True})
    assert alerts(milk) == [("resolved", 4, 5), ("active", 3, 5)]
    assert as_admin.delete(address).status_code == 204
    assert alerts(milk) == [("resolved", 4, 5), ("resolved", 3, 5)]


def test_the_back_office_and_the_import_are_watched_too(admin: User, milk: Product, tmp_path: Path) -> None:
    office = Client()
    office.force_login(admin)
    form = {"name": "Milk", "sku": milk.sku, "price": "116.00", "cost_price": "80.00", "tax": "16.00"}
    address = f"/admin/products/product/{milk.pk}/change/"
    assert office.post(address, {**form, "low_stock_threshold": "10", "is_active": "on"}).status_code == 302
    assert alerts(milk) == [("active", 10, 10)]
    file = tmp_path / "catalogue.csv"
    file.write_text(f"sku,name,price,low_stock_threshold,stock\n{milk.sku},Milk,116,9,\nNEW,New,1,5,5\n")
    call_command("import_products", file)
    assert alerts(milk) == [("resolved", 10, 9)]
    assert alerts(Product.objects.get(sku="NEW")) == [("active", 5, 5)]
    assert office.post(address, {**form, "low_stock_threshold": "10"}).status_code == 302
    assert alerts(milk) == [("resolved", 10, 9)]


def test_what_decides_nothing_changes_nothing(as_admin: APIClient, milk: Product, tmp_path: Path) -> None:
    """An alert that was closed by hand stays closed while the product is merely edited."""
    sell(as_admin, milk, 6)
    end(as_admin, "resolve")
    whole = as_admin.get(f"{PRODUCTS}{milk.pk}/").json()
    assert as_admin.put(f"{PRODUCTS}{milk.pk}/", {**whole, "price": "120.00"}).status_code == 200
    file = tmp_path / "catalogue.csv"
    file.write_text(f"sku,name,price,low_stock_threshold\n{milk.sku},Milk 500 ml,130,5\n")
    call_command("import_products", file)
    milk.refresh_from_db()
    assert (milk.name, milk.price) == ("Milk 500 ml", 130)
    assert alerts(milk) == [("resolved", 4, 5)]


def test_looking_again_costs_statements_only_where_it_is_needed(
    as_admin: APIClient, shelf: Shelf, tmp_path: Path
) -> None:
    def statements(threshold: int, rows: int) -> int:
        lines = [f"S{n},Tea {threshold},1,{threshold}" for n in range(rows)]
        file = tmp_path / "catalogue.csv"
        file.write_text("\n".join(["sku,name,price,low_stock_threshold", *lines]))
        with CaptureQueriesContext(connection) as captured:
            call_command("import_products", file)
        return len(captured)

    for n in range(40):
        shelf(f"Tea {n}", stock=4, sku=f"S{n}", low_stock_threshold=3)
    unchanged, few, many = statements(3, 40), statements(5, 3), statements(6, 40)
    assert (few, many) == (unchanged + 2, unchanged + 2)
    assert StockAlert.objects.filter(status="active", threshold=6).count() == 40


def test_how_it_is_shown(as_admin: APIClient, as_cashier: APIClient, milk: Product) -> None:
    sell(as_admin, milk, 6.5)
    product = as_admin.get(f"{PRODUCTS}{milk.pk}/").json()
    [row] = as_admin.get(URL).json()["results"]
    moments = [row.pop(name) for name in ("created_at", "updated_at")]
    assert moments[0] == moments[1]
    assert row == {
        "id": StockAlert.objects.get().pk,
        "product": milk.pk,
        "product_name": "Milk",
        "product_barcode": "6161100490002",
        "product_details": product,
        "current_stock": 3.5,
        "threshold": 5,
        "status": "active",
        "resolved_by": None,
        "resolved_by_name": None,
        "resolved_at": None,
    }
    for address in (URL, f"{URL}active/"):
        assert as_cashier.get(address).json()["results"][0]["product_details"] == {
            name: value for name, value in product.items() if name != "cost_price"
        }
    one = as_cashier.get(f"{URL}{row['id']}/").json()
    assert one == as_cashier.get(URL).json()["results"][0]
    missing = as_cashier.get(f"{URL}999999/")
    assert (missing.status_code, missing.json()["code"]) == (404, "alert_not_found")


def test_lists_and_their_filters(as_admin: APIClient, as_cashier: APIClient, shelf: Shelf) -> None:
    low = [shelf(f"P{n}", stock=1, low_stock_threshold=2) for n in range(4)]
    as_admin.post(f"{URL}{StockAlert.objects.get(product=low[0]).pk}/resolve/")
    as_admin.post(f"{URL}{StockAlert.objects.get(product=low[1]).pk}/ignore/")
    found = {
        "": [3, 2, 1, 0],
        "?status=active": [3, 2],
        "?status=resolved": [0],
        "?status=ignored": [1],
        f"?product={low[2].pk}": [2],
        "active/": [3, 2],
        "active/?status=ignored": [],
        f"active/?product={low[3].pk}": [3],
    }
    for address, numbers in found.items():
        rows = as_cashier.get(f"{URL}{address}").json()["results"]
        assert [row["product_name"] for row in rows] == [f"P{n}" for n in numbers], address
    first = as_cashier.get(f"{URL}?page_size=3").json()
    assert (len(first["results"]), first["previous"]) == (3, None)
    assert [row["product_name"] for row in as_cashier.get(first["next"]).json()["results"]] == ["P0"]
    for query in ("status=low", "product=x"):
        assert as_cashier.get(f"{URL}?{query}").status_code == 400


@pytest.mark.parametrize("address", ["", "active/"])
def test_a_page_takes_three_statements(
    as_cashier: APIClient, shelf: Shelf, address: str, django_assert_num_queries: Any
) -> None:
    for rows in (1, 20):
        for n in range(rows):
            shelf(f"P{rows}-{n}", stock=1, low_stock_threshold=2)
        with django_assert_num_queries(3):  # the token, the page, its products
            as_cashier.get(f"{URL}{address}")


def test_in_the_back_office(admin: User, as_admin: APIClient, shelf: Shelf) -> None:
    office, low = Client(), [shelf(f"P{n}", stock=1, low_stock_threshold=2) for n in range(3)]
    office.force_login(admin)
    keys = [StockAlert.objects.get(product=product).pk for product in low]
    as_admin.post(f"{URL}{keys[0]}/ignore/")

    def act(action: str, *chosen: int) -> str:
        body = {"action": action, "_selected_action": chosen}
        return office.post("/admin/inventory/stockalert/", body, follow=True).content.decode()

    shown = act("resolve", *keys[:2])
    assert "This alert is ignored already." in shown
    assert alerts(low[1]) == [("resolved", 1, 2)]
    assert StockAlert.objects.get(pk=keys[1]).resolved_by == admin
    act("ignore", keys[2])
    assert [alerts(product)[0][0] for product in low] == ["ignored", "resolved", "ignored"]


def test_the_database_refuses_a_second_one(milk: Product) -> None:
    now = timezone.now()
    values = {"product": milk, "current_stock": 1, "threshold": 2, "created_at": now, "updated_at": now}
    StockAlert.objects.create(**values, status="ignored", muted=True, resolved_at=now)
    with pytest.raises(IntegrityError, match="one_active_or_muted"), transaction.atomic():
        StockAlert.objects.create(**values)
    StockAlert.objects.update(muted=False)
    StockAlert.objects.create(**values)
    with pytest.raises(IntegrityError, match="one_active_or_muted"), transaction.atomic():
        StockAlert.objects.create(**values)


def test_the_upgrade_opens_alerts_of_what_is_low(shelf: Shelf) -> None:
    stock = {"low": 2, "enough": 3, "empty": 0, "inactive": 1, "muted": 1}
    products = {name: shelf(name, stock=number, low_stock_threshold=2) for name, number in stock.items()}
    StockAlert.objects.exclude(product=products["muted"]).delete()
    StockAlert.objects.update(status="ignored", muted=True, resolved_at=timezone.now())
    Product.objects.filter(pk=products["inactive"].pk).update(is_active=False)
    migration = importlib.import_module("apps.inventory.migrations.0004_low_stock_alerts")
    for _ in range(2):
        with connection.cursor() as cursor:
            cursor.execute(migration.OPEN_ALERTS)
    assert {product.name: alerts(product) for product in products.values() if alerts(product)} == {
        "low": [("active", 2, 2)],
        "muted": [("ignored", 1, 2)],
    }
    assert Movement.objects.count() == 4
