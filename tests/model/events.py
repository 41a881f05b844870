"""All that can happen to one M-Pesa payment of a sale, each by the shop's own function, and what must hold after it.

The same events are played on paper, where rows are plain objects and nothing is stored, and on the database.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from apps.core import clock
from apps.core.errors import DomainError
from apps.payments.services import applying, attempts, by_hand, outcomes
from apps.payments.services.outcomes import Source
from apps.payments.states import MOVES, OPEN, SETTLED, Status
from apps.sales.models import Sale
from apps.sales.services import cancel_sale, cancelling, settling
from payments import base
from payments.base import Result

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=ZoneInfo("Africa/Nairobi"))
BEGUN = NOW - timedelta(minutes=10)
AMOUNT = Decimal("116.00")
NAME, RECEIPT = "ws_CO_231120261200", "SGH7XK21PQ"
QUERY = Source("query")
START = Source("start")


class Paper:
    """A row that is nowhere stored."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def save(self, **_: Any) -> None:
        pass

    def copy(self) -> Any:
        twin = type(self).__new__(type(self))
        twin.__dict__.update(self.__dict__)
        return twin


class PaperSale(Paper):
    balance_due = Sale.balance_due
    receipt_number = Sale.receipt_number


@dataclass
class Case:
    """One payment over all of its sale; `lock` gives both as they are now, `user` is an administrator."""

    lock: Callable[[], tuple[Any, Any]]
    user: Any
    payment_id: int = 1
    sale_id: int = 1
    returned: list[object] = field(default_factory=list)


def _started(case: Case, result: Result) -> None:
    outcomes.apply_result(case.payment_id, result, source=START, now=NOW)


def _heard(case: Case, result: Result) -> None:
    sale, payment = case.lock()
    applying._apply(sale, payment, result, NOW)


def _asked(case: Case, result: Result) -> None:
    outcomes.apply_result(case.payment_id, result, source=QUERY, now=NOW)


def _unclear(case: Case) -> None:
    attempts._mark_unclear(case.lock()[1])


def _given_up(case: Case) -> None:
    by_hand.give_up_payment(case.payment_id, user=case.user, now=NOW)


def _sale_expires(case: Case) -> None:
    sale, _ = case.lock()
    cancel_sale(sale, user_id=None, now=NOW, why="Not paid in time")


SAID = base.Status
PAID = Result(SAID.SUCCEEDED, receipt=RECEIPT, amount=AMOUNT, gateway_id=NAME)
EVENTS: dict[str, Callable[[Case], None]] = {
    "init ok": lambda case: _started(case, Result(SAID.PENDING, gateway_id=NAME)),
    "init timeout": _unclear,
    "init reject": lambda case: _started(case, Result(SAID.DECLINED, "1", "No.", absent=True)),
    "callback ok": lambda case: _heard(case, PAID),
    "callback fail": lambda case: _heard(case, Result(SAID.CANCELLED, "1032", "Cancelled.", gateway_id=NAME)),
    "query ok": lambda case: _asked(case, Result(SAID.SUCCEEDED)),
    "query fail": lambda case: _asked(case, Result(SAID.DECLINED, "1037", "Timed out.")),
    "query pending": lambda case: _asked(case, Result(SAID.PENDING)),
    "expire": _sale_expires,
    "cancel": _given_up,
}
PROOFS = frozenset({"callback ok", "query ok"})


def happen(case: Case, event: str) -> None:
    """A refusal (nothing left to give up, a sale that may not be cancelled) is a fine answer."""
    try:
        EVENTS[event](case)
    except DomainError:
        return


def assert_sound(before: str, sale: Any, payment: Any, paid: bool) -> None:
    """After any event: the move was allowed, and all that came is accounted for; `paid`, when proof was heard."""
    status = Status(payment.status)
    assert before == status or status in MOVES[Status(before)], (before, status)
    assert (status in SETTLED) == paid
    received = AMOUNT if paid else 0
    assert payment.amount_received == received == payment.amount_applied + payment.amount_unapplied
    assert payment.refund_reserved == payment.amount_unapplied
    assert bool(payment.amount_unapplied) == (paid and sale.status == "cancelled")
    assert not payment.amount_unapplied or payment.attention
    assert (sale.amount_paid, sale.amount_pending) == (
        payment.amount_applied,
        AMOUNT if status in OPEN else 0,
    )
    assert (sale.status == "completed") == (sale.amount_paid == AMOUNT) == (sale.receipt is not None)


def on_paper() -> tuple[PaperSale, Paper]:
    sale = PaperSale(
        sale_number="SALE-1", total=AMOUNT, amount_paid=Decimal(0), amount_pending=AMOUNT, change=Decimal(0),
        amount_refunded=Decimal(0), payment_method="", payment_status="unpaid", status="pending", receipt=None,
        completed_at=None, cancelled_at=None, cancelled_by_id=None, updated_at=BEGUN, pk=1,
    )  # fmt: skip
    payment = Paper(
        pk=1, sale=sale, method="mpesa", amount=AMOUNT, currency="KES", amount_received=Decimal(0),
        amount_applied=Decimal(0), amount_unapplied=Decimal(0), refund_reserved=Decimal(0),
        amount_refunded=Decimal(0), status="pending", external_reference=None, initiated_at=BEGUN,
        completed_at=None, confirmed_by=None, error_code="", error_message="", metadata={}, environment="sandbox",
        gateway_id="", payment_url="", sent_at=BEGUN, next_query_at=None, queries=0, attention="",
    )  # fmt: skip
    return sale, payment


class Desk:
    """Where the papers lie that are played with; `refunds` were raised, `receipts` given."""

    def __init__(self) -> None:
        self.papers = on_paper()
        self.refunds = self.receipts = self.returns = 0
        user = SimpleNamespace(is_admin=True, display_name="Amina", pk=1)
        self.case = Case(lock=lambda: self.papers, user=user)

    def next_receipt(self, now: datetime) -> tuple[int, datetime]:
        self.receipts += 1
        return self.receipts, now

    def raise_refund(self, **_: Any) -> None:
        self.refunds += 1

    def take_back(self, *_: Any, **__: Any) -> None:
        self.returns += 1


@contextmanager
def a_desk() -> Iterator[Desk]:
    """The shop's own functions on paper: locks, the counter and whatever else is stored are stood in for."""
    desk, nothing = Desk(), lambda *_: None
    begin = SimpleNamespace(atomic=lambda: _Nothing())
    lines = SimpleNamespace(filter=lambda **_: SimpleNamespace(values_list=lambda *_: []))
    with pytest.MonkeyPatch.context() as stand_in:
        for module in (outcomes, attempts, by_hand):
            stand_in.setattr(module, "lock_payment", lambda *_: desk.papers)
        for module in (outcomes, attempts):
            stand_in.setattr(module, "first_query", lambda now: now + timedelta(seconds=25))
        for module in (attempts, outcomes):
            stand_in.setattr(module, "transaction", begin)
        stand_in.setattr(clock, "now", timezone.now)
        stand_in.setattr(
            outcomes, "Refund", SimpleNamespace(objects=SimpleNamespace(create=desk.raise_refund))
        )
        stand_in.setattr(settling, "require_transaction", nothing)
        for module in (settling, outcomes):
            stand_in.setattr(module, "write_changes", nothing)
        stand_in.setattr(settling, "_next_receipt", desk.next_receipt)
        stand_in.setattr(cancelling, "SaleItem", SimpleNamespace(objects=lines))
        stand_in.setattr(cancelling, "return_stock", desk.take_back)
        yield desk


class _Nothing:
    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass
