"""B8: what is too large is refused with a sentence, and what is allowed takes no more memory the larger it is."""

import tracemalloc
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.products.models import Product
from apps.reports.exporting import Column, Kind, ReportFile, Table
from apps.sales.models import Sale
from tests.figures import form, show
from tests.ledger import assert_ledgers_agree

pytestmark = pytest.mark.django_db
Shelf = Callable[..., Product]
SALES = "/api/sales/sales/"
ROWS = {"csv": 100_000, "xlsx": form(20_000, 100_000)}
FLAT = 25_000_000


@pytest.mark.parametrize(
    ("address", "limit"),
    [(SALES, 2_500_000), ("/api/payments/webhooks/mpesa/callback/", 262_144)],
    ids=["API", "webhook"],
)
def test_bodies(as_cashier: APIClient, address: str, limit: int) -> None:
    for size, refused in ((limit, False), (limit + 1, True), (4 * limit, True)):
        body = b'{"a": "' + b"x" * (size - 9) + b'"}'
        assert len(body) == size
        answer = as_cashier.generic("POST", address, body, content_type="application/json")
        assert (answer.status_code == 413) == refused, answer.content
        assert not refused or answer.json()["code"] == "too_large"
    show("B8", "a body one byte too large", f"{address}: {limit:,} bytes", "413, one byte less is read")


def test_lines_of_a_sale(as_cashier: APIClient, shelf: Shelf) -> None:
    milk = shelf("Milk", "1.00", stock=1_000)
    line = {"product": milk.pk, "quantity": 1}
    many = as_cashier.post(SALES, {"items": [line] * 201})
    assert (many.status_code, list(many.json())) == (400, ["items"])
    assert not Sale.objects.exists()
    most = as_cashier.post(SALES, {"items": [line] * 200})
    assert (most.status_code, most.json()["total"]) == (201, "200.00")
    assert_ledgers_agree()
    show("B8", "lines of a sale", "201 and 200", "400, and a sale of 200.00")


def test_quantities(as_cashier: APIClient, as_admin: APIClient, shelf: Shelf) -> None:
    salt = shelf("Salt", "1.00", stock=2_000_000)
    refused = [1_000_000.001, "1000000.001", 10**7, "9" * 400, 0, "-0", -1, 0.0001]
    for quantity in refused:
        answer = as_cashier.post(SALES, {"items": [{"product": salt.pk, "quantity": quantity}]})
        assert answer.status_code == 400, (quantity, answer.content)
        # A purchase adds, whatever its sign.
        moved = {"product": salt.pk, "movement_type": "purchase", "quantity": quantity}
        status = as_admin.post("/api/inventory/movements/", moved).status_code
        assert status == (201 if quantity == -1 else 400), quantity
    assert not Sale.objects.exists()
    assert as_cashier.post(SALES, {"items": [{"product": salt.pk, "quantity": 10**6}]}).status_code == 201
    assert_ledgers_agree()
    show("B8", "quantities that are none, too fine or above 1,000,000", f"{2 * len(refused)} requests", "400")


def test_pages(as_admin: APIClient, shelf: Shelf) -> None:
    for _ in range(205):
        shelf()
    sizes = {"200": 200, "201": 200, "100000": 200, "9" * 30: 200, "0": 50, "-1": 50, "x": 50, "": 50, "3": 3}
    for address in ("/api/products/", "/api/inventory/movements/"):
        for asked, rows in sizes.items():
            answer = as_admin.get(f"{address}?page_size={asked}")
            assert (answer.status_code, len(answer.json()["results"])) == (200, rows), (address, asked)
    show("B8", "sizes of a page", f"{2 * len(sizes)} requests", "at most 200 rows")


def rows(number: int) -> Iterator[list[Any]]:
    for index in range(number):
        yield [f"Milk {index}", index, Decimal("-2.50"), date(2026, 11, 22)]


@pytest.mark.long_form
@pytest.mark.parametrize("kind", ROWS)
def test_a_long_file_takes_no_more_memory_than_a_short_one(kind: str) -> None:
    columns = [
        Column("name", Kind.TEXT),
        Column("id", Kind.ID),
        Column("sum", Kind.MONEY),
        Column("day", Kind.DATE),
    ]
    table = Table("things", columns, rows(ROWS[kind]), size=ROWS[kind])
    tracemalloc.start()
    try:
        answer = ReportFile(kind, [table]).answer("x")
        size = sum(map(len, answer.streaming_content))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < FLAT
    show(
        "B8",
        f"a {kind} file",
        f"{ROWS[kind]:,} rows, {size:,} bytes",
        f"{peak / 1e6:.1f} MB of memory at most",
    )


def test_the_control_a_file_that_is_held_in_memory_is_noticed() -> None:
    tracemalloc.start()
    try:
        held = list(rows(100_000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(held) == 100_000
    assert peak > FLAT
