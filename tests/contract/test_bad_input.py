"""Nothing that can be sent makes the API answer 500, and what is refused changes nothing.

Every route and method of the URL resolver is tried with the corpus, as nobody, as a cashier and as an
administrator. A new route that takes a body needs a valid one in `world.py`; without it these tests fail.
"""

import io
import json
from collections.abc import Iterator
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.signals import request_started
from django.db import close_old_connections, transaction

from apps.sales.models import Sale
from pos_backend.wsgi import application
from tests.contract.corpus import (
    BAD_DATES,
    CHARSETS,
    FOREIGN,
    MULTIPART,
    NO_NUMBER,
    NO_OBJECT,
    ODD_NUMBERS,
    ODD_VALUES,
    QUERY_VALUES,
    STRANGE_IDS,
    TOO_LARGE,
    UNKNOWN_IDS,
    UNREADABLE,
)
from tests.contract.routes import Route, all_routes
from tests.contract.world import BODYLESS, FOR_CASHIERS, PUBLIC, Shop, room, snapshot
from tests.figures import show

pytestmark = pytest.mark.django_db

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "FOO"]
ROUTES = [route for route in all_routes() if not route.is_webhook]
WRITING = [
    pytest.param(route, method, id=f"{method} {route}")
    for route in ROUTES
    for method in route.methods
    if method in ("POST", "PUT", "PATCH")
]
WITH_BODY = [case for case in WRITING if case.values[0].name not in BODYLESS]
LISTS = [
    route
    for route in ROUTES
    if "GET" in route.methods and hasattr(route.view, "filter_queryset") and not route.has_value
]
NUMBERS = {
    "price", "cost_price", "tax", "stock", "low_stock_threshold", "quantity", "unit_cost",
    "discount", "amount_paid", "amount", "amount_tendered", "physical_quantity",
}  # fmt: skip
IDS = {"category", "product", "sale", "payment"}
# What takes a body and asks for no field of it.
NOTHING_NEEDED = {"count-list": 201}
# What takes forms as well as JSON.
WITH_FORMS = {"product", "delivery"}
DATES = {"start_date", "end_date"}
PAGING = ["page", "page_size", "cursor"]
# The parameters that are more than a choice or an id.
OPEN_ENDED = {"search", "ordering", "page", "cursor", *DATES}


def roles(route: Route) -> list[str]:
    """Who gets as far as the body."""
    return ["admin", "cashier"] if route.name in FOR_CASHIERS else ["admin"]


def good(wrong: list[str]) -> None:
    assert not wrong, f"{len(wrong)} bad answers:\n" + "\n".join(wrong[:20])


def test_the_resolver_was_understood() -> None:
    names = {route.name for route in ROUTES}
    assert len(names) == len(ROUTES) >= 25
    assert {"login", "user-list", "product-barcode", "sale-cancel", "payment-initiate"} <= names
    assert "user-list" in [route.name for route in LISTS]


@pytest.mark.parametrize(("route", "method"), WITH_BODY)
def test_the_control_a_sound_body_is_accepted(shop: Shop, route: Route, method: str) -> None:
    """Otherwise nothing below would get any further than the first refused field."""
    body = json.dumps(shop.body(route))
    for role in roles(route):
        good(shop.send(role, method, shop.path(route), body, may={200, 201}))


def test_the_control_a_change_is_noticed(shop: Shop) -> None:
    with transaction.atomic():
        Sale.objects.filter(pk=shop.sale).update(notes="changed")
        assert snapshot() != shop.before
        transaction.set_rollback(True)
    assert snapshot() == shop.before


def test_the_control_a_bug_is_noticed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("apps.sales.services.cancel_sale")
    wrong = shop.send("admin", "POST", f"/api/sales/sales/{shop.sale}/cancel/")
    assert [" 500 is a bug " in line for line in wrong] == [True]


