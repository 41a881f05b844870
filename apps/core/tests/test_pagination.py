"""Pages by number where counting is cheap, by cursor where a list only ever grows."""

import re
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from apps.core.tests.conftest import MOVEMENTS

pytestmark = pytest.mark.django_db
CATEGORIES = "/api/products/categories/"
LISTS = [CATEGORIES, MOVEMENTS]
NOT_FOUND = {"error": "There is nothing here, or it is not yours to see.", "code": "not_found"}


@pytest.fixture
def rows(shelf: Callable[..., Any]) -> list[int]:
    """205 categories, and 205 movements of one product; the movements' ids, newest first."""
    milk = shelf(stock=0)
    Category, Movement = apps.get_model("products.Category"), apps.get_model("inventory.Movement")
    Category.objects.bulk_create([Category(name=f"Shelf {number:03}") for number in range(205)])
    Movement.objects.bulk_create(
        [
            Movement(
                product=milk,
                movement_type="purchase",
                quantity=1,
                stock_before=number,
                stock_after=number + 1,
                created_at=timezone.now(),
            )
            for number in range(205)
        ]
    )
    return list(Movement.objects.order_by("-id").values_list("pk", flat=True))


def get(client: APIClient, address: str) -> dict[str, Any]:
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.content)
    body: dict[str, Any] = answer.json()
    return body


def ids(page: dict[str, Any]) -> list[int]:
    return [row["id"] for row in page["results"]]


def walk(client: APIClient, address: str | None, link: str = "next") -> list[list[int]]:
    """The ids on this page and all that follow."""
    pages = []
    while address:
        page = get(client, address)
        pages.append(ids(page))
        address = page[link]
    return pages


def pages(start: str, count: int) -> list[str]:
    return [f"{start}&page={number}" for number in range(1, count + 1)]


def cursor(text: str) -> str:
    return quote(b64encode(text.encode()).decode())


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("", 50),
        ("page_size=1", 1),
        ("page_size=200", 200),
        ("page_size=201", 200),
        ("page_size=99999999999999999999", 200),
        ("page_size=0", 50),
        ("page_size=-1", 50),
        ("page_size=", 50),
        ("page_size=x", 50),
        ("page_size=1.5", 50),
        ("page_size=1e2", 50),
        ("page_size=" + "9" * 5000, 50),
        ("page_size=2&page_size=3", 3),
    ],
    ids=lambda value: str(value)[:30],
)
def test_the_size_of_a_page(as_admin: APIClient, rows: list[int], path: str, asked: str, given: int) -> None:
    assert len(get(as_admin, f"{path}?{asked}")["results"]) == given


def test_numbered_pages_and_their_links(as_admin: APIClient, rows: list[int]) -> None:
    first = get(as_admin, f"{CATEGORIES}?page_size=100&x=1")
    assert list(first) == ["count", "count_is_estimate", "next", "previous", "results"]
    assert (first["count"], first["count_is_estimate"], first["previous"]) == (205, False, None)
    assert first["next"] == f"http://testserver{CATEGORIES}?page=2&page_size=100&x=1"
    second = get(as_admin, first["next"])
    assert second["previous"] == f"http://testserver{CATEGORIES}?page_size=100&x=1"
    third = get(as_admin, second["next"])
    assert (len(third["results"]), third["next"]) == (5, None)
    assert get(as_admin, f"{CATEGORIES}?page_size=100&page=last")["results"] == third["results"]
    every = [row for page in walk(as_admin, f"{CATEGORIES}?page_size=7") for row in page]
    assert len(every) == len(set(every)) == 205


