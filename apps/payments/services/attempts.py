"""Beginning a payment, in three steps: write it down, call the gateway with no transaction open, apply the answer."""

import logging
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import DatabaseError, InterfaceError, transaction
from rest_framework.exceptions import ValidationError

from apps.core import clock, money
from apps.core.outages import is_outage
from apps.payments.addresses import callback_url, has_address, hash_of, token_of
from apps.payments.errors import GatewayMisconfigured, GatewayNotConfigured, GatewayUnreachable
from apps.payments.gateways import gateway_for, require_no_transaction
from apps.payments.models import Payment, new_reference
from apps.payments.schedule import earlier, first_query
from apps.payments.selectors import find_payment
from apps.payments.services.cash import take_cash
from apps.payments.services.inbox import work_payment
from apps.payments.services.locks import lock_payment
from apps.payments.services.outcomes import Source, apply_result, bring
from apps.payments.services.persisting import persistently
from apps.payments.states import GATEWAY_METHODS, OPEN, UNCLEAR, Method
from apps.payments.steps import reached
from apps.sales import services as sales
from apps.sales.models import Sale
from apps.users.models import User
from payments import base
from payments.base import Capabilities, ChargeOrder, Gateway, Result
from payments.errors import Misconfigured, NotSent, OutcomeUnknown
from payments.phone import NotAMobileNumber, mobile_number

logger = logging.getLogger(__name__)

START = Source("start")


@dataclass(frozen=True)
class PaymentRequest:
    """What the till asks for: `amount` of the sale by `method`; `tendered` is the cash handed over."""

    method: str
    amount: Decimal
    tendered: Decimal | None = None
    phone_number: str = ""
    account_number: str = ""


def start_payment(sale: Sale, wanted: PaymentRequest, *, user: User, now: datetime) -> Payment:
    """Cash settles at once; everything else holds its amount on the sale. A gateway is called by `send_charge`.

    Raises `ValidationError` for more than the balance or what the gateway cannot take, `PaymentInProgress`,
    `SaleCompleted`, `SaleCancelled` and `GatewayNotConfigured`.
    """
    gateway = _gateway(wanted.method)
    phone = _check_capabilities(gateway.capabilities, wanted) if gateway else wanted.phone_number
    balance = sales.check_payable(sale, wanted.amount)
    if wanted.amount > balance:
        raise ValidationError({"amount": [f"Only {money.format_money(balance)} is still to be paid."]})
    if wanted.method == Method.CASH:
        tendered = wanted.amount if wanted.tendered is None else wanted.tendered
        return take_cash(sale, amount=wanted.amount, tendered=tendered, user=user, now=now)
    return _hold(sale, wanted, gateway, phone, user, now)


def send_charge(payment_id: int) -> Payment:
    """Calls the gateway for a payment that was begun, once and never again, and applies what it says.

    Call with no transaction open. Raises `GatewayUnreachable` and `GatewayMisconfigured` when the request was
    surely not carried out; the payment is then failed. An unclear answer leaves the payment pending.
    """
    require_no_transaction()
    reached("charge recorded")
    # Only one process gets this row; whoever comes later, or again after a crash, just reads the payment.
    unsent = Payment.objects.filter(pk=payment_id, sent_at=None, status__in=OPEN)
    if unsent.update(sent_at=clock.now()):
        reached("charge marked as sent")
        _call(find_payment(payment_id))
        work_payment(payment_id)
    return find_payment(payment_id)


def fail_unsent(payment_id: int, now: datetime) -> Payment:
    """The process that was to call the gateway has died before it did: the customer was never asked."""
    message = "The request was never sent because the server stopped. Start the payment again."
    with transaction.atomic():
        sale, payment = lock_payment(payment_id)
        if payment.sent_at is None and payment.status in OPEN:
            failed = Result(base.Status.DECLINED, "not_sent", message, absent=True)
            bring(sale, payment, failed, source=START, now=now)
        return payment


def _gateway(method: str) -> Gateway | None:
    """Who takes it, when it is not the till; that one must be able to reach us."""
    if method not in GATEWAY_METHODS:
        return None
    gateway = gateway_for(method)
    if not has_address(method):
        raise GatewayNotConfigured(
            f"{gateway.capabilities.label} cannot reach this shop: PUBLIC_BASE_URL is not set. Take cash meanwhile."
        )
    return gateway


