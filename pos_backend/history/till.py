"""Plays the customers in the order in which they come, and what happens after they have gone."""

import heapq
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from random import Random

from apps.payments.states import Method, Status
from pos_backend.history.baskets import Baskets, one_of
from pos_backend.history.books import Books, Visit
from pos_backend.history.ids import Ids
from pos_backend.history.paying import Purse
from pos_backend.history.people import Staff
from pos_backend.history.pricing import PriceTag
from pos_backend.history.rhythm import Day, arrivals, at
from pos_backend.history.shelves import Goods, Shelves, Why

CANCELLED_SHARE, EXPIRED_SHARE, REFUSED_FIRST_SHARE = 0.03, 0.3, 0.3
NAMED_SHARE = 0.04
NAMES = ("Akinyi", "Chege", "Halima", "Juma", "Kerubo", "Langat", "Makena", "Mutua", "Naliaka", "Wekesa")
DELIVERIES_COME, SHELVES_ARE_CHECKED = 6, 20  # o'clock
BROUGHT_BACK_SHARE = 0.5
LEFT_AFTER, EXPIRED_AFTER = (8, 40), (120, 125)  # minutes
SOLD_OUT_TOO_OFTEN = 10

Act = Callable[[datetime], None]


class Till:
    """All tills together, because receipts are numbered and stock moves in the order in which things happen."""

    def __init__(self, books: Books, shelves: Shelves, staff: Staff, ids: Ids, random: Random) -> None:
        self._ids = ids
        self._books = books
        self._shelves = shelves
        self._staff = staff
        self._random = random
        self._baskets = Baskets(len(shelves.products), random)
        self._purse = Purse(random)
        self._price_tag = PriceTag(random)
        self._later: list[tuple[datetime, int, Act]] = []
        self._open: dict[int, Visit] = {}
        self._turn = count()

    def serve(self, days: list[Day], sales: list[int], until: datetime) -> Iterator[None]:
        """Lets the caller look after every customer."""
        for day, expected in zip(days, sales, strict=True):
            self._do_later(at(day.date, DELIVERIES_COME), partial(self._shelves.morning, day.date))
            self._do_later(at(day.date, SHELVES_ARE_CHECKED), self._shelves.evening)
            for when in arrivals(expected, day, self._random):
                self._catch_up(when)
                self._serve_one(day, when, until)
                yield
        self._catch_up(until)
        for visit in self._open.values():
            self._leave_open(visit, until)
        self._books.close()

    def _do_later(self, when: datetime, act: Act) -> None:
        heapq.heappush(self._later, (when, next(self._turn), act))

    def _catch_up(self, moment: datetime) -> None:
        while self._later and self._later[0][0] <= moment:
            when, _, act = heapq.heappop(self._later)
            act(when)

    def _serve_one(self, day: Day, when: datetime, until: datetime) -> None:
        goods = self._fill_basket(when)
        whole, tails = self._price_tag.price(goods)
        pk, number = self._ids.sale, self._ids.number
        self._ids.sale, self._ids.number = pk + 1, number + 1
        name = f"SALE-{day.date:%Y%m%d}-{number:06d}"
        visit = Visit(
            pk, number, name, day.date, one_of(self._staff.cashiers, self._random), when, goods, whole, tails
        )
        if self._random.random() < NAMED_SHARE:
            visit.customer = one_of(NAMES, self._random), f"0700000{self._random.randrange(1000):03d}"
        self._shelves.take(goods, visit.pk, visit.name, visit.cashier, when)
        if self._random.random() < CANCELLED_SHARE:
            self._lose(visit)
        else:
            self._pay(visit, until)

    def _fill_basket(self, when: datetime) -> Goods:
        wanted, sold_out = self._baskets.size(), 0
        basket: dict[int, Decimal] = {}
        while len(basket) < wanted:
            rank = self._baskets.rank()
            if rank in basket:
                continue
            product = self._shelves.products[rank]
            quantity = self._baskets.quantity(weighed=product.weighed)
            if product.stock < quantity:
                # Customers take something else; at last somebody goes and buys more.
                sold_out += 1
                if sold_out < SOLD_OUT_TOO_OFTEN:
                    continue
                self._shelves.deliver(product, when)
            basket[rank] = quantity
        return [(self._shelves.products[rank], quantity) for rank, quantity in basket.items()]

    def _pay(self, visit: Visit, until: datetime) -> None:
        visit.attempts = self._purse.pay(visit.totals.total, visit.when)
        ends = max((attempt.ended for attempt in visit.attempts), default=visit.when)
        if ends == visit.when:
            self._complete(visit, until, ends)
        else:
            self._open[visit.pk] = visit
            self._do_later(ends, partial(self._complete, visit, until))

    def _complete(self, visit: Visit, until: datetime, when: datetime) -> None:
        self._open.pop(visit.pk, None)
        refund = self._purse.refund(visit.attempts, when, until)
        self._books.complete(visit, when, refund)
        if refund and refund.amount == visit.totals.total and self._random.random() < BROUGHT_BACK_SHARE:
            self._do_later(refund.completed, partial(self._bring_back, visit))

    def _bring_back(self, visit: Visit, when: datetime) -> None:
        why = Why("return", self._staff.manager, when, reference_number=visit.name, notes="Brought back")
        self._shelves.put_back(visit.goods, why)

    def _lose(self, visit: Visit) -> None:
        """Nobody pays: the cashier cancels the sale, or it expires."""
        self._open[visit.pk] = visit
        expires = self._random.random() < EXPIRED_SHARE
        if self._random.random() < REFUSED_FIRST_SHARE and visit.totals.total >= 1:
            attempt = self._purse.ask(visit.totals.total // 1, Method.MPESA, visit.when)
            self._purse.refuse(attempt)
            visit.attempts = [attempt]
        minutes = self._random.uniform(*(EXPIRED_AFTER if expires else LEFT_AFTER))
        user, why = (None, "Not paid in time") if expires else (visit.cashier, "Left without paying")
        self._do_later(visit.when + timedelta(minutes=minutes), partial(self._cancel, visit, user, why))

    def _cancel(self, visit: Visit, user: int | None, notes: str, when: datetime) -> None:
        del self._open[visit.pk]
        why = Why("return", user, when, reference_number=visit.name, notes=notes, cause=f"cancel:{visit.pk}")
        self._shelves.put_back(visit.goods, why)
        self._books.cancel(visit, when, user)

    def _leave_open(self, visit: Visit, until: datetime) -> None:
        for attempt in visit.attempts:
            if attempt.ended > until:
                attempt.status = Status.PENDING
        self._books.leave_open(visit)
