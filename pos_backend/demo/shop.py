"""The demo shop: two people, 200 products and a week of sales, made by the services that the tills use."""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from functools import partial

from django.conf import settings
from tqdm import tqdm

from apps.core import money, ports
from apps.core.locking import require_transaction
from apps.products.catalogue_file import CatalogueRow, read_catalogue
from apps.products.importing import import_catalogue
from apps.products.models import Category, Product
from apps.sales.models import Sale
from apps.sales.services import Order, OrderLine, cancel_sale, find_and_lock, sell
from apps.users.models import User
from pos_backend.demo.week import HERE, Ending, Visit, opening, visits

RUNNING_LOW = 8
PEOPLE = {
    "admin": {"role": User.Role.ADMIN, "first_name": "Shop", "last_name": "Manager"},
    "cashier": {"role": User.Role.CASHIER, "first_name": "Till", "last_name": "One"},
}
NO_STOCK = Decimal(0)

Act = Callable[[datetime], None]


def is_in_use() -> bool:
    """Whether somebody has begun to use the database: a demo would only be in the way."""
    return User.objects.exists() or Product.objects.exists() or Sale.objects.exists()


def open_demo_shop(passwords: Mapping[str, str], now: datetime) -> None:
    """Fills an empty database; `passwords` by user name. Call inside a transaction.

    The passwords are not measured against the rules for good ones: who only tries the shop may take a short one.
    """
    require_transaction()
    people = {name: User.objects.create_user(name, passwords[name], **PEOPLE[name]) for name in PEOPLE}
    planned, opened = visits(now), opening(now)
    _fill_shelves(planned, people["admin"], opened)
    for table in (User, Category):
        table._default_manager.update(created_at=opened)
    with tqdm(planned, desc="Selling", unit=" sales", disable=None) as progress:
        _Till(people).serve(progress, until=now)


def _fill_shelves(planned: Iterable[Visit], admin: User, opened: datetime) -> None:
    """What the week will sell, and on top of it what is to be left."""
    catalogue = read_catalogue(HERE / "catalogue.csv")
    sold: dict[str, Decimal] = defaultdict(Decimal)
    for sku, quantity in (line for visit in planned for line in visit.lines):
        sold[sku] += quantity
    low = [row.sku for row in catalogue.rows if NO_STOCK < _stock(row) <= _threshold(row)][:RUNNING_LOW]
    rows = [replace(row, stock=sold[row.sku] + _left(row, row.sku in low)) for row in catalogue.rows]
    import_catalogue(replace(catalogue, rows=rows), user_id=admin.pk, now=opened)


def _left(row: CatalogueRow, low: bool) -> Decimal:
    return _stock(row) if low else max(_stock(row), 3 * _threshold(row))


def _stock(row: CatalogueRow) -> Decimal:
    return row.stock or NO_STOCK


def _threshold(row: CatalogueRow) -> Decimal:
    return row.low_stock_threshold or NO_STOCK


class _Till:
    """Plays the visits in the order in which things happened, because receipts are numbered in that order."""

    def __init__(self, people: Mapping[str, User]) -> None:
        self.people = people
        self.products = {row["sku"]: row for row in Product.objects.values("sku", "pk", "price")}
        self.later: list[tuple[datetime, int, Act]] = []

    def serve(self, customers: Iterable[Visit], until: datetime) -> None:
        for visit in customers:
            self._catch_up(visit.when)
            self._sell(visit)
        self._catch_up(until)

    def _catch_up(self, moment: datetime) -> None:
        while self.later and self.later[0][0] <= moment:
            when, _, act = heapq.heappop(self.later)
            act(when)

    def _sell(self, visit: Visit) -> None:
        cashier = self.people[visit.seller]
        sale = sell(
            self._order(visit),
            cashier=cashier,
            discount_limit=settings.CASHIER_MAX_DISCOUNT_PERCENT,
            now=visit.when,
        ).sale
        if visit.ending is Ending.GIVEN_UP:
            self._do_later(visit, sale, partial(_give_up, sale.pk, cashier))
        elif visit.ending is Ending.PAID:
            _pay(sale, sale.total, visit.note, cashier, visit.when)
        else:
            _pay(sale, money.round_money(sale.total // 2), visit.note, cashier, visit.when)
        if visit.ending is Ending.IN_TWO_PARTS:
            self._do_later(visit, sale, partial(_pay_the_rest, sale.pk, cashier))

    def _order(self, visit: Visit) -> Order:
        lines = [OrderLine(quantity, product_id=self.products[sku]["pk"]) for sku, quantity in visit.lines]
        worth = sum((self.products[sku]["price"] * quantity for sku, quantity in visit.lines), money.ZERO)
        percent = min(visit.discount_percent, settings.CASHIER_MAX_DISCOUNT_PERCENT)
        notes = {"notes": "Pays the rest next time"} if visit.ending is Ending.PARTLY_PAID else {}
        return Order(lines, discount=money.round_money(worth * percent // 100), customer=notes)

    def _do_later(self, visit: Visit, sale: Sale, act: Act) -> None:
        heapq.heappush(self.later, (visit.ends, sale.pk, act))


def _pay(sale: Sale, amount: Decimal, note: Decimal, cashier: User, now: datetime) -> None:
    """`amount` in cash, rounded up to whole notes."""
    tendered = (amount / note).to_integral_value(ROUND_CEILING) * note if note else amount
    ports.take_cash()(sale, amount=amount, tendered=tendered, user=cashier, now=now)


def _pay_the_rest(sale_id: int, cashier: User, now: datetime) -> None:
    sale = find_and_lock(sale_id)
    _pay(sale, sale.balance_due, Decimal(0), cashier, now)


def _give_up(sale_id: int, cashier: User, now: datetime) -> None:
    cancel_sale(find_and_lock(sale_id), user_id=cashier.pk, now=now, why="Left without paying")
