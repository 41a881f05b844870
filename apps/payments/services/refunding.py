"""Calling the gateway for a refund: once, with no transaction open."""

from dataclasses import replace
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError, transaction

from apps.core import clock
from apps.core.outages import is_outage
from apps.payments.addresses import callback_url
from apps.payments.gateways import (
    attempt_of,
    gateway_for,
    require_no_transaction,
    same_environment,
)
from apps.payments.models import Refund
from apps.payments.selectors import find_refund
from apps.payments.services.persisting import persistently
from apps.payments.services.refunds import apply_refund_result
from apps.payments.states import GATEWAY_METHODS, UNCLEAR, RefundStatus
from apps.payments.steps import reached
from payments import base
from payments.base import RefundOrder, Result, Route
from payments.errors import Misconfigured, NotSent, OutcomeUnknown, RateLimited

# Nobody asks about a refund while the call that sends it may still run.
CALL = timedelta(seconds=45)


def send_refund(refund_id: int) -> Refund:
    """Calls the gateway for an approved refund, once however many ask for it, and applies what it says.

    What was surely not carried out fails the refund and frees its amount; an unclear answer leaves it processing.
    """
    require_no_transaction()
    if _elsewhere(find_refund(refund_id)):
        return find_refund(refund_id)
    reached("refund approved")
    unsent = Refund.objects.filter(
        pk=refund_id, sent_at=None, status=RefundStatus.PROCESSING, method__in=GATEWAY_METHODS
    )
    now = clock.now()
    if unsent.update(sent_at=now, next_query_at=now + CALL):
        reached("refund marked as sent")
        refund = find_refund(refund_id)
        apply_now(refund_id, _call(refund))
        reached("refund applied")
    return find_refund(refund_id)


def ask_refund(refund_id: int) -> None:
    """Asks the gateway what became of a refund; sends it when it surely never arrived. Raises gateway errors."""
    refund = find_refund(refund_id)
    if refund.sent_at is None:
        send_refund(refund_id)
        return
    if _elsewhere(refund):
        return
    planned = refund.next_query_at
    result = gateway_for(refund.method).query_refund(order_of(refund))
    if result.absent:
        # The gateway has no trace of it, so it may be sent again: by exactly one of us.
        again = Refund.objects.filter(
            pk=refund_id, sent_at=refund.sent_at, gateway_id="", status=RefundStatus.PROCESSING
        )
        if again.update(sent_at=None):
            send_refund(refund_id)
        return
    apply_now(refund_id, result, planned=planned)


def apply_now(refund_id: int, result: Result, *, planned: datetime | None = None) -> None:
    """Applies what the gateway said; its id of the refund is kept even while the refund's rows are held up."""

    def apply() -> None:
        with transaction.atomic():
            apply_refund_result(refund_id, result, now=clock.now(), planned=planned)

    try:
        persistently(apply)
    except (DatabaseError, InterfaceError) as error:
        if not result.gateway_id or not is_outage(error):
            raise
        Refund.objects.filter(pk=refund_id, gateway_id="").update(
            gateway_id=result.gateway_id[:128], gateway_details=dict(result.details)
        )


def _elsewhere(refund: Refund) -> bool:
    """Paid with another environment's credentials: these must not send it back. A person is told."""
    if refund.method not in GATEWAY_METHODS or same_environment(refund.payment):
        return False
    Refund.objects.filter(pk=refund.pk, status=RefundStatus.PROCESSING).update(
        next_query_at=None,
        attention=f"Paid in {refund.payment.environment}, the shop is set up otherwise now.",
    )
    return True


def _call(refund: Refund) -> Result:
    try:
        result = gateway_for(refund.method).refund(order_of(refund))
    except (Misconfigured, RateLimited, NotSent) as error:
        return Result(base.Status.DECLINED, "not_sent", str(error))
    except OutcomeUnknown as error:
        return Result(base.Status.UNKNOWN, UNCLEAR, str(error))
    reached("refund sent")
    return result


def order_of(refund: Refund) -> RefundOrder:
    """The refund as the gateways know it. `payment` must be loaded."""
    payment = refund.payment
    reference, method = refund.refund_reference, refund.method
    return RefundOrder(
        reference=reference,
        payment=replace(attempt_of(payment), amount=payment.amount_received),
        amount=refund.amount,
        currency=payment.currency,
        phone_number=payment.phone_number,
        reason=refund.reason,
        requested_at=refund.requested_at,
        result_url=callback_url(method, reference, Route.RESULT),
        timeout_url=callback_url(method, reference, Route.TIMEOUT),
        status_url=callback_url(method, reference, Route.STATUS),
        status_timeout_url=callback_url(method, reference, Route.STATUS_TIMEOUT),
        gateway_id=refund.gateway_id,
        details=refund.gateway_details,
        sent_at=refund.sent_at,
    )
