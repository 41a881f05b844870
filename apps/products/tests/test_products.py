"""The catalogue through the API."""

import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from rest_framework.test import APIClient

from apps.inventory.models import Movement
from apps.products.models import Category, Product, StockLevel

pytestmark = pytest.mark.django_db
URL = "/api/products/"
Shelf = Callable[..., Product]


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["name"] for row in answer.json()["results"]]


def test_a_product_as_it_is_shown(as_admin: APIClient, category: Category) -> None:
    body = {
        "name": "Milk",
        "category": category.pk,
        "barcode": " 6161100490000 ",
        "sku": "MILK",
        "price": 116,
        "cost_price": "80.00",
        "tax": "16",
        "stock": "12.5",
        "low_stock_threshold": 3,
    }
    answer = as_admin.post(URL, body)
    assert answer.status_code == 201
    shown = answer.json()
    assert {name: shown[name] for name in shown if name not in ("id", "created_at", "updated_at")} == {
        "name": "Milk",
        "category": category.pk,
        "category_name": "Dairy",
        "barcode": "6161100490000",
        "sku": "MILK",
        "price": "116.00",
        "cost_price": "80.00",
        "tax": "16.00",
        "stock": 12.5,
        "low_stock_threshold": 3,
        "description": "",
        "image": None,
        "is_active": True,
        "is_low_stock": False,
        "total_price": "116.00",
    }
    assert shown["created_at"].endswith("+03:00")
    opening = Movement.objects.get()
    assert (opening.quantity, opening.stock_before, opening.movement_type) == (
        Decimal("12.5"),
        0,
        "adjustment",
    )
    assert as_admin.get(f"{URL}{shown['id']}/").json() == shown


def test_total_price_adds_the_tax_where_prices_exclude_it(
    as_cashier: APIClient, shelf: Shelf, settings: Any
) -> None:
    settings.PRICES_INCLUDE_TAX = False
    milk = shelf(price="0.03")
    assert as_cashier.get(f"{URL}{milk.pk}/").json()["total_price"] == "0.03"
    bread = shelf(price="100.00")
    assert as_cashier.get(f"{URL}{bread.pk}/").json()["total_price"] == "116.00"


def test_who_may(as_admin: APIClient, as_cashier: APIClient, as_nobody: APIClient, shelf: Shelf) -> None:
    milk = shelf(cost_price=Decimal("80.00"))
    address = f"{URL}{milk.pk}/"
    assert as_admin.get(address).json()["cost_price"] == "80.00"
    assert "cost_price" not in as_cashier.get(address).json()
    assert "cost_price" not in as_cashier.get(URL).json()["results"][0]
    for client, status in ((as_cashier, 403), (as_nobody, 401)):
        assert client.post(URL, {}).status_code == status
        for call in (client.put, client.patch):
            assert call(address, {"price": "1.00"}).status_code == status
        assert client.delete(address).status_code == status
    assert as_nobody.get(URL).status_code == as_nobody.get(address).status_code == 401
    assert Product.objects.get().price == 116


@pytest.mark.parametrize("stored", ["012345678905", "0012345678905", "00012345678905"])
@pytest.mark.parametrize("scanned", ["012345678905", "0012345678905", "00012345678905"])
def test_all_forms_of_a_number_find_the_product(
    as_cashier: APIClient, shelf: Shelf, stored: str, scanned: str
) -> None:
    shelf("Cola", barcode=stored)
    answer = as_cashier.get(f"{URL}barcode/{scanned}/")
    assert (answer.status_code, answer.json().get("name")) == (200, "Cola")


def test_other_codes_match_exactly(as_cashier: APIClient, shelf: Shelf) -> None:
    shelf("Loose rice", barcode="RICE 7")
    shelf("Gone", barcode="6161100490000", is_active=False)
    assert as_cashier.get(f"{URL}barcode/RICE%207/").json()["name"] == "Loose rice"
    for code in ("rice 7", "RICE", "6161100490000", "0", "%20", "x" * 300):
        answer = as_cashier.get(f"{URL}barcode/{code}/")
        assert (answer.status_code, answer.json()["code"]) == (404, "product_not_found")


def test_a_scan_takes_two_statements(
    as_cashier: APIClient, shelf: Shelf, django_assert_max_num_queries: Any
) -> None:
    shelf(barcode="6161100490000")
    with django_assert_max_num_queries(2):
        assert as_cashier.get(f"{URL}barcode/6161100490000/").status_code == 200