@pytest.mark.parametrize("route", [route for route in ROUTES if route.name not in PUBLIC], ids=str)
def test_nobody_gets_past_the_door(shop: Shop, route: Route) -> None:
    """Whatever is sent: the door is in front of the body."""
    wrong = []
    for method in METHODS:
        wrong += shop.send("nobody", method, shop.path(route), b"[" * 100_000, may={401})
    for method in route.methods:
        for body in (b"", b"{}", TOO_LARGE):
            wrong += shop.send("nobody", method, shop.path(route), body, may={401})
    good(wrong)


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_methods_that_a_route_does_not_have(shop: Shop, route: Route) -> None:
    others = [method for method in METHODS if method not in route.methods]
    if "GET" in route.methods:
        others.remove("HEAD")
    wrong = []
    for method in others:
        for role in ("admin", "cashier"):
            wrong += shop.send(role, method, shop.path(route), b"{", may={403, 405})
    good(wrong)


def test_options_is_no_bug(shop: Shop) -> None:
    for route in ROUTES:
        good(shop.send("admin", "OPTIONS", shop.path(route)))


@pytest.fixture
def server() -> Iterator[Any]:
    """What gunicorn calls, without its first act: to close the connection whose transaction the tests undo."""
    request_started.disconnect(close_old_connections)
    yield application
    request_started.connect(close_old_connections)


@pytest.mark.parametrize("charset", CHARSETS)
def test_charsets_that_python_cannot_read(server: Any, charset: str) -> None:
    """Through the server's own door: the tests' client makes its requests itself."""
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    environ.update(HTTP_HOST="localhost", PATH_INFO="/api/auth/me/", QUERY_STRING="a=%FF")
    environ.update({"CONTENT_TYPE": f"application/json; charset={charset}", "wsgi.input": io.BytesIO()})
    answers: list[str] = []
    body = b"".join(server(environ, lambda status, headers: answers.append(status)))
    assert answers == ["401 Unauthorized"]
    assert json.loads(body)["code"] == "not_authenticated"


@pytest.mark.parametrize(("route", "method"), WITH_BODY)
def test_bodies_that_cannot_be_read(shop: Shop, route: Route, method: str) -> None:
    wrong = []
    path = shop.path(route)
    for role in roles(route):
        for body in [*UNREADABLE.values(), *NO_OBJECT.values()]:
            wrong += shop.send(role, method, path, body, may={400})
        nothing = NOTHING_NEEDED.get(route.name, 400)
        wrong += shop.send(role, method, path, b"", may={200 if method == "PATCH" else nothing})
        wrong += shop.send(role, method, path, TOO_LARGE, may={413})
        for kind, body in FOREIGN.values():
            wrong += shop.send(role, method, path, body, kind, may={415})
        for kind, body in MULTIPART.values():
            # Django reads what was cut off as if nothing had been sent.
            read = {200, 400} if method == "PATCH" else {400}
            wrong += shop.send(
                role, method, path, body, kind, may=read if room(route) in WITH_FORMS else {415}
            )
    good(wrong)


@pytest.mark.parametrize(("route", "method"), [case for case in WRITING if case not in WITH_BODY])
def test_bodies_where_none_is_needed(shop: Shop, route: Route, method: str) -> None:
    wrong = []
    for role in roles(route):
        for body in [*UNREADABLE.values(), *NO_OBJECT.values(), TOO_LARGE]:
            wrong += shop.send(role, method, shop.path(route), body)
        for kind, body in [*FOREIGN.values(), *MULTIPART.values()]:
            wrong += shop.send(role, method, shop.path(route), body, kind)
    good(wrong)


@pytest.mark.parametrize(
    ("route", "method"), [case for case in WRITING if case.values[0].name not in FOR_CASHIERS]
)
def test_what_a_cashier_may_not_write(shop: Shop, route: Route, method: str) -> None:
    """403 whatever is sent: the role is looked at before the body."""
    bodies = [b"", b"{", b"[" * 100_000, TOO_LARGE, json.dumps(shop.body(route))]
    for body in bodies:
        good(shop.send("cashier", method, shop.path(route), body, may={403}))


def fields_of(body: Any) -> list[tuple[str, str]]:
    """Every field of a body, nested ones too, with the body as JSON in which `@` stands for the field's value."""
    found = []
    for name, value in body.items():
        found.append((name, json.dumps({**body, name: "@"})))
        if isinstance(value, list):
            for inner, text in fields_of(value[0]):
                found.append((inner, json.dumps({**body, name: ["#"]}).replace('"#"', text)))
    return found