def test_more_than_can_be_counted_cheaply_is_estimated(
    as_admin: APIClient, rows: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.core.pagination.COUNTED", 60)
    with connection.cursor() as sql:
        sql.execute("ANALYZE products_category")
    start = f"{CATEGORIES}?page_size=50"
    counts = [
        (page["count"], page["count_is_estimate"]) for page in map(partial(get, as_admin), pages(start, 5))
    ]
    # Wherever it ends is known when the last page is read.
    assert counts == [(205, True)] * 4 + [(205, False)]


def test_an_estimate_is_never_less_than_what_was_seen(
    as_admin: APIClient, rows: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.core.pagination.COUNTED", 60)
    monkeypatch.setattr("apps.core.pagination._expected", lambda rows: 1)
    first = get(as_admin, f"{CATEGORIES}?page_size=50")
    assert (first["count"], first["count_is_estimate"]) == (61, True)
    third = get(as_admin, f"{CATEGORIES}?page_size=50&page=3")
    assert third["count"] == 151
    assert third["next"]


def test_a_page_that_is_not_full_needs_no_count(
    as_admin: APIClient, rows: list[int], django_assert_num_queries: Any
) -> None:
    for address, statements in ((f"{CATEGORIES}?page_size=200&page=2", 2), (CATEGORIES, 4)):
        with django_assert_num_queries(statements):  # the token, the page; what is expected, and the count
            get(as_admin, address)


@pytest.mark.parametrize(
    "page", ["0", "-1", "6", "x", "1.5", "1e1", "NaN", "null", "9" * 30, "9" * 5000, "%F0%9F%92%B0"]
)
def test_a_page_that_is_not_there(as_admin: APIClient, rows: list[int], page: str) -> None:
    answer = as_admin.get(f"{CATEGORIES}?page={page}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert set(answer.json()) == {"error", "code"}


@pytest.mark.parametrize("path", LISTS)
def test_an_empty_list_is_a_page(as_admin: APIClient, path: str) -> None:
    page = get(as_admin, path)
    assert (page["results"], page["next"], page["previous"]) == ([], None, None)


@pytest.mark.parametrize("size", [7, 41, 200])
def test_cursors_visit_every_row_once(as_admin: APIClient, rows: list[int], size: int) -> None:
    start = f"{MOVEMENTS}?page_size={size}"
    pages = walk(as_admin, start)
    assert [row for page in pages for row in page] == rows
    assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1)
    assert list(get(as_admin, start)) == ["next", "previous", "results"]


@pytest.mark.parametrize("size", [7, 200])
@pytest.mark.parametrize("days", ["start_date=1990-01-01", "end_date=2999-12-31"])
def test_days_are_visited_by_time_once(as_admin: APIClient, rows: list[int], size: int, days: str) -> None:
    """A third of the rows are of one moment, and what came later may be of an earlier one."""
    Movement = apps.get_model("inventory.Movement")
    yesterday = timezone.now() - timedelta(days=1)
    late = Movement.objects.get(pk=rows[0])
    changes = {"pk": None, "stock_before": late.stock_after, "stock_after": late.stock_after + 1}
    kept = {"product": late.product, "movement_type": "purchase", "quantity": 1, "created_at": yesterday}
    Movement.objects.bulk_create([Movement(**kept, **changes) for _ in range(100)])
    expected = list(Movement.objects.order_by("-created_at", "-id").values_list("pk", flat=True))
    assert expected[:205] == rows
    start = f"{MOVEMENTS}?{days}&page_size={size}"
    assert [row for page in walk(as_admin, start) for row in page] == expected
    page = get(as_admin, get(as_admin, get(as_admin, start)["next"])["previous"] if size < 100 else start)
    assert ids(page) == expected[:size]


BAD_MOMENTS = """
    1  x  2026-11-22  2026-11-22 10:00:00  2026-13-22 10:00:00+00:00  0001-01-01 00:00:00+00:00
    9999-12-31 23:59:59-23:59  ２026-11-22 10:00:00+00:00  2026-11-22 10:00:00+00:00' OR 1=1
"""


@pytest.mark.parametrize("position", ["", *re.split(r"\s{2,}", BAD_MOMENTS.strip())])
def test_a_crafted_cursor_of_days_is_not_found(as_admin: APIClient, rows: list[int], position: str) -> None:
    crafted = b64encode(urlencode({"p": position}).encode()).decode()
    answer = as_admin.get(MOVEMENTS, {"start_date": "2020-01-01", "cursor": crafted})
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


def test_cursors_lead_back_again(as_admin: APIClient, rows: list[int]) -> None:
    address = f"{MOVEMENTS}?page_size=20"
    while following := get(as_admin, address)["next"]:
        address = following
    assert [row for page in reversed(walk(as_admin, address, "previous")) for row in page] == rows


def test_the_links_keep_the_filters(as_admin: APIClient, rows: list[int]) -> None:
    page = get(as_admin, f"{MOVEMENTS}?movement_type=purchase&page_size=10&created_by=")
    query = parse_qs(urlsplit(page["next"]).query, keep_blank_values=True)
    assert query.pop("cursor")
    assert query == {"movement_type": ["purchase"], "page_size": ["10"], "created_by": [""]}


def test_new_rows_do_not_shift_the_pages(
    as_admin: APIClient, rows: list[int], add_stock: Callable[..., Any], shelf: Callable[..., Any]
) -> None:
    first = get(as_admin, f"{MOVEMENTS}?page_size=100")
    assert add_stock(shelf("Bread", stock=0)).status_code == 201
    assert [row for page in walk(as_admin, first["next"]) for row in page] == rows[100:]


def test_page_ten_thousand_costs_what_page_one_costs(
    as_admin: APIClient, rows: list[int], django_assert_num_queries: Any
) -> None:
    for address in (MOVEMENTS, f"{MOVEMENTS}?cursor={cursor(f'p={rows[150]}')}"):
        with django_assert_num_queries(2):  # the token and the page
            get(as_admin, address)


BAD_CURSORS = [
    "x",
    "%FF%FE",
    "%D9%A1",
    "null",
    "-1",
    *map(
        cursor,
        [
            "p=abc",
            "p=",
            "p=-1",
            "p=+1",
            "p=1.5",
            "p=1e3",
            "p=%00",
            "p=%20 1",
            "p=1_0",
            "p=1%0A",
            "p=%D9%A1",
            "p=NaN",
            "p=true",
            "p=1' OR 1=1",
            "p=2026-11-22",
            "p=" + "9" * 19,
            "p=" + "9" * 400,
            "o=-1",
            "o=x",
            "o=" + "9" * 5000,
            "r=x",
            "r=1.5",
            "p=é",
        ],
    ),
]


@pytest.mark.parametrize("text", BAD_CURSORS, ids=lambda text: text[:24])
def test_a_crafted_cursor_is_not_found(as_admin: APIClient, rows: list[int], text: str) -> None:
    answer = as_admin.get(f"{MOVEMENTS}?cursor={text}")
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", slice(0, 50)),
        (cursor(""), slice(0, 50)),
        (cursor("x=1"), slice(0, 50)),
        (cursor("o=5"), slice(5, 55)),
        (cursor("o=999999999999"), slice(205, 205)),
        (cursor("p=0"), slice(205, 205)),
        (cursor("p=" + "9" * 18), slice(0, 50)),
        (cursor("r=1&p=0"), slice(155, 205)),
    ],
)
def test_an_odd_cursor_answers_a_page(as_admin: APIClient, rows: list[int], text: str, found: slice) -> None:
    assert ids(get(as_admin, f"{MOVEMENTS}?cursor={text}")) == rows[found]
