"""The independent books: they are told what people do, and know from the contract alone what that comes to."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from tests.journeys.month.arithmetic import NOTHING, Priced, average_cost, figures_of
from tests.journeys.month.records import LABELS, Article, Line, Move, Payment, Refund, Sale


@dataclass(frozen=True)
class Wanted:
    """One thing in a basket; `discount` is an amount."""

    sku: str
    quantity: Decimal
    discount: Decimal = NOTHING


@dataclass
class Books:
    """Everything that happened. Ids and sale numbers are the names that the shop gave; no figure is the shop's."""

    prices_include_tax: bool
    people: dict[int, str] = field(default_factory=dict)
    articles: dict[str, Article] = field(default_factory=dict)
    sales: list[Sale] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    alerts: dict[str, datetime] = field(default_factory=dict)
    """Since when goods run low, by SKU."""
    receipts: int = 0

    def priced(self, basket: Sequence[Wanted], discount: Decimal = NOTHING) -> tuple[Line, ...]:
        """What a basket costs at this moment."""
        articles = [self.articles[wanted.sku] for wanted in basket]
        priced = [
            Priced(article.price, wanted.quantity, article.rate, wanted.discount)
            for article, wanted in zip(articles, basket, strict=True)
        ]
        figures = figures_of(priced, discount, with_tax=self.prices_include_tax)
        return tuple(
            Line(
                article,
                article.name,
                article.category,
                article.price,
                article.cost,
                article.rate,
                wanted.quantity,
                amounts,
            )
            for article, wanted, amounts in zip(articles, basket, figures, strict=True)
        )

    def sell(self, sale: Sale) -> None:
        self.sales.append(sale)
        self._move_goods(sale, "sale", -1, sale.cashier, sale.made)
        if sale.due == 0:
            self._complete(sale, sale.made)

    def begin(self, payment: Payment) -> None:
        self.payments.append(payment)
        payment.sale.payments.append(payment)

    def settle(self, payment: Payment, at: datetime, *, change: Decimal = NOTHING) -> None:
        """The money came; what the sale has no room for is late."""
        sale = payment.sale
        room = sale.due if sale.status == "pending" else NOTHING
        payment.applied = min(payment.amount, room)
        payment.late = payment.unapplied = payment.amount - payment.applied
        payment.state, payment.settled = "settled", at
        if not payment.applied:
            return
        sale.paid += payment.applied
        sale.change += change
        if (label := LABELS[payment.method]) not in sale.labels:
            sale.labels.append(label)
        if sale.due == 0:
            self._complete(sale, at)

    def cancel(self, sale: Sale, at: datetime, by: int | None) -> None:
        sale.cancelled = at
        self._move_goods(sale, "return", 1, by, at)

    def ask_back(self, refund: Refund) -> None:
        self.refunds.append(refund)
        refund.payment.reserved += refund.amount

    def reject(self, refund: Refund) -> None:
        refund.payment.reserved -= refund.amount

    def pay_out(self, refund: Refund, at: datetime) -> None:
        """What was late goes back first, then what the sale had counted; a pending sale is simply less paid."""
        payment, sale = refund.payment, refund.payment.sale
        late = min(refund.amount, payment.unapplied)
        rest = refund.amount - late
        payment.unapplied -= late
        payment.back += refund.amount
        refund.paid_out = at
        if sale.completed:
            sale.back += rest
            refund.from_sale = rest
        else:
            sale.paid -= rest
            payment.applied -= rest
            sale.labels = list(dict.fromkeys(LABELS[p.method] for p in sale.payments if p.applied))

    def record(
        self, sku: str, kind: str, quantity: Decimal, by: int | None, at: datetime, reference: str = ""
    ) -> None:
        """Stock moves; `quantity` is signed."""
        article = self.articles[sku]
        self.moves.append(Move(article, kind, quantity, article.stock, reference, by, at))
        article.stock += quantity
        self.watch(article, at)

    def watch(self, article: Article, at: datetime) -> None:
        """An alert begins when the stock falls to the threshold and ends when it rises above, or the goods go."""
        if not (article.active and article.is_low):
            self.alerts.pop(article.sku, None)
        else:
            self.alerts.setdefault(article.sku, at)

    def deliver(self, sku: str, quantity: Decimal, unit_cost: Decimal) -> None:
        """What a purchase does to the cost; to be told before the goods are recorded."""
        article = self.articles[sku]
        article.cost = average_cost(article.stock, article.cost, quantity, unit_cost)

    def _complete(self, sale: Sale, at: datetime) -> None:
        self.receipts += 1
        sale.completed, sale.receipt = at, self.receipts

    def _move_goods(self, sale: Sale, kind: str, sign: int, by: int | None, at: datetime) -> None:
        """Of each product once, however often it was scanned."""
        quantities: dict[str, Decimal] = defaultdict(Decimal)
        for line in sale.lines:
            quantities[line.article.sku] += sign * line.quantity
        for sku in sorted(quantities, key=lambda sku: self.articles[sku].id):
            self.record(sku, kind, quantities[sku], by, at, sale.number)
