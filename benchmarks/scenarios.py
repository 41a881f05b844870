"""What the tills ask for, and what a right answer looks like."""

import http.client
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.client import Request
from pos_backend.local.account import LauncherError

# So many different requests a till sends in turn.
PREPARED = 300
TENDERED = "100000.00"
MAX_QUANTITY = 3


@dataclass(frozen=True)
class Item:
    """What a till knows of a product."""

    id: int
    barcode: str


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


def _plain(chance: random.Random, items: Sequence[Item], token: str) -> Request:
    return get("/", {})


def _read(chance: random.Random, items: Sequence[Item], token: str) -> Request:
    return get(f"/{chance.choice(items).barcode.zfill(14)}/", {})


def _lookup(chance: random.Random, items: Sequence[Item], token: str) -> Request:
    return get(f"/api/products/barcode/{chance.choice(items).barcode}/", {"Authorization": f"Token {token}"})


def checkout(lines: int) -> Prepare:
    """A sale of so many different products, paid in cash."""

    def prepare(chance: random.Random, items: Sequence[Item], token: str) -> Request:
        basket = [
            {"product": item.id, "quantity": chance.randint(1, MAX_QUANTITY)}
            for item in chance.sample(items, lines)
        ]
        body = json.dumps({"items": basket, "amount_paid": TENDERED})
        headers = {
            "Authorization": f"Token {token}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
        }
        return Request(_head("POST", "/api/sales/sales/", headers), body)

    return prepare


def _sold(lines: int) -> IsRight:
    return lambda sale: sale["status"] == "completed" and len(sale["items"]) == lines


WSGI_FLOOR = Scenario("bare WSGI", _plain)
DJANGO_FLOOR = Scenario("Django floor", _read)
LOOKUP = Scenario("barcode lookup", _lookup, lambda product: "total_price" in product)
CHECKOUTS = (
    Scenario("checkout, 1 line", checkout(1), _sold(1), sells=True),
    Scenario("checkout, 5 lines", checkout(5), _sold(5), sells=True),
    Scenario("checkout, 20 lines", checkout(20), _sold(20), sells=True),
)


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
