"""Money that goes back: asked for at the till, decided on days later by another administrator."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial

from tests.journeys.month.arithmetic import HUNDRED, cents
from tests.journeys.month.customers import Customers
from tests.journeys.month.diary import Diary
from tests.journeys.month.records import GATEWAYS, Payment, Refund, Sale
from tests.journeys.month.shop import REFUNDS, Shop
from tests.journeys.month.visits import Back, Visit

# What M-Pesa sends at least when it is not all of a payment.
LEAST_PART = Decimal(10)
IN_CASH = (Back.WHOLE_IN_CASH, Back.PART_IN_CASH, Back.IN_PARTS)


@dataclass
class Refunding:
    """Of the largest payment of a sale that has just been paid."""

    shop: Shop
    diary: Diary
    customers: Customers | None

    def begin(self, visit: Visit, sale: Sale) -> None:
        if visit.back is not Back.NOTHING and sale.completed:
            hours = visit.dice.randint(1, 30)
            payment = max(sale.payments, key=lambda payment: payment.applied)
            self.diary.note(self.shop.clock.now + timedelta(hours=hours), partial(self._ask, visit, payment))

    def approve(self, refund: Refund) -> None:
        """Cash and transfers are paid out at once."""
        if self.shop.approve(refund) != "completed":
            assert self.customers
            self.customers.pay_out(refund)

    def approve_shops_own(self, payment: Payment) -> None:
        """The refund that the shop itself has raised over money that came too late."""
        (row,) = self.shop.wire.get("wafula", REFUNDS, payment=str(payment.id))["results"]
        assert (row["amount"], row["requested_by"]) == (f"{payment.late:.2f}", None)
        refund = Refund(row["id"], payment, payment.method, payment.late)
        self.shop.books.ask_back(refund)
        self.approve(refund)

    def _ask(self, visit: Visit, payment: Payment) -> None:
        """The decision falls after none to four days."""
        in_cash = visit.back in IN_CASH or (payment.by_hand and payment.method in GATEWAYS)
        amount = _amount(visit, payment, in_cash)
        refund = self.shop.ask_back(payment, amount, in_cash=in_cash)
        decided = self.shop.clock.now + timedelta(minutes=visit.dice.choice((1, 90, 1500, 3000, 5800)))
        if visit.back is Back.REJECTED:
            self.diary.note(decided, partial(self.shop.reject, refund))
        elif visit.back is not Back.WAITING:
            self.diary.note(decided, partial(self.approve, refund))
        if visit.back is Back.IN_PARTS:
            rest = self.shop.ask_back(payment, payment.amount - amount, in_cash=True)
            self.diary.note(decided + timedelta(hours=25), partial(self.approve, rest))


def _amount(visit: Visit, payment: Payment, in_cash: bool) -> Decimal:
    """Gateways send whole shillings; Airtel Money all or nothing."""
    if visit.back in (Back.WHOLE, Back.WHOLE_IN_CASH):
        return payment.amount
    part = cents(payment.amount * visit.dice.randint(10, 90) / HUNDRED)
    if in_cash or payment.method not in GATEWAYS:
        return part
    whole = Decimal(int(part))
    return payment.amount if payment.method == "airtel" or whole < LEAST_PART else whole
