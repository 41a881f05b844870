"""B2: headers that nobody should send, on every route: they change nothing about the answer, and break nothing."""

import json
from copy import copy
from typing import Any

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from tests.contract.corpus import HEADERS, KEYS, TOKENS
from tests.contract.routes import Route, all_routes
from tests.contract.test_bad_input import good
from tests.contract.world import PUBLIC, Shop
from tests.figures import show

pytestmark = pytest.mark.django_db
ROUTES = [route for route in all_routes() if not route.is_webhook]
KEYED = ["sale-list", "sale-cancel", "movement-list", "payment-initiate", "refund-list", "count-complete"]


def status_of(shop: Shop, method: str, path: str, body: str) -> int:
    """What the request is answered without any of them."""
    with transaction.atomic():
        client = shop.clients["admin"]
        client.force_authenticate(shop.people["admin"], copy(shop.tokens["admin"]))
        status: int = client.generic(method, path, body, content_type="application/json").status_code
        transaction.set_rollback(True)
    return status


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_headers_that_mean_nothing_here(shop: Shop, route: Route) -> None:
    wrong = []
    for method in route.methods:
        body = "" if method in ("GET", "DELETE") else json.dumps(shop.body(route) or {})
        usual = status_of(shop, method, shop.path(route), body)
        assert usual < 300 or usual == 409
        for headers in HEADERS.values():
            wrong += shop.send("admin", method, shop.path(route), body, may={usual}, headers=headers)
    good(wrong)


@pytest.mark.parametrize("route", [route for route in ROUTES if route.name not in PUBLIC], ids=str)
def test_nothing_that_nobody_writes_is_a_sign_in(shop: Shop, route: Route) -> None:
    wrong = []
    for method in route.methods:
        for headers in [*HEADERS.values(), *({"HTTP_AUTHORIZATION": text} for text in TOKENS)]:
            wrong += shop.send("nobody", method, shop.path(route), b"{}", may={401}, headers=headers)
    good(wrong)


@pytest.mark.parametrize("route", [route for route in ROUTES if route.name in KEYED], ids=str)
def test_keys_that_are_none(shop: Shop, route: Route) -> None:
    body = json.dumps(shop.body(route) or {})
    wrong = []
    for key in KEYS:
        sound = key in ("'; --", "{}", "a,b") and " " not in key
        headers = {"HTTP_IDEMPOTENCY_KEY": key}
        may = {200, 201} if sound else {400}
        wrong += shop.send("admin", "POST", shop.path(route), body, may=may, headers=headers)
    good(wrong)


LENGTHS: dict[str, dict[str, Any]] = {
    "negative": {"CONTENT_LENGTH": "-1"},
    "no number": {"CONTENT_LENGTH": "x"},
    "in other digits": {"CONTENT_LENGTH": "\u0663"},
    "shorter than what comes": {"CONTENT_LENGTH": "1"},
    "none": {"CONTENT_LENGTH": ""},
}


@pytest.mark.parametrize("length", LENGTHS.values(), ids=LENGTHS)
def test_lengths_that_are_wrong(shop: Shop, length: dict[str, Any]) -> None:
    good(shop.send("cashier", "POST", "/api/sales/sales/", b'{"items": []}', may={400}, headers=length))


def test_what_it_took(shop: Shop) -> None:
    if shop.sent < 1_000:
        pytest.skip("only a part was sent")
    assert shop.slowest[0] < 10
    show(
        "B2",
        "headers (method, host, person, length, encoding, line breaks, tokens, keys) on every route",
        f"{shop.sent:,} requests to {len(ROUTES)} routes",
        "0 server errors, 0 signed in, no answer other than without them",
    )


def test_the_control_a_method_that_is_overridden_is_noticed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overriding(self: APIClient, method: str, path: str, *args: Any, **more: Any) -> Any:
        return generic(self, more.pop("HTTP_X_HTTP_METHOD_OVERRIDE", method), path, *args, **more)

    generic = APIClient.generic
    monkeypatch.setattr(APIClient, "generic", overriding)
    path = f"/api/sales/sales/{shop.sale}/"
    wrong = shop.send("admin", "GET", path, may={200}, headers=HEADERS["another method"])
    assert [" 405 " in line for line in wrong] == [True]
