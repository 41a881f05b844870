"""What stands in the independent books: plain records, amounts in the shop's currency, moments in UTC."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from tests.journeys.month.arithmetic import NOTHING, Figures, cents, total

LABELS = {
    "cash": "Cash",
    "mpesa": "M-Pesa",
    "airtel": "Airtel Money",
    "card": "Card",
    "bank": "Bank transfer",
}
GATEWAYS = ("mpesa", "airtel", "card")


@dataclass
class Article:
    """A product as it is now; without a category it is in none (`""`)."""

    id: int
    sku: str
    barcode: str
    name: str
    category: str
    price: Decimal
    cost: Decimal
    rate: Decimal
    threshold: Decimal
    stock: Decimal = Decimal(0)
    active: bool = True

    @property
    def is_low(self) -> bool:
        return self.stock <= self.threshold


@dataclass(frozen=True)
class Line:
    """What was sold as it was then; `article` is what it is now."""

    article: Article
    name: str
    category: str
    price: Decimal
    unit_cost: Decimal
    rate: Decimal
    quantity: Decimal
    figures: Figures

    @cached_property
    def net(self) -> Decimal:
        return self.figures.total - self.figures.tax

    @cached_property
    def cost(self) -> Decimal:
        return cents(self.unit_cost * self.quantity)


@dataclass
class Payment:
    """Money under way (`open`), come (`settled`) or not (`cancelled`).

    `applied` counts on the sale, `late` could not, and `unapplied` of that has not gone back yet.

    `back` has gone back, `reserved` is that and what is asked back.
    """

    id: int
    sale: "Sale"
    method: str
    amount: Decimal
    begun: datetime
    state: str = "open"
    settled: datetime | None = None
    applied: Decimal = NOTHING
    unapplied: Decimal = NOTHING
    reserved: Decimal = NOTHING
    back: Decimal = NOTHING
    late: Decimal = NOTHING
    by_hand: bool = False


@dataclass
class Refund:
    """`from_sale` is what of it a completed sale had counted."""

    id: int
    payment: Payment
    method: str
    amount: Decimal
    paid_out: datetime | None = None
    from_sale: Decimal = NOTHING


@dataclass
class Sale:
    """One receipt. `labels` are the ways in which it was paid, in their order."""

    id: int
    number: str
    cashier: int
    made: datetime
    lines: tuple[Line, ...]
    paid: Decimal = NOTHING
    change: Decimal = NOTHING
    back: Decimal = NOTHING
    completed: datetime | None = None
    cancelled: datetime | None = None
    receipt: int | None = None
    labels: list[str] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)

    @cached_property
    def total(self) -> Decimal:
        return total(line.figures.total for line in self.lines)

    @cached_property
    def tax(self) -> Decimal:
        return total(line.figures.tax for line in self.lines)

    @cached_property
    def discount(self) -> Decimal:
        return total(line.figures.discount for line in self.lines)

    @property
    def due(self) -> Decimal:
        return self.total - self.paid

    @property
    def status(self) -> str:
        return "completed" if self.completed else "cancelled" if self.cancelled else "pending"

    @property
    def payment_status(self) -> str:
        if self.completed and self.back and self.back == self.paid:
            return "refunded"
        if self.paid >= self.total:
            return "paid"
        return "partial" if self.paid else "unpaid"


@dataclass(frozen=True)
class Move:
    """Stock that moved; `by` is nobody when the shop did it by itself."""

    article: Article
    kind: str
    quantity: Decimal
    before: Decimal
    reference: str
    by: int | None
    at: datetime
