"""Tills that do what a shop does all day, and read every answer.

Threads of this process and not processes as elsewhere here: they rest most of the time, and each answer is judged.
"""

import json
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import cycle
from typing import Any

from benchmarks.client import Connection, Request, packed
from benchmarks.goods import Item
from benchmarks.scenarios import CHECKOUTS, LOOKUP, TENDERED, get

LOOKUPS, SALES, READING = "lookup", "checkout", "reports and lists"
# In a hundred requests.
MIX = {LOOKUPS: 80, SALES: 15, READING: 5}
PREPARED = 1000
SHOWN_BYTES = 300
CHECKOUT = CHECKOUTS[1]
LISTS = ("/api/products/", "/api/products/?search=chai", "/api/sales/sales/", "/api/inventory/movements/")
REPORTS = tuple(
    f"/api/reports/{name}"
    for name in ("sales/?period=today", "profit/?period=week", "dashboard/", "day-end/", "inventory/")
)


@dataclass(frozen=True)
class Question:
    kind: str
    request: Request
    is_right: Callable[[dict[str, Any]], bool]


@dataclass(frozen=True)
class Sample:
    """One answer: when it was there, by the monotonic clock, and after how many seconds."""

    kind: str
    ended: float
    seconds: float


@dataclass
class Till:
    """Asks its questions in turn until `closed`."""

    port: int
    questions: Sequence[Question]
    closed: threading.Event
    samples: list[Sample] = field(default_factory=list)
    sold: int = 0
    wrong: list[str] = field(default_factory=list)

    def work(self) -> None:
        with closing(Connection(self.port)) as connection:
            for question in cycle(self.questions):
                if self.closed.is_set():
                    return
                try:
                    self._ask(connection, question)
                except (OSError, ValueError, KeyError) as error:
                    connection.close()
                    self._complain(question, f"{type(error).__name__}: {error}")

    def _ask(self, connection: Connection, question: Question) -> None:
        key = secrets.token_hex(16) if question.kind == SALES else ""
        began = time.monotonic()
        answer = connection.ask(packed(question.request, key))
        ended = time.monotonic()
        self.samples.append(Sample(question.kind, ended, ended - began))
        if 200 <= answer.status < 300 and question.is_right(json.loads(answer.body)):
            self.sold += question.kind == SALES
        else:
            self._complain(question, f"{answer.status} {answer.body[:SHOWN_BYTES].decode(errors='replace')}")

    def _complain(self, question: Question, what: str) -> None:
        self.wrong.append(f"{question.request.head.splitlines()[0]}: {what}")
        # A server that has gone is not asked in a tight loop.
        time.sleep(0.5)


@contextmanager
def working(port: int, items: Sequence[Item], tokens: Sequence[str], owner: str) -> Iterator[list[Till]]:
    """A till for each of the cashiers' tokens, at work until the block ends; `owner` is who reads the reports."""
    closed = threading.Event()
    tills = [Till(port, _questions(seed, items, token, owner), closed) for seed, token in enumerate(tokens)]
    threads = [threading.Thread(target=till.work) for till in tills]
    try:
        for thread in threads:
            thread.start()
        yield tills
    finally:
        closed.set()
        for thread in threads:
            if thread.ident:
                thread.join()


def _questions(seed: int, items: Sequence[Item], token: str, owner: str) -> list[Question]:
    """The same ones for the same seed, in the proportions of the mix."""
    chance = random.Random(seed)
    kinds = chance.choices(list(MIX), list(MIX.values()), k=PREPARED)
    ask = {
        LOOKUPS: lambda: _lookup(chance, items, token),
        SALES: lambda: Question(SALES, CHECKOUT.prepare(chance, items, token), _sold),
        READING: lambda: _reading(chance, owner),
    }
    return [ask[kind]() for kind in kinds]


def _lookup(chance: random.Random, items: Sequence[Item], token: str) -> Question:
    item = chance.choice(items)
    return Question(
        LOOKUPS,
        LOOKUP.prepare(chance, [item], token),
        lambda product: product["id"] == item.id and LOOKUP.is_right(product),
    )


def _sold(sale: dict[str, Any]) -> bool:
    paid = Decimal(sale["total"]) + Decimal(sale["change"])
    return CHECKOUT.is_right(sale) and paid == Decimal(TENDERED)


def _reading(chance: random.Random, owner: str) -> Question:
    path = chance.choice(LISTS + REPORTS)
    request = get(path, {"Authorization": f"Token {owner}"})
    return Question(READING, request, _is_list if path in LISTS else bool)


def _is_list(answer: Mapping[str, Any]) -> bool:
    return isinstance(answer["results"], list)
