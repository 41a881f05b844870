"""One effect per key, and the first answer again, byte for byte."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from apps.core.idempotency import sweep_keys
from apps.core.models import IdempotencyKey
from apps.core.tests.conftest import MOVEMENTS, SALES, Post

pytestmark = pytest.mark.django_db
Count = Callable[[str], int]
Shelf = Callable[..., Any]
REUSED = {
    "error": "This Idempotency-Key was used for another request. Make a new key for a new request.",
    "code": "idempotency_key_reused",
}


def sell(client: APIClient, product: Any, key: str, **fields: Any) -> Any:
    body = {"items": [{"product": product.pk, "quantity": 2}], **fields}
    return client.post(SALES, body, headers={"Idempotency-Key": key})


def stock(product: Any) -> int:
    product.stock_level.refresh_from_db()
    return int(product.stock_level.quantity)


def test_the_first_answer_comes_again_byte_for_byte(
    as_cashier: APIClient, shelf: Shelf, count: Count
) -> None:
    milk = shelf(stock=5)
    first, second, third = (sell(as_cashier, milk, "k-1", amount_paid="300.00") for _ in range(3))
    assert (first.status_code, second.status_code, third.status_code) == (201, 201, 201)
    assert first.content == second.content == third.content
    assert first["Content-Type"] == second["Content-Type"] == "application/json"
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == third["Idempotent-Replayed"] == "true"
    assert (count("sales.Sale"), count("payments.Payment"), stock(milk)) == (1, 1, 3)
    row = IdempotencyKey.objects.get()
    assert (row.status, bytes(row.body)) == (201, first.content)


def test_the_answer_with_a_key_is_the_answer_without(as_cashier: APIClient, shelf: Shelf) -> None:
    milk = shelf()
    body = {"items": [{"product": milk.pk, "quantity": 1}]}
    plain, keyed = as_cashier.post(SALES, body), sell(as_cashier, milk, "k-1")
    assert plain.json().keys() == keyed.json().keys()
    assert (plain.status_code, plain["Content-Type"]) == (keyed.status_code, keyed["Content-Type"])


def test_the_first_answer_stays_though_the_world_moved_on(as_cashier: APIClient, shelf: Shelf) -> None:
    milk = shelf()
    first = sell(as_cashier, milk, "k-1")
    assert as_cashier.post(f"{SALES}{first.json()['id']}/cancel/").status_code == 200
    assert sell(as_cashier, milk, "k-1").json()["status"] == "pending"


def test_another_body_is_refused(as_cashier: APIClient, shelf: Shelf, count: Count) -> None:
    milk = shelf(stock=9)
    first = sell(as_cashier, milk, "k-1")
    other = sell(as_cashier, milk, "k-1", notes="another one")
    assert (other.status_code, other.json()) == (422, REUSED)
    assert "Idempotent-Replayed" not in other
    assert (count("sales.Sale"), stock(milk)) == (1, 7)
    assert sell(as_cashier, milk, "k-1").content == first.content


def test_key_order_and_white_space_are_the_same_body(
    as_cashier: APIClient, shelf: Shelf, count: Count
) -> None:
    milk = shelf()
    spellings = [
        '{"items":[{"product":%d,"quantity":1}],"notes":"x"}',
        '{ "notes": "\\u0078",\n "items": [ {"quantity": 1, "product": %d} ] }',
    ]
    answers = [
        as_cashier.generic(
            "POST",
            SALES,
            spelling % milk.pk,
            content_type="application/json",
            headers={"Idempotency-Key": "k"},
        )
        for spelling in spellings
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert count("sales.Sale") == 1


def test_the_order_of_a_list_is_another_body(as_cashier: APIClient, shelf: Shelf) -> None:
    items = [{"product": shelf(name).pk, "quantity": 1} for name in ("Milk", "Bread")]
    statuses = [
        as_cashier.post(SALES, {"items": order}, headers={"Idempotency-Key": "k"}).status_code
        for order in (items, items[::-1])
    ]
    assert statuses == [201, 422]


def test_a_key_belongs_to_its_path(as_admin: APIClient, shelf: Shelf, add_stock: Post, count: Count) -> None:
    milk = shelf(stock=9)
    sales = [sell(as_admin, milk, key).json()["id"] for key in ("k-1", "k-2")]
    assert add_stock(milk, key="k-1").status_code == 201
    for sale in sales:
        answer = as_admin.post(f"{SALES}{sale}/cancel/", headers={"Idempotency-Key": "k-1"})
        assert (answer.status_code, answer.json()["id"]) == (200, sale)
        assert "Idempotent-Replayed" not in answer
    assert count("core.IdempotencyKey") == 5


def test_a_key_belongs_to_its_person(
    as_cashier: APIClient, as_stranger: APIClient, cashier: Any, stranger: Any, shelf: Shelf
) -> None:
    milk = shelf()
    mine, theirs = sell(as_cashier, milk, "k-1"), sell(as_stranger, milk, "k-1")
    assert (mine.json()["cashier"], theirs.json()["cashier"]) == (cashier.pk, stranger.pk)
    assert "Idempotent-Replayed" not in theirs


def test_keys_differ_by_case(as_cashier: APIClient, shelf: Shelf, count: Count) -> None:
    milk = shelf()
    assert [sell(as_cashier, milk, key).status_code for key in ("k", "K")] == [201, 201]
    assert count("sales.Sale") == 2


def test_a_repeated_cancel_is_an_answer_not_an_error(as_cashier: APIClient, shelf: Shelf) -> None:
    milk = shelf(stock=5)
    path = f"{SALES}{sell(as_cashier, milk, 'k-1').json()['id']}/cancel/"
    first, second = (as_cashier.post(path, headers={"Idempotency-Key": "k-2"}) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.content == second.content
    assert as_cashier.post(path).status_code == 409
    assert stock(milk) == 5


def test_a_refused_request_leaves_the_key_free(
    as_cashier: APIClient, shelf: Shelf, add_stock: Post, count: Count
) -> None:
    milk = shelf(stock=1)
    for _ in range(2):
        refused = sell(as_cashier, milk, "k-1")
        assert (refused.status_code, refused.json()["code"]) == (409, "insufficient_stock")
    assert sell(as_cashier, milk, "k-1", discount="x").status_code == 400
    assert count("core.IdempotencyKey") == 0
    add_stock(milk)
    assert sell(as_cashier, milk, "k-1").status_code == 201
    assert sell(as_cashier, milk, "k-1")["Idempotent-Replayed"] == "true"
    assert count("sales.Sale") == 1


def test_those_who_may_not_use_no_keys(
    as_cashier: APIClient, as_nobody: APIClient, shelf: Shelf, add_stock: Post, count: Count
) -> None:
    milk = shelf()
    assert add_stock(milk, key="k-1", client=as_cashier).status_code == 403
    assert add_stock(milk, key="k-1", client=as_nobody).status_code == 401
    assert add_stock(milk, key="", client=as_cashier).status_code == 403
    assert count("core.IdempotencyKey") == 0


@pytest.mark.parametrize(
    "key",
    ["", " ", "a b", "k\t", "schlüssel", "k\x7f", "k\x00", "k" * 256, "ключ".encode().decode("latin-1")],
)
def test_a_key_that_is_none(add_stock: Post, shelf: Shelf, count: Count, key: str) -> None:
    milk = shelf(stock=0)
    answer = add_stock(milk, key=key)
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "error": "Idempotency-Key must be 1 to 255 visible ASCII characters without spaces.",
            "code": "invalid_request",
        },
    )
    assert (count("inventory.Movement"), count("core.IdempotencyKey")) == (0, 0)


@pytest.mark.parametrize("key", ["k", "k" * 255, "!~", "550e8400-e29b-41d4-a716-446655440000", "%00"])
def test_any_visible_ascii_is_a_key(add_stock: Post, shelf: Shelf, key: str) -> None:
    milk = shelf()
    assert add_stock(milk, key=key).status_code == 201
    assert add_stock(milk, key=key)["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k-1"}], ids=["without a key", "with a key"])
@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b"\xff", 400), (b" " * 2_500_001, 413)])
def test_an_unreadable_body_is_refused_where_none_is_needed_too(
    as_cashier: APIClient, shelf: Shelf, body: bytes, status: int, headers: dict[str, str]
) -> None:
    """With and without a key alike: what cannot be read may have meant something else."""
    milk = shelf(stock=5)
    path = f"{SALES}{sell(as_cashier, milk, 'k-1').json()['id']}/cancel/"
    answer = as_cashier.generic("POST", path, body, content_type="application/json", headers=headers)
    assert answer.status_code == status
    assert stock(milk) == 3


def test_a_row_without_an_answer_is_not_replayed(
    as_admin: APIClient, admin: Any, shelf: Shelf, add_stock: Post
) -> None:
    milk = shelf(stock=0)
    assert add_stock(milk, key="k-1").status_code == 201
    IdempotencyKey.objects.update(status=None, body=None)
    before = stock(milk)
    answer = add_stock(milk, key="k-1")
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_progress")
    assert answer["Retry-After"] == "1"
    assert stock(milk) == before


@pytest.mark.django_db(transaction=True)
def test_a_request_that_still_runs_is_said_to(
    admin: Any, shelf: Shelf, add_stock: Post, count: Count
) -> None:
    milk = shelf(stock=0)
    first = connection.copy()
    try:
        first.set_autocommit(False)
        with first.cursor() as cursor:
            cursor.execute(
                "INSERT INTO core_idempotencykey (user_id, path, key, fingerprint, created_at)"
                " VALUES (%s, %s, 'k-1', '', now())",
                [admin.pk, MOVEMENTS],
            )
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        answer = add_stock(milk, key="k-1")
        assert (answer.status_code, answer["Retry-After"]) == (409, "1")
        assert answer.json() == {
            "error": "The first request with this key is still running. Ask again in a moment.",
            "code": "idempotency_in_progress",
        }
        first.rollback()
        assert add_stock(milk, key="k-1").status_code == 201
        assert count("inventory.Movement") == 1
    finally:
        first.close()
        connection.close()  # the next test gets a connection with the usual time-out


def age(key: str, **hours: float) -> None:
    IdempotencyKey.objects.filter(key=key).update(created_at=timezone.now() - timedelta(**hours))


@pytest.mark.parametrize(("configured", "kept"), [(72, 72), (24, 24), (1, 24), (0, 24), (-5, 24)])
def test_keys_are_kept_for_a_day_at_least(
    settings: Any, shelf: Shelf, add_stock: Post, configured: int, kept: int
) -> None:
    settings.IDEMPOTENCY_KEEP_HOURS = configured
    milk = shelf(stock=0)
    for key in ("young", "old"):
        add_stock(milk, key=key)
    age("young", hours=kept - 0.1)
    age("old", hours=kept + 0.1)
    assert sweep_keys() == 1
    assert IdempotencyKey.objects.get().key == "young"
    assert add_stock(milk, key="young")["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in add_stock(milk, key="old")


def test_the_command_sweeps(shelf: Shelf, add_stock: Post, capsys: pytest.CaptureFixture[str]) -> None:
    add_stock(shelf(), key="k-1")
    age("k-1", hours=73)
    call_command("sweep_idempotency_keys")
    assert capsys.readouterr().out == "1 idempotency keys deleted.\n"


def test_stored_bytes_are_sound_json(as_cashier: APIClient, shelf: Shelf) -> None:
    milk = shelf("Maziwa – 500 ml 🥛")
    first, second = (sell(as_cashier, milk, "k-1") for _ in range(2))
    assert first.content == second.content
    assert json.loads(second.content)["items"][0]["product_name"] == "Maziwa – 500 ml 🥛"
