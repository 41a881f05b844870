"""What becomes of the goods in the course of the month."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from io import StringIO
from typing import Any

from django.core.management import call_command

from tests.journeys.month.arithmetic import cents
from tests.journeys.month.diary import Diary
from tests.journeys.month.records import Article
from tests.journeys.month.shop import Shop
from tests.journeys.month.sums import money
from tests.journeys.month.wire import Answer

ADMIN = "amina"
MOVEMENTS = "inventory/movements/"
# Pending sales that nobody paid are given up after so long.
EXPIRY = timedelta(minutes=120)
DAIRY, BREAD, FRESH = "Dairy & Eggs", "Bread & Bakery", "Fresh today"


@dataclass
class Catalogue:
    """`categories` are ids by the names of today, `variances` what `count` found, by SKU."""

    shop: Shop
    categories: dict[str, int]
    count: Answer = field(default_factory=dict)
    variances: dict[str, Decimal] = field(default_factory=dict)

    def note_changes(self, diary: Diary, begins: datetime, ends: datetime) -> None:
        """Spread over the time, whatever its length."""
        for percent, change in CHANGES:
            diary.note(begins + (ends - begins) * percent / 100, partial(change, self))

    def first_delivery(self) -> None:
        for article in self._some(0, 29):
            self._deliver(article, Decimal(24), "1.10")

    def second_delivery(self) -> None:
        """Many goods in one call, by weight and cheaper; of some again, from a dearer supplier."""
        came = [
            *((article, Decimal("12.375"), "0.93") for article in self._some(1, 13)),
            *((article, Decimal(1), "1.4") for article in self._some(1, 26)),
        ]
        rows = [
            {"barcode": article.barcode, "quantity": str(quantity), **self._cost(article, quantity, factor)}
            for article, quantity, factor in came
        ]
        self.shop.wire.post(ADMIN, f"{MOVEMENTS}bulk/", {"rows": rows, "reference_number": "GRN-7"})

    def raise_prices(self) -> None:
        """By seven percent, which gives prices with cents."""
        for article in self._some(0, 13):
            article.price = cents(article.price * Decimal("1.07"))
            self._change(article, price=money(article.price))

    def rename_category(self) -> None:
        self._rename_category(DAIRY, "Dairy")

    def rename_products(self) -> None:
        for article in self._some(0, 37):
            article.name = f"{article.name} (new)"
            self._change(article, name=article.name)

    def tax_bread(self) -> None:
        for article in self._in(BREAD)[:4]:
            article.rate = Decimal("8.00")
            self._change(article, tax="8.00")

    def move_products(self) -> None:
        """Into a new category, and some into none."""
        self._category(FRESH)
        for number, article in enumerate(self._some(1, 23)):
            article.category = FRESH if number % 3 else ""
            self._change(article, category=self.categories[FRESH] if article.category else None)

    def correct_costs(self) -> None:
        for article in self._some(2, 31):
            article.cost = cents(article.cost * Decimal("0.97"))
            self._change(article, cost_price=money(article.cost))

    def clear(self) -> None:
        """Breakage, samples, a correction and goods that came back; never more than is there."""
        kinds = {"damage": "-0.5", "transfer": "-1", "adjustment": "2.125", "return": "1"}
        articles = [article for article in self._some(0, 1) if article.stock > 20]
        for article, (kind, quantity) in zip(articles, kinds.items(), strict=False):
            self._move(article, kind, Decimal(quantity))

    def begin_count(self) -> None:
        """Of some goods there is a little more or less than the books say."""
        self.count = self.shop.wire.post(ADMIN, "inventory/counts/", {"description": "Top shelf"})
        for number, article in enumerate(self._some(5, 48)):
            variance = Decimal("1.5") if number % 2 else Decimal(-2)
            self.variances[article.sku] = variance
            body = {"product": article.id, "physical_quantity": str(article.stock + variance)}
            self.shop.wire.post(ADMIN, f"inventory/counts/{self.count['id']}/add_item/", body)

    def complete_count(self) -> None:
        """The differences count; what was sold since stays sold."""
        self.shop.wire.post(ADMIN, f"inventory/counts/{self.count['id']}/complete/", status=200)
        for sku, variance in self.variances.items():
            article = self.shop.books.articles[sku]
            self._enter_move(article, "adjustment", variance, self.count["count_number"])

    def take_off(self) -> None:
        """Some goods are not sold any more."""
        for article in self._some(4, 41):
            article.active = False
            self.shop.books.watch(article, self.shop.clock.now)
            self._change(article, is_active=False)

    def rename_cashier(self) -> None:
        id = self.shop.ids["kamau"]
        self.shop.wire.patch(ADMIN, f"users/{id}/", {"first_name": "Kamau wa", "last_name": "Njoroge"})
        self.shop.books.people[id] = "Kamau wa Njoroge"

    def give_up_sales(self) -> None:
        """Those that nobody has begun to pay; the shop does it by itself."""
        now = self.shop.clock.now
        call_command("expire_sales", stdout=StringIO())
        for sale in self.shop.books.sales:
            held = any(payment.state == "open" for payment in sale.payments)
            if sale.status == "pending" and not sale.paid and not held and sale.made < now - EXPIRY:
                self.shop.books.cancel(sale, now, None)

    def _category(self, name: str) -> int:
        if name not in self.categories:
            answer = self.shop.wire.post(ADMIN, "products/categories/", {"name": name})
            self.categories[name] = answer["id"]
        return self.categories[name]

    def _rename_category(self, old: str, new: str) -> None:
        id = self.categories[new] = self.categories.pop(old)
        self.shop.wire.patch(ADMIN, f"products/categories/{id}/", {"name": new})
        for article in self._in(old):
            article.category = new

    def _in(self, category: str) -> list[Article]:
        return [article for article in self.shop.books.articles.values() if article.category == category]

    def _some(self, start: int, step: int) -> list[Article]:
        """The goods that sell best come first."""
        return list(self.shop.books.articles.values())[start::step]

    def _change(self, article: Article, **fields: Any) -> None:
        self.shop.wire.patch(ADMIN, f"products/{article.id}/", fields)

    def _deliver(self, article: Article, quantity: Decimal, factor: str) -> None:
        body = {"product": article.id, "movement_type": "purchase", "quantity": str(quantity)}
        cost = self._cost(article, quantity, factor)
        self.shop.wire.post(ADMIN, MOVEMENTS, {**body, **cost, "reference_number": "GRN-7"})

    def _cost(self, article: Article, quantity: Decimal, factor: str) -> dict[str, str]:
        """Goods come in for `factor` times what they have cost so far."""
        unit_cost = cents(article.cost * Decimal(factor))
        self.shop.books.deliver(article.sku, quantity, unit_cost)
        self._enter_move(article, "purchase", quantity, "GRN-7")
        return {"unit_cost": money(unit_cost)}

    def _move(self, article: Article, kind: str, quantity: Decimal) -> None:
        """The shop decides the sign of all but adjustments, so it is sent without."""
        sent = quantity if kind == "adjustment" else abs(quantity)
        body = {"product": article.id, "movement_type": kind, "quantity": str(sent)}
        self.shop.wire.post(ADMIN, MOVEMENTS, body)
        self._enter_move(article, kind, quantity)

    def _enter_move(self, article: Article, kind: str, quantity: Decimal, reference: str = "") -> None:
        by, at = self.shop.ids[ADMIN], self.shop.clock.now
        self.shop.books.record(article.sku, kind, quantity, by, at, reference)


CHANGES: Sequence[tuple[int, Callable[[Catalogue], None]]] = (
    (15, Catalogue.first_delivery),
    (25, Catalogue.raise_prices),
    (35, Catalogue.rename_category),
    (40, Catalogue.rename_products),
    (44, Catalogue.give_up_sales),
    (48, Catalogue.second_delivery),
    (52, Catalogue.tax_bread),
    (56, Catalogue.move_products),
    (62, Catalogue.correct_costs),
    (66, Catalogue.begin_count),
    (70, Catalogue.clear),
    (73, Catalogue.complete_count),
    (76, Catalogue.give_up_sales),
    (80, Catalogue.take_off),
    (85, Catalogue.first_delivery),
    (90, Catalogue.rename_cashier),
)
