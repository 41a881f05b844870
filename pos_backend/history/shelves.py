"""The goods that sell, how much of each is there, and every movement of it."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_CEILING, Decimal
from random import Random

from apps.core import money
from apps.sales.totals import Totals
from pos_backend.history.baskets import one_of
from pos_backend.history.goods import LOOSE
from pos_backend.history.ids import Ids
from pos_backend.history.people import Staff
from pos_backend.history.rows import NULL, Pages

NONE = Decimal(0)
# What sells daily is looked after daily, everything else once a week; enough for two weeks is ordered, when what
# is there would hardly last until the next time.
DAILY = Decimal(2)
RESERVE_DAYS = 3
ORDERED_DAYS = 14
WEEK = 7
COST_CHANGES = (97, 104)  # percent
LOSSES_A_DAY = 4
LOSSES = (("damage", "Broken"), ("damage", "Past its date"), ("adjustment", "Counted again"))


@dataclass(slots=True)
class Product:
    """One product that sells; `daily` is what a usual day takes, in its unit. `tails` are lines written before."""

    pk: int
    texts: str
    price: Decimal
    cost: Decimal
    tax: Decimal
    threshold: Decimal
    stock: Decimal
    weighed: bool
    daily: Decimal = NONE
    tails: dict[Decimal, tuple[str, Totals]] = field(default_factory=dict)


Goods = list[tuple[Product, Decimal]]


@dataclass(frozen=True)
class Why:
    """What a movement says of its reason."""

    movement_type: str
    created_by_id: int | None
    created_at: datetime
    reference_number: str = ""
    unit_cost: Decimal | None = None
    notes: str = ""
    cause: str | None = None


def _key(good: tuple[Product, Decimal]) -> int:
    return good[0].pk


def is_weighed(name: str) -> bool:
    return name.endswith(LOOSE)


class Shelves:
    """Moves stock and writes the movements down, in the order in which they happen."""

    def __init__(self, products: list[Product], pages: Pages, staff: Staff, ids: Ids, random: Random) -> None:
        self.products = products
        self._ids = ids
        self._staff = staff
        self._random = random
        self._pages = pages
        self._sold = pages.rows["inventory_movement"]
        self._rounds: list[list[Product]] = [
            [p for number, p in enumerate(products) if p.daily >= DAILY or number % WEEK == weekday]
            for weekday in range(WEEK)
        ]

    def move(self, product: Product, quantity: Decimal, why: Why) -> None:
        """Adds `quantity` with its sign; there must be enough."""
        before, product.stock = product.stock, product.stock + quantity
        self._pages.write(
            "inventory_movement",
            id=self._ids.movement,
            product_id=product.pk,
            quantity=quantity,
            stock_before=before,
            stock_after=product.stock,
            **vars(why),
        )
        self._ids.movement += 1

    def take(self, goods: Goods, sale: int, name: str, user: int, when: datetime) -> None:
        """What a sale takes: `move`, but of millions of rows; there must be enough."""
        event = f"{name}\t{NULL}\t\tsale:{sale}\t{user}\t{when}\n"
        for product, quantity in sorted(goods, key=_key):
            before = product.stock
            product.stock = after = before - quantity
            self._sold.append(
                f"{self._ids.movement}\t{product.pk}\tsale\t-{quantity}\t{before}\t{after}\t{event}"
            )
            self._ids.movement += 1

    def put_back(self, goods: Goods, why: Why) -> None:
        """What a sale had taken."""
        for product, quantity in sorted(goods, key=_key):
            self.move(product, quantity, why)

    def deliver(self, product: Product, when: datetime) -> None:
        """Enough for two weeks, at a cost that is a little different each time."""
        wanted = max(product.daily * ORDERED_DAYS, 2 * product.threshold, Decimal(6))
        quantity = (wanted / 6).to_integral_value(ROUND_CEILING) * 6
        paid = money.round_money(product.cost * self._random.randint(*COST_CHANGES) / 100)
        value = product.stock * product.cost + quantity * paid
        self.move(product, quantity, Why("purchase", self._staff.manager, when, unit_cost=paid))
        average = money.round_money(value / product.stock)
        if average != product.cost:
            product.cost = average
            product.tails.clear()

    def morning(self, day: date, when: datetime) -> None:
        """The day's deliveries."""
        for product in self._rounds[day.weekday()]:
            wait = 1 if product.daily >= DAILY else WEEK
            if product.stock < product.daily * (wait + RESERVE_DAYS):
                self.deliver(product, when)

    def evening(self, when: datetime) -> None:
        """What was found broken, too old or missing."""
        for _ in range(self._random.randint(0, LOSSES_A_DAY)):
            product, (kind, notes) = one_of(self.products, self._random), one_of(LOSSES, self._random)
            lost = min(Decimal(self._random.randint(1, 3)), product.stock)
            if lost > 0:
                self.move(product, -lost, Why(kind, self._staff.manager, when, notes=notes))
