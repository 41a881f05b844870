"""The one place where a payment changes its state: callback, redirect, query, worker and administrator all end here.

Call inside a transaction. The payment is locked behind its sale, the table of moves is asked, and what has happened
already happens no second time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import IntegrityError, transaction

from apps.core import money
from apps.core.prepared import write_changes
from apps.payments.errors import ReferenceUsed
from apps.payments.models import Payment, Refund
from apps.payments.schedule import RECEIPT_AFTER, earlier, first_query, last_look, next_query
from apps.payments.services.locks import lock_payment
from apps.payments.states import OPEN, SETTLED, Method, Status, may_move, receipt_text
from apps.sales import services as sales
from apps.sales.models import Sale
from apps.users.models import User
from payments import base
from payments.base import Result

LATE_MONEY = "Money that {sale} could not take: {why}. Send it back to the customer."
NOT_IDENTIFIED = (
    "The gateway never said whether it took the request. Ask the customer, then confirm it or give it up."
)
NOT_IDENTIFIED_AFTER = timedelta(minutes=3)
RECEIPT_USED = (
    "The receipt that the gateway names has settled another payment. Compare the two with its statement."
)
UNKNOWN_ANSWER = "The gateway gave an answer nobody knows (code {code}). Look the payment up at the gateway."


@dataclass(frozen=True)
class Source:
    """Who says so: `callback`, `query`, `start` or `hand`, with the person for the last."""

    name: str
    user: User | None = None
    planned: datetime | None = None  # when the next question stood as the gateway was called


def apply_result(payment_id: int, result: Result, *, source: Source, now: datetime) -> Payment:
    """Brings the payment to where `result` says it is; nothing when it is there already or may not go there.

    `result` must be proven: the caller has checked where it comes from. Raises `PaymentNotFound`, and
    `ReferenceUsed` when a person names a receipt that has settled another payment.
    """
    sale, payment = lock_payment(payment_id)
    bring(sale, payment, result, source=source, now=now)
    return payment


def bring(sale: Sale, payment: Payment, result: Result, *, source: Source, now: datetime) -> None:
    """`apply_result` for a payment that is locked already."""
    standing = payment.next_query_at
    if result.gateway_id and not payment.gateway_id:
        payment.gateway_id = result.gateway_id[:128]
    if result.details:
        payment.metadata = {
            **payment.metadata,
            "gateway": {**payment.metadata.get("gateway", {}), **result.details},
        }
    if result.status is base.Status.SUCCEEDED:
        _succeed(sale, payment, result, source, now)
    elif result.status in (base.Status.DECLINED, base.Status.CANCELLED):
        _fail(sale, payment, result, now)
    else:
        _go_on(payment, result, source, now)
    if source.name in ("query", "start") and payment.status not in SETTLED:
        payment.next_query_at = earlier(payment.next_query_at, standing, source.planned)
    write_changes(payment, Payment.COURSE)


def schedule_query(payment_id: int, at: datetime) -> None:
    """Has the gateway asked at `at`, if nothing earlier is planned and the money is not here already."""
    Payment.objects.filter(pk=payment_id, status__in=_ASKABLE).exclude(next_query_at__lte=at).update(
        next_query_at=at
    )


_ASKABLE = (*OPEN, Status.FAILED, Status.CANCELLED)


def _go_on(payment: Payment, result: Result, source: Source, now: datetime) -> None:
    """No outcome yet. The start's answer says whether the customer is being asked; an odd answer is for a person."""
    if payment.status not in OPEN:
        payment.next_query_at = last_look(payment, now)
        return
    if result.status is base.Status.UNKNOWN:
        payment.error_code = result.code[:40]
        payment.error_message = result.message[:500]
        payment.attention = UNKNOWN_ANSWER.format(code=result.code or "none")[:300]
    elif source.name == "start" or payment.gateway_id:
        payment.status = Status.PROCESSING
        payment.error_code = payment.error_message = ""
    elif now - payment.initiated_at >= NOT_IDENTIFIED_AFTER:
        payment.attention = NOT_IDENTIFIED
    if result.payment_url:
        payment.payment_url = result.payment_url[:2000]
    if source.name == "start":
        payment.next_query_at = first_query(now)
    else:
        payment.next_query_at = next_query(payment, now)


def _fail(sale: Sale, payment: Payment, result: Result, now: datetime) -> None:
    wanted = Status.CANCELLED if result.status is base.Status.CANCELLED else Status.FAILED
    if not may_move(payment.status, wanted):
        payment.next_query_at = last_look(payment, now)
        return
    payment.status = wanted
    payment.error_code = result.code[:40]
    payment.error_message = result.message[:500]
    payment.attention = ""
    payment.next_query_at = last_look(payment, now)
    sales.release(sale, payment.amount, now=now)


