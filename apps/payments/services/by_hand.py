"""What a person decides about a payment. Call inside a transaction."""

from datetime import datetime, timedelta

from apps.payments.errors import NotConfirmable, PaymentNotOpen
from apps.payments.models import Payment
from apps.payments.schedule import last_look
from apps.payments.services.locks import lock_payment
from apps.payments.services.outcomes import Source, bring
from apps.payments.states import GATEWAY_METHODS, OPEN, Method, Status, may_move
from apps.sales import services as sales
from apps.users.models import User
from payments import base
from payments.base import Result

# While the customer may still be looking at the prompt nobody gives the payment up.
PROMPT = timedelta(minutes=3)


def confirm_payment(payment_id: int, reference: str, *, user: User, now: datetime) -> Payment:
    """An administrator has seen the money: settles the payment by hand, under a receipt that is usable once.

    Also one that the gateway called failed. Raises `PaymentNotFound`, `NotConfirmable` and `ReferenceUsed`.
    """
    sale, payment = lock_payment(payment_id)
    possible = payment.method in GATEWAY_METHODS or payment.status in OPEN
    if not possible or not may_move(payment.status, Status.SUCCESS):
        raise NotConfirmable(f"This payment is {payment.status}; there is nothing left to confirm.")
    result = Result(base.Status.SUCCEEDED, receipt=reference)
    bring(sale, payment, result, source=Source("hand", user), now=now)
    return payment


def give_up_payment(payment_id: int, *, user: User, now: datetime) -> Payment:
    """The customer pays otherwise after all: a transfer nobody confirmed, or a card page nobody paid.

    A prompt on a phone can be given up by an administrator some minutes after it was sent. Money that comes all
    the same is recorded as late. Raises `PaymentNotFound` and `PaymentNotOpen`.
    """
    sale, payment = lock_payment(payment_id)
    label = Method(payment.method).label
    if payment.status not in OPEN:
        raise PaymentNotOpen(f"This {label} payment is {payment.status}; it cannot be given up.")
    if payment.method in (Method.MPESA, Method.AIRTEL):
        _check_prompt(payment, label, user, now)
    payment.status = Status.CANCELLED
    if "gateway_amount" not in payment.metadata:  # what the gateway took in part is still for a person
        payment.attention = ""
    payment.next_query_at = last_look(payment, now)
    payment.metadata = {**payment.metadata, "given_up_by": user.display_name}
    payment.save(update_fields=Payment.COURSE)
    sales.release(sale, payment.amount, now=now)
    return payment


def _check_prompt(payment: Payment, label: str, user: User, now: datetime) -> None:
    if now - payment.initiated_at < PROMPT:
        raise PaymentNotOpen(
            f"The customer may still confirm this {label} payment. Wait for its outcome, or give it up in "
            f"{int(PROMPT.total_seconds() // 60)} minutes."
        )
    if not user.is_admin:
        raise PaymentNotOpen(f"Ask an administrator to give up this {label} payment.")
