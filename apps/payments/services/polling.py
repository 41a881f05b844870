"""Asking the gateways about what is under way: on demand, and on a schedule by any number of workers.

A worker claims a row by moving its next question into the future in one statement that skips what others hold; when
it dies, the claim lapses.
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import connection, transaction

from apps.core import clock
from apps.payments.addresses import callback_url
from apps.payments.gateways import attempt_of, gateway_for, require_no_transaction, same_environment
from apps.payments.models import GatewayCallback, Payment, Refund
from apps.payments.schedule import (
    RECEIPT_PAUSE,
    RECEIPT_TRIES,
    earlier,
    last_look,
    next_query,
    next_refund_query,
)
from apps.payments.selectors import find_payment, find_refund
from apps.payments.services.attempts import fail_unsent
from apps.payments.services.inbox import put_item_off, work_item, work_payment
from apps.payments.services.outcomes import Source, apply_result
from apps.payments.services.refunding import ask_refund
from apps.payments.states import OPEN, SETTLED, Method, RefundStatus
from apps.payments.steps import reached
from payments import base
from payments.base import Result, Route
from payments.errors import GatewayError, RateLimited

logger = logging.getLogger(__name__)

# Longer than a call may take; shorter than anybody wants to wait after a worker has died.
LEASE = timedelta(seconds=40)
UNSENT = timedelta(seconds=45)
BATCH = 20
# A page that nobody paid is given up; one whose address never reached us cannot be paid at all.
PAGE_OPEN = timedelta(minutes=60)
PAGE_LOST = timedelta(minutes=3)

CLAIM = """
    UPDATE {table} SET next_query_at = %(lease)s, queries = queries + 1
     WHERE id = (
        SELECT id FROM {table}
         WHERE method = %(method)s AND next_query_at <= %(now)s
         ORDER BY next_query_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
     )
    RETURNING id
