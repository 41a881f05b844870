"""A shop with many tills: what the races are run with."""

from decimal import Decimal
from functools import cache
from typing import Any
from uuid import uuid4

from django.core.handlers.base import BaseHandler
from django.db import transaction
from django.http import HttpResponse
from rest_framework.test import APIClient

from apps.products.models import Product, StockLevel
from apps.users.models import User
from conftest import client_of, stock_product
from tests.concurrency.racing import outcome

SALES = "/api/sales/sales/"
PAYMENTS = "/api/payments/payments/"
MOVEMENTS = "/api/inventory/movements/"
PRICE = "116.00"
# So often a till comes back at the most.
MOST = 100


def put_on_shelf(name: str = "Milk", stock: int = 10, **fields: Any) -> Product:
    """A product of 116.00 in a transaction of its own; these tests run in none."""
    with transaction.atomic():
        return stock_product(name, PRICE, stock, **fields)


def tills(user: User | None, count: int) -> list[APIClient]:
    """So many devices on which the same person is signed in, or nobody."""
    devices = [client_of(user) for _ in range(count)]
    for device in devices:
        device.handler = _server()
    return devices


@cache
def _server() -> BaseHandler:
    """The one server that all talk to; a client left alone builds one of its own, which takes longer than a sale."""
    server = APIClient().handler
    server.load_middleware()
    return server


def stock_of(product: Product) -> Decimal:
    return StockLevel.objects.get(pk=product.pk).quantity


def basket(*products: Product, quantity: int = 1, **fields: Any) -> dict[str, Any]:
    """A sale of `quantity` of each product, in the given order."""
    return {"items": [{"product": product.pk, "quantity": quantity} for product in products], **fields}


def sell(till: APIClient, body: dict[str, Any], key: str | None = None) -> HttpResponse:
    return till.post(SALES, body, headers={"Idempotency-Key": key} if key else {})


def sell_at_last(till: APIClient, body: dict[str, Any]) -> list[HttpResponse]:
    """As tills do it: while the shop is busy they come back with the same key. All answers, the last one final."""
    key, answers = str(uuid4()), list[HttpResponse]()
    while not answers or outcome(answers[-1]) == (503, "busy"):
        assert len(answers) < MOST, "the shop stays busy"
        answers.append(sell(till, body, key))
    return answers


def pending_sale(till: APIClient, product: Product) -> int:
    """The id of a sale whose goods are taken and that nobody has paid."""
    answer = sell(till, basket(product))
    assert answer.status_code == 201
    return int(answer.json()["id"])


def cancel(till: APIClient, sale_id: int) -> HttpResponse:
    return till.post(f"{SALES}{sale_id}/cancel/")


def pay(till: APIClient, sale_id: int, amount: str = PRICE) -> HttpResponse:
    return till.post(f"{PAYMENTS}initiate/", {"sale": sale_id, "method": "cash", "amount": amount})


def purchase(till: APIClient, product: Product, quantity: int, unit_cost: str) -> HttpResponse:
    body = {
        "product": product.pk,
        "movement_type": "purchase",
        "quantity": quantity,
        "unit_cost": unit_cost,
    }
    return till.post(MOVEMENTS, body)