def _check_capabilities(can: Capabilities, wanted: PaymentRequest) -> str:
    """The payer's number as the gateway wants it. Raises `ValidationError` for what it cannot take."""
    amount = wanted.amount
    if can.whole_units and amount != amount.to_integral_value():
        raise ValidationError(
            {"amount": [f"{can.label} takes whole shillings only; take the cents in cash."]}
        )
    if not can.minimum <= amount <= can.maximum:
        low, high = money.format_money(can.minimum), money.format_money(can.maximum)
        raise ValidationError({"amount": [f"{can.label} takes from {low} to {high} at once."]})
    if not can.needs_phone:
        return ""
    try:
        return mobile_number(wanted.phone_number)
    except NotAMobileNumber as error:
        raise ValidationError({"phone_number": [str(error)]}) from None


def _hold(
    sale: Sale, wanted: PaymentRequest, gateway: Gateway | None, phone: str, user: User, now: datetime
) -> Payment:
    reference = new_reference()
    payment = Payment.objects.create(
        sale=sale,
        method=wanted.method,
        amount=wanted.amount,
        transaction_reference=reference,
        phone_number=phone,
        account_number=wanted.account_number,
        initiated_by=user,
        initiated_at=now,
        environment=gateway.environment if gateway else "",
        gateway_id=gateway.id_of(reference) if gateway else "",
        token_hash=hash_of(token_of(reference)) if gateway else "",
        next_query_at=first_query(now) if gateway else None,
    )
    sales.hold(sale, wanted.amount, now=now)
    return payment


def _call(payment: Payment) -> None:
    try:
        result = gateway_for(payment.method).start(_order(payment))
    except Misconfigured as error:
        _apply(payment, _failed("gateway_misconfigured", error))
        raise GatewayMisconfigured(str(error), payment=payment.pk) from None
    except NotSent as error:
        _apply(payment, _failed("gateway_unreachable", error))
        raise GatewayUnreachable(str(error), headers={"Retry-After": "5"}, payment=payment.pk) from None
    except OutcomeUnknown:
        _mark_unclear(payment)
        return
    reached("charge sent")
    _apply(payment, result)
    reached("charge applied")


def _order(payment: Payment) -> ChargeOrder:
    number = payment.sale.number
    return ChargeOrder(
        reference=payment.transaction_reference,
        amount=payment.amount,
        currency=payment.currency,
        callback_url=callback_url(payment.method, payment.transaction_reference),
        account=f"S{number:06d}",
        description="Shopping",
        phone_number=payment.phone_number,
    )


def _failed(code: str, error: Exception) -> Result:
    return Result(base.Status.DECLINED, code, str(error), absent=True)


def _apply(payment: Payment, result: Result) -> None:
    """Applies what the gateway said. Its id of the payment is kept even while the sale's rows are held up."""

    def apply() -> None:
        source = Source("start", planned=payment.next_query_at)
        with transaction.atomic():
            apply_result(payment.pk, result, source=source, now=clock.now())

    try:
        persistently(apply)
    except (DatabaseError, InterfaceError) as error:
        if not is_outage(error):
            raise
        logger.error("%s: the answer could not be applied yet", payment.transaction_reference)
        if result.status is not base.Status.PENDING or not result.gateway_id:
            raise
        details = {**payment.metadata, "gateway": dict(result.details)}
        Payment.objects.filter(pk=payment.pk, status__in=OPEN).update(
            gateway_id=result.gateway_id[:128], payment_url=result.payment_url[:2000], metadata=details
        )


def _mark_unclear(payment: Payment) -> None:
    """The customer may be looking at the prompt. Nobody may ask a second time; the outcome is found out."""
    message = "No clear answer from the gateway. Ask the customer; do not start again until this is settled."
    with transaction.atomic():
        _, fresh = lock_payment(payment.pk)
        if fresh.status in OPEN:
            fresh.error_code, fresh.error_message = UNCLEAR, message
            wanted = first_query(clock.now())
            fresh.next_query_at = earlier(wanted, fresh.next_query_at, payment.next_query_at)
            fresh.save(update_fields=["error_code", "error_message", "next_query_at"])
