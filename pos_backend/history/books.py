"""Writes finished sales down: the sale, its lines, its payments and refunds, as the services would have left them."""

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from random import Random

from django.conf import settings

from apps.core import money
from apps.payments.states import GATEWAY_METHODS, OPEN, Method, RefundStatus
from apps.payments.states import Status as PaymentState
from apps.sales.states import Status, payment_status
from apps.sales.totals import Totals
from pos_backend.history.ids import Ids
from pos_backend.history.paying import Attempt, Refund
from pos_backend.history.people import Staff
from pos_backend.history.rows import ENVIRONMENT, Pages, text
from pos_backend.history.shelves import Product


@dataclass(slots=True)
class Visit:
    """One sale on its way: `tails` are its lines without the ids in front."""

    pk: int
    number: int
    name: str
    day: date
    cashier: int
    when: datetime
    goods: list[tuple[Product, Decimal]]
    totals: Totals
    tails: list[str]
    customer: tuple[str, str] = ("", "")
    attempts: list[Attempt] = field(default_factory=list)


class Books:
    """Rows of sales, lines and payments at once; refunds at the end, in the order in which they were asked for."""

    def __init__(self, pages: Pages, ids: Ids, staff: Staff, random: Random) -> None:
        self.receipt = 0
        self.last_completion: datetime | None = None
        self._ids = ids
        self._pages = pages
        self._staff = staff
        self._random = random
        self._refunds: list[tuple[Refund, int, int]] = []
        self._confirmed = text(json.dumps({"confirmed_by_hand": staff.manager_name}))

    def complete(self, visit: Visit, when: datetime, refund: Refund | None) -> None:
        """The next receipt. Call in the order of completion."""
        self.receipt += 1
        self.last_completion = when
        back = refund.amount if refund and refund.status == RefundStatus.COMPLETED else money.ZERO
        changed = refund.completed if refund and back else when
        self._sale(visit, Status.COMPLETED, changed, paid=visit.totals.total, refunded=back, completed=when)
        self._lines(visit)
        for attempt in visit.attempts:
            self._payment(visit, attempt, refund if refund and refund.attempt is attempt else None)

    def cancel(self, visit: Visit, when: datetime, user: int | None) -> None:
        self._sale(visit, Status.CANCELLED, when, cancelled=when, user=user)
        self._lines(visit)
        for attempt in visit.attempts:
            self._payment(visit, attempt)

    def leave_open(self, visit: Visit) -> None:
        """Not finished when the history ends: what is under way is held."""
        paid = sum((a.amount for a in visit.attempts if a.status == PaymentState.SUCCESS), money.ZERO)
        pending = sum((a.amount for a in visit.attempts if a.status in OPEN), money.ZERO)
        self._sale(visit, Status.PENDING, visit.when, paid=paid, pending=pending)
        self._lines(visit)
        for attempt in visit.attempts:
            self._payment(visit, attempt)

    def close(self) -> None:
        """The refunds, when all sales are written."""
        for refund, payment, cashier in sorted(self._refunds, key=lambda entry: entry[0].requested):
            self._refund(refund, payment, cashier)

    def _sale(
        self,
        visit: Visit,
        status: Status,
        changed: datetime,
        *,
        paid: Decimal = money.ZERO,
        pending: Decimal = money.ZERO,
        refunded: Decimal = money.ZERO,
        completed: datetime | None = None,
        cancelled: datetime | None = None,
        user: int | None = None,
    ) -> None:
        settled = [a for a in visit.attempts if a.status == PaymentState.SUCCESS]
        state = payment_status(total=visit.totals.total, paid=paid, refunded=refunded)
        self._pages.write(
            "sales_sale",
            id=visit.pk,
            number=visit.number,
            business_date=visit.day,
            receipt=self.receipt if completed else None,
            cashier_id=visit.cashier,
            customer_name=visit.customer[0],
            customer_phone=visit.customer[1],
            **vars(visit.totals),
            amount_paid=paid,
            amount_pending=pending,
            amount_refunded=refunded,
            change=sum((a.change for a in settled), money.ZERO),
            payment_method=" + ".join(dict.fromkeys(a.method.label for a in settled)),
            status=status.value,
            payment_status=state.value,
            created_at=visit.when,
            updated_at=changed,
            completed_at=completed,
            cancelled_at=cancelled,
            cancelled_by_id=user,
        )

    def _lines(self, visit: Visit) -> None:
        self._pages.rows["sales_saleitem"] += [
            f"{item}\t{visit.pk}\t{tail}" for item, tail in enumerate(visit.tails, self._ids.item)
        ]
        self._ids.item += len(visit.tails)

    def _payment(self, visit: Visit, attempt: Attempt, refund: Refund | None = None) -> None:
        pk, self._ids.payment = self._ids.payment, self._ids.payment + 1
        settled = attempt.status == PaymentState.SUCCESS
        sums = {"amount_received": attempt.amount, "amount_applied": attempt.amount} if settled else {}
        self._pages.write(
            "payments_payment",
            id=pk,
            sale_id=visit.pk,
            method=attempt.method.value,
            amount=attempt.amount,
            amount_tendered=attempt.tendered,
            change=attempt.change,
            currency=settings.CURRENCY,
            transaction_reference=f"PAY-{self._random.getrandbits(80):020X}",
            external_reference=_receipt("P", pk, attempt.method) if settled else None,
            initiated_by_id=visit.cashier,
            initiated_at=attempt.begun,
            completed_at=attempt.ended if settled else None,
            error_code=attempt.error_code,
            error_message=attempt.error_message,
            **sums,
            **self._asked(attempt, pk),
            **self._sent_back(attempt, pk, refund, visit.cashier),
        )

    def _asked(self, attempt: Attempt, payment: int) -> dict[str, object]:
        """What is known only of payments that were asked for elsewhere."""
        if attempt.method == Method.BANK and attempt.status == PaymentState.SUCCESS:
            return {"confirmed_by_id": self._staff.manager, "metadata": self._confirmed}
        if attempt.method not in GATEWAY_METHODS:
            return {}
        asks = attempt.method != Method.CARD
        return {
            "environment": ENVIRONMENT,
            "gateway_id": f"{ENVIRONMENT}-{payment}",
            "sent_at": attempt.begun,
            "phone_number": f"25470000{self._random.randrange(10_000):04d}" if asks else "",
        }

    def _sent_back(
        self, attempt: Attempt, payment: int, refund: Refund | None, cashier: int
    ) -> dict[str, object]:
        """The state of a payment, and what went back of it or may still go."""
        if refund is None:
            return {"status": attempt.status.value}
        self._refunds.append((refund, payment, cashier))
        if refund.status != RefundStatus.COMPLETED:
            return {"status": attempt.status.value, "refund_reserved": refund.amount}
        status = PaymentState.REFUNDED if refund.amount == attempt.amount else attempt.status
        return {
            "status": status.value,
            "refund_reserved": refund.amount,
            "amount_refunded": refund.amount,
        }

    def _refund(self, refund: Refund, payment: int, cashier: int) -> None:
        pk, self._ids.refund = self._ids.refund, self._ids.refund + 1
        self._pages.write(
            "payments_refund",
            id=pk,
            payment_id=payment,
            method=refund.method.value,
            amount=refund.amount,
            reason=refund.reason,
            status=refund.status.value,
            refund_reference=f"REF-{self._random.getrandbits(80):020X}",
            requested_by_id=cashier,
            requested_at=refund.requested,
            **(self._made(refund, pk) if refund.status == RefundStatus.COMPLETED else {}),
        )

    def _made(self, refund: Refund, pk: int) -> dict[str, object]:
        sent = {
            "external_reference": _receipt("R", pk, refund.method),
            "gateway_id": f"{ENVIRONMENT}-{pk}",
            "sent_at": refund.approved,
        }
        return {
            "from_sale": refund.amount,
            "approved_by_id": self._staff.manager,
            "approved_at": refund.approved,
            "completed_at": refund.completed,
            **(sent if refund.method in GATEWAY_METHODS else {}),
        }


def _receipt(kind: str, pk: int, method: Method) -> str | None:
    """In a form that no gateway uses, so that it is never in the way of a real one."""
    return None if method == Method.CASH else f"HISTORY{kind}{pk:08d}"
