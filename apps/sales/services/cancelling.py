"""Cancelling: the stock comes back exactly once."""

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from apps.core import clock
from apps.core.locking import locked_if_free
from apps.inventory.models import Movement
from apps.inventory.services import Occasion, return_stock
from apps.sales.errors import PaymentInProgress, SaleAlreadyCancelled, SaleCompleted, SaleHasPayments
from apps.sales.models import Sale, SaleItem
from apps.sales.states import Status


def cancel_sale(sale: Sale, *, user_id: int | None, now: datetime, why: str = "") -> None:
    """Cancels a pending sale that is locked and puts its stock back. Call inside a transaction.

    Raises `SaleAlreadyCancelled`, `SaleCompleted`, `SaleHasPayments` and `PaymentInProgress`.
    """
    _check_cancellable(sale)
    sale.status = Status.CANCELLED
    sale.cancelled_at = sale.updated_at = now
    sale.cancelled_by_id = user_id
    sale.save(update_fields=["status", "cancelled_at", "cancelled_by", "updated_at"])
    quantities: dict[int, Decimal] = defaultdict(Decimal)
    for product_id, quantity in SaleItem.objects.filter(sale=sale).values_list("product_id", "quantity"):
        quantities[product_id] += quantity
    return_stock(
        quantities,
        Occasion(
            Movement.Type.RETURN,
            user_id,
            now,
            reference=str(sale.sale_number),
            cause=f"cancel:{sale.pk}",
            notes=why,
        ),
    )


def _check_cancellable(sale: Sale) -> None:
    if sale.status == Status.CANCELLED:
        raise SaleAlreadyCancelled(f"{sale.sale_number} is cancelled already.")
    if sale.status == Status.COMPLETED:
        raise SaleCompleted(f"{sale.sale_number} is completed. Refund its payments instead.")
    if sale.amount_pending:
        raise PaymentInProgress(f"A payment for {sale.sale_number} is under way. Wait for its outcome first.")
    if sale.amount_paid:
        raise SaleHasPayments(f"{sale.sale_number} is partly paid. Refund its payments first.")


def expire_sales() -> int:
    """Cancels the pending sales that nobody paid within `SALE_EXPIRY_MINUTES`; returns how many.

    Safe to run beside the tills and many times over. Each sale is its own transaction, because two sales' stock
    rows taken one after the other would break the lock order; one that somebody works on is left for later.
    """
    expired = 0
    while _expire_one():
        expired += 1
    return expired


@transaction.atomic
def _expire_one() -> bool:
    now = clock.now()
    before = now - timedelta(minutes=settings.SALE_EXPIRY_MINUTES)
    abandoned = Sale.objects.filter(
        status=Status.PENDING, created_at__lt=before, amount_paid=0, amount_pending=0
    ).order_by("created_at")
    sale = locked_if_free(abandoned).first()
    if sale is None:
        return False
    cancel_sale(sale, user_id=None, now=now, why="Not paid in time")
    return True
