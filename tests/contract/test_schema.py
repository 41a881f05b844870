"""Swagger tells the truth: every route, valid, with answers that look as described and examples that work."""

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import jsonschema
import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from openapi_spec_validator import OpenAPIV2SpecValidator
from rest_framework.test import APIClient

from apps.products.models import Product
from conftest import PASSWORD
from tests.figures import show
from tests.security.matrix import matrix

pytestmark = pytest.mark.django_db
Shelf = Callable[..., Product]
PUBLIC = {("/auth/login/", "post")}
FILTERS = {
    "/users/": "apps.users.filters.UserFilter",
    "/products/": "apps.products.filters.ProductFilter",
    "/inventory/movements/": "apps.inventory.filters.MovementFilter",
    "/inventory/alerts/": "apps.inventory.filters.AlertFilter",
    "/inventory/alerts/active/": "apps.inventory.filters.AlertFilter",
    "/inventory/counts/": "apps.inventory.filters.CountFilter",
    "/inventory/counts/{id}/items/": "apps.inventory.filters.CountLineFilter",
    "/sales/sales/": "apps.sales.filters.SaleFilter",
    "/payments/payments/": "apps.payments.filters.PaymentFilter",
}


@pytest.fixture
def schema(as_nobody: APIClient) -> dict[str, Any]:
    answer = as_nobody.get("/swagger.json")
    assert answer.status_code == 200
    return answer.json()


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield path, method, operation


