"""Tills that sell over HTTP and keep their own history of what they were told.

An answer is final (201, or a refusal such as 409 insufficient_stock) or it leaves open what happened: no answer, a
broken one, 5xx, 409 idempotency_in_progress. Then the same request is sent again with the same key, as a till does.
"""

import http.client
import json
import random
import select
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Any

from tests.concurrency.racing import wait_until
from tests.faults.harness.shop import PATIENCE, Shop

TILLS = 32
SALES = "/api/sales/sales/"
INITIATE = "/api/payments/payments/initiate/"
ANSWER_SECONDS = 20.0
PAUSE = 0.25
# After closing time every till still brings what it began to an end.
LAST_SECONDS = 90.0
NO_ANSWER = 0
IN_PROGRESS = "idempotency_in_progress"


@dataclass
class Request:
    """One wish of a till, however often it had to be sent. `answers` are all statuses and codes, (0, "") is none."""

    path: str
    body: dict[str, Any]
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    answers: list[tuple[int, str]] = field(default_factory=list)
    status: int | None = None  # of the final answer; None while it is not known what happened
    answer: dict[str, Any] = field(default_factory=dict)
    answered: float = 0.0  # time.monotonic()
    slowest: float = 0.0  # seconds of its slowest try

    @property
    def acknowledged(self) -> bool:
        return self.status == 201


class Till(threading.Thread):
    """One cashier's device with one connection, which it keeps open as long as the server does."""

    def __init__(self, tills: "Tills", number: int) -> None:
        super().__init__(name=f"till {number}", daemon=True)
        self.tills = tills
        self.choice = random.Random(f"{tills.seed}-{number}")
        self.number = number
        self.history: list[Request] = []
        self.headers = {"Authorization": f"Token {tills.shop.filled['cashiers'][number]}"}
        self.connection = http.client.HTTPConnection("127.0.0.1", tills.shop.port, timeout=ANSWER_SECONDS)
        self.broken: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.tills.closing.is_set():
                self.serve_a_customer()
                if self.tills.think:
                    self.tills.closing.wait(self.choice.uniform(0, 2 * self.tills.think))
        except BaseException as error:
            self.broken = error
        finally:
            self.connection.close()

    def serve_a_customer(self) -> None:
        by_phone = self.choice.random() < self.tills.by_phone
        sale = self.send(self._sale(paid=not by_phone))
        if by_phone and sale.acknowledged:
            phone = f"07{self.number:02d}{len(self.history):06d}"
            body = {"method": "mpesa", "sale": sale.answer["id"], "amount": sale.answer["total"]}
            self.send(Request(INITIATE, {**body, "phone_number": phone}))

    def send(self, request: Request) -> Request:
        """Until the answer is final, or the last patience is gone."""
        self.history.append(request)
        while request.status is None and not self.tills.too_late():
            began = time.monotonic()
            status, answer = self.once(request)
            request.slowest = max(request.slowest, time.monotonic() - began)
            request.answers.append((status, answer.get("code", "")))
            if status == NO_ANSWER or status >= 500 or answer.get("code") == IN_PROGRESS:
                time.sleep(self.choice.uniform(0.5, 1.5) * PAUSE)
            else:
                request.status, request.answer = status, answer
                request.answered = time.monotonic()
        return request

    def once(self, request: Request) -> tuple[int, dict[str, Any]]:
        """Sends it; NO_ANSWER when none came or it broke off."""
        headers = {**self.headers, "Content-Type": "application/json"}
        if self.tills.keyed:
            headers["Idempotency-Key"] = request.key
        try:
            self._hang_up_if_closed()
            self.connection.request("POST", request.path, json.dumps(request.body), headers)
            response = self.connection.getresponse()
            told = response.status, json.loads(response.read())
            return (NO_ANSWER, {}) if self.choice.random() < self.tills.deaf else told
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.tills.troubles[type(error).__name__] += 1
            self.connection.close()
            return NO_ANSWER, {}

    def _hang_up_if_closed(self) -> None:
        """What every HTTP client looks for before it uses a kept connection again."""
        if self.connection.sock and select.select([self.connection.sock], [], [], 0)[0]:
            self.connection.close()

    def _sale(self, paid: bool) -> Request:
        products = self.tills.shop.filled["products"]
        cart = {
            p["id"]: (Decimal(p["price"]), self.choice.randint(1, 3)) for p in self.choice.sample(products, 3)
        }
        total = sum(price * quantity for price, quantity in cart.values())
        items = [{"product": product, "quantity": quantity} for product, (_, quantity) in cart.items()]
        request = Request(SALES, {"items": items})
        # Written on the sale, so that it is known whose it is without asking the table of keys.
        request.body["notes"] = request.key
        if paid:
            request.body["amount_paid"] = str(total + self.choice.choice([0, 5, 100]))
        return request


