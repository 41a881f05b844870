"""What people do in the shop: each act goes through the API and into the independent books, which are compared."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any

from tests.journeys.month.arithmetic import NOTHING
from tests.journeys.month.books import Books, Wanted
from tests.journeys.month.records import Payment, Refund, Sale
from tests.journeys.month.shown import sale_shown
from tests.journeys.month.sums import money
from tests.journeys.month.wire import Answer, Clock, Wire

PAYMENTS = "payments/payments/"
REFUNDS = "payments/refunds/"
SALES = "sales/sales/"
OPEN = ("pending", "processing")


@dataclass
class Shop:
    """`ids` are those of the people by their user names."""

    clock: Clock
    wire: Wire
    books: Books
    ids: dict[str, int]
    receipts: "count[int]" = field(default_factory=lambda: count(1))

    def sell(
        self,
        seller: str,
        basket: Sequence[Wanted],
        discount: Decimal = NOTHING,
        tendered: Decimal = NOTHING,
        key: str = "",
    ) -> Sale:
        """With a key the till sends it twice; with cash it is paid as far as that goes."""
        lines = self.books.priced(basket, discount)
        body = {
            "items": [self._item(wanted, number) for number, wanted in enumerate(basket)],
            "discount": money(discount),
            "amount_paid": money(tendered),
        }
        answer = self.wire.post(seller, SALES, body, key=key)
        if key:
            assert self.wire.post(seller, SALES, body, key=key) == answer
        sale = Sale(answer["id"], answer["sale_number"], self.ids[seller], self.clock.now, lines)
        self.books.sell(sale)
        if tendered:
            (paid,) = answer["payments"]
            self._cash(sale, paid, min(tendered, sale.total), tendered)
        self._compare(sale, answer)
        return sale

    def pay_cash(self, sale: Sale, amount: Decimal, tendered: Decimal | None = None) -> Payment:
        body = {"sale": sale.id, "method": "cash", "amount": money(amount)}
        if tendered is not None:
            body["amount_tendered"] = money(tendered)
        answer = self.wire.post(self._seller(sale), f"{PAYMENTS}initiate/", body)
        return self._cash(sale, answer, amount, amount if tendered is None else tendered)

    def begin(self, sale: Sale, method: str, amount: Decimal, phone: str = "") -> tuple[Payment, Answer]:
        """A payment whose outcome is still to come."""
        body = {"sale": sale.id, "method": method, "amount": money(amount)}
        if phone:
            body["phone_number"] = phone
        answer = self.wire.post(self._seller(sale), f"{PAYMENTS}initiate/", body)
        assert answer["status"] in OPEN, answer
        payment = Payment(answer["id"], sale, method, amount, self.clock.now)
        self.books.begin(payment)
        return payment, answer

    def confirm(self, payment: Payment) -> None:
        """The administrator has seen the money on the account."""
        body = {"reference": f"FT25{next(self.receipts):06}K"}
        answer = self.wire.post("amina", f"{PAYMENTS}{payment.id}/confirm/", body, status=200)
        assert answer["status"] == "success"
        payment.by_hand = True
        self.books.settle(payment, self.clock.now)

    def give_up(self, payment: Payment) -> None:
        answer = self.wire.post(self._seller(payment.sale), f"{PAYMENTS}{payment.id}/cancel/", status=200)
        assert answer["status"] == "cancelled"
        payment.state = "cancelled"

    def cancel(self, sale: Sale, who: str) -> None:
        answer = self.wire.post(who, f"{SALES}{sale.id}/cancel/", status=200)
        self.books.cancel(sale, self.clock.now, self.ids[who])
        self._compare(sale, answer)

    def ask_back(self, payment: Payment, amount: Decimal, *, in_cash: bool = False) -> Refund:
        body = {"payment": payment.id, "amount": money(amount), "reason": "Returned", "in_cash": in_cash}
        answer = self.wire.post(self._seller(payment.sale), REFUNDS, body)
        assert answer["status"] == "pending"
        refund = Refund(answer["id"], payment, "cash" if in_cash else payment.method, amount)
        self.books.ask_back(refund)
        return refund

    def approve(self, refund: Refund) -> str:
        """By the other administrator; what the refund then is. Cash and transfers are paid out by it."""
        answer = self.wire.post("wafula", f"{REFUNDS}{refund.id}/approve/", status=200)
        if answer["status"] == "completed":
            self.books.pay_out(refund, self.clock.now)
        return str(answer["status"])

    def reject(self, refund: Refund) -> None:
        answer = self.wire.post("wafula", f"{REFUNDS}{refund.id}/reject/", status=200)
        assert answer["status"] == "rejected"
        self.books.reject(refund)

    def shown(self, payment: Payment) -> Answer:
        return self.wire.get("amina", f"{PAYMENTS}{payment.id}/")

    def _item(self, wanted: Wanted, number: int) -> dict[str, Any]:
        """By its barcode or its id, the quantity as a text or as a number: tills differ."""
        article = self.books.articles[wanted.sku]
        named = {"barcode": article.barcode} if number % 2 else {"product": article.id}
        quantity = str(wanted.quantity) if number % 3 else float(wanted.quantity)
        discount = {"discount": money(wanted.discount)} if wanted.discount else {}
        return {**named, "quantity": quantity, **discount}

    def _cash(self, sale: Sale, answer: Answer, amount: Decimal, tendered: Decimal) -> Payment:
        payment = Payment(answer["id"], sale, "cash", amount, self.clock.now)
        assert (answer["amount"], answer["change"]) == (money(amount), money(tendered - amount))
        self.books.begin(payment)
        self.books.settle(payment, self.clock.now, change=tendered - amount)
        return payment

    def _compare(self, sale: Sale, answer: Answer) -> None:
        expected = sale_shown(sale)
        assert {name: answer[name] for name in expected} == expected

    def _seller(self, sale: Sale) -> str:
        return next(name for name, id in self.ids.items() if id == sale.cashier)
