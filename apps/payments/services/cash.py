"""Cash: it is there or it is not. Call inside a transaction, on a sale that is locked."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from apps.core.prepared import Insertion
from apps.payments.models import Payment
from apps.payments.selectors import payment_data
from apps.payments.states import Method, Status
from apps.sales import services as sales
from apps.sales.models import Sale
from apps.users.models import User

WRITE_PAYMENTS = Insertion(Payment)


def take_cash(sale: Sale, *, amount: Decimal, tendered: Decimal, user: User, now: datetime) -> Payment:
    """Records `amount` of cash out of `tendered` and settles it; the rest is change."""
    payment = Payment(
        sale=sale,
        method=Method.CASH,
        amount=amount,
        amount_tendered=tendered,
        amount_received=amount,
        amount_applied=amount,
        change=tendered - amount,
        status=Status.SUCCESS,
        initiated_by=user,
        initiated_at=now,
        completed_at=now,
    )
    WRITE_PAYMENTS([payment])
    sales.settle(sale, amount, label=Method.CASH.label, now=now, change=payment.change)
    return payment


def take_cash_at_checkout(
    sale: Sale, *, amount: Decimal, tendered: Decimal, user: User, now: datetime
) -> dict[str, Any]:
    """The port of the checkout: `take_cash`, answered as the payment appears on the wire."""
    return payment_data(take_cash(sale, amount=amount, tendered=tendered, user=user, now=now))