"""


def ask_payment(payment_id: int) -> Payment:
    """Asks the gateway now and applies its answer; the payment as it then is.

    Call with no transaction open. Raises the gateway's errors; a question that may not be asked yet is `RateLimited`.
    """
    payment = find_payment(payment_id)
    if payment.status in SETTLED or not payment.environment:
        return payment
    now = clock.now()
    if payment.sent_at is None:
        return _unsent(payment, now)
    if not same_environment(payment):
        return _elsewhere(payment)
    gateway = gateway_for(payment.method)
    planned = payment.next_query_at
    require_no_transaction()
    result = gateway.query(attempt_of(payment))
    reached("query answered")
    now = clock.now()
    with transaction.atomic():
        source = Source("query", planned=planned)
        payment = apply_result(payment_id, _given_up(payment, result, now), source=source, now=now)
    reached("query applied")
    work_payment(payment_id)
    return payment


def work_on_payments(method: str) -> bool:
    """Asks about one payment that is due, or for one missing receipt; whether there was any.

    Raises the gateway's errors after it has put the question off.
    """
    payment_id = _claim("payments_payment", method)
    if payment_id is None:
        return False
    reached("query claimed")
    payment = find_payment(payment_id)
    try:
        if payment.status in SETTLED:
            _ask_receipt(payment)
        else:
            ask_payment(payment_id)
    except GatewayError as error:
        _put_off(payment_id, error, payment.next_query_at)
        raise
    return True


def work_on_refunds(method: str) -> bool:
    """Sends or asks about one refund that is due; whether there was any. Errors as in `work_on_payments`."""
    refund_id = _claim("payments_refund", method)
    if refund_id is None:
        return False
    reached("query claimed")
    planned = find_refund(refund_id).next_query_at
    try:
        ask_refund(refund_id)
    except GatewayError as error:
        _put_refund_off(refund_id, error, planned)
        raise
    return True


def work_on_inbox() -> bool:
    """Applies one message that is due and that nobody else is at; whether there was any.

    One that cannot even be tried is put off, so that it never stands in front of the others.
    """
    due = GatewayCallback.objects.filter(next_try_at__lte=clock.now()).order_by("next_try_at")
    for item_id in due.values_list("id", flat=True)[:BATCH]:
        try:
            if work_item(item_id) is not None:
                return True
        except Exception:
            put_item_off(item_id)
            raise
    return False


def _claim(table: str, method: str) -> int | None:
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(CLAIM.format(table=table), {"method": method, "now": now, "lease": now + LEASE})
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def _unsent(payment: Payment, now: datetime) -> Payment:
    """The gateway has never heard of it; after a while it never will."""
    if payment.status in OPEN:
        return fail_unsent(payment.pk, now) if now - payment.initiated_at > UNSENT else payment
    Payment.objects.filter(pk=payment.pk, sent_at=None).update(next_query_at=None)
    return payment


def _put_off(payment_id: int, error: GatewayError, planned: datetime | None) -> None:
    """No answer. One that was only refused for its haste is asked soon and does not count."""
    now = clock.now()
    with transaction.atomic():
        payment = Payment.objects.select_for_update(no_key=True).get(pk=payment_id)
        standing = payment.next_query_at
        if standing is None:
            return
        if isinstance(error, RateLimited):
            payment.queries = max(0, payment.queries - 1)
            wanted: datetime | None = now + timedelta(seconds=error.retry_after)
        elif payment.status in OPEN:
            wanted = next_query(payment, now)
        else:
            wanted = last_look(payment, now)
        payment.next_query_at = earlier(wanted, standing, planned)
        payment.save(update_fields=["queries", "next_query_at", "attention"])


def _put_refund_off(refund_id: int, error: GatewayError, planned: datetime | None) -> None:
    now = clock.now()
    with transaction.atomic():
        refund = Refund.objects.select_for_update(no_key=True).get(pk=refund_id)
        standing = refund.next_query_at
        if standing is None:
            return
        if refund.status != RefundStatus.PROCESSING:
            wanted = None
        elif isinstance(error, RateLimited):
            wanted = now + timedelta(seconds=error.retry_after)
        else:
            wanted = next_refund_query(refund, now)
        refund.next_query_at = earlier(wanted, standing, planned)
        refund.save(update_fields=["next_query_at", "attention"])


def _ask_receipt(payment: Payment) -> None:
    """A settled payment without receipt: its answer comes as a message. Three times, then the statement must help.

    What goes wrong here is no reason to leave the gateway's other payments alone, so it only counts as a try.
    """
    with transaction.atomic():
        fresh = Payment.objects.select_for_update(no_key=True).get(pk=payment.pk)
        tries = fresh.metadata.get("receipt_tries", 0) + 1
        wanted = fresh.external_reference is None and fresh.status in SETTLED and tries <= RECEIPT_TRIES
        fresh.metadata = {**fresh.metadata, "receipt_tries": tries}
        fresh.next_query_at = clock.now() + RECEIPT_PAUSE if wanted else None
        fresh.save(update_fields=["metadata", "next_query_at"])
    if not wanted or not same_environment(payment):
        return
    reference = payment.transaction_reference
    try:
        asked = gateway_for(payment.method).request_receipt(
            attempt_of(payment),
            callback_url(payment.method, reference, Route.STATUS),
            callback_url(payment.method, reference, Route.STATUS_TIMEOUT),
        )
    except GatewayError as error:
        logger.warning("the receipt of %s cannot be asked for: %s", reference, error)
        return
    if not asked:
        Payment.objects.filter(pk=payment.pk).update(next_query_at=None)


def _elsewhere(payment: Payment) -> Payment:
    """Begun with another environment's credentials: these must not be asked about it."""
    text = f"It was begun in {payment.environment}, and the shop is set up otherwise now. Settle it by hand."
    Payment.objects.filter(pk=payment.pk).update(next_query_at=None, attention=text)
    return find_payment(payment.pk)


def _given_up(payment: Payment, result: Result, now: datetime) -> Result:
    """A card page that was left is not final for the gateway; for the till it is, after a while."""
    if payment.method != Method.CARD or result.code != "abandoned" or payment.status not in OPEN:
        return result
    patience = PAGE_OPEN if payment.payment_url else PAGE_LOST
    if now - payment.initiated_at < patience:
        return result
    return replace(result, status=base.Status.CANCELLED, message="The customer left the card page.")
