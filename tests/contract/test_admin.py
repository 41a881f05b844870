"""The back office opens, and no form in it can break a rule of the shop."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.db import OperationalError, connection
from django.test import Client
from rest_framework.test import APIClient

from apps.inventory.models import Movement
from apps.payments.models import Payment
from apps.products.models import Category, Product, StockLevel
from apps.sales.models import Sale
from apps.users.models import AuthToken, User
from conftest import PASSWORD, client_of

pytestmark = pytest.mark.django_db
Shelf = Callable[..., Product]
LEDGERS = (Sale, Movement, Payment)


@pytest.fixture
def office(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


@pytest.fixture
def sale(as_cashier: APIClient, shelf: Shelf) -> dict[str, Any]:
    body = {"items": [{"product": shelf(barcode="6161100490000").pk, "quantity": 1}], "amount_paid": 200}
    return as_cashier.post("/api/sales/sales/", body).json()


def test_every_list_and_form_opens(office: Client, sale: dict[str, Any], category: Category) -> None:
    models = [model for model in admin.site._registry if model._meta.app_label != "auth"]
    assert {User, Product, Category, *LEDGERS} <= set(models)
    for model in models:
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        assert office.get(base).status_code == 200, base
        assert office.get(base, {"q": "000001"}).status_code == 200, base
        for row in model.objects.all():
            assert office.get(f"{base}{row.pk}/change/").status_code == 200, base
    assert office.get("/admin/").status_code == 200


def test_sales_are_found_by_their_numbers(office: Client, sale: dict[str, Any]) -> None:
    for term, found in ((sale["receipt_number"], True), (sale["sale_number"], True), ("SALE-1999", False)):
        shown = office.get("/admin/sales/sale/", {"q": term}).content.decode()
        assert (f"/admin/sales/sale/{sale['id']}/change/" in shown) is found


def test_ledgers_are_read_only(office: Client, sale: dict[str, Any]) -> None:
    for model in LEDGERS:
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        address = f"{base}{model.objects.first().pk}/"
        before = list(model.objects.values())
        assert office.get(f"{base}add/").status_code == 403
        assert office.post(f"{address}change/", {"total": "1.00", "status": "failed"}).status_code == 403
        assert office.post(f"{address}delete/", {"post": "yes"}).status_code == 403
        assert list(model.objects.values()) == before


def test_a_cashier_stays_outside(cashier: User, sale: dict[str, Any]) -> None:
    client = Client()
    assert client.login(username="otieno", password=PASSWORD)
    assert client.get("/admin/").status_code == 302
    assert client.get("/admin/sales/sale/").status_code == 302


def form(**changes: Any) -> dict[str, Any]:
    values = {"name": "Milk", "sku": "M1", "price": "65.00", "cost_price": "50.00", "tax": "16.00"}
    return {**values, "low_stock_threshold": "5", "is_active": "on", "barcode": "", **changes}


def test_products_by_form(office: Client) -> None:
    made = office.post("/admin/products/product/add/", form(barcode="012345678905", stock="99"))
    assert made.status_code == 302
    product = Product.objects.get()
    assert (product.barcode_key, StockLevel.objects.get().quantity) == ("00012345678905", 0)
    address = f"/admin/products/product/{product.pk}/change/"
    assert office.post(address, form(price="70.00", stock="99", barcode="")).status_code == 302
    product.refresh_from_db()
    assert (product.price, product.barcode, StockLevel.objects.get().quantity) == (70, None, 0)
    refused = office.post(address, form(price="-1"))
    assert refused.status_code == 200
    assert b"greater than or equal to 0" in refused.content
    twin = office.post("/admin/products/product/add/", form(sku="M2", barcode="0012345678905"))
    assert twin.status_code == 302
    double = office.post("/admin/products/product/add/", form(sku="M3", barcode="012345678905"))
    assert b"Another product has this barcode." in double.content


def person(**changes: Any) -> dict[str, Any]:
    return {"username": "achieng", "role": "cashier", "is_active": "on", "new_password": "", **changes}


def test_people_by_form(office: Client, cashier: User, admin: User) -> None:
    weak = office.post("/admin/users/user/add/", person(new_password="123"))
    assert b"too short" in weak.content
    assert b"needs a password" in office.post("/admin/users/user/add/", person()).content
    assert office.post("/admin/users/user/add/", person(new_password="chai-na-mandazi-30")).status_code == 302
    assert User.objects.get(username="achieng").check_password("chai-na-mandazi-30")
    device = client_of(cashier)
    assert device.get("/api/auth/me/").status_code == 200
    address = f"/admin/users/user/{cashier.pk}/change/"
    assert (
        office.post(address, person(username="otieno", new_password="chai-na-mandazi-31")).status_code == 302
    )
    assert device.get("/api/auth/me/").status_code == 401
    assert not AuthToken.objects.filter(user=cashier).exists()
    refused = office.post(
        f"/admin/users/user/{admin.pk}/change/", person(username="amina", role="cashier"), follow=True
    )
    assert b"This is the last active administrator" in refused.content
    assert User.objects.get(pk=admin.pk).is_admin
    assert office.post(f"/admin/users/user/{cashier.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_database_that_is_away_is_told_as_such(office: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The back office says so, as the API does."""
    office.raise_request_exception = False

    def away(run: Any, *rest: Any) -> Any:
        raise OperationalError("server closed the connection unexpectedly")

    with connection.execute_wrapper(away):
        for page in ("/admin/", "/admin/sales/sale/"):
            answer = office.get(page)
            assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "busy", "1"), (
                page
            )
