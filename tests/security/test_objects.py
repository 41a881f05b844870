"""Other people's records, and fields that nobody may set (S2, S3)."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import models, transaction
from rest_framework.test import APIClient

from apps.core.models import IdempotencyKey
from apps.sales.models import Sale
from apps.users.models import User
from conftest import client_of
from tests.contract.routes import Route, all_routes
from tests.contract.world import BODYLESS, Shop
from tests.figures import show
from tests.security.doors import Doors

pytestmark = pytest.mark.django_db
SALES = "/api/sales/sales/"
ROUTES = [route for route in all_routes() if not route.is_webhook]
LISTS = [route for route in ROUTES if "GET" in route.methods and not route.has_value]


# --- Other people's records (S2) ------------------------------------------------------------------------------


def keys_and_texts(value: Any) -> Iterator[str]:
    """Every name and every text of a JSON document."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from keys_and_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_and_texts(inner)
    elif isinstance(value, str):
        yield value


def test_no_list_shows_a_cashier_what_another_one_sold(shop: Shop, doors: Doors) -> None:
    """Also when asked for it by name: filters narrow down, they do not open."""
    owner, sale = shop.people["cashier"], Sale.objects.get(pk=shop.sale)
    queries = (
        "",
        f"?cashier={owner.pk}",
        f"?sale={sale.pk}",
        f"?sale={shop.paying}",
        f"?payment={shop.cash}",
        f"?search={sale.sale_number}",
        "?search=Ann",
        "?ordering=cashier",
        f"?cashier={owner.pk}&cashier={shop.stranger.pk}",
        "?export=csv",
    )
    client, asked = client_of(shop.stranger), 0
    secrets = {*Sale.objects.filter(cashier=owner).values_list("sale_number", flat=True), "Ann"}
    for route in [r for r in LISTS if r.name.partition("-")[0] in ("sale", "payment", "refund", "dashboard")]:
        for query in queries:
            answer = client.get(f"{shop.path(route)}{query}")
            assert answer.status_code in (200, 400), (route, query)
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            assert not [text for text in secrets if text.encode() in body], (route, query)
            if answer.status_code == 200 and b'"results"' in body:
                assert json.loads(body)["results"] == [], (route, query)
            asked += 1
    assert asked >= 50
    show("S2", "lists and filters aimed at another cashier's sales", f"{asked} requests", "0 rows, 0 names")


def test_cashiers_are_shown_no_costs(shop: Shop) -> None:
    client, seen = client_of(shop.people["cashier"]), 0
    for route in ROUTES:
        if "GET" not in route.methods:
            continue
        answer = client.get(shop.path(route))
        if answer.status_code == 200 and answer.headers["Content-Type"] == "application/json":
            names = set(keys_and_texts(answer.json()))
            assert not {"cost_price", "stock_value", "gross_profit", "total_cost"} & names, route
            seen += 1
        elif answer.status_code == 200:  # a receipt
            assert b"cost" not in answer.content.lower(), route
    assert seen > 20
    assert "cost_price" in set(keys_and_texts(client_of(shop.people["admin"]).get("/api/products/").json()))


def test_a_key_replays_only_to_who_used_it(shop: Shop) -> None:
    """The same key, path and body from somebody else is another request."""
    body = {"items": [{"product": shop.milk.pk, "quantity": 1}], "customer_name": "Njeri"}
    with transaction.atomic():
        answers = [
            client_of(user).post(SALES, body, headers={"Idempotency-Key": "till-1-0001"})
            for user in (shop.people["cashier"], shop.stranger, shop.people["admin"])
        ]
        assert [answer.status_code for answer in answers] == [201] * 3
        assert len({answer.json()["id"] for answer in answers}) == 3
        assert not any("Idempotent-Replayed" in answer for answer in answers)
        cancel = f"{SALES}{answers[0].json()['id']}/cancel/"
        key = {"Idempotency-Key": "till-1-0002"}
        assert client_of(shop.people["cashier"]).post(cancel, headers=key).status_code == 200
        foreign = client_of(shop.stranger).post(cancel, headers=key)
        assert (foreign.status_code, foreign.json()["code"]) == (404, "sale_not_found")
        assert IdempotencyKey.objects.filter(key="till-1-0002").count() == 1
        transaction.set_rollback(True)
    show("S2", "another person's Idempotency-Key", "3 people, one key", "3 sales of their own, 0 replays")


# --- Fields that nobody may set (S3) --------------------------------------------------------------------------

PRIVILEGES: dict[str, Any] = {
    "role": "admin", "is_staff": True, "is_superuser": True, "user_permissions": [1], "groups": [1],
    "price": "0.01", "unit_price": "0.01", "total": "0.01", "subtotal": "0.01", "tax": "0.00",
    "amount_due": "0.00", "change": "9999.00", "paid": True, "is_paid": True, "created_by": 1, "cashier": 1,
    "user": 1, "stock": 9999, "settled": True, "approved": True, "pk": 1, "id": 1, "stock_level": {"quantity": 9},
    "__class__": {}, "_state": {}, "*": True,
}  # fmt: skip
# What differs between two runs of the same request.
RANDOM = {
    "number", "password", "stamp", "token_hash", "transaction_reference", "refund_reference", "key", "digest",
    "token_key",
}  # fmt: skip


