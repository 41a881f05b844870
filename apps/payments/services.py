"""Taking money. Call inside a transaction, on a sale that is locked."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError
from rest_framework.exceptions import ValidationError

from apps.core import money
from apps.core.locking import locked
from apps.payments.errors import (
    GatewayNotConfigured,
    NotConfirmable,
    PaymentNotFound,
    PaymentNotOpen,
    ReferenceUsed,
)
from apps.payments.models import Payment
from apps.payments.selectors import payment_data
from apps.payments.states import OPEN, Method, Status, may_move
from apps.sales import services as sales
from apps.sales.models import Sale
from apps.users.models import User
from payments.errors import NotConfigured
from payments.registry import gateway_for


@dataclass(frozen=True)
class PaymentRequest:
    """What the till asks for: `amount` of the sale by `method`; `tendered` is the cash handed over."""

    method: str
    amount: Decimal
    tendered: Decimal | None = None
    account_number: str = ""


def start_payment(sale: Sale, wanted: PaymentRequest, *, user: User, now: datetime) -> Payment:
    """Cash settles at once; a bank transfer holds its amount until an administrator confirms it.

    Raises `ValidationError` for more than the balance, `PaymentInProgress`, `SaleCompleted`, `SaleCancelled` and
    `GatewayNotConfigured`.
    """
    balance = sales.check_payable(sale, wanted.amount)
    if wanted.amount > balance:
        raise ValidationError({"amount": [f"Only {money.format_money(balance)} is still to be paid."]})
    if wanted.method == Method.CASH:
        tendered = wanted.amount if wanted.tendered is None else wanted.tendered
        return take_cash(sale, amount=wanted.amount, tendered=tendered, user=user, now=now)
    if wanted.method == Method.BANK:
        return _await_transfer(sale, wanted, user, now)
    try:
        gateway_for(wanted.method)
    except NotConfigured as error:
        raise GatewayNotConfigured(str(error)) from None


def take_cash(sale: Sale, *, amount: Decimal, tendered: Decimal, user: User, now: datetime) -> Payment:
    """Records `amount` of cash out of `tendered` and settles it; the rest is change."""
    payment = Payment.objects.create(
        sale=sale,
        method=Method.CASH,
        amount=amount,
        amount_tendered=tendered,
        change=tendered - amount,
        status=Status.SUCCESS,
        initiated_by=user,
        initiated_at=now,
        completed_at=now,
    )
    sales.settle(sale, amount, label=Method.CASH.label, now=now, change=payment.change)
    return payment


def take_cash_at_checkout(
    sale: Sale, *, amount: Decimal, tendered: Decimal, user: User, now: datetime
) -> dict[str, Any]:
    """The port of the checkout: `take_cash`, answered as the payment appears on the wire."""
    return payment_data(take_cash(sale, amount=amount, tendered=tendered, user=user, now=now))


def confirm_payment(payment_id: int, reference: str, *, user: User, now: datetime) -> Payment:
    """An administrator has seen the money: settles a transfer by hand, under a reference that is usable once.

    Raises `PaymentNotFound`, `NotConfirmable` and `ReferenceUsed`.
    """
    sale, payment = _lock(payment_id)
    if not may_move(payment.status, Status.SUCCESS) or payment.status not in OPEN:
        raise NotConfirmable(f"This payment is {payment.status}; only one that is open can be confirmed.")
    payment.status = Status.SUCCESS
    payment.external_reference = reference
    payment.completed_at = now
    payment.confirmed_by = user
    payment.metadata = {**payment.metadata, "confirmed_by_hand": user.display_name}
    try:
        payment.save(
            update_fields=["status", "external_reference", "completed_at", "confirmed_by", "metadata"]
        )
    except IntegrityError:
        # The constraint knows of those who confirm at this very moment, a look-up would not.
        raise ReferenceUsed("This reference has settled another payment. Check the receipt.") from None
    sales.settle(sale, payment.amount, label=Method(payment.method).label, now=now, held=True)
    return payment


def cancel_transfer(payment_id: int, *, now: datetime) -> Payment:
    """The customer pays otherwise after all: gives up a bank transfer nobody has confirmed.

    Raises `PaymentNotFound` and `PaymentNotOpen`.
    """
    sale, payment = _lock(payment_id)
    if payment.method != Method.BANK or payment.status not in OPEN:
        raise PaymentNotOpen(
            f"This {Method(payment.method).label} payment is {payment.status}; it cannot be given up."
        )
    payment.status = Status.CANCELLED
    payment.save(update_fields=["status"])
    sales.release(sale, payment.amount, now=now)
    return payment


def _await_transfer(sale: Sale, wanted: PaymentRequest, user: User, now: datetime) -> Payment:
    payment = Payment.objects.create(
        sale=sale,
        method=Method.BANK,
        amount=wanted.amount,
        account_number=wanted.account_number,
        initiated_by=user,
        initiated_at=now,
    )
    sales.hold(sale, wanted.amount, now=now)
    return payment


def _lock(payment_id: int) -> tuple[Sale, Payment]:
    """The sale first, then the payment: the lock order of the house."""
    found = Payment.objects.filter(pk=payment_id).only("sale_id").first()
    if found is None:
        raise PaymentNotFound
    sale = sales.find_and_lock(found.sale_id)
    return sale, locked(Payment.objects.select_related("sale", "initiated_by").filter(pk=payment_id)).get()