def routes(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every (path, method) below /api/, as the URL resolver knows them."""
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, path)
        elif isinstance(pattern, URLPattern) and path.startswith("api/"):
            for method in methods_of(pattern):
                yield readable(path), method


def methods_of(pattern: URLPattern) -> list[str]:
    view = pattern.callback
    if actions := getattr(view, "actions", None):
        return [method for method in actions if method != "head"]
    names = ("get", "post", "put", "patch", "delete")
    return [method for method in names if hasattr(getattr(view, "cls", object), method)]


def readable(path: str) -> str:
    path = path.removeprefix("api").replace("^", "").replace("$", "").replace("\\Z", "")
    return re.sub(r"\(\?P<(\w+)>[^)]*\)", lambda match: "{" + match[1].replace("pk", "id") + "}", path)


def is_webhook(path: str) -> bool:
    """Gateways are answered in their own words, whatever they name."""
    return path.startswith("/payments/webhooks/")


def test_the_document_is_valid(schema: dict[str, Any]) -> None:
    assert [error.message for error in OpenAPIV2SpecValidator(schema).iter_errors()] == []
    assert schema["securityDefinitions"]["Token"]["in"] == "header"


def test_no_route_is_missing(schema: dict[str, Any]) -> None:
    described = {(path, method) for path, method, _ in operations(schema)}
    assert described == set(routes(get_resolver()))
    assert len(described) == 86


def test_every_operation_says_everything(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        statuses = set(operation["responses"])
        assert operation["summary"], (path, method)
        assert any(status.startswith("2") for status in statuses)
        assert "503" in statuses
        public = (path, method) in PUBLIC or is_webhook(path)
        assert operation["security"] == ([] if public else [{"Token": []}])
        assert "401" in statuses or is_webhook(path)
        assert ("404" in statuses) or "{" not in path or is_webhook(path)
        if any(parameter["in"] == "body" for parameter in operation["parameters"]):
            assert {"400", "413", "415"} <= statuses, (path, method)
        if any(parameter["name"] == "Idempotency-Key" for parameter in operation["parameters"]):
            assert {"409", "422"} <= statuses


def test_every_filter_is_described(schema: dict[str, Any]) -> None:
    from django.utils.module_loading import import_string

    for path, name in FILTERS.items():
        described = {parameter["name"] for parameter in schema["paths"][path]["get"]["parameters"]}
        assert set(import_string(name).base_filters) == described - {"page", "page_size", "cursor", "blind"}


def test_the_pages_open(as_nobody: APIClient) -> None:
    for address, text in (
        ("/swagger/", b"swagger-ui"),
        ("/redoc/", b"redoc"),
        ("/swagger.yaml", b"swagger: '2.0'"),
    ):
        answer = as_nobody.get(address, headers={"Accept": "text/html,*/*"})
        assert answer.status_code == 200
        assert text in answer.content
    assert as_nobody.get("/").headers["Location"] == "/swagger/"


def as_json_schema(part: Any) -> Any:
    """Swagger 2.0 writes `x-nullable` where JSON Schema has a second type."""
    if isinstance(part, list):
        return [as_json_schema(item) for item in part]
    if not isinstance(part, dict):
        return part
    converted = {name: as_json_schema(value) for name, value in part.items() if name != "x-nullable"}
    return {"anyOf": [converted, {"type": "null"}]} if part.get("x-nullable") else converted


@cache
def converted(definitions: str) -> Any:
    return as_json_schema(json.loads(definitions))


def check(schema: dict[str, Any], path: str, method: str, answer: Any) -> Any:
    """The answer's status and body are as the document says; returns the body."""
    described = schema["paths"][path][method]["responses"]
    assert str(answer.status_code) in described, (path, method, answer.content)
    body = answer.json() if answer.content else None
    if "schema" in described[str(answer.status_code)]:
        definitions = converted(json.dumps(schema["definitions"]))
        wanted = {"definitions": definitions, **as_json_schema(described[str(answer.status_code)]["schema"])}
        # Not `jsonschema.validate`, which looks through all definitions for mistakes every time.
        jsonschema.Draft202012Validator(wanted).validate(body)
        if "$ref" in wanted and answer.status_code < 300:
            definition = schema["definitions"][wanted["$ref"].rsplit("/", 1)[-1]]
            assert set(body) <= set(definition["properties"]), set(body) - set(definition["properties"])
    return body


def test_examples_and_answers_are_true(
    schema: dict[str, Any], as_admin: APIClient, as_nobody: APIClient, admin: Any
) -> None:
    """Sends every example of the document, in the order of a working day, and compares the answers."""

    def send(
        path: str, verb: str = "post", fill: str = "", client: APIClient = as_admin, **changes: Any
    ) -> Any:
        parameters = schema["paths"][path][verb]["parameters"]
        body = next((parameter["schema"] for parameter in parameters if parameter["in"] == "body"), {})
        example = schema["definitions"].get(body.get("$ref", "/").rsplit("/", 1)[-1], {}).get("example", {})
        address = "/api" + re.sub(r"{\w+}", str(fill), path)
        answer = getattr(client, verb)(address, None if verb == "get" else {**example, **changes})
        return check(schema, path, verb, answer)

    send("/products/categories/")
    milk = send("/products/")
    send("/products/barcode/{code}/", "get", milk["barcode"])
    stock = in_the_stock_room(send, milk["id"])
    sale = send("/sales/sales/", items=[{"product": milk["id"], "quantity": 2}], amount_paid="30.00")
    send("/payments/payments/initiate/", sale=sale["id"])
    other = send("/sales/sales/", items=[{"product": milk["id"], "quantity": 2}], amount_paid=None)
    transfer = send(
        "/payments/payments/initiate/", sale=other["id"], method="bank", amount="130.00", amount_tendered=None
    )
    send("/payments/payments/{id}/confirm/", fill=transfer["id"])
    send("/sales/sales/{id}/", "patch", sale["id"])
    third = send("/sales/sales/", items=[{"barcode": milk["barcode"], "quantity": 0.5}], amount_paid=None)
    send("/sales/sales/{id}/cancel/", fill=third["id"])
    person = send("/users/")
    send("/auth/register/", username="achieng")
    send("/users/{id}/", "patch", person["id"])
    for address, fields in (
        ("/auth/login/", {"client": as_nobody, "username": person["username"], "password": PASSWORD}),
        ("/auth/password/", {}),
        ("/payments/refunds/", {"payment": transfer["id"], "amount": "10.00", "in_cash": True}),
    ):
        send(address, **fields)
    rows = {
        "users": person,
        "products": milk,
        **stock,
        "sales/sales": sale,
        "payments/payments": transfer,
    }
    for room, row in rows.items():
        assert send(f"/{room}/{{id}}/", "get", row["id"])
    for path, method, _ in operations(schema):
        if method == "get" and "{" not in path and not is_webhook(path):
            assert send(path, "get")
    send("/users/{id}/", "delete", person["id"])


def in_the_stock_room(send: Callable[..., Any], milk: int) -> dict[str, Any]:
    """Goods come, run low and are counted; an alert and a count, by address."""
    send("/inventory/movements/", product=milk)
    send("/inventory/movements/bulk/")
    send("/products/{id}/", "patch", milk, low_stock_threshold=1000)
    alert = send("/inventory/alerts/active/", "get")["results"][0]
    send("/inventory/alerts/{id}/resolve/", fill=alert["id"])
    count = send("/inventory/counts/")
    for path in ("add_item/", "add_item/", "complete/"):
        send(f"/inventory/counts/{{id}}/{path}", fill=count["id"])
    return {"inventory/alerts": alert, "inventory/counts": count}


def test_refusals_are_as_described(
    schema: dict[str, Any], as_cashier: APIClient, as_nobody: APIClient
) -> None:
    for path, method, _ in operations(schema):
        if is_webhook(path):
            continue
        address = "/api" + re.sub(r"{\w+}", "999999", path)
        if (path, method) not in PUBLIC:
            assert (
                check(schema, path, method, getattr(as_nobody, method)(address, {}))["code"]
                == "not_authenticated"
            )
        if method != "get" and "/auth/logout" not in path:
            answer = getattr(as_cashier, method)(address, {})
            assert 400 <= answer.status_code < 500, (path, method, answer.content)
            check(schema, path, method, answer)


def test_what_is_served_is_described_and_guarded(schema: dict[str, Any]) -> None:
    """The resolver, the document and the table of who may do what know the same operations."""
    described = {f"{method.upper()} /api{path}" for path, method, _ in operations(schema)}
    served = {f"{method.upper()} /api{path}" for path, method in routes(get_resolver())}
    guarded = {name for name in matrix() if "/api/" in name} - {"GET /api/", "POST /api/"}
    blank = re.compile(r"{\w+}")
    assert described == served
    assert {blank.sub("{}", name) for name in served} == {blank.sub("{}", name) for name in guarded}
    extent = f"{len(served)} operations"
    show("S22", "operations that are served, described, and in the table of S1", extent, "three equal sets")
