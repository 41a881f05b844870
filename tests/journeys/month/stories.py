"""How the visits go on: each story of a basket, told to the shop step by step."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from math import ceil
from random import Random

from tests.journeys.month.arithmetic import HUNDRED, NOTHING, cents, total
from tests.journeys.month.books import Wanted
from tests.journeys.month.customers import Customers
from tests.journeys.month.diary import Diary
from tests.journeys.month.records import Payment, Sale
from tests.journeys.month.refunding import Refunding
from tests.journeys.month.shop import Shop
from tests.journeys.month.visits import Item, Story, Visit

CASHIER_PERCENT = 10
ADMIN = "amina"
NOTES = (Decimal(0), Decimal(50), Decimal(100), Decimal(1000))
NEXT_DAY = timedelta(hours=20)


@dataclass
class Stories:
    """Without gateways there are no `customers`, and no story that needs them."""

    shop: Shop
    diary: Diary
    refunding: Refunding
    customers: Customers | None

    def tell(self, visit: Visit) -> None:
        """Of what is not on sale any more nothing is taken."""
        items = [item for item in visit.items if self.shop.books.articles[item.sku].active]
        if items:
            _TOLD[visit.story](self, visit, items)

    def cash(self, visit: Visit, items: list[Item]) -> None:
        self._paid(visit, self._sell(visit, items, lambda due: _in_notes(due, visit.dice)))

    def cash_later(self, visit: Visit, items: list[Item]) -> None:
        sale = self._sell(visit, items)
        self._later(visit, 5, self._pay_rest, visit, sale)

    def phone(self, visit: Visit, items: list[Item], method: str = "mpesa") -> None:
        """The cents in cash, which is the whole of less than a shilling."""
        sale = self._sell(visit, items, lambda due: due % 1)
        if sale.due:
            self._ask(visit, sale, method, f"07{_prefix(method)}{visit.number:06}")

    def card(self, visit: Visit, items: list[Item]) -> None:
        self._ask(visit, self._sell(visit, items), "card")

    def cash_and_card(self, visit: Visit, items: list[Item]) -> None:
        self._ask(visit, self._sell(visit, items, _half), "card")

    def bank(self, visit: Visit, items: list[Item]) -> None:
        self._transfer(visit, self._sell(visit, items))

    def split(self, visit: Visit, items: list[Item]) -> None:
        self._transfer(visit, self._sell(visit, items, _half))

    def debt(self, visit: Visit, items: list[Item]) -> None:
        sale = self._sell(visit, items, _half)
        self.diary.note(visit.when + NEXT_DAY, partial(self._pay_rest, visit, sale))

    def part(self, visit: Visit, items: list[Item]) -> None:
        self._sell(visit, items, _half)

    def unpaid(self, visit: Visit, items: list[Item]) -> None:
        self._sell(visit, items)

    def open(self, visit: Visit, items: list[Item]) -> None:
        sale = self._sell(visit, items)
        method = "card" if self.customers and visit.number % 2 else "bank"
        self.shop.begin(sale, method, sale.due)

    def cancelled(self, visit: Visit, items: list[Item], after: timedelta = timedelta(minutes=8)) -> None:
        sale = self._sell(visit, items)
        self.diary.note(visit.when + after, partial(self._cancel, visit, sale))

    def deposit_back(self, visit: Visit, items: list[Item]) -> None:
        sale = self._sell(visit, items, _half)
        refund = self.shop.ask_back(sale.payments[0], sale.paid)
        self._later(visit, 30, self.shop.approve, refund)
        self._later(visit, 31, self._cancel, visit, sale)

    def deposit_and_paid(self, visit: Visit, items: list[Item]) -> None:
        sale = self._sell(visit, items, _half)
        refund = self.shop.ask_back(sale.payments[0], cents(sale.paid / 3))
        self._later(visit, 30, self.shop.approve, refund)
        self.diary.note(visit.when + NEXT_DAY, partial(self._pay_rest, visit, sale))

    def declined(self, visit: Visit, items: list[Item]) -> None:
        sale, phone = self._sell(visit, items, lambda due: due % 1), f"0710{visit.number:06}"
        payment, _ = self.shop.begin(sale, "mpesa", sale.due, phone)
        self._later(visit, 1, self._customers.decline, payment, phone)
        self._later(visit, 2, self._pay_rest, visit, sale)

    def by_hand(self, visit: Visit, items: list[Item]) -> None:
        sale, phone = self._sell(visit, items, lambda due: due % 1), f"0710{visit.number:06}"
        payment, _ = self.shop.begin(sale, "mpesa", sale.due, phone)
        self._later(visit, 1, self._customers.pay_unheard, payment, phone)
        self._later(visit, 60, self._confirm, visit, payment)

    def late_money(self, visit: Visit, items: list[Item]) -> None:
        sale = self._sell(visit, items)
        payment, answer = self.shop.begin(sale, "card", sale.due)
        self._later(visit, 1, self.shop.give_up, payment)
        self._later(visit, 2, self._pay_rest, visit, sale)
        self._later(visit, 3, self._customers.pay, payment, answer["transaction_reference"])
        self._later(visit, 2000, self.refunding.approve_shops_own, payment)

    def _sell(
        self, visit: Visit, items: list[Item], tendered: Callable[[Decimal], Decimal] = lambda due: NOTHING
    ) -> Sale:
        """`tendered` says what of the total is handed over."""
        basket = [self._wanted(item) for item in items]
        discount = self._discount(visit, basket)
        due = total(line.figures.total for line in self.shop.books.priced(basket, discount))
        key = f"visit-{visit.number}" if visit.sent_twice else ""
        return self.shop.sell(visit.seller, basket, discount, tendered(due), key)

    def _wanted(self, item: Item) -> Wanted:
        worth = cents(self.shop.books.articles[item.sku].price * item.quantity)
        return Wanted(item.sku, item.quantity, cents(worth * item.percent / HUNDRED))

    def _discount(self, visit: Visit, basket: list[Wanted]) -> Decimal:
        """A cashier gives no more than allowed, the discounts of the lines included."""
        articles = self.shop.books.articles
        worth = total(cents(articles[wanted.sku].price * wanted.quantity) for wanted in basket)
        given = total(wanted.discount for wanted in basket)
        if visit.story is Story.FREE:
            return worth - given
        wished = cents(worth * visit.percent / HUNDRED)
        if visit.seller == ADMIN:
            return min(wished, worth - given)
        allowed = Decimal(int(worth * CASHIER_PERCENT)) / HUNDRED
        return max(NOTHING, min(wished, allowed - given))

    def _ask(self, visit: Visit, sale: Sale, method: str, phone: str = "") -> None:
        """The customer takes a while to pay."""
        payment, answer = self.shop.begin(sale, method, sale.due, phone)
        name = phone or answer["transaction_reference"]
        seconds = visit.dice.randint(5, 50)
        act = partial(self._pay_asked, visit, payment, name)
        self.diary.note(visit.when + timedelta(seconds=seconds), act)

    def _pay_asked(self, visit: Visit, payment: Payment, name: str) -> None:
        self._customers.pay(payment, name)
        self._paid(visit, payment.sale)

    def _transfer(self, visit: Visit, sale: Sale) -> None:
        payment, _ = self.shop.begin(sale, "bank", sale.due)
        self._later(visit, visit.dice.randint(20, 2000), self._confirm, visit, payment)

    def _confirm(self, visit: Visit, payment: Payment) -> None:
        self.shop.confirm(payment)
        self._paid(visit, payment.sale)

    def _pay_rest(self, visit: Visit, sale: Sale) -> None:
        if sale.status == "pending":  # it may have expired meanwhile
            self.shop.pay_cash(sale, sale.due, _in_notes(sale.due, visit.dice))
            self._paid(visit, sale)

    def _cancel(self, visit: Visit, sale: Sale) -> None:
        if sale.status == "pending":
            self.shop.cancel(sale, visit.seller if visit.number % 2 else ADMIN)

    def _paid(self, visit: Visit, sale: Sale) -> None:
        self.refunding.begin(visit, sale)

    def _later(self, visit: Visit, minutes: int, act: Callable[..., object], *given: object) -> None:
        self.diary.note(visit.when + timedelta(minutes=minutes), partial(act, *given))

    @property
    def _customers(self) -> Customers:
        assert self.customers, "These stories need gateways."
        return self.customers


def _half(due: Decimal) -> Decimal:
    return cents(due / 2)


def _in_notes(due: Decimal, dice: Random) -> Decimal:
    """The exact sum, or whole notes."""
    note = dice.choice(NOTES)
    return note * ceil(due / note) if note else due


def _prefix(method: str) -> str:
    return "31" if method == "airtel" else "12"


_TOLD: dict[Story, Callable[[Stories, Visit, list[Item]], None]] = {
    Story.CASH: Stories.cash,
    Story.CASH_LATER: Stories.cash_later,
    Story.PHONE: Stories.phone,
    Story.AIRTEL: partial(Stories.phone, method="airtel"),
    Story.CARD: Stories.card,
    Story.BANK: Stories.bank,
    Story.SPLIT: Stories.split,
    Story.CASH_AND_CARD: Stories.cash_and_card,
    Story.DEBT: Stories.debt,
    Story.PART: Stories.part,
    Story.UNPAID: Stories.unpaid,
    Story.OPEN: Stories.open,
    Story.CANCELLED: Stories.cancelled,
    Story.CANCELLED_NEXT_DAY: partial(Stories.cancelled, after=NEXT_DAY),
    Story.DEPOSIT_BACK: Stories.deposit_back,
    Story.DEPOSIT_AND_PAID: Stories.deposit_and_paid,
    Story.FREE: Stories.unpaid,
    Story.DECLINED: Stories.declined,
    Story.BY_HAND: Stories.by_hand,
    Story.LATE_MONEY: Stories.late_money,
}