def test_a_number_belongs_to_one_product(as_admin: APIClient, shelf: Shelf) -> None:
    shelf("Cola", barcode="012345678905")
    body = {"name": "Cola again", "sku": "X", "price": "1.00", "barcode": "0012345678905"}
    answer = as_admin.post(URL, body)
    assert answer.status_code == 400
    assert answer.json() == {"barcode": ["Another product has this barcode."]}
    shelf("No barcode"), shelf("None either")
    assert as_admin.post(URL, {**body, "barcode": ""}).json()["barcode"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("milk", ["Brookside Milk 500ml", "Milk-Powder, full cream"]),
        ("MIL bro", ["Brookside Milk 500ml"]),
        ("500 br", ["Brookside Milk 500ml"]),
        ("powder", ["Milk-Powder, full cream"]),
        ("ilk", []),
        ("café", ["CAFÉ du Jour"]),
        ("616110049", ["Brookside Milk 500ml"]),
        ("06161100490000", ["Brookside Milk 500ml"]),
        ("sku-2", ["Milk-Powder, full cream"]),
        ("' | !: & *", []),
        ("%", []),
        ("\\", []),
        ("milk'; drop table", []),
    ],
)
def test_search(as_cashier: APIClient, shelf: Shelf, query: str, expected: list[str]) -> None:
    shelf("Brookside Milk 500ml", barcode="6161100490000")
    shelf("Milk-Powder, full cream")
    shelf("CAFÉ du Jour")
    assert sorted(names(as_cashier.get(URL, {"search": query}))) == sorted(expected)


def test_filters_and_order(as_cashier: APIClient, shelf: Shelf, category: Category) -> None:
    shelf("A", "3.00", stock=5, low_stock_threshold=5, category=category)
    shelf("B", "1.00", stock=6, low_stock_threshold=5)
    shelf("C", "2.00", stock=0, low_stock_threshold=0, is_active=False)
    found = {
        "": ["A", "B", "C"],
        f"category={category.pk}": ["A"],
        "is_active=false": ["C"],
        "low_stock=true": ["A", "C"],
        "low_stock=false": ["B"],
        "ordering=price": ["B", "C", "A"],
        "ordering=-stock": ["B", "A", "C"],
        "ordering=-created_at": ["C", "B", "A"],
        "page_size=1&page=2": ["B"],
    }
    assert {query: names(as_cashier.get(f"{URL}?{query}")) for query in found} == found
    assert as_cashier.get(URL).json()["count"] == 3
    assert as_cashier.get(f"{URL}?ordering=cost_price").status_code == 400
    assert as_cashier.get(f"{URL}?page=9").status_code == 404


def test_low_stock_in_three_statements(
    as_cashier: APIClient, shelf: Shelf, django_assert_max_num_queries: Any
) -> None:
    for number in range(60):
        shelf(f"P{number}", stock=number % 2 * 20)
    with django_assert_max_num_queries(3):
        page = as_cashier.get(f"{URL}low_stock/").json()
    assert (page["count"], len(page["results"])) == (30, 30)
    assert {row["is_low_stock"] for row in page["results"]} == {True}


def test_stock_is_not_typed(as_admin: APIClient, shelf: Shelf) -> None:
    milk = shelf(stock=10)
    address = f"{URL}{milk.pk}/"
    shown = as_admin.get(address).json()
    assert as_admin.put(address, {**shown, "price": "120.00"}).json()["price"] == "120.00"
    assert as_admin.patch(address, {"stock": "10.000"}).status_code == 200
    refused = as_admin.patch(address, {"stock": 11})
    assert (refused.status_code, list(refused.json())) == (400, ["stock"])
    assert StockLevel.objects.get(product=milk).quantity == 10
    assert Movement.objects.count() == 1


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "name"),
    ({"name": "x" * 201}, "name"),
    ({"sku": None}, "sku"),
    ({"price": "-0.01"}, "price"),
    ({"price": "1.999"}, "price"),
    ({"price": 299.905}, "price"),
    ({"price": "1e3"}, "price"),
    ({"price": "١٢"}, "price"),
    ({"price": "1_0"}, "price"),
    ({"price": "NaN"}, "price"),
    ({"price": True}, "price"),
    ({"price": "10000000000.00"}, "price"),
    ({"tax": "100.01"}, "tax"),
    ({"stock": -1}, "stock"),
    ({"stock": "0.0001"}, "stock"),
    ({"category": 999}, "category"),
    ({"category": "x"}, "category"),
    ({"image": "http://elsewhere/x.png"}, "image"),
    ({"is_active": "perhaps"}, "is_active"),
]


