"""The shop in plain Python: what must come of each request, by the contract and not by the shop's code.

Each method does what was asked and answers None, or refuses with the code (`400` where the contract names none) and
changes nothing.
"""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

ZERO = Decimal("0.00")
OPEN = ("pending", "processing")
SETTLED = ("success", "refunded")
Refusal = str | None
INVALID = "400"


@dataclass
class Sale:
    lines: Counter[int]
    total: Decimal
    status: str = "pending"
    paid: Decimal = ZERO
    pending: Decimal = ZERO
    refunded: Decimal = ZERO
    change: Decimal = ZERO
    receipt: int | None = None
    id: int = 0

    @property
    def balance(self) -> Decimal:
        return self.total - self.paid

    @property
    def payment_status(self) -> str:
        if self.refunded and self.refunded >= self.paid:
            return "refunded"
        if self.paid >= self.total:
            return "paid"
        return "partial" if self.paid else "unpaid"


@dataclass
class Payment:
    """`truth` is what the customer did at the gateway: nothing yet, `paid` or `refused`."""

    sale: Sale
    amount: Decimal
    status: str = "processing"
    received: Decimal = ZERO
    applied: Decimal = ZERO
    unapplied: Decimal = ZERO
    reserved: Decimal = ZERO
    refunded: Decimal = ZERO
    truth: str = ""
    id: int = 0


@dataclass
class Refund:
    """`late`: asked for by the shop itself."""

    payment: Payment
    amount: Decimal
    status: str = "pending"
    late: bool = False
    id: int = 0


@dataclass
class Count:
    id: int
    status: str = "in_progress"
    variances: dict[int, int] = field(default_factory=dict)


@dataclass
class Books:
    """`prices` and `stock` by product; `receipts` is the last one given."""

    prices: dict[int, Decimal]
    stock: dict[int, int]
    receipts: int
    sales: list[Sale] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)

    def sell(self, lines: Counter[int], share: Decimal) -> Refusal:
        """Cash is handed over in this share of the total, in whole shillings."""
        if any(self.stock[product] < quantity for product, quantity in lines.items()):
            return "insufficient_stock"
        sale = Sale(lines, self.worth(lines))
        for product, quantity in lines.items():
            self.stock[product] -= quantity
        self.sales.append(sale)
        tendered = self.cash_for(lines, share)
        if tendered:
            amount = min(tendered, sale.total)
            sale.change = tendered - amount
            self._take(sale, amount)
        return None

    def worth(self, lines: Counter[int]) -> Decimal:
        return sum((self.prices[product] * quantity for product, quantity in lines.items()), start=ZERO)

    def cash_for(self, lines: Counter[int], share: Decimal) -> Decimal:
        return (self.worth(lines) * share).quantize(Decimal(1))

    def pay_cash(self, sale: Sale, amount: Decimal) -> Refusal:
        refusal = self._refuse_payment(sale, amount)
        if refusal is None:
            self._take(sale, amount)
        return refusal

    def _take(self, sale: Sale, amount: Decimal) -> None:
        self.payments.append(Payment(sale, amount, "success", received=amount, applied=amount))
        self._settle(sale, amount)

    def hold(self, sale: Sale, amount: Decimal) -> Refusal:
        refusal = self._refuse_payment(sale, amount)
        if refusal is None:
            sale.pending += amount
            self.payments.append(Payment(sale, amount))
        return refusal

    def _refuse_payment(self, sale: Sale, amount: Decimal) -> Refusal:
        if sale.status != "pending":
            return f"sale_{sale.status}"
        if amount > sale.balance:
            return INVALID
        return "payment_in_progress" if amount > sale.balance - sale.pending else None

    def _settle(self, sale: Sale, amount: Decimal) -> None:
        sale.paid += amount
        if sale.paid == sale.total:
            self.receipts += 1
            sale.status, sale.receipt = "completed", self.receipts

    def learn(self, payment: Payment) -> Refund | None:
        """The truth about it becomes known; the refund that is raised for money without room, if any."""
        if payment.truth == "refused" and payment.status in OPEN:
            payment.status = "cancelled"
            payment.sale.pending -= payment.amount
        if payment.truth != "paid" or payment.status in SETTLED:
            return None
        sale = payment.sale
        if payment.status in OPEN:
            sale.pending -= payment.amount
            room = payment.amount
        else:
            room = sale.balance - sale.pending if sale.status == "pending" else ZERO
        payment.status, payment.received = "success", payment.amount
        payment.applied = min(room, payment.amount)
        payment.unapplied = payment.reserved = payment.amount - payment.applied
        if payment.applied:
            self._settle(sale, payment.applied)
        if not payment.unapplied:
            return None
        self.refunds.append(Refund(payment, payment.unapplied, late=True))
        return self.refunds[-1]

    def give_up(self, payment: Payment) -> Refusal:
        if payment.status not in OPEN:
            return "payment_not_open"
        payment.status = "cancelled"
        payment.sale.pending -= payment.amount
        return None

    def cancel(self, sale: Sale) -> Refusal:
        if sale.status == "cancelled":
            return "sale_already_cancelled"
        if sale.status == "completed":
            return "sale_completed"
        if sale.pending:
            return "payment_in_progress"
        if sale.paid:
            return "sale_has_payments"
        sale.status = "cancelled"
        for product, quantity in sale.lines.items():
            self.stock[product] += quantity
        return None

    def complete(self, sale: Sale) -> Refusal:
        """A paid sale has completed by itself."""
        return {
            "cancelled": "sale_cancelled", "completed": "sale_already_completed", "pending": "sale_not_paid"
        }[sale.status]  # fmt: skip

    def ask_back(self, payment: Payment, amount: Decimal) -> Refusal:
        if payment.status not in SETTLED:
            return "payment_not_refundable"
        if amount > payment.received - payment.reserved:
            return "refund_exceeds_payment"
        payment.reserved += amount
        self.refunds.append(Refund(payment, amount))
        return None

    def reject(self, refund: Refund) -> Refusal:
        if refund.status != "pending":
            return "refund_not_pending"
        refund.status = "rejected"
        refund.payment.reserved -= refund.amount
        return None

    def approve(self, refund: Refund) -> Refusal:
        """Cash goes back: first what the sale could not take."""
        if refund.status != "pending":
            return "refund_not_pending"
        refund.status, payment, sale = "completed", refund.payment, refund.payment.sale
        from_unapplied = min(refund.amount, payment.unapplied)
        rest = refund.amount - from_unapplied
        payment.unapplied -= from_unapplied
        payment.refunded += refund.amount
        if payment.refunded == payment.received:
            payment.status = "refunded"
        if sale.status == "completed":
            sale.refunded += rest
        else:
            sale.paid -= rest
            payment.applied -= rest
        return None

    def move(self, product: int, quantity: int) -> Refusal:
        if self.stock[product] + quantity < 0:
            return "insufficient_stock"
        self.stock[product] += quantity
        return None

    def count(self, count: Count, product: int, found: int) -> Refusal:
        if count.status != "in_progress":
            return f"count_{count.status}"
        count.variances[product] = found - self.stock[product]
        return None

    def end_count(self, count: Count) -> Refusal:
        if count.status != "in_progress":
            return f"count_{count.status}"
        if any(self.stock[product] + variance < 0 for product, variance in count.variances.items()):
            return "insufficient_stock"
        for product, variance in count.variances.items():
            self.stock[product] += variance
        count.status = "completed"
        return None
