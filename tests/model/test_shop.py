"""A shop that lives by chance: hypothesis plays requests, and after each of them rows and model say the same."""

from collections import Counter as Quantities
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run

from apps.payments import gateways
from apps.payments.models import Payment as PaymentRow
from apps.sales.models import ReceiptCounter
from apps.sales.models import Sale as SaleRow
from apps.users.models import User
from conftest import client_of, stock_product
from payments.simulator.credentials import Credentials
from tests.figures import LONG, form, show
from tests.ledger import assert_ledgers_agree
from tests.model.books import Books, Count, Payment, Refund
from tests.model.counter import Counter, Phones, a_gateway, assert_same

pytestmark = pytest.mark.django_db(transaction=True)
EXAMPLES = form(30, 700)
STEPS = form(30, 50)
PRICES = ("116.00", "58.50", "23.25")
PICK = st.integers(0, 4)  # among the last few
QUANTITIES = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 5)), min_size=1, max_size=3)
SHARES = st.sampled_from([Decimal(share) for share in ("0", "0", "0.4", "1.2")])
PARTS = st.sampled_from([Decimal(part) for part in ("0.3", "0.7", "1", "1", "1.5")])
SHOP = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    derandomize=not LONG,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
NUMBERS = count(1)


class Shop(RuleBasedStateMachine):
    """Each example has goods, sales and payments of its own in a shop that grows older."""

    counter: Counter
    steps = 0

    @initialize(stock=st.lists(st.integers(0, 12), min_size=3, max_size=3))
    def open(self, stock: list[int]) -> None:
        with transaction.atomic():
            goods = [
                stock_product(f"Good {next(NUMBERS)}", price, quantity, sku=f"G-{next(NUMBERS)}")
                for price, quantity in zip(PRICES, stock, strict=True)
            ]
        ids = [product.pk for product in goods]
        receipts = ReceiptCounter.objects.values_list("last", flat=True).first() or 0
        self.books = Books(
            dict(zip(ids, map(Decimal, PRICES), strict=True)), dict(zip(ids, stock, strict=True)), receipts
        )
        self.goods = ids
        self.messages: list[tuple[Payment, bytes]] = []
        self.counter.kept.clear()

    # What customers do.

    @rule(lines=QUANTITIES, share=SHARES)
    def sell(self, lines: list[tuple[int, int]], share: Decimal) -> None:
        wanted = Quantities[int]()
        for good, quantity in lines:
            wanted[self.goods[good]] += quantity
        body = {
            "items": [{"product": self.goods[good], "quantity": quantity} for good, quantity in lines],
            "amount_paid": f"{self.books.cash_for(wanted, share):.2f}",
        }
        refusal = self.books.sell(wanted, share)
        sold = self.counter.post("/sales/sales/", body, refusal)
        if refusal is None:
            self.books.sales[-1].id = sold["id"]
            assert sold["total"] == f"{self.books.sales[-1].total:.2f}"
            self._name_payment(sold["payments"])

    def _name_payment(self, shown: list[dict[str, Any]]) -> None:
        for payment in shown:
            self.books.payments[-1].id = payment["id"]

    @precondition(lambda self: self.books.sales)
    @rule(pick=PICK, part=PARTS)
    def pay_cash(self, pick: int, part: Decimal) -> None:
        sale = _one(self.books.sales, pick)
        amount = max(Decimal("0.01"), (sale.balance or sale.total) * part).quantize(Decimal("0.01"))
        refusal = self.books.pay_cash(sale, amount)
        paid = self.counter.post(
            "/payments/payments/initiate/",
            {"sale": sale.id, "method": "cash", "amount": f"{amount:.2f}"},
            refusal,
        )
        if refusal is None:
            self.books.payments[-1].id = paid["id"]

    @precondition(lambda self: self.books.sales)
    @rule(pick=PICK, part=PARTS)
    def ask_phone(self, pick: int, part: Decimal) -> None:
        sale = _one(self.books.sales, pick)
        amount = max(Decimal(1), (sale.balance * part).quantize(Decimal(1)))
        refusal, asked = self.books.hold(sale, amount), self.counter.phones.asked
        body = {"sale": sale.id, "method": "mpesa", "amount": f"{amount:.2f}", "phone_number": "0712345678"}
        begun = self.counter.post("/payments/payments/initiate/", body, refusal)
        assert self.counter.phones.asked == asked + (refusal is None)
        if refusal is None:
            assert begun["status"] == "processing"
            self.books.payments[-1].id = begun["id"]

    @precondition(lambda self: self._undecided())
    @rule(pick=PICK, pays=st.booleans())
    def decide(self, pick: int, pays: bool) -> None:
        """At the phone; the shop does not know yet."""
        payment = _one(self._undecided(), pick)
        payment.truth = "paid" if pays else "refused"
        message = self.counter.phones.decide(PaymentRow.objects.get(pk=payment.id), pays)
        self.messages.append((payment, message))

    def _undecided(self) -> list[Payment]:
        return [payment for payment in self._by_phone() if not payment.truth]

    def _by_phone(self) -> list[Payment]:
        return [payment for payment in self.books.payments if payment.status != "success" or payment.truth]

    # What the gateway says.

    @precondition(lambda self: self.messages)
    @rule(pick=PICK)
    def bring_message(self, pick: int) -> None:
        """For the first time, or again."""
        payment, message = _one(self.messages, pick)
        raised = self.books.learn(payment)
        self.counter.bring(payment, message)
        self._name_late(raised)

    @precondition(lambda self: self._by_phone())
    @rule(pick=PICK)
    def verify(self, pick: int) -> None:
        payment = _one(self._by_phone(), pick)
        raised = self.books.learn(payment)
        self.counter.till.post(f"/api/payments/payments/{payment.id}/verify/")
        self._name_late(raised)

    def _name_late(self, raised: Refund | None) -> None:
        if raised is not None:
            raised.id = self.counter.late_refund(raised.payment)

    @precondition(lambda self: self._by_phone())
    @rule(pick=PICK)
    def give_up(self, pick: int) -> None:
        payment = _one(self._by_phone(), pick)
        self.counter.older(payment)
        refusal = self.books.give_up(payment)
        self.counter.post(f"/payments/payments/{payment.id}/cancel/", {}, refusal, office=True)

    # What the shop does.

    @precondition(lambda self: self.books.sales)
    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        sale = _one(self.books.sales, pick)
        self.counter.post(f"/sales/sales/{sale.id}/cancel/", {}, self.books.cancel(sale))

    @precondition(lambda self: self.books.sales)
    @rule(pick=PICK)
    def complete(self, pick: int) -> None:
        sale = _one(self.books.sales, pick)
        self.counter.post(f"/sales/sales/{sale.id}/complete/", {}, self.books.complete(sale))

    @precondition(lambda self: self.books.sales)
    @rule(pick=PICK)
    def expire(self, pick: int) -> None:
        sale = _one(self.books.sales, pick)
        expires = self.books.cancel(sale) is None
        assert self.counter.abandoned(sale) == expires

    @precondition(lambda self: self.books.payments)
    @rule(pick=PICK, part=PARTS)
    def ask_back(self, pick: int, part: Decimal) -> None:
        payment = _one(self.books.payments, pick)
        amount = max(Decimal("0.01"), payment.amount * part).quantize(Decimal("0.01"))
        refusal = self.books.ask_back(payment, amount)
        body = {"payment": payment.id, "amount": f"{amount:.2f}", "reason": "Sour", "in_cash": True}
        asked = self.counter.post("/payments/refunds/", body, refusal)
        if refusal is None:
            self.books.refunds[-1].id = asked["id"]

    @precondition(lambda self: self.books.refunds)
    @rule(pick=PICK, approved=st.booleans())
    def decide_refund(self, pick: int, approved: bool) -> None:
        """What the shop asked for itself would go out by the gateway; here it is asked for again, in cash."""
        refund = _one(self.books.refunds, pick)
        approved = approved and not refund.late
        refusal = self.books.approve(refund) if approved else self.books.reject(refund)
        word = "approve" if approved else "reject"
        self.counter.post(f"/payments/refunds/{refund.id}/{word}/", {}, refusal, office=True)

    # Goods.

    @rule(good=st.integers(0, 2), quantity=st.sampled_from([-4, -1, 3, 10]))
    def move(self, good: int, quantity: int) -> None:
        product = self.goods[good]
        refusal = self.books.move(product, quantity)
        body = {
            "product": product, "movement_type": "damage" if quantity < 0 else "purchase", "quantity": quantity
        }  # fmt: skip
        self.counter.post("/inventory/movements/", body, refusal, office=True)

    @rule()
    def begin_count(self) -> None:
        begun = self.counter.post("/inventory/counts/", {}, office=True)
        self.books.counts.append(Count(begun["id"]))

    @precondition(lambda self: self.books.counts)
    @rule(pick=PICK, good=st.integers(0, 2), difference=st.integers(-3, 3))
    def count_good(self, pick: int, good: int, difference: int) -> None:
        begun, product = _one(self.books.counts, pick), self.goods[good]
        found = max(0, self.books.stock[product] + difference)
        refusal = self.books.count(begun, product, found)
        body = {"product": product, "physical_quantity": found}
        self.counter.post(f"/inventory/counts/{begun.id}/add_item/", body, refusal)

    @precondition(lambda self: self.books.counts)
    @rule(pick=PICK)
    def end_count(self, pick: int) -> None:
        begun = _one(self.books.counts, pick)
        self.counter.post(
            f"/inventory/counts/{begun.id}/complete/", {}, self.books.end_count(begun), office=True
        )

    # Keys.

    @precondition(lambda self: self.counter.kept)
    @rule(pick=PICK)
    def same_key_again(self, pick: int) -> None:
        self.counter.again(_one(self.counter.kept, pick))

    @precondition(lambda self: any("sales/sales/" in kept.path and kept.body for kept in self.counter.kept))
    @rule(pick=PICK)
    def same_key_other_body(self, pick: int) -> None:
        baskets = [kept for kept in self.counter.kept if kept.body and kept.path == "/sales/sales/"]
        self.counter.another_body(_one(baskets, pick))

    @invariant()
    def rows_and_model_say_the_same(self) -> None:
        Shop.steps += 1
        if hasattr(self, "books"):
            assert_same(self.books)

    def teardown(self) -> None:
        assert_ledgers_agree()


