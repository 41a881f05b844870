"""Counting the goods over HTTP."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.inventory.models import CountLine, Movement, StockCount
from apps.products.models import Product, StockLevel
from apps.users.models import User
from tests.ledger import assert_ledgers_agree

pytestmark = pytest.mark.django_db
URL = "/api/inventory/counts/"
Shelf = Callable[..., Product]


def begin(admin: APIClient, **fields: Any) -> int:
    answer = admin.post(URL, fields)
    assert answer.status_code == 201, answer.content
    return int(answer.json()["id"])


def add(client: APIClient, count: int, product: Product | None, quantity: object, **fields: Any) -> Any:
    body = {"physical_quantity": quantity, **fields}
    if product is not None:
        body["product"] = product.pk
    return client.post(f"{URL}{count}/add_item/", body)


def end(client: APIClient, count: int, how: str = "complete", **headers: str) -> Any:
    return client.post(f"{URL}{count}/{how}/", headers=headers)


def stock(product: Product) -> Decimal:
    return StockLevel.objects.get(pk=product.pk).quantity


def told(answer: Any) -> tuple[int, str | None]:
    return answer.status_code, answer.json().get("code")


def test_a_count_from_beginning_to_end(
    as_admin: APIClient, as_cashier: APIClient, shelf: Shelf, admin: User, cashier: User
) -> None:
    milk = shelf("Milk", stock=10, barcode="6161100490002")
    made = as_admin.post(URL, {"description": "Cold store", "notes": "Door to door"})
    assert made.status_code == 201
    count = made.json()
    assert count == {
        "id": count["id"],
        "count_number": f"COUNT-{count['id']:06d}",
        "description": "Cold store",
        "status": "in_progress",
        "blind": False,
        "started_by": admin.pk,
        "started_by_name": "Amina Admin",
        "completed_by": None,
        "completed_by_name": None,
        "started_at": count["started_at"],
        "completed_at": None,
        "notes": "Door to door",
        "item_count": 0,
        "items": [],
    }
    counted = add(as_cashier, count["id"], milk, "7.125", notes="One is torn")
    assert counted.status_code == 201
    line = counted.json()
    assert line == {
        "id": CountLine.objects.get().pk,
        "product": milk.pk,
        "product_name": "Milk",
        "product_barcode": "6161100490002",
        "system_quantity": 10,
        "physical_quantity": 7.125,
        "variance": -2.875,
        "notes": "One is torn",
        "counted_by": cashier.pk,
        "counted_by_name": "Otieno Till",
        "counted_at": line["counted_at"],
    }
    assert stock(milk) == 10
    done = end(as_admin, count["id"])
    assert done.status_code == 200
    after = done.json()
    assert (after["status"], after["completed_by_name"]) == ("completed", "Amina Admin")
    assert (after["item_count"], after["items"]) == (1, [line])
    assert as_cashier.get(f"{URL}{count['id']}/").json() == after
    assert stock(milk) == Decimal("7.125")
    moved = Movement.objects.latest("id")
    assert (moved.movement_type, moved.quantity, moved.cause) == (
        "adjustment",
        Decimal("-2.875"),
        f"count:{count['id']}",
    )
    assert (moved.reference_number, moved.notes) == (count["count_number"], "Stock count: Cold store")
    assert moved.created_by == admin
    assert_ledgers_agree()


def test_goods_sold_during_the_count_stay_sold(
    as_admin: APIClient, as_cashier: APIClient, shelf: Shelf
) -> None:
    milk, bread, salt = shelf("Milk"), shelf("Bread"), shelf("Salt")
    count = begin(as_admin)
    add(as_cashier, count, milk, 8)
    add(as_cashier, count, bread, 10)
    add(as_cashier, count, salt, 12.5)
    sold = [{"product": product.pk, "quantity": 3} for product in (milk, bread, salt)]
    assert as_cashier.post("/api/sales/sales/", {"items": sold}).status_code == 201
    assert end(as_admin, count).status_code == 200
    assert [stock(product) for product in (milk, bread, salt)] == [5, 7, Decimal("9.5")]
    # What was as expected does not move.
    assert Movement.objects.filter(cause=f"count:{count}").count() == 2
    assert_ledgers_agree()


def test_counting_again_replaces_the_line(
    as_admin: APIClient, as_cashier: APIClient, as_stranger: APIClient, shelf: Shelf
) -> None:
    milk = shelf(stock=10, barcode="012345678905")
    count = begin(as_admin)
    first = add(as_cashier, count, milk, 9, notes="Top shelf")
    as_cashier.post("/api/sales/sales/", {"items": [{"product": milk.pk, "quantity": 2}]})
    again = add(as_stranger, count, None, 8, barcode="00012345678905")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert {
        name: again.json()[name] for name in ("system_quantity", "variance", "notes", "counted_by_name")
    } == {
        "system_quantity": 8,
        "variance": 0,
        "notes": "",
        "counted_by_name": "wanjiru",
    }
    assert again.json()["counted_at"] > first.json()["counted_at"]
    assert as_admin.get(f"{URL}{count}/").json()["items"] == [again.json()]
    assert end(as_admin, count).status_code == 200
    assert stock(milk) == 8


@pytest.mark.parametrize("code", ["012345678905", "0012345678905", "00012345678905", " 012345678905\r"])
def test_any_form_of_the_barcode(as_admin: APIClient, shelf: Shelf, code: str) -> None:
    milk = shelf(barcode="012345678905")
    assert add(as_admin, begin(as_admin), None, 1, barcode=code).json()["product"] == milk.pk


def test_what_is_not_sold_any_more_can_lie_on_the_shelf(as_admin: APIClient, shelf: Shelf) -> None:
    shelf("Old", stock=0, barcode="OLD-1", is_active=False)
    old = Product.objects.get()
    count = begin(as_admin)
    assert add(as_admin, count, old, 1).status_code == 201
    assert add(as_admin, count, None, 2, barcode="OLD-1").status_code == 200
    end(as_admin, count)
    assert stock(old) == 2
    # It has history now: a removal keeps its row.
    assert as_admin.delete(f"/api/products/{old.pk}/").status_code == 204
    assert Product.objects.count() == 1


def test_what_is_refused_changes_nothing(as_admin: APIClient, as_cashier: APIClient, shelf: Shelf) -> None:
    milk = shelf(barcode="6161100490002")
    count = begin(as_admin)
    for quantity in (-1, "-0.001", "x", None, 1.2345, True, "1e3", 10**9):
        answer = add(as_cashier, count, milk, quantity)
        assert (answer.status_code, list(answer.json())) == (400, ["physical_quantity"]), quantity
    neither = [{}, {"product": None}, {"barcode": ""}, {"product": milk.pk, "barcode": "6161100490002"}]
    for names in neither:
        answer = as_cashier.post(f"{URL}{count}/add_item/", {"physical_quantity": 1, **names})
        assert (answer.status_code, list(answer.json())) == (400, ["product"]), names
    assert list(add(as_cashier, count, milk, 1, notes="x" * 501).json()) == ["notes"]
    assert told(add(as_cashier, count, Product(pk=999_999), 1)) == (404, "product_not_found")
    assert told(add(as_cashier, count, None, 1, barcode="404")) == (404, "product_not_found")
    assert told(add(as_cashier, 999_999, milk, 1)) == (404, "count_not_found")
    for how in ("complete", "cancel"):
        assert told(end(as_admin, 999_999, how)) == (404, "count_not_found")
    assert told(as_admin.patch(f"{URL}999999/", {})) == (404, "count_not_found")
    assert told(as_admin.get(f"{URL}999999/items/")) == (404, "count_not_found")
    assert list(as_admin.post(URL, {"description": "x" * 201, "blind": "perhaps"}).json()) == [
        "description",
        "blind",
    ]
    assert (StockCount.objects.count(), CountLine.objects.count(), stock(milk)) == (1, 0, 10)
    assert add(as_cashier, count, milk, 0).json()["variance"] == -10


def test_who_may_what(
    as_admin: APIClient, as_cashier: APIClient, as_stranger: APIClient, as_nobody: APIClient, shelf: Shelf
) -> None:
    milk = shelf()
    count = begin(as_admin)
    for person in (as_cashier, as_stranger):
        assert told(person.post(URL, {})) == (403, "permission_denied")
        assert told(person.patch(f"{URL}{count}/", {"notes": "x"})) == (403, "permission_denied")
        assert told(end(person, count)) == (403, "permission_denied")
        assert told(end(person, count, "cancel")) == (403, "permission_denied")
        assert add(person, count, milk, 9).status_code in (200, 201)
        for address in (URL, f"{URL}{count}/", f"{URL}{count}/items/"):
            assert person.get(address).status_code == 200
    assert told(add(as_nobody, count, milk, 1)) == (401, "not_authenticated")
    assert told(as_nobody.get(URL)) == (401, "not_authenticated")
    for call in (as_admin.delete, as_admin.put):
        assert told(call(f"{URL}{count}/", {})) == (405, "method_not_allowed")
    assert (StockCount.objects.get().status, stock(milk)) == ("in_progress", 10)


def test_texts_change_while_it_goes_on(as_admin: APIClient, shelf: Shelf) -> None:
    count = begin(as_admin, description="Cold", notes="n")
    add(as_admin, count, shelf(), 1)
    shown = as_admin.get(f"{URL}{count}/").json()
    sent_back = {
        **shown,
        "description": "Cold store",
        "notes": None,
        "status": "completed",
        "blind": True,
        "items": [],
    }
    changed = as_admin.patch(f"{URL}{count}/", sent_back)
    assert changed.status_code == 200
    assert changed.json() == {**shown, "description": "Cold store", "notes": ""}
    end(as_admin, count)
    assert told(as_admin.patch(f"{URL}{count}/", {"notes": "x"})) == (409, "count_completed")
    assert StockCount.objects.get().notes == ""


@pytest.mark.parametrize(("how", "code"), [("complete", "count_completed"), ("cancel", "count_cancelled")])
def test_it_ends_once(as_admin: APIClient, as_cashier: APIClient, shelf: Shelf, how: str, code: str) -> None:
    milk = shelf(stock=10)
    count = begin(as_admin)
    add(as_cashier, count, milk, 7)
    ended = end(as_admin, count, how)
    assert (ended.status_code, ended.json()["status"]) == (200, code.removeprefix("count_"))
    assert ended.json()["completed_at"]
    left = 7 if how == "complete" else 10
    for again in ("complete", "cancel"):
        assert told(end(as_admin, count, again)) == (409, code)
    assert told(add(as_cashier, count, milk, 1)) == (409, code)
    assert told(as_admin.patch(f"{URL}{count}/", {})) == (409, code)
    assert (stock(milk), Movement.objects.count()) == (left, 2 if how == "complete" else 1)
    assert as_admin.get(f"{URL}{count}/").json() == ended.json()
    assert_ledgers_agree()


def test_one_key_is_one_answer(as_admin: APIClient, as_cashier: APIClient, shelf: Shelf) -> None:
    milk = shelf(stock=10)
    started = [as_admin.post(URL, {"description": "x"}, headers={"Idempotency-Key": "s"}) for _ in range(2)]
    count = started[0].json()["id"]
    body = {"product": milk.pk, "physical_quantity": 7}
    added = [
        as_cashier.post(f"{URL}{count}/add_item/", body, headers={"Idempotency-Key": "a"}) for _ in range(2)
    ]
    ended = [end(as_admin, count, **{"Idempotency-Key": "c"}) for _ in range(3)]
    for answers in (started, added, ended):
        assert {(answer.status_code, answer.content) for answer in answers} == {
            (answers[0].status_code, answers[0].content)
        }
        assert answers[1]["Idempotent-Replayed"] == "true"
    assert [answers[0].status_code for answers in (started, added, ended)] == [201, 201, 200]
    assert (StockCount.objects.count(), CountLine.objects.count(), stock(milk)) == (1, 1, 7)


def test_more_missing_than_is_there_by_now(as_admin: APIClient, as_cashier: APIClient, shelf: Shelf) -> None:
    milk, bread = shelf("Milk", stock=10), shelf("Bread", stock=10)
    count = begin(as_admin)
    add(as_cashier, count, milk, 2)
    add(as_cashier, count, bread, 11)
    as_cashier.post("/api/sales/sales/", {"items": [{"product": milk.pk, "quantity": 5}]})
    refused = end(as_admin, count, **{"Idempotency-Key": "c"})
    assert refused.status_code == 409
    assert refused.json() == {
        "error": "By the count 8 of Milk are missing, and only 5 are there by now. Count again: Milk.",
        "code": "insufficient_stock",
        "items": [{"product": milk.pk, "requested": 8, "available": 5}],
    }
    assert (stock(milk), stock(bread), StockCount.objects.get().status) == (5, 10, "in_progress")
    add(as_cashier, count, milk, 5)
    assert end(as_admin, count, **{"Idempotency-Key": "c"}).status_code == 200
    assert (stock(milk), stock(bread)) == (5, 11)
    assert_ledgers_agree()


def test_nothing_counted_is_nothing_moved(as_admin: APIClient, shelf: Shelf) -> None:
    shelf()
    assert end(as_admin, begin(as_admin)).json()["status"] == "completed"
    assert Movement.objects.count() == 1


def numbers(row: dict[str, Any]) -> tuple[Any, Any]:
    return row["system_quantity"], row["variance"]


HIDDEN, SHOWN = (None, None), (10, -3)
# Whether the count is blind, who asks, with which query, and what they see while it is in progress.
BLINDNESS = [
    (False, "cashier", "", SHOWN),
    (False, "admin", "", SHOWN),
    (False, "cashier", "?blind=true", HIDDEN),
    (False, "admin", "?blind=true", HIDDEN),
    (False, "cashier", "?blind=false", SHOWN),
    (True, "cashier", "", HIDDEN),
    (True, "admin", "", HIDDEN),
    (True, "cashier", "?blind=", HIDDEN),
    (True, "cashier", "?blind=false", HIDDEN),
    (True, "cashier", "?blind=true", HIDDEN),
    (True, "admin", "?blind=false", SHOWN),
    (True, "admin", "?blind=true", HIDDEN),
]


@pytest.mark.parametrize(("blind", "role", "query", "seen"), BLINDNESS)
def test_what_a_blind_count_hides(
    as_admin: APIClient,
    as_cashier: APIClient,
    shelf: Shelf,
    blind: bool,
    role: str,
    query: str,
    seen: tuple[Any, Any],
) -> None:
    asks = {"admin": as_admin, "cashier": as_cashier}[role]
    milk, count = shelf(stock=10), begin(as_admin, blind=blind)
    body = {"product": milk.pk, "physical_quantity": 7}
    added = [
        asks.post(f"{URL}{count}/add_item/{query}", body, headers={"Idempotency-Key": "a"}) for _ in range(2)
    ]
    assert [numbers(answer.json()) for answer in added] == [seen, seen]
    assert added[0].content == added[1].content
    assert numbers(asks.get(f"{URL}{count}/{query}").json()["items"][0]) == seen
    assert numbers(asks.get(f"{URL}{query}").json()["results"][0]["items"][0]) == seen
    assert numbers(asks.get(f"{URL}{count}/items/{query}").json()["results"][0]) == seen
    differing = asks.get(f"{URL}{count}/items/{query or '?'}&variance=true")
    assert differing.status_code == (400 if seen == HIDDEN else 200)
    if role == "admin":
        assert numbers(asks.patch(f"{URL}{count}/{query}", {}).json()["items"][0]) == seen
    # When it is over there is nothing left to hide, unless somebody asks for it.
    after = HIDDEN if query == "?blind=true" else SHOWN
    ended = as_admin.post(f"{URL}{count}/complete/{query}").json()
    assert numbers(ended["items"][0]) == after
    assert numbers(asks.get(f"{URL}{count}/{query}").json()["items"][0]) == after
    assert stock(milk) == 7


def test_a_cancelled_blind_count_shows_what_was_missing(as_admin: APIClient, shelf: Shelf) -> None:
    count = begin(as_admin, blind=True)
    add(as_admin, count, shelf(stock=10), 7)
    assert numbers(end(as_admin, count, "cancel").json()["items"][0]) == SHOWN


def test_a_bad_value_of_blind_is_refused_before_anything_is_done(as_admin: APIClient, shelf: Shelf) -> None:
    milk = shelf()
    count = begin(as_admin)
    for value in ("maybe", "1", "TRUE", "null", "true,false", "%00x"):
        query = f"?blind={value}"
        body = {"product": milk.pk, "physical_quantity": 1}
        answers = [
            as_admin.get(f"{URL}{query}"),
            as_admin.post(f"{URL}{query}", {}),
            as_admin.get(f"{URL}{count}/{query}"),
            as_admin.patch(f"{URL}{count}/{query}", {"notes": "x"}),
            as_admin.get(f"{URL}{count}/items/{query}"),
            as_admin.post(f"{URL}{count}/add_item/{query}", body),
            as_admin.post(f"{URL}{count}/complete/{query}"),
            as_admin.post(f"{URL}{count}/cancel/{query}"),
        ]
        assert {answer.status_code for answer in answers} == {400}, value
        if "%" not in value:
            assert {tuple(answer.json()) for answer in answers} == {("blind",)}
    assert [(row.status, row.notes) for row in StockCount.objects.all()] == [("in_progress", "")]
    assert not CountLine.objects.exists()


def test_lines_by_page(as_admin: APIClient, as_cashier: APIClient, shelf: Shelf) -> None:
    goods = [shelf(f"P{number}", stock=number) for number in range(1, 8)]
    count, other = begin(as_admin), begin(as_admin)
    for product in reversed(goods):
        add(as_cashier, count, product, 4)
    add(as_cashier, other, goods[0], 1)
    address, seen = f"{URL}{count}/items/?page_size=3", []
    while address:
        page = as_cashier.get(address).json()
        seen += [row["product"] for row in page["results"]]
        # Counted again on the way: nothing is shown twice or left out.
        add(as_cashier, count, goods[0], 4)
        address = page["next"]
    assert seen == [product.pk for product in goods]
    found = {
        f"product={goods[2].pk}": [3],
        "product=999999": [],
        "variance=true": [1, 2, 3, 5, 6, 7],
        "variance=false": [4],
        "variance=": [1, 2, 3, 4, 5, 6, 7],
        "variance=true&blind=false": [1, 2, 3, 5, 6, 7],
    }
    for query, expected in found.items():
        rows = as_cashier.get(f"{URL}{count}/items/?{query}").json()["results"]
        assert [row["system_quantity"] for row in rows] == expected, query
    for query in ("variance=x", "product=x", "product=1.5"):
        assert as_cashier.get(f"{URL}{count}/items/?{query}").status_code == 400
    assert as_cashier.get(f"{URL}{count}/items/?cursor=cD1hYmM%3D").status_code == 404


def test_the_list_and_its_filters(
    as_admin: APIClient, as_cashier: APIClient, shelf: Shelf, admin: User, cashier: User
) -> None:
    first, second, third = (begin(as_admin, description=text) for text in "abc")
    end(as_admin, first)
    end(as_admin, second, "cancel")
    found = {
        "": [third, second, first],
        "status=in_progress": [third],
        "status=completed": [first],
        "status=cancelled": [second],
        f"started_by={admin.pk}": [third, second, first],
        f"started_by={cashier.pk}": [],
        "start_date=2099-01-01": [],
        "end_date=2020-01-01": [],
        "start_date=2020-01-01&end_date=2099-01-01": [third, second, first],
    }
    for query, expected in found.items():
        rows = as_cashier.get(f"{URL}?{query}").json()["results"]
        assert [row["id"] for row in rows] == expected, query
    for query in ("status=open", "started_by=x", "start_date=2026-02-30"):
        assert as_cashier.get(f"{URL}?{query}").status_code == 400
    page = as_cashier.get(f"{URL}?page_size=2").json()
    assert [row["id"] for row in page["results"]] == [third, second]
    assert [row["id"] for row in as_cashier.get(page["next"]).json()["results"]] == [first]


def test_a_list_holds_the_lines_counted_last(as_admin: APIClient, shelf: Shelf) -> None:
    goods = [shelf(f"P{number}") for number in range(25)]
    count, empty = begin(as_admin), begin(as_admin)
    for product in [*goods, goods[0]]:
        add(as_admin, count, product, 3)
    whole = as_admin.get(f"{URL}{count}/").json()
    assert (whole["item_count"], len(whole["items"])) == (25, 25)
    assert [row["product"] for row in whole["items"][:2]] == [goods[0].pk, goods[24].pk]
    rows = {row["id"]: row for row in as_admin.get(URL).json()["results"]}
    assert (rows[count]["item_count"], rows[count]["items"]) == (25, whole["items"][:20])
    assert (rows[empty]["item_count"], rows[empty]["items"]) == (0, [])


def statements(call: Callable[[str], Any], address: str) -> int:
    with CaptureQueriesContext(connection) as taken:
        assert call(address).status_code == 200
    return len(taken)


def test_the_same_statements_however_many_lines(as_admin: APIClient, shelf: Shelf) -> None:
    goods = [shelf(f"P{number}") for number in range(30)]
    taken = []
    for lines in (1, 30):
        count = begin(as_admin)
        for product in goods[:lines]:
            add(as_admin, count, product, 7)
        reading = [statements(as_admin.get, f"{URL}{tail}") for tail in ("", f"{count}/", f"{count}/items/")]
        taken.append([*reading, statements(as_admin.post, f"{URL}{count}/complete/")])
    # The last: token and savepoint; count, differences, stock rows, levels, movements, state; and the answer.
    assert taken[0] == taken[1]
    assert taken[0][:3] == [6, 4, 4]
    assert taken[0][3] <= 16


def test_the_back_office(admin: User, as_admin: APIClient, shelf: Shelf) -> None:
    office = Client()
    office.force_login(admin)
    milk, salt = shelf("Milk", stock=10), shelf("Salt", stock=10)
    first, second, done = begin(as_admin), begin(as_admin), begin(as_admin)
    add(as_admin, first, milk, 7)
    add(as_admin, second, salt, 1)
    end(as_admin, done)
    base = "/admin/inventory/stockcount/"
    assert b"countline/?count__id__exact" in office.get(f"{base}{first}/change/").content
    lines = office.get(f"/admin/inventory/countline/?count__id__exact={first}").content.decode()
    assert "Milk" in lines
    assert "Salt" not in lines
    for address in (f"{base}add/", "/admin/inventory/countline/add/"):
        assert office.get(address).status_code == 403
    assert office.post(f"{base}{first}/change/", {"status": "completed"}).status_code == 403
    assert office.post(f"{base}{first}/delete/", {"post": "yes"}).status_code == 403
    as_admin.post("/api/inventory/movements/", {"product": salt.pk, "movement_type": "damage", "quantity": 9})
    chosen = {"action": "complete", "_selected_action": [first, second, done]}
    page = office.post(base, chosen, follow=True).content.decode()
    assert f"COUNT-{first:06d}: done." in page
    assert "only 1 are there by now. Count again: Salt." in page
    assert f"COUNT-{done:06d} is completed already" in page
    assert (stock(milk), stock(salt)) == (7, 1)
    office.post(base, {"action": "cancel", "_selected_action": [second, done]}, follow=True)
    states = dict(StockCount.objects.values_list("pk", "status"))
    assert states == {first: "completed", second: "cancelled", done: "completed"}
    assert StockCount.objects.get(pk=first).completed_by == admin
    assert_ledgers_agree()
