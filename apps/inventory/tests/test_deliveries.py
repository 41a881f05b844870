"""A delivery in one call: all of its rows or none, each with its product's cost."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.core import money
from apps.core.models import IdempotencyKey
from apps.inventory.models import Movement
from apps.products.models import Product, StockLevel
from tests.ledger import assert_ledgers_agree

pytestmark = pytest.mark.django_db
URL = "/api/inventory/movements/bulk/"
MOVEMENTS = "/api/inventory/movements/"
HEADER = "barcode,quantity,unit_cost"
MILK, BREAD = "6161100490000", "012345678905"
Shelf = Callable[..., Product]


@pytest.fixture
def goods(shelf: Shelf) -> dict[str, Product]:
    return {
        "milk": shelf("Milk", stock=10, barcode=MILK, sku="MILK", cost_price=Decimal("50.00")),
        "bread": shelf("Bread", stock=0, barcode=BREAD, sku="BREAD", cost_price=Decimal("40.00")),
        "tea": shelf("Tea", stock=5, sku="TEA", cost_price=Decimal("250.00")),
    }


def send(client: APIClient, body: str | bytes, query: str = "", **headers: str) -> Any:
    content = body if isinstance(body, bytes) else body.encode()
    return client.generic("POST", URL + query, content, content_type="text/csv", headers=headers)


def books() -> tuple[Any, ...]:
    """Everything that a delivery may change."""
    products = Product.objects.order_by("id").values_list("sku", "cost_price", "stock_level__quantity")
    return list(products), Movement.objects.count(), IdempotencyKey.objects.count()


def refusal(client: APIClient, answer: Any, before: Any) -> Any:
    assert answer.status_code == 400, answer.content
    assert books() == before
    return answer.json()


def test_a_file(as_admin: APIClient, goods: dict[str, Product], admin: Any) -> None:
    text = f"{HEADER}\n{MILK},10,60.00\n{BREAD},2.5,\n{MILK},1,71\n"
    answer = send(as_admin, text, "?reference_number=GRN-7&notes=Two+crates")
    assert answer.status_code == 201
    told = answer.json()
    rows = told.pop("movements")
    assert told == {
        "count": 3,
        "products": 2,
        "total_quantity": 13.5,
        "total_cost": "671.00",
        "reference_number": "GRN-7",
    }
    shown = [(row["product_name"], row["quantity"], row["stock_before"], row["stock_after"]) for row in rows]
    assert shown == [("Milk", 10, 10, 20), ("Bread", 2.5, 0, 2.5), ("Milk", 1, 20, 21)]
    assert [row["unit_cost"] for row in rows] == ["60.00", None, "71.00"]
    for row in rows:
        assert (row["movement_type"], row["notes"], row["created_by_name"]) == (
            "purchase",
            "Two crates",
            "Amina Admin",
        )
        assert as_admin.get(f"{MOVEMENTS}{row['id']}/").json() == row
    # (10 x 50 + 10 x 60) / 20 = 55, (20 x 55 + 71) / 21 = 55.76
    assert books()[0] == [
        ("MILK", Decimal("55.76"), 21),
        ("BREAD", Decimal("40.00"), Decimal("2.500")),
        ("TEA", 250, 5),
    ]
    found = as_admin.get(f"{MOVEMENTS}?reference_number=GRN-7").json()["results"]
    assert found == rows[::-1]
    assert as_admin.get(f"{MOVEMENTS}?reference_number=GRN").json()["results"] == []
    assert_ledgers_agree()


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeffBarcode;Name;Quantity;Unit_Cost\r\n{MILK};Milk;3;52.00\r\n",
        f'quantity,unit_cost,barcode\n"3","52.00","{MILK}"',
        f"{HEADER},sku\r{MILK},3,52,MILK\r\r,,,\r",
        "sku,quantity,unit_cost\n MILK , 3 , 52.0 \n",
        # As the till's scanner might read it.
        f"{HEADER}\n0{MILK},3,52.00\n",
    ],
    ids=["semicolons", "quoted", "old ends of lines", "by SKU", "GTIN-14"],
)
def test_forms_of_one_file(as_admin: APIClient, goods: dict[str, Product], text: str) -> None:
    answer = send(as_admin, text)
    assert answer.status_code == 201, answer.content
    [row] = answer.json()["movements"]
    assert (row["product"], row["quantity"], row["unit_cost"]) == (goods["milk"].pk, 3, "52.00")


def test_other_ways_to_send_it(as_admin: APIClient, goods: dict[str, Product]) -> None:
    text, fields = f"{HEADER}\n{MILK},3,52.00\n", {"reference_number": "GRN-8", "notes": "n"}
    upload = SimpleUploadedFile("delivery.csv", text.encode())
    rows = [{"barcode": MILK, "quantity": 3, "unit_cost": "52.00"}]
    answers = [
        as_admin.post(URL, {"file": upload, **fields}, format="multipart"),
        as_admin.post(URL, {"csv": text, **fields}),
        as_admin.post(URL, {"rows": rows, **fields}),
        as_admin.post(URL, {"rows": [{"sku": "MILK", "barcode": None, "quantity": "3"}], **fields}),
    ]
    for answer in answers:
        told = answer.json()
        assert (answer.status_code, told["count"], told["reference_number"]) == (201, 1, "GRN-8")
        assert (told["movements"][0]["product_name"], told["movements"][0]["notes"]) == ("Milk", "n")
    assert StockLevel.objects.get(pk=goods["milk"].pk).quantity == 22


def test_elsewhere_files_are_not_taken(as_admin: APIClient, goods: dict[str, Product]) -> None:
    for address in (MOVEMENTS, "/api/sales/sales/"):
        answer = as_admin.generic("POST", address, b"a,b\n", content_type="text/csv")
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert as_admin.post(MOVEMENTS, {"a": "b"}, format="multipart").status_code == 415
    assert as_admin.generic("POST", URL, b"a", content_type="text/plain").status_code == 415


def test_every_bad_row_is_named(as_admin: APIClient, goods: dict[str, Product], shelf: Shelf) -> None:
    shelf("Old", sku="OLD", barcode="96385074", is_active=False)
    before = books()
    number = "A number in plain digits is needed, for example 1250.00."
    lines = {
        f"{MILK},3,52.00,": None,
        "5449000000996,1,,": {"barcode": ["There is no product with this barcode."]},
        ",1,,NONE": {"sku": ["There is no product with this SKU."]},
        f"{MILK},1,,TEA": {"sku": ["The barcode belongs to a product with another SKU."]},
        "96385074,1,,": {"barcode": ["Old is not sold any more. Activate it, then book its delivery."]},
        ",1,,": {"barcode": ["Name the product by its barcode or its SKU."]},
        f'{MILK},"1,5",,': {"quantity": [number]},
        f"{MILK},1e3,,": {"quantity": [number]},
        f"{MILK},1.2345,,": {"quantity": ["At most 3 decimals are allowed."]},
        f"{MILK},0,,": {"quantity": ["Must be at least 0.001."]},
        f"{MILK},-3,1.005,": {
            "quantity": ["Must be at least 0.001."],
            "unit_cost": ["At most 2 decimals are allowed."],
        },
        f"{MILK},1000001,,": {"quantity": ["Must be at most 1000000."]},
        f"{MILK},,,": {"quantity": ["This field is required."]},
        f"{MILK},1,x,": {"unit_cost": [number]},
        f"{MILK},1": {"non_field_errors": ["2 columns instead of 4."]},
        f"{'9' * 65},1,,": {"barcode": ["Ensure this field has no more than 64 characters."]},
        f'"{MILK}\n",1,,NONE': {"sku": ["The barcode belongs to a product with another SKU."]},
        f"{MILK},x,,": {"quantity": [number]},
    }
    told = refusal(as_admin, send(as_admin, "\n".join([f"{HEADER},sku", *lines])), before)
    wrong = [mistake for mistake in lines.values() if mistake]
    # The last but one takes two lines.
    numbers = [*range(3, 19), 20]
    assert told == {"rows": dict(zip(map(str, numbers), wrong, strict=True))}
    rows = [{"barcode": MILK, "quantity": 1}, {"barcode": MILK, "quantity": "", "unit_cost": ""}, 7]
    told = refusal(as_admin, as_admin.post(URL, {"rows": rows}), before)
    assert told == {
        "rows": {
            "1": {"quantity": [number], "unit_cost": [number]},
            "2": {"non_field_errors": ["Invalid data. Expected a dictionary, but got int."]},
        }
    }


NO_FILES: dict[str, tuple[str | bytes, dict[str, list[str]]]] = {
    "empty": (
        "\ufeff",
        {
            "csv": [
                "The file cannot be read: the first line must name the columns, separated by commas; "
                "missing: quantity."
            ]
        },
    ),
    "no name of a product": (
        "quantity\n1",
        {"csv": ["The file cannot be read: the first line must name a column barcode or sku."]},
    ),
    "a column twice": (
        "sku,quantity,SKU\nMILK,1,MILK",
        {"csv": ["The file cannot be read: the first line names a column twice: sku."]},
    ),
    "no rows": (f"{HEADER}\n,,\n\n", {"rows": ["There is no row in the delivery."]}),
    "too many rows": (
        HEADER + f"\n{MILK},1," * 10_001,
        {"rows": ["At most 10,000 rows are taken at once. Split the delivery."]},
    ),
    "not UTF-8": (
        f"{HEADER}\n{MILK},1,\n".encode() + b"caf\xe9,1,\n",
        {"csv": ["Line 3 is not UTF-8 text. Save the file as CSV in UTF-8."]},
    ),
    "UTF-16": (
        f"{HEADER}\n".encode("utf-16"),
        {"csv": ["Line 1 is not UTF-8 text. Save the file as CSV in UTF-8."]},
    ),
    "NUL": (f"{HEADER}\n{MILK}\0,1,", {"csv": ["Line 2 contains the NUL character."]}),
    "open quote": (
        f'{HEADER}\n{MILK},1,\n"{MILK},1,',
        {"csv": ["The file cannot be read: line 3 is not valid CSV (unexpected end of data)."]},
    ),
}


@pytest.mark.parametrize("case", NO_FILES)
def test_files_that_are_none(as_admin: APIClient, goods: dict[str, Product], case: str) -> None:
    content, told = NO_FILES[case]
    before = books()
    assert refusal(as_admin, send(as_admin, content, **{"Idempotency-Key": "k"}), before) == told
    upload = SimpleUploadedFile("delivery.csv", content if isinstance(content, bytes) else content.encode())
    answer = as_admin.post(URL, {"file": upload}, format="multipart")
    if case != "empty":
        assert refusal(as_admin, answer, before) == told


def test_bodies_that_are_no_delivery(as_admin: APIClient, goods: dict[str, Product]) -> None:
    before, either = books(), {"rows": ["Send either `rows` or a CSV file."]}
    row = {"barcode": MILK, "quantity": 1}
    cases: list[tuple[Any, dict[str, list[str]]]] = [
        ({}, either),
        ({"rows": [row], "csv": f"{HEADER}\n"}, either),
        ({"rows": []}, {"rows": ["There is no row in the delivery."]}),
        ({"rows": row}, {"rows": ["A list of rows is needed."]}),
        ({"rows": None}, {"rows": ["This field may not be null."]}),
        ({"rows": [row], "notes": "x" * 501}, {"notes": ["Ensure this field has no more than 500 characters."]}),
        ({"rows": [row] * 10_001}, {"rows": ["At most 10,000 rows are taken at once. Split the delivery."]}),
    ]  # fmt: skip
    for body, told in cases:
        assert refusal(as_admin, as_admin.post(URL, body), before) == told
    assert refusal(as_admin, send(as_admin, ""), before) == either
    missing = as_admin.post(URL, {"reference_number": "x"}, format="multipart")
    assert refusal(as_admin, missing, before) == {
        "file": ["The file is missing: send it as the part `file`."]
    }
    large = f"{HEADER}\n".encode() + b"x" * 2_500_000
    upload = SimpleUploadedFile("delivery.csv", large)
    for answer in (send(as_admin, large), as_admin.post(URL, {"file": upload}, format="multipart")):
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_the_largest_stock(as_admin: APIClient, goods: dict[str, Product]) -> None:
    milk = goods["milk"].pk
    room = money.MAX_STOCK - 10
    for _ in range(999):
        room -= 1_000_000
    rows = [{"sku": "MILK", "quantity": 1_000_000}] * 999 + [{"sku": "MILK", "quantity": str(room)}]
    assert as_admin.post(URL, {"rows": rows}).json()["movements"][-1]["stock_after"] == 999999999.999
    before = books()
    rows = [{"sku": "TEA", "quantity": 1}, {"sku": "MILK", "quantity": 0.001}]
    told = refusal(as_admin, as_admin.post(URL, {"rows": rows}), before)
    most = "With this there would be more than 999999999.999 in stock."
    assert told == {"rows": {"1": {"quantity": [most]}}}
    assert StockLevel.objects.get(pk=milk).quantity == money.MAX_STOCK


def test_only_administrators_receive(
    as_cashier: APIClient, as_nobody: APIClient, goods: dict[str, Product]
) -> None:
    before, text = books(), f"{HEADER}\n{MILK},3,52.00\n"
    assert send(as_nobody, text).status_code == 401
    assert send(as_cashier, text).status_code == 403
    assert as_cashier.get(URL).status_code == 403
    assert books() == before


def test_one_key_one_delivery(as_admin: APIClient, goods: dict[str, Product]) -> None:
    text, key = f"{HEADER}\n{MILK},3,52.00\n", {"Idempotency-Key": "k"}
    first, again = (send(as_admin, text, "?reference_number=G1", **key) for _ in range(2))
    assert (first.status_code, again.status_code, again["Idempotent-Replayed"]) == (201, 201, "true")
    assert first.content == again.content
    for other in (send(as_admin, text.replace("3,52", "4,52"), "?reference_number=G1", **key),
                  send(as_admin, text, "?reference_number=G2", **key)):  # fmt: skip
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    # As a form and as JSON it is the same delivery.
    upload = SimpleUploadedFile("delivery.csv", text.encode())
    form = {"file": upload, "reference_number": "G1"}
    for answer in (
        as_admin.post(URL, form, format="multipart", headers=key),
        as_admin.post(URL, {"csv": text, "reference_number": "G1"}, headers=key),
    ):
        assert answer.content == first.content
    upload = SimpleUploadedFile("delivery.csv", b"barcode,quantity\n1,1\n")
    assert as_admin.post(URL, {"file": upload}, format="multipart", headers=key).status_code == 422
    assert StockLevel.objects.get(pk=goods["milk"].pk).quantity == 13


def test_cost_moves_as_by_single_movements(as_admin: APIClient, shelf: Shelf) -> None:
    """The same rows, one by one and together, in the same order: the same costs to the cent."""
    rows = [
        (n % 3, f"{1 + (n * 37) % 90}.{n % 8}25", f"{10 + (n * 53) % 400}.{(n * 29) % 100:02}")
        for n in range(40)
    ]
    together = [shelf(f"A{n}", stock=3, sku=f"A{n}", cost_price=Decimal("33.33")) for n in range(3)]
    single = [shelf(f"B{n}", stock=3, sku=f"B{n}", cost_price=Decimal("33.33")) for n in range(3)]
    for number, quantity, cost in rows:
        body = {"product": single[number].pk, "movement_type": "purchase", "quantity": quantity}
        assert as_admin.post(MOVEMENTS, {**body, "unit_cost": cost}).status_code == 201
    lines = [f"A{number},{quantity},{cost}" for number, quantity, cost in rows]
    assert send(as_admin, "\n".join(["sku,quantity,unit_cost", *lines])).status_code == 201
    for one, other in zip(together, single, strict=True):
        one.refresh_from_db()
        other.refresh_from_db()
        assert one.cost_price == other.cost_price != Decimal("33.33")
        chains = [
            Movement.objects.filter(product=product).order_by("id").values_list("stock_after", "unit_cost")
            for product in (one, other)
        ]
        assert list(chains[0]) == list(chains[1])
    assert_ledgers_agree()


def test_the_same_statements_however_many_rows(as_admin: APIClient, shelf: Shelf) -> None:
    for n in range(60):
        shelf(f"P{n}", stock=1, sku=f"P{n}")
    counts = []
    for rows in (1, 60, 600):
        body = {"rows": [{"sku": f"P{n % 60}", "quantity": 1, "unit_cost": "2.00"} for n in range(rows)]}
        with CaptureQueriesContext(connection) as captured:
            answer = as_admin.post(URL, body)
        assert answer.json()["count"] == rows
        counts.append(len(captured))
    # The token and a savepoint; products, stock, levels with alerts, movements, costs.
    assert counts == [8, 8, 8]
    assert json.loads(answer.content)["movements"][-1]["stock_after"] == 12
    assert_ledgers_agree()
