"""Sending money back: asked for by anyone at the till, approved by somebody else, sent once.

`request_refund`, `approve_refund`, `reject_refund` and `apply_refund_result` are called inside a transaction,
`send_refund` with none open.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import IntegrityError, transaction
from rest_framework.exceptions import ValidationError

from apps.core import money
from apps.payments.addresses import hash_of, token_of
from apps.payments.errors import (
    NotRefundable,
    OwnRefund,
    RefundInProgress,
    RefundNotPending,
    RefundNotStuck,
    RefundTooLarge,
)
from apps.payments.gateways import gateway_for, same_environment
from apps.payments.models import Payment, Refund
from apps.payments.schedule import earlier, next_refund_query
from apps.payments.selectors import find_refund
from apps.payments.services.locks import lock_payment, lock_refund
from apps.payments.states import (
    GATEWAY_METHODS,
    SETTLED,
    Method,
    RefundStatus,
    Status,
    receipt_text,
    refund_may_move,
)
from apps.sales import services as sales
from apps.sales.models import Sale
from apps.users.models import User
from payments import base
from payments.base import Result

PAID_TWICE = "The gateway paid this refund out although it had called it failed. Ask the gateway for help."
FIRST_QUERY = timedelta(seconds=20)


@dataclass(frozen=True)
class RefundRequest:
    """`amount` of the payment is to go back, in cash if so wished, otherwise the way it came."""

    payment_id: int
    amount: Decimal
    reason: str
    in_cash: bool = False


def request_refund(wanted: RefundRequest, *, user: User, now: datetime) -> Refund:
    """Reserves the amount on the payment. Raises `PaymentNotFound`, `NotRefundable` and `RefundTooLarge`."""
    _, payment = lock_payment(wanted.payment_id)
    if payment.status not in SETTLED:
        raise NotRefundable(f"This payment is {payment.status}; only money that came can go back.")
    if wanted.amount > payment.refundable:
        raise RefundTooLarge(
            f"Only {money.format_money(payment.refundable)} of this payment can still be refunded.",
            refundable=money.format_money(payment.refundable),
        )
    method = Method.CASH if wanted.in_cash else Method(payment.method)
    _check_way(payment, method, wanted.amount)
    payment.refund_reserved += wanted.amount
    payment.save(update_fields=["refund_reserved"])
    refund = Refund.objects.create(
        payment=payment,
        method=method,
        amount=wanted.amount,
        reason=wanted.reason,
        requested_by=user,
        requested_at=now,
    )
    refund.payment = payment
    return refund


def _check_way(payment: Payment, method: str, amount: Decimal) -> None:
    if method not in GATEWAY_METHODS:
        return
    can = gateway_for(method).capabilities
    if not same_environment(payment):
        raise NotRefundable(
            f"This payment was made in {payment.environment}, the shop is set up otherwise now. Refund in cash."
        )
    if not can.refunds:
        raise NotRefundable(f"{can.label} refunds are not set up in this shop. Refund in cash instead.")
    if can.whole_units and amount != amount.to_integral_value():
        raise NotRefundable(f"{can.label} sends whole shillings only. Refund the cents in cash.")
    partial = amount != payment.amount_received
    if partial and can.partial_refunds and amount < can.least_partial_refund:
        least = money.format_money(can.least_partial_refund)
        raise NotRefundable(f"{can.label} sends no part of less than {least}. Refund it in cash.")
    if partial and not can.partial_refunds:
        raise NotRefundable(
            f"{can.label} gives back whole payments only here: refund all of "
            f"{money.format_money(payment.amount_received)}, or this part in cash."
        )


def approve_refund(refund_id: int, *, user: User, now: datetime) -> Refund:
    """Cash and transfers are then done; a gateway is called by `send_refund`.

    Raises `RefundNotFound`, `RefundNotPending`, `OwnRefund`, `RefundInProgress` and `GatewayNotConfigured`.
    """
    sale, payment, refund = lock_refund(refund_id)
    _check_pending(refund)
    if refund.requested_by_id == user.pk and not settings.ALLOW_SELF_APPROVAL:
        raise OwnRefund("You asked for this refund yourself: another administrator must approve it.")
    if Refund.objects.filter(payment=payment, status=RefundStatus.PROCESSING).exists():
        raise RefundInProgress("Another refund of this payment is on its way. Wait for its outcome.")
    if refund.method in GATEWAY_METHODS:
        _check_way(payment, refund.method, refund.amount)
        refund.token_hash = hash_of(token_of(refund.refund_reference))
        refund.next_query_at = now + FIRST_QUERY
    refund.status = RefundStatus.PROCESSING
    refund.approved_by = user
    refund.approved_at = now
    if refund.method not in GATEWAY_METHODS:
        _complete(sale, payment, refund, now)
    refund.save(update_fields=Refund.COURSE)
    return refund


def reject_refund(refund_id: int, *, user: User, now: datetime) -> Refund:
    """Frees the amount again. Raises `RefundNotFound` and `RefundNotPending`."""
    _, payment, refund = lock_refund(refund_id)
    _check_pending(refund)
    refund.status = RefundStatus.REJECTED
    refund.approved_by = user
    refund.approved_at = now
    refund.save(update_fields=Refund.COURSE)
    _free(payment, refund)
    return refund


def settle_by_hand(refund_id: int, *, completed: bool, reference: str, user: User, now: datetime) -> Refund:
    """An administrator has looked up at the gateway what became of a refund that hangs.

    Raises `RefundNotFound`, `RefundNotStuck` and `ValidationError` for a receipt that is used already.
    """
    _, _, refund = lock_refund(refund_id)
    # What was never sent can only have failed.
    hangs = refund.sent_at is not None or not completed
    if refund.status != RefundStatus.PROCESSING or not hangs:
        raise RefundNotStuck(f"This refund is {refund.status}; only one that hangs is settled by hand.")
    outcome = base.Status.SUCCEEDED if completed else base.Status.DECLINED
    text = f"Settled by hand by {user.display_name}."
    result = Result(outcome, "by_hand", text, receipt=receipt_text(reference))
    return apply_refund_result(refund_id, result, now=now)


def apply_refund_result(
    refund_id: int, result: Result, *, now: datetime, planned: datetime | None = None
) -> Refund:
    """Brings the refund to where `result` says it is; nothing when it is there already or may not go there.

    `result` must be proven. `planned` is when the next question stood when this answer was asked for: one that was
    planned since is not forgotten. Raises `RefundNotFound`.
    """
    sale, payment, refund = lock_refund(refund_id)
    before = refund.next_query_at
    refund.gateway_id = refund.gateway_id or result.gateway_id[:128]
    refund.gateway_details = {**refund.gateway_details, **result.details}
    if result.status is base.Status.SUCCEEDED:
        if refund_may_move(refund.status, RefundStatus.COMPLETED):
            _take_receipt(refund, result)
            _complete(sale, payment, refund, now)
    elif result.status in (base.Status.DECLINED, base.Status.CANCELLED):
        _fail(payment, refund, result)
    elif refund.status == RefundStatus.PROCESSING:
        if result.status is base.Status.UNKNOWN:
            refund.error_code, refund.error_message = result.code[:40], result.message[:500]
        refund.next_query_at = earlier(next_refund_query(refund, now), before, planned)
    if refund.status != RefundStatus.PROCESSING:
        refund.next_query_at = None
    refund.save(update_fields=Refund.COURSE)
    return find_refund(refund_id)


def _complete(sale: Sale, payment: Payment, refund: Refund, now: datetime) -> None:
    """The money is back with the customer: first what was never applied to a sale, then what was."""
    if refund.status == RefundStatus.FAILED:  # it went out after all; its reservation was given back
        if refund.amount > payment.refundable:
            refund.attention = PAID_TWICE
            return
        payment.refund_reserved += refund.amount
    unapplied = min(refund.amount, payment.amount_unapplied)
    rest = refund.amount - unapplied
    payment.amount_unapplied -= unapplied
    payment.amount_refunded += refund.amount
    if payment.amount_refunded == payment.amount_received:
        payment.status = Status.REFUNDED
        payment.next_query_at = None
    if payment.amount_unapplied == 0 and payment.metadata.get("late_money"):
        payment.attention = payment.metadata.get("dispute", "")[:300]
    if rest:
        refund.from_sale = _give_back(sale, payment, rest, now)
    payment.save(update_fields=Payment.COURSE)
    refund.status = RefundStatus.COMPLETED
    refund.completed_at = now
    refund.next_query_at = None
    refund.error_code = refund.error_message = refund.attention = ""


def _give_back(sale: Sale, payment: Payment, amount: Decimal, now: datetime) -> Decimal:
    on_sale = payment.amount_applied
    if sale.status != "completed":
        payment.amount_applied -= amount
        on_sale = payment.amount_applied
    others = Payment.objects.filter(sale=sale, amount_applied__gt=0).exclude(pk=payment.pk).order_by("id")
    methods = list(others.values_list("method", flat=True)) + ([payment.method] if on_sale else [])
    labels = [Method(method).label for method in methods]
    return sales.give_back(sale, amount, labels=labels, now=now)


def _fail(payment: Payment, refund: Refund, result: Result) -> None:
    if not refund_may_move(refund.status, RefundStatus.FAILED):
        return
    refund.status = RefundStatus.FAILED
    refund.error_code, refund.error_message = result.code[:40], result.message[:500]
    refund.attention = ""
    refund.next_query_at = None
    _free(payment, refund)


def _free(payment: Payment, refund: Refund) -> None:
    payment.refund_reserved -= refund.amount
    if payment.amount_unapplied:
        payment.attention = "A refund of late money came to nothing. Ask for it again, in cash if need be."
    payment.save(update_fields=Payment.COURSE)


def _take_receipt(refund: Refund, result: Result) -> None:
    if not result.receipt:
        return
    try:
        with transaction.atomic():
            Refund.objects.filter(pk=refund.pk).update(external_reference=result.receipt[:64])
    except IntegrityError:
        if result.code == "by_hand":
            raise ValidationError({"reference": ["This receipt belongs to another refund."]}) from None
        return
    refund.external_reference = result.receipt[:64]


def _check_pending(refund: Refund) -> None:
    if refund.status != RefundStatus.PENDING:
        raise RefundNotPending(f"This refund is {refund.status} already.")
