"""No field in which a person may type takes a card number (S23)."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from apps.core import card_numbers
from apps.core.card_numbers import card_number_in
from apps.products.models import Product
from payments import redaction
from tests.contract.routes import Route, all_routes
from tests.contract.world import BODYLESS, FOR_CASHIERS, Shop
from tests.figures import show

CARDS = [
    "4111111111111111",
    "4222222222222",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "30569309025904",
    "3530111333300000",
    "6011111111111117",
    "6205500000000000004",
    "5060990580000217499",
]
WRITTEN = [
    *CARDS,
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "4111.1111.1111.1111",
    "4111/1111/1111/1111",
    "4111 - 1111 - 1111 - 1111",
    "4111\u00a01111\u00a01111\u00a01111",
    "4111–1111–1111–1111",
    "４１１１１１１１１１１１１１１１",
    "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    "41 11 11 11 11 11 11 11",
    "3782 822463 10005",
    "card: 4111111111111111.",
    "4111 1111 1111 1111 exp 12/27",
    "4111 1111 1111 1111 12/27 123",
    "paid 250 with 5555 5555 5555 4444",
    "(4111111111111111)",
    "%B4111111111111111^DOE/JOHN^27121010000000000000?",  # a reader of cards types this
    ";4111111111111111=27121010000000000000?",
    "visa4111111111111111",
    "4111 1111 1111 1111exp",
    "4111 1111 1111 1111CVV123",
    "4111\n1111\n1111\n1111",
    "4111*1111*1111*1111",
    "4111|1111|1111|1111",
    "4111+1111+1111+1111",
    "(4111) 1111 1111 1111",
    "4111\u200b1111\u200b1111\u200b1111",
    "4111\u2022\u20221111\u2022\u20221111\u2022\u20221111",
    "\u0664\u0661\u0661\u0661" + "\u0661" * 12,  # Arabic-Indic digits
]
# Found in shops every day.
HARMLESS = [
    "4111111111111112",  # the check digit is wrong
    "0712345678 0723456789",
    "+254 712 345 678, 0733 123 456",
    "254712345678 254723456789",
    "6161100490019",  # a Kenyan EAN-13
    "FT26326K7Q2",
    "SGH7XK21PQ",
    "29115-34620561-1",
    "ws_CO_22112026191500123456",
    "2026-11-22 19:15:00 1250.00",
    "SALE-20261122-000123",
    "LPO 4500 of 2026-11-22, 1,250.00",
    "12345678901234567890123456789012345678",
    "",
]
# Names of goods, and what is kept as a hash.
CODES = {"barcode", "sku", "password", "old_password", "new_password"}
WRITING = [
    (route, method)
    for route in all_routes()
    for method in route.methods
    if method in ("POST", "PUT", "PATCH")
    and not route.is_webhook
    and route.name not in (*BODYLESS, "login", "password")
]


@pytest.mark.parametrize("text", WRITTEN)
def test_card_numbers_are_seen_however_they_are_written(text: str) -> None:
    assert card_number_in(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_card_number(text: str) -> None:
    assert not card_number_in(text)


@pytest.mark.parametrize("number", CARDS)
def test_what_the_gateways_room_blanks_is_the_same(number: str) -> None:
    """Two rooms that may not import each other know the same brands."""
    assert redaction.card_number_in(number)
    assert card_numbers._CARD.pattern == redaction._CARD.pattern


def test_a_long_text_takes_no_time() -> None:
    assert not card_number_in("1 " * 1_000_000)


def texts_of(body: dict[str, Any]) -> Iterator[str]:
    """The names under which a person may type something."""
    yield from (name for name, value in body.items() if isinstance(value, str) and name not in CODES)


def sent(shop: Shop, route: Route, method: str, name: str, value: object) -> list[str]:
    body = {**(shop.body(route) or {}), name: value}
    role = "cashier" if route.name in FOR_CASHIERS else "admin"
    return shop.send(role, method, shop.path(route), json.dumps(body), may={400})


@pytest.mark.django_db
def test_every_text_field_of_every_form_refuses_them(shop: Shop) -> None:
    fields = [(*case, name) for case in WRITING for name in texts_of(shop.body(case[0]) or {})]
    values = (CARDS[0], "4111 1111 1111 1111", f"paid with {CARDS[2]} today", int(CARDS[0]))
    wrong = [
        line
        for route, method, name in fields
        for value in values
        for line in sent(shop, route, method, name, value)
    ]
    assert wrong == []
    assert len(fields) > 70
    extent = f"{len(fields)} fields of {len(WRITING)} forms, {len(fields) * len(values)} requests"
    show("S23", "card numbers in text fields", extent, "0 taken, nothing kept")


@pytest.mark.django_db
def test_control_without_the_guard_they_would_be_kept(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card_numbers, "card_number_in", lambda text: False)
    taken = [
        (str(route), name)
        for route, method in WRITING
        for name in texts_of(shop.body(route) or {})
        if sent(shop, route, method, name, CARDS[0])
    ]
    assert len(taken) > 20
    assert {("sale-list", "customer_name"), ("user-list", "first_name"), ("count-list", "notes")} <= set(
        taken
    )
    show("S23", "control, without the guard", f"{len(taken)} fields", "kept the number")


@pytest.mark.django_db
def test_the_refusal_names_the_field(shop: Shop) -> None:
    client = shop.clients["cashier"]
    client.force_authenticate(shop.people["cashier"], shop.tokens["cashier"])
    answer = client.patch(f"/api/sales/sales/{shop.sale}/", {"notes": "Visa 4111 1111 1111 1111"})
    assert (answer.status_code, answer.json()) == (400, {"notes": [card_numbers.REFUSED]})


@pytest.mark.django_db
def test_codes_of_goods_may_look_like_one(shop: Shop) -> None:
    """A German and a Japanese EAN-13 that fit a card's check digit by chance, and a GTIN-14."""
    client = shop.clients["admin"]
    client.force_authenticate(shop.people["admin"], shop.tokens["admin"])
    with transaction.atomic():
        for code in ("4006381333931", "4901234567894", "30012345678906", "4222222222222"):
            made = client.post("/api/products/", {"name": "x", "sku": code, "barcode": code, "price": "1.00"})
            assert made.status_code == 201, made.content
            found = client.get(f"/api/products/barcode/{code}/")
            assert (found.status_code, found.json()["sku"]) == (200, code)
            sold = client.post("/api/sales/sales/", {"items": [{"barcode": code, "quantity": 1}]})
            assert sold.json()["code"] == "insufficient_stock"
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_the_back_office_refuses_them_too(shop: Shop) -> None:
    admin, category, products = shop.people["admin"], shop.category, Product.objects.count()
    office = Client()
    office.force_login(admin)
    product = {"sku": "M1", "price": "65", "cost_price": "50", "tax": "16", "low_stock_threshold": "5"}
    forms = {
        "/admin/products/product/add/": [{**product, "name": CARDS[0]}, {**product, "description": CARDS[0]}],
        f"/admin/products/category/{category.pk}/change/": [{"name": CARDS[0]}, {"description": CARDS[0]}],
        f"/admin/users/user/{admin.pk}/change/": [
            {"username": "amina", "role": "admin", "is_active": "on", name: CARDS[0]}
            for name in ("first_name", "last_name", "phone_number", "email")
        ],
    }
    for path, bodies in forms.items():
        for body in bodies:
            answer = office.post(path, {"name": "Milk", **body})
            assert (answer.status_code, card_numbers.REFUSED in answer.content.decode()) == (200, True), body
    assert Product.objects.count() == products
    assert CARDS[0] not in _everything()


def _everything() -> str:
    """All rows of the tables that people fill."""
    with connection.cursor() as cursor:
        lines = []
        for table in ("users_user", "products_product", "products_category"):
            cursor.execute(f"SELECT t::text FROM {table} t")  # noqa: S608 - names of our own
            lines += [row[0] for row in cursor.fetchall()]
    return "\n".join(lines)
