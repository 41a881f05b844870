"""Unknown addresses, wrong methods and odd requests are answered in JSON as well."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.core.tests.conftest import MOVEMENTS, SALES

pytestmark = pytest.mark.django_db
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"]
NOT_FOUND = "There is nothing here, or it is not yours to see."
NO_SLASH = f"{NOT_FOUND} Addresses end with a slash."


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/api/", NOT_FOUND),
        ("/api/nothing/", NOT_FOUND),
        ("/api/nothing", NO_SLASH),
        ("/api/sales/", NOT_FOUND),
        ("/api/sales/sales", NO_SLASH),
        ("/api/sales/sales/x/", NOT_FOUND),
        ("/api/sales/sales/-1/", NOT_FOUND),
        ("/api/sales/sales/1.5/", NOT_FOUND),
        ("/api/sales/sales/%D9%A1/", NOT_FOUND),
        ("/api/sales/sales/9999999999999999999/", NOT_FOUND),
        ("/api/sales/sales/1/nothing/", NOT_FOUND),
        ("/api//sales/sales/", NOT_FOUND),
        ("/api/products/barcode//", NOT_FOUND),
        ("/api/products/barcode/a/b/", NOT_FOUND),
        ("/api/%FF%FE/", NOT_FOUND),
        ("/api/../etc/passwd/", NOT_FOUND),
    ],
)
def test_an_unknown_address(client: Any, path: str, sentence: str) -> None:
    for method in METHODS:
        answer = client.generic(method, path)
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/json"), method
        assert answer.json() == {"error": sentence, "code": "not_found"}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/auth/login/", {"POST"}),
        ("DELETE", "/api/auth/me/", {"GET"}),
        ("PUT", SALES, {"GET", "POST"}),
        ("DELETE", f"{SALES}1/", {"GET", "PATCH"}),
        ("PUT", f"{SALES}1/", {"GET", "PATCH"}),
        ("GET", f"{SALES}1/cancel/", {"POST"}),
        ("POST", f"{SALES}today/", {"GET"}),
        ("PUT", f"{MOVEMENTS}1/", {"GET"}),
        ("PATCH", f"{MOVEMENTS}1/", {"GET"}),
        ("DELETE", f"{MOVEMENTS}1/", {"GET"}),
        ("POST", "/api/payments/payments/", {"GET"}),
        ("DELETE", "/api/payments/payments/1/", {"GET"}),
        ("TRACE", "/api/products/", {"GET", "POST"}),
        ("FOO", "/api/users/", {"GET", "POST"}),
    ],
)
def test_a_wrong_method(as_admin: APIClient, method: str, path: str, allowed: set[str]) -> None:
    answer = as_admin.generic(method, path, "{}", content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.json()["error"] == f'Method "{method}" not allowed.'
    assert set(answer["Allow"].split(", ")) - {"HEAD", "OPTIONS"} == allowed


def test_head_is_get_without_a_body(as_cashier: APIClient) -> None:
    answer = as_cashier.head("/api/products/")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*", "x", "", "image/png;q=0"])
def test_the_api_speaks_json_whatever_is_asked_for(as_cashier: APIClient, accept: str) -> None:
    for path, status in [("/api/products/", 200), (f"{SALES}999/", 404), ("/api/nothing/", 404)]:
        answer = as_cashier.get(path, headers={"Accept": accept})
        assert (answer.status_code, answer["Content-Type"]) == (status, "application/json")


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/xml", "application/x-www-form-urlencoded", "", "x", "application/jsonp"],
)
def test_a_body_that_is_not_json(as_cashier: APIClient, kind: str) -> None:
    answer = as_cashier.generic("POST", SALES, '{"items": []}', content_type=kind)
    assert (answer.status_code, answer.json()) == (
        415,
        {
            "error": "Send JSON with the header `Content-Type: application/json`.",
            "code": "unsupported_media_type",
        },
    )


@pytest.mark.parametrize(
    "kind", ["application/json", "APPLICATION/JSON", "application/json; charset=utf-8", " application/json "]
)
def test_json_by_any_spelling(as_cashier: APIClient, kind: str) -> None:
    answer = as_cashier.generic("POST", SALES, "{}", content_type=kind)
    assert (answer.status_code, answer.json()) == (400, {"items": ["This field is required."]})


def test_a_body_that_is_too_large(as_cashier: APIClient) -> None:
    answer = as_cashier.generic("POST", SALES, b" " * 2_500_001, content_type="application/json")
    assert (answer.status_code, answer.json()) == (
        413,
        {"error": "The body is larger than 2,500,000 bytes. Send less at once.", "code": "too_large"},
    )


@pytest.mark.parametrize(
    "path",
    [
        "/api/products/?search=%00",
        "/api/products/?x=a%00b",
        "/api/products/%00/",
        "/api/%00",
        "/admin/?q=%00",
    ],
)
def test_a_nul_in_the_address(as_cashier: APIClient, path: str) -> None:
    answer = as_cashier.get(path)
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "The address contains a NUL character.", "code": "invalid_request"},
    )


def test_a_host_that_is_not_ours(as_cashier: APIClient) -> None:
    for host in ("evil.example", "a b", "localhost:port", "\xff"):
        answer = as_cashier.get("/api/products/", headers={"Host": host})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_a_bug_is_answered_without_details(as_cashier: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr("apps.core.pagination.NumberedPages.paginate_queryset", broken)
    as_cashier.raise_request_exception = False
    answer = as_cashier.get("/api/products/")
    assert (answer.status_code, answer.json()) == (
        500,
        {
            "error": "Something went wrong on our side. Nothing was half done; try again.",
            "code": "internal",
        },
    )
