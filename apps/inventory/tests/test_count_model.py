"""Any sequence of sales, deliveries and counts leaves what a shop on paper would have."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.core.errors import DomainError
from apps.inventory import services
from apps.inventory.models import CountLine, Movement, StockCount
from apps.products.models import StockLevel
from apps.sales.services import Order, OrderLine, sell
from apps.users.models import User
from conftest import stock_product
from tests.ledger import assert_ledgers_agree

pytestmark = pytest.mark.django_db
GOODS, COUNTS, OPENING = 2, 2, Decimal(10)

THING, COUNT = st.integers(0, GOODS - 1), st.integers(0, COUNTS - 1)
SOME = st.decimals(min_value="0.001", max_value=6, places=3)
STEPS = st.one_of(
    st.tuples(st.just("sell"), THING, SOME),
    st.tuples(st.just("deliver"), THING, SOME),
    st.tuples(st.just("count"), COUNT, THING, st.decimals(min_value=0, max_value=12, places=3)),
    st.tuples(st.just("count"), COUNT, THING, st.integers(0, 12).map(Decimal)),
    st.tuples(st.just("complete"), COUNT),
    st.tuples(st.just("cancel"), COUNT),
)


@dataclass
class OnPaper:
    """What a careful person would write down; each step answers the code of its refusal, or nothing."""

    stock: list[Decimal] = field(default_factory=lambda: [OPENING] * GOODS)
    states: list[str] = field(default_factory=lambda: ["in_progress"] * COUNTS)
    lines: list[dict[int, tuple[Decimal, Decimal]]] = field(
        default_factory=lambda: [{} for _ in range(COUNTS)]
    )

    def sell(self, thing: int, quantity: Decimal) -> str:
        if self.stock[thing] < quantity:
            return "insufficient_stock"
        self.stock[thing] -= quantity
        return ""

    def deliver(self, thing: int, quantity: Decimal) -> str:
        self.stock[thing] += quantity
        return ""

    def count(self, count: int, thing: int, quantity: Decimal) -> str:
        if self.states[count] == "in_progress":
            self.lines[count][thing] = (self.stock[thing], quantity)
        return self._over(count)

    def complete(self, count: int) -> str:
        if refusal := self._over(count):
            return refusal
        after = list(self.stock)
        for thing, (expected, found) in self.lines[count].items():
            after[thing] += found - expected
        if min(after) < 0:
            return "insufficient_stock"
        self.stock, self.states[count] = after, "completed"
        return ""

    def cancel(self, count: int) -> str:
        if refusal := self._over(count):
            return refusal
        self.states[count] = "cancelled"
        return ""

    def _over(self, count: int) -> str:
        return "" if self.states[count] == "in_progress" else f"count_{self.states[count]}"


class InTheShop:
    """The same steps by the shop's own services."""

    def __init__(self, user: User) -> None:
        self.user, self.now = user, timezone.now()
        self.goods = [stock_product(f"P{number}", stock=str(OPENING)).pk for number in range(GOODS)]
        self.counts = [services.start_count({}, user_id=self.user.pk, now=self.now).pk for _ in range(COUNTS)]

    def sell(self, thing: int, quantity: Decimal) -> None:
        order = Order([OrderLine(quantity, product_id=self.goods[thing])])
        sell(order, cashier=self.user, discount_limit=None, now=self.now)

    def deliver(self, thing: int, quantity: Decimal) -> None:
        occasion = services.Occasion(Movement.Type.PURCHASE, self.user.pk, self.now)
        services.record_movement(self.goods[thing], quantity, occasion)

    def count(self, count: int, thing: int, quantity: Decimal) -> None:
        counted = services.Counted(quantity, product_id=self.goods[thing])
        services.count_product(self.counts[count], counted, user_id=self.user.pk, now=self.now)

    def complete(self, count: int) -> None:
        services.complete_count(self.counts[count], user_id=self.user.pk, now=self.now)

    def cancel(self, count: int) -> None:
        services.cancel_count(self.counts[count], user_id=self.user.pk, now=self.now)

    def told(self, name: str, *what: Any) -> str:
        try:
            with transaction.atomic():
                getattr(self, name)(*what)
        except DomainError as error:
            return error.code
        return ""

    def as_on_paper(self) -> OnPaper:
        """What the database holds, by place instead of by id."""
        levels = StockLevel.objects.in_bulk(self.goods)
        counts = StockCount.objects.in_bulk(self.counts)
        paper = OnPaper([levels[pk].quantity for pk in self.goods], [counts[pk].status for pk in self.counts])
        for line in CountLine.objects.filter(count__in=self.counts):
            thing = self.goods.index(line.product_id)
            paper.lines[self.counts.index(line.count_id)][thing] = (
                line.system_quantity,
                line.physical_quantity,
            )
        return paper


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, max_size=16))
def test_the_shop_is_as_on_paper(admin: User, steps: list[tuple[Any, ...]]) -> None:
    with transaction.atomic():
        paper, shop = OnPaper(), InTheShop(admin)
        for name, *what in steps:
            assert shop.told(name, *what) == getattr(paper, name)(*what), (name, what)
        assert shop.as_on_paper() == paper
        assert_ledgers_agree()
        transaction.set_rollback(True)