@pytest.mark.parametrize(("change", "field"), REFUSED)
def test_refused_products(as_admin: APIClient, change: dict[str, Any], field: str) -> None:
    answer = as_admin.post(URL, {"name": "Milk", "sku": "M", "price": "116.00", **change})
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert not Product.objects.exists()


def test_what_javascript_blurred_is_taken_as_meant(as_admin: APIClient) -> None:
    body = '{"name": "Milk", "sku": "M", "price": 299.90000000000003, "stock": 0.30000000000000004}'
    shown = as_admin.post(URL, body, content_type="application/json").json()
    assert (shown["price"], shown["stock"]) == ("299.90", 0.3)


def test_deleting(as_admin: APIClient, shelf: Shelf) -> None:
    untouched, moved = shelf("Never moved", stock=0), shelf("Moved")
    for product in (untouched, moved):
        assert as_admin.delete(f"{URL}{product.pk}/").status_code == 204
    assert list(Product.objects.values_list("name", "is_active")) == [("Moved", False)]
    assert as_admin.delete(f"{URL}{untouched.pk}/").json()["code"] == "product_not_found"


def picture(kind: str = "PNG", size: tuple[int, int] = (8, 8)) -> SimpleUploadedFile:
    data = io.BytesIO()
    Image.new("RGB", size).save(data, kind)
    return SimpleUploadedFile("../../evil.php", data.getvalue())


def test_pictures(as_admin: APIClient, shelf: Shelf, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    address = f"{URL}{shelf().pk}/"
    shown = as_admin.patch(address, {"image": picture()}, format="multipart").json()
    assert shown["image"].startswith("http://testserver/media/products/")
    assert shown["image"].endswith(".png")
    assert as_admin.put(address, shown).json()["image"] == shown["image"]
    assert as_admin.patch(address, {"image": "http://testserver/media/other.png"}).status_code == 400
    assert as_admin.patch(address, {"image": None}).json()["image"] is None


@pytest.mark.parametrize(
    "upload",
    [
        SimpleUploadedFile("x.png", b"no picture"),
        SimpleUploadedFile("x.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        picture("GIF"),
        picture("PNG", (5001, 5001)),
        SimpleUploadedFile("x.png", b"\x89PNG\r\n\x1a\n" + b"\x00" * 5_000_001),
    ],
    ids=["text", "svg", "gif", "too many pixels", "too many bytes"],
)
def test_refused_pictures(as_admin: APIClient, shelf: Shelf, upload: SimpleUploadedFile) -> None:
    upload.seek(0)
    answer = as_admin.patch(f"{URL}{shelf().pk}/", {"image": upload}, format="multipart")
    assert (answer.status_code, list(answer.json())) == (400, ["image"])


def test_categories(as_admin: APIClient, as_cashier: APIClient, shelf: Shelf) -> None:
    url = f"{URL}categories/"
    made = as_admin.post(url, {"name": "Dairy", "description": "Cold"})
    assert made.status_code == 201
    address = f"{url}{made.json()['id']}/"
    assert as_cashier.get(address).json() == made.json()
    assert as_cashier.post(url, {"name": "X"}).status_code == 403
    assert as_admin.post(url, {"name": "Dairy"}).status_code == 400
    shelf(category=Category.objects.get())
    assert as_admin.delete(address).json()["code"] == "category_in_use"
    Product.objects.update(category=None)
    assert as_admin.delete(address).status_code == 204


def test_a_product_removed_while_it_is_changed(as_admin: APIClient, shelf: Shelf, monkeypatch: Any) -> None:
    """Between the look-up and the UPDATE another request deletes it."""
    milk = shelf(stock=0)
    kept = Product.save

    def overtaken(product: Product, *args: Any, **kwargs: Any) -> None:
        Product.objects.filter(pk=product.pk).delete()
        kept(product, *args, **kwargs)

    monkeypatch.setattr(Product, "save", overtaken)
    answer = as_admin.patch(f"/api/products/{milk.pk}/", {"name": "Mala"})
    assert (answer.status_code, answer.json()["code"]) == (404, "product_not_found")