class Tills:
    """All tills of a shop; `selling` says how they are."""

    def __init__(self, shop: Shop, count: int, seed: str, how: Mapping[str, float]) -> None:
        self.shop, self.seed = shop, seed
        self.by_phone, self.think = how["by_phone"], how["think"]
        self.deaf, self.keyed = how["deaf"], bool(how["keyed"])
        self.closing = threading.Event()
        self.closed = float("inf")
        self.troubles: Counter[str] = Counter()
        self.tills = [Till(self, number) for number in range(count)]

    @property
    def requests(self) -> list[Request]:
        return [request for till in self.tills for request in list(till.history)]

    @property
    def sales(self) -> list[Request]:
        return [request for request in self.requests if request.path == SALES]

    @property
    def acknowledged(self) -> int:
        return sum(sale.acknowledged for sale in self.sales)

    def answers(self) -> Counter[tuple[int, str]]:
        """All statuses and codes there were; (0, "") is no answer."""
        return Counter(answer for request in self.requests for answer in request.answers)

    def statuses(self) -> Counter[int]:
        """All statuses there were; 0 is no answer."""
        return Counter(status for request in self.requests for status, _ in request.answers)

    def served_after(self, moment: float) -> float | None:
        """Seconds from `moment` (time.monotonic()) to the next sale that was acknowledged; None without one yet."""
        later = [sale.answered for sale in self.sales if sale.acknowledged and sale.answered > moment]
        return min(later) - moment if later else None

    def sell(self, sales: int) -> None:
        """Waits until so many more have been acknowledged."""
        wanted = self.acknowledged + sales
        wait_until(lambda: self.acknowledged >= wanted, PATIENCE)

    def served_again(self) -> float:
        """Waits for the next sale that is acknowledged: the seconds."""
        now = time.monotonic()
        wait_until(lambda: self.served_after(now) is not None, PATIENCE)
        return self.served_after(now) or 0.0

    def longest_gap(self, begin: float) -> float:
        """The most seconds since `begin` (time.monotonic()) in which no sale was acknowledged."""
        moments = sorted(s.answered for s in self.sales if s.acknowledged and s.answered > begin)
        return max(after - before for before, after in pairwise([begin, *moments]))

    def too_late(self) -> bool:
        return time.monotonic() > self.closed + LAST_SECONDS

    def close(self) -> None:
        """No new customers; every till ends what it began."""
        self.closed = time.monotonic()
        self.closing.set()
        for till in self.tills:
            till.join(LAST_SECONDS + 2 * ANSWER_SECONDS)
        for till in self.tills:
            if till.broken:
                raise till.broken


@contextmanager
def selling(
    shop: Shop,
    count: int = TILLS,
    *,
    by_phone: float = 0.0,
    think: float = 0.0,
    deaf: float = 0.0,
    keyed: bool = True,
    seed: str = "tills",
) -> Iterator[Tills]:
    """Sells as long as the block runs; when it ends the tills have final answers to all they asked.

    `by_phone` is the share of sales to be paid by M-Pesa, `think` the mean seconds between two customers, `deaf` the
    share of answers that are lost on the way to the till. For controls: without `keyed` no key is sent.
    """
    how = {"by_phone": by_phone, "think": think, "deaf": deaf, "keyed": keyed}
    tills = Tills(shop, count, seed, how)
    for till in tills.tills:
        till.start()
    try:
        yield tills
    finally:
        tills.close()
