"""What the tills ask for, and what a right answer looks like."""

import http.client
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.client import Request
from benchmarks.goods import WORDS, Item
from pos_backend.local.account import LauncherError

# So many different requests a till sends in turn.
PREPARED = 300
TENDERED = "100000.00"
MAX_QUANTITY = 3
PAGE = 50
LEAFED = 10  # pages of a list that anybody leafs through


@dataclass(frozen=True)
class Person:
    username: str
    password: str


Prepare = Callable[[random.Random, Sequence[Item], str], Request]
IsRight = Callable[[dict[str, Any]], bool]


@dataclass(frozen=True)
class Scenario:
    """One line of the table: `prepare` makes a request from random products and a token."""

    name: str
    prepare: Prepare
    is_right: IsRight = lambda answer: True
    sells: bool = False

    def requests(self, seed: int, items: Sequence[Item], token: str) -> list[Request]:
        """The same requests for the same seed."""
        chance = random.Random(f"{self.name} {seed}")
        return [self.prepare(chance, items, token) for _ in range(PREPARED)]


def get(path: str, headers: Mapping[str, str]) -> Request:
    """A read."""
    return Request(_head("GET", path, headers))


def _head(method: str, path: str, headers: Mapping[str, str]) -> str:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json"]
    return "".join(f"{line}\r\n" for line in [*lines, *(f"{k}: {v}" for k, v in headers.items())])


def _signed_in(token: str) -> dict[str, str]:
    return {"Authorization": f"Token {token}"}


def _post(path: str, token: str, content: object) -> Request:
    body = json.dumps(content)
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return Request(_head("POST", path, _signed_in(token) | headers), body)


def _plain(chance: random.Random, items: Sequence[Item], token: str) -> Request:
    return get("/", {})


def _read(chance: random.Random, items: Sequence[Item], token: str) -> Request:
    return get(f"/{chance.choice(items).barcode.zfill(14)}/", {})


def _lookup(path: str) -> Prepare:
    return lambda chance, items, token: get(f"{path}{chance.choice(items).barcode}/", _signed_in(token))


def _basket(chance: random.Random, items: Sequence[Item], name: str) -> list[dict[str, int]]:
    return [{name: item.id, "quantity": chance.randint(1, MAX_QUANTITY)} for item in items]


def checkout(lines: int, among: int | None = None) -> Prepare:
    """A sale of so many different products, drawn from the first `among` or from all, paid in cash."""

    def prepare(chance: random.Random, items: Sequence[Item], token: str) -> Request:
        basket = _basket(chance, chance.sample(items[:among], lines), "product")
        return _post("/api/sales/sales/", token, {"items": basket, "amount_paid": TENDERED})

    return prepare


def _naive_checkout(chance: random.Random, items: Sequence[Item], token: str) -> Request:
    # By falling or rising id alike in all baskets, or two of them could wait for each other for ever.
    chosen = sorted(chance.sample(items, 5), key=lambda item: item.id)
    basket = _basket(chance, chosen, "product_id")
    return _post("/api/sales/", token, {"items": basket, "amount_paid": TENDERED})


def _list(chance: random.Random, items: Sequence[Item], token: str) -> Request:
    """One of the first pages, as somebody who leafs through them."""
    page = chance.randint(1, max(1, min(LEAFED, len(items) // PAGE)))
    return get(f"/api/products/?page_size={PAGE}&page={page}", _signed_in(token))


def _search(chance: random.Random, items: Sequence[Item], token: str) -> Request:
    """The beginnings of two words, as they are typed: about a thousandth of a long catalogue has both."""
    word = chance.choice(WORDS)[:4].lower()
    return get(f"/api/products/?page_size={PAGE}&search={word}%20{chance.randint(10, 99)}", _signed_in(token))


def _search_word(chance: random.Random, items: Sequence[Item], token: str) -> Request:
    """A word that a tenth of the catalogue has."""
    return get(f"/api/products/?page_size={PAGE}&search={chance.choice(WORDS).lower()}", _signed_in(token))


def _sales(chance: random.Random, items: Sequence[Item], token: str) -> Request:
    return get(f"/api/sales/sales/?page_size={PAGE}", _signed_in(token))


def _unknown(chance: random.Random, items: Sequence[Item], token: str) -> Request:
    """A well-formed callback of M-Pesa for a payment that nobody began."""
    call = {
        "MerchantRequestID": f"29115-{chance.randrange(10**9)}-9",
        "CheckoutRequestID": f"ws_CO_191220191020{chance.randrange(10**9):09d}",
        "ResultCode": 1032,
        "ResultDesc": "Request cancelled by user.",
    }
    body = json.dumps({"Body": {"stkCallback": call}})
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return Request(_head("POST", "/api/payments/webhooks/mpesa/callback/", headers), body)


def _prepared(chance: random.Random, items: Sequence[Item], token: str) -> Request:
    raise AssertionError("Each of these requests belongs to a payment that was begun for it.")


def _sold(lines: int) -> IsRight:
    return lambda sale: sale["status"] == "completed" and len(sale["items"]) == lines


def _has_page(answer: dict[str, Any]) -> bool:
    return len(answer["results"]) == PAGE


def _has_whole_sales(answer: dict[str, Any]) -> bool:
    return _has_page(answer) and all(sale["items"] and sale["payments"] for sale in answer["results"])


WSGI_FLOOR = Scenario("bare WSGI", _plain)
DJANGO_FLOOR = Scenario("Django floor", _read)
DRF_FLOOR = Scenario("DRF floor", _lookup("/"), lambda product: "barcode" in product)
NAIVE_LOOKUP = Scenario(
    "naive POS, lookup", _lookup("/api/products/barcode/"), lambda product: "name" in product["category"]
)
NAIVE_CHECKOUT = Scenario("naive POS, checkout, 5 lines", _naive_checkout, _sold(5))
LOOKUP = Scenario(
    "barcode lookup", _lookup("/api/products/barcode/"), lambda product: "total_price" in product
)
CHECKOUTS = (
    Scenario("checkout, 1 line", checkout(1), _sold(1), sells=True),
    Scenario("checkout, 5 lines", checkout(5), _sold(5), sells=True),
    Scenario("checkout, 20 lines", checkout(20), _sold(20), sells=True),
)
SAME_PRODUCTS = Scenario("same 5 products at all tills", checkout(5, among=5), _sold(5), sells=True)
SALES = Scenario("sales, page of 50", _sales, _has_whole_sales)
PRODUCTS = Scenario("products, page of 50", _list, lambda answer: bool(answer["results"]))
SEARCH = Scenario("search, two words", _search, lambda answer: "count" in answer)
SEARCH_WORD = Scenario("search, a common word", _search_word, lambda answer: bool(answer["results"]))
LISTS = (PRODUCTS, SEARCH, SEARCH_WORD)
UNKNOWN_CALLBACK = Scenario("webhook, unknown payment", _unknown, lambda answer: answer["ResultCode"] == 0)
CALLBACK = Scenario("webhook, settles a payment", _prepared, lambda answer: answer["ResultCode"] == 0)


def sign_in(port: int, person: Person) -> str:
    """The token of a new session."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        body = json.dumps({"username": person.username, "password": person.password})
        connection.request("POST", "/api/auth/login/", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise LauncherError(f"{person.username} cannot sign in: {answer.status} {content[:200]!r}")
    return str(json.loads(content)["token"])