def _one(rows: list[Any], pick: int) -> Any:
    """One of the last few."""
    return rows[-1 - pick % len(rows)]


@pytest.fixture
def counter(admin: User, cashier: User, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    settings.GATEWAYS = {**settings.GATEWAYS, **Credentials().as_settings(), "MPESA_ENVIRONMENT": "sandbox"}
    settings.PUBLIC_BASE_URL = "https://shop.example"
    phones = Phones()
    mpesa = a_gateway(phones)
    for room in ("attempts", "inbox", "polling", "refunds"):
        monkeypatch.setattr(f"apps.payments.services.{room}.gateway_for", lambda _: mpesa)
    yield Counter(client_of(cashier), client_of(admin), phones)
    gateways._made.cache_clear()


def _play(counter: Counter, how: settings = SHOP) -> None:
    run(type("Shop", (Shop,), {"counter": counter}), settings=how)


@pytest.mark.long_form
def test_the_shop_does_what_the_model_does(counter: Counter) -> None:
    Shop.steps = 0
    _play(counter)
    extent = f"{EXAMPLES} shops by chance, {Shop.steps:,} steps, compared after each"
    show(
        "C20",
        "sell, pay, refund, cancel, restock, count, replay: rows against a model",
        extent,
        "0 differences",
    )


def _held_for_ever(sale: SaleRow, *_: Any, **__: Any) -> None:
    """Forgets to give free what a payment held."""


def _take_everything_again(*_: Any) -> int:
    return 0


@pytest.mark.may_break_the_books
@pytest.mark.parametrize(
    ("place", "fault"),
    [
        ("apps.sales.services.release", _held_for_ever),
        ("apps.core.idempotency._claim", _take_everything_again),
    ],
    ids=["held for ever", "keys forgotten"],
)
def test_control_a_planted_fault_is_found(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, place: str, fault: Callable[..., Any]
) -> None:
    monkeypatch.setattr(place, fault)
    quick = settings(SHOP, phases=[Phase.generate], max_examples=60, report_multiple_bugs=False)
    with pytest.raises((AssertionError, KeyError)):
        _play(counter, quick)