# Numbers of sales and counts come from a sequence, which no rollback turns back.
NUMBERED = re.compile(r"\b(SALE-[0-9]+-|COUNT-[0-9]+-|sale:)[0-9]+")


def hostile() -> dict[str, Any]:
    """Every column of every table of ours, with a value that would show."""
    found = dict(PRIVILEGES)
    for model in ours():
        for field in model._meta.concrete_fields:
            for name in {field.name, field.attname}:
                found.setdefault(name, _value(field))
    return found


def ours() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model.__module__.startswith("apps.")]


def _value(field: Any) -> Any:
    if isinstance(field, models.BooleanField):
        return not field.default
    if isinstance(field, models.DecimalField):
        return "0.01"
    if isinstance(field, models.IntegerField | models.ForeignKey | models.AutoField):
        return 1
    if isinstance(field, models.DateTimeField | models.DateField):
        return "2001-01-01T00:00:00Z"
    return [choice for choice, _ in field.choices][-1] if field.choices else "hostile"


def rows(first_new: dict[type[models.Model], int]) -> list[tuple[str, ...]]:
    """What stands in all tables, but for ids of new rows, moments and random references."""
    found = []
    for model in ours():
        for row in model._default_manager.values():
            shown = [
                f"{field.attname}={_shown(field, row[field.attname], first_new)}"
                for field in model._meta.concrete_fields
                if field.attname not in RANDOM and not isinstance(field, models.DateTimeField)
            ]
            found.append((model._meta.label, *shown))
    return sorted(found)


def _shown(field: Any, value: Any, first_new: dict[type[models.Model], int]) -> Any:
    model = field.related_model if isinstance(field, models.ForeignKey) else field.model
    is_id = isinstance(field, models.ForeignKey | models.AutoField)
    if isinstance(value, memoryview):
        value = bytes(value)
    if isinstance(value, str):
        value = NUMBERED.sub(r"\1new", value)
    return "new" if is_id and value is not None and value >= first_new.get(model, 2**62) else value


def first_ids() -> dict[type[models.Model], int]:
    """The ids that are still to be given, by table."""
    numbered = [model for model in ours() if isinstance(model._meta.pk, models.AutoField)]
    return {
        model: (model._default_manager.order_by("-pk").values_list("pk", flat=True).first() or 0) + 1
        for model in numbered
    }


def after(
    client: APIClient, method: str, path: str, body: Any, first_new: Any
) -> tuple[Any, list[tuple[str, ...]]]:
    """The answer, and the tables as it left them; then undone."""
    with transaction.atomic():
        answer = getattr(client, method.lower())(path, body)
        left = rows(first_new)
        transaction.set_rollback(True)
    return answer, left


def with_extras(body: dict[str, Any], extras: dict[str, Any], answer: Any = None) -> dict[str, Any]:
    """The body and whatever may be smuggled into it and its first line; without what `answer` has refused."""
    refused = answer.json() if answer is not None else {}
    lines = refused.get("items", {})
    inner = lines.get("0", {}) if isinstance(lines, dict) else {}
    merged = {**{name: value for name, value in extras.items() if name not in refused}, **body}
    if isinstance(body.get("items"), list):
        line = body["items"][0]
        merged["items"] = [{**{k: v for k, v in extras.items() if k not in inner}, **line}]
    return merged


WRITING = [
    pytest.param(route, method, id=f"{method} {route}")
    for route in ROUTES
    for method in route.methods
    if method in ("POST", "PUT", "PATCH") and route.name not in (*BODYLESS, "login", "password")
]


@pytest.mark.parametrize(("route", "method"), WRITING)
def test_no_column_can_be_smuggled_in(shop: Shop, route: Route, method: str) -> None:
    """With all columns of all tables beside it, a sound body does exactly what it does alone."""
    body = shop.body(route) or {}
    declared = {"product", "barcode", "sku", "stock", "csv", "rows", "blind", "in_cash", "outcome", *body}
    extras = {name: value for name, value in hostile().items() if name not in declared}
    client, path, first_new = client_of(shop.people["admin"]), shop.path(route), first_ids()
    alone, expected = after(client, method, path, body, first_new)
    assert alone.status_code < 300, alone.content

    answer, left = after(client, method, path, with_extras(body, extras), first_new)
    if answer.status_code == 400:  # all unknown fields were named; the others must still do nothing
        assert left == rows(first_new)
        answer, left = after(client, method, path, with_extras(body, extras, answer), first_new)

    assert answer.status_code == alone.status_code
    assert left == expected
    TRIED.append(len(extras))
    if len(TRIED) == len(WRITING):
        show(
            "S3", "columns of all tables sent along", f"{sum(TRIED):,} fields to {len(TRIED)} forms", "0 set"
        )


TRIED: list[int] = []


def test_control_a_smuggled_column_is_seen(shop: Shop) -> None:
    first_new = first_ids()
    before = rows(first_new)
    with transaction.atomic():
        User.objects.filter(pk=shop.stranger.pk).update(role="admin")
        assert rows(first_new) != before
        transaction.set_rollback(True)