def _succeed(sale: Sale, payment: Payment, result: Result, source: Source, now: datetime) -> None:
    if payment.status in SETTLED:
        _complete_receipt(payment, result)
        return
    if difference := _difference(payment, result):
        payment.attention = difference
        payment.metadata = {**payment.metadata, "gateway_amount": _shown(result)}
        payment.next_query_at = next_query(payment, now) if payment.status in OPEN else None
        return
    held = payment.status in OPEN
    payment.status = Status.SUCCESS
    payment.completed_at = now
    payment.error_code = payment.error_message = ""
    # A dispute may be heard of before the payment itself.
    payment.attention = payment.metadata.get("dispute", "")[:300]
    payment.next_query_at = None
    _take_receipt(payment, result, source, now)
    if source.user is not None:
        payment.confirmed_by = source.user
        payment.metadata = {**payment.metadata, "confirmed_by_hand": source.user.display_name}
    _settle(sale, payment, result.amount or payment.amount, held=held, now=now)


def _settle(sale: Sale, payment: Payment, received: Decimal, *, held: bool, now: datetime) -> None:
    """Counts the money on the sale as far as the sale can take it; for the rest a refund is raised."""
    # What is held has room on the sale by definition; what comes late must find it.
    applied = payment.amount if held else min(received, payment.amount, sales.room_on(sale))
    payment.amount_received = received
    payment.amount_applied = applied
    payment.amount_unapplied = received - applied
    if applied:
        sales.settle(sale, applied, label=Method(payment.method).label, now=now, held=held)
    if payment.amount_unapplied:
        _raise_refund(sale, payment, now)


def _raise_refund(sale: Sale, payment: Payment, now: datetime) -> None:
    """Surplus is somebody else's money: an administrator is asked to send it back."""
    why = f"it is {sale.status}" if sale.status != "pending" else "it asked for less"
    text = LATE_MONEY.format(sale=sale.sale_number, why=why)
    payment.attention = text[:300]
    payment.refund_reserved += payment.amount_unapplied
    payment.metadata = {**payment.metadata, "late_money": money.format_money(payment.amount_unapplied)}
    write_changes(payment, Payment.COURSE)
    Refund.objects.create(
        payment=payment,
        method=payment.method,
        amount=payment.amount_unapplied,
        reason=text[:300],
        requested_at=now,
    )


def _take_receipt(payment: Payment, result: Result, source: Source, now: datetime) -> None:
    """The receipt settles one payment only. The money is here all the same, so a gateway's repeat is for a person."""
    if not result.receipt:
        payment.next_query_at = now + RECEIPT_AFTER
        return
    receipt = receipt_text(result.receipt)
    if not _receipt_is_free(payment, receipt):
        if source.user is not None:
            raise ReferenceUsed("This reference has settled another payment. Check the receipt.")
        payment.attention = RECEIPT_USED


def _receipt_is_free(payment: Payment, receipt: str) -> bool:
    """Claims the receipt for this payment; the constraint knows of those who claim it at this very moment."""
    before, payment.external_reference = payment.external_reference, receipt
    try:
        with transaction.atomic():
            write_changes(payment, ["external_reference"])
    except IntegrityError:
        payment.external_reference = before
        return False
    return True


def _complete_receipt(payment: Payment, result: Result) -> None:
    """A late message brings the receipt of a payment that is known to be made."""
    receipt = receipt_text(result.receipt)
    if not receipt or payment.external_reference == receipt:
        return
    typed = payment.external_reference
    if typed is not None and "confirmed_by_hand" not in payment.metadata:
        payment.attention = f"The gateway names another receipt: {receipt}. Compare with its statement."
    elif not _receipt_is_free(payment, receipt):
        payment.attention = RECEIPT_USED
    else:
        # What a person typed has given way, or the gateway's receipt would be free for another payment.
        payment.next_query_at = None
        if typed is not None:
            payment.metadata = {**payment.metadata, "typed_receipt": typed}


def _difference(payment: Payment, result: Result) -> str:
    """Why what the gateway says was paid is not what was asked for; empty when it is."""
    if result.currency and result.currency != payment.currency:
        return f"The gateway took {_shown(result)}, asked for was {_asked(payment)}. Look into it with the gateway."
    if result.amount is not None and result.amount < payment.amount:
        return f"The gateway took only {_shown(result)} of {_asked(payment)}. Look into it with the gateway."
    return ""


def _shown(result: Result) -> str:
    amount = "an unknown amount" if result.amount is None else money.format_money(result.amount)
    return f"{result.currency} {amount}".strip()[:40]


def _asked(payment: Payment) -> str:
    return f"{payment.currency} {money.format_money(payment.amount)}"