def values_for(name: str) -> list[tuple[str, set[int] | None]]:
    """What to send for a field, and what that must be answered with; None where it may fit."""
    if name in NUMBERS:
        refused = {400}
    elif name in IDS:
        refused = {400, 404}
    else:
        return [(text, None) for text in ODD_VALUES.values()]
    return [(text, refused) for text in NO_NUMBER.values()] + [(text, None) for text in ODD_NUMBERS.values()]


@pytest.mark.parametrize(("route", "method"), WITH_BODY)
def test_each_field_with_values_that_do_not_fit(shop: Shop, route: Route, method: str) -> None:
    wrong = []
    role = roles(route)[-1]
    for name, template in fields_of(shop.body(route)):
        for text, may in values_for(name):
            wrong += shop.send(role, method, shop.path(route), template.replace('"@"', text), may=may)
    good(wrong)


@pytest.mark.parametrize(("route", "method"), WITH_BODY)
def test_fields_that_are_missing_or_that_nobody_knows(shop: Shop, route: Route, method: str) -> None:
    wrong = []
    body = shop.body(route) or {}
    for role in roles(route):
        for name in body:
            rest = {other: value for other, value in body.items() if other != name}
            wrong += shop.send(role, method, shop.path(route), json.dumps(rest))
            wrong += shop.send(role, method, shop.path(route), json.dumps({name: body[name]}))
        for name in ("__proto__", "constructor", "pk", "self", "é", "a.b", "a[0]", "x" * 10_000, ""):
            wrong += shop.send(role, method, shop.path(route), json.dumps({**body, name: {"a": [1]}}))
    good(wrong)


@pytest.mark.parametrize("route", [route for route in ROUTES if route.has_value], ids=str)
def test_ids_of_nothing(shop: Shop, route: Route) -> None:
    wrong = []
    for method in route.methods:
        body = json.dumps(shop.body(route)) if method in ("POST", "PUT", "PATCH") else b""
        for value in STRANGE_IDS:
            wrong += shop.send("admin", method, route.path(value), body, may={400 if "%00" in value else 404})
        for value in UNKNOWN_IDS:
            wrong += shop.send("admin", method, route.path(value), body, may={404})
            wrong += shop.send("cashier", method, route.path(value), body, may={403, 404})
            wrong += shop.send("nobody", method, route.path(value), body, may={401})
    good(wrong)


@pytest.mark.parametrize("route", LISTS, ids=str)
def test_queries(shop: Shop, route: Route) -> None:
    """The parameters that take many a text by themselves, then all at once and some that nobody knows.

    By themselves only on the first list of a view: the others (`today/`, `pending/`) share its parameters.
    """
    filters = getattr(route.view, "filterset_class", None)
    names = [*(filters.base_filters if filters else ()), *PAGING]
    first = next(other for other in LISTS if other.view is route.view) is route
    wrong = []
    for value in QUERY_VALUES:
        texts = {name: f"{name}={value.replace('{name}', name)}" for name in [*names, "format", "x"]}
        for name in OPEN_ENDED.intersection(names if first else ()):
            may = {400} if name in DATES and value in BAD_DATES else {200, 400, 404}
            wrong += shop.send("admin", "GET", f"{shop.path(route)}?{texts[name]}", may=may)
        address = f"{shop.path(route)}?{'&'.join(texts.values())}&{value}"
        for role in ("admin", "cashier"):
            wrong += shop.send(role, "GET", address, may={200, 400, 403, 404})
    good(wrong)


def test_what_it_took(shop: Shop) -> None:
    """Last, when all the rest was sent: no request hangs, and none leaves anything behind."""
    if shop.sent < 2_000:
        pytest.skip("only a part of the corpus was sent")
    seconds, what = shop.slowest
    assert seconds < 10, what
    assert shop.grown < 50_000_000
    show(
        "B2",
        "the corpus on every route that takes a body, path or query",
        f"{shop.sent:,} requests to {len(ROUTES)} routes",
        f"0 server errors, the slowest {seconds:.2f} s, {shop.grown / 1e6:.0f} MB more memory after all",
    )
