"""The sums of money on a sale, and its completion. Call inside a transaction, on a sale that is locked.

`sales` may not look at payments: whatever it must know of them stands on the sale.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from django.db import connection
from django.db.models import QuerySet

from apps.core import money
from apps.core.locking import locked, require_transaction
from apps.core.prepared import Given, PreparedModels, write_changes
from apps.sales.errors import (
    PaymentInProgress,
    SaleAlreadyCompleted,
    SaleCancelled,
    SaleCompleted,
    SaleNotFound,
    SaleNotPaid,
)
from apps.sales.models import Sale
from apps.sales.states import PaymentStatus, Status, payment_status

# A till that waited for the counter completes after the one it waited for, so it takes over that one's time
# where its own is earlier. Not beyond a minute: no lock is waited for that long, so a clock was wrong.
NEXT_RECEIPT = """
    INSERT INTO sales_receiptcounter AS counter (id, last, taken_at) VALUES (1, 1, %s)
    ON CONFLICT (id) DO UPDATE
       SET last = counter.last + 1,
           taken_at = CASE WHEN counter.taken_at < excluded.taken_at + interval '1 minute'
                           THEN greatest(counter.taken_at, excluded.taken_at) ELSE excluded.taken_at END
    RETURNING last, taken_at
"""


def find_and_lock(sale_id: int, *, cashier_id: int | None = None) -> Sale:
    """The sale, locked; with `cashier_id` only that cashier's. Raises `SaleNotFound`."""
    sale = sale_held(sale_id, cashier_id)
    if sale is None:
        raise SaleNotFound
    return sale


def _held() -> QuerySet[Sale]:
    return locked(Sale.objects.select_related("cashier").filter(pk=Given("id")))


_HELD = PreparedModels(_held)
_OWN_HELD = PreparedModels(lambda: _held().filter(cashier_id=Given("cashier_id")))


def sale_held(sale_id: int, cashier_id: int | None) -> Sale | None:
    """The sale, locked until the transaction ends; with `cashier_id` only that cashier's."""
    require_transaction()
    if cashier_id is None:
        return _HELD.first(id=sale_id)
    return _OWN_HELD.first(id=sale_id, cashier_id=cashier_id)


def check_payable(sale: Sale, amount: Decimal) -> Decimal:
    """What may still be paid, when `amount` is not more than that or not held by another attempt.

    Raises `SaleCancelled`, `SaleCompleted`, and `PaymentInProgress` while another attempt holds the amount.
    """
    if sale.status == Status.CANCELLED:
        raise SaleCancelled(f"{sale.sale_number} is cancelled. Make a new sale.")
    if sale.status == Status.COMPLETED:
        raise SaleCompleted(f"{sale.sale_number} is paid already.")
    if sale.balance_due - sale.amount_pending < amount <= sale.balance_due:
        raise PaymentInProgress(
            f"Another payment of {money.format_money(sale.amount_pending)} is under way for {sale.sale_number}. "
            "Wait for its outcome or cancel it."
        )
    return sale.balance_due


def hold(sale: Sale, amount: Decimal, *, now: datetime) -> None:
    """An attempt that is under way keeps `amount` from being paid twice."""
    sale.amount_pending += amount
    _save(sale, now, ["amount_pending"])


def release(sale: Sale, amount: Decimal, *, now: datetime) -> None:
    """The attempt came to nothing; the amount may be paid otherwise."""
    sale.amount_pending -= amount
    _save(sale, now, ["amount_pending"])


def settle(
    sale: Sale,
    amount: Decimal,
    *,
    label: str,
    now: datetime,
    change: Decimal = money.ZERO,
    held: bool = False,
) -> None:
    """`amount` has been paid by `label` (`Cash`, `M-Pesa`); a sale that is fully paid completes by itself."""
    require_transaction()
    if held:
        sale.amount_pending -= amount
    sale.amount_paid += amount
    sale.change += change
    labels = sale.payment_method.split(" + ") if sale.payment_method else []
    if label not in labels:
        sale.payment_method = " + ".join([*labels, label])
    sale.payment_status = payment_status(
        total=sale.total, paid=sale.amount_paid, refunded=sale.amount_refunded
    )
    changed = ["amount_pending", "amount_paid", "change", "payment_method", "payment_status"]
    if sale.payment_status == PaymentStatus.PAID:
        changed += _complete(sale, now)
    _save(sale, now, changed)


def room_on(sale: Sale) -> Decimal:
    """How much money the sale can still take without regard to what is held for it; nothing unless it is pending."""
    return sale.balance_due - sale.amount_pending if sale.status == Status.PENDING else money.ZERO


def give_back(sale: Sale, amount: Decimal, *, labels: Sequence[str], now: datetime) -> Decimal:
    """`amount` of what was paid has gone back to the customer; the part of it that had counted as revenue.

    A completed sale stays what it was and says how much went back. One that never completed is simply less paid,
    and may be paid again or cancelled; `labels` are the payments that are left on it.
    """
    require_transaction()
    if sale.status == Status.COMPLETED:
        sale.amount_refunded += amount
    else:
        sale.amount_paid -= amount
        sale.payment_method = " + ".join(dict.fromkeys(labels))
    sale.payment_status = payment_status(
        total=sale.total, paid=sale.amount_paid, refunded=sale.amount_refunded
    )
    _save(sale, now, ["amount_paid", "amount_refunded", "payment_method", "payment_status"])
    return amount if sale.status == Status.COMPLETED else money.ZERO


def complete_sale(sale: Sale, *, now: datetime) -> None:
    """Completes a paid sale. Raises `SaleNotPaid`, `SaleAlreadyCompleted`, `SaleCancelled`."""
    if sale.status == Status.CANCELLED:
        raise SaleCancelled(f"{sale.sale_number} is cancelled. Make a new sale.")
    if sale.status == Status.COMPLETED:
        raise SaleAlreadyCompleted(f"{sale.sale_number} is completed already, receipt {sale.receipt_number}.")
    if sale.balance_due > 0:
        raise SaleNotPaid(
            f"{money.format_money(sale.balance_due)} of {sale.sale_number} is still to be paid."
        )
    sale.payment_status = PaymentStatus.PAID
    _save(sale, now, ["payment_status", *_complete(sale, now)])


def note(sale: Sale, fields: Mapping[str, str], *, now: datetime) -> None:
    """Changes `notes`, `customer_name` or `customer_phone` and nothing else."""
    for name, value in fields.items():
        setattr(sale, name, value)
    _save(sale, now, list(fields))


def _complete(sale: Sale, now: datetime) -> list[str]:
    sale.status = Status.COMPLETED
    sale.receipt, sale.completed_at = _next_receipt(now)
    return ["status", "completed_at", "receipt"]


def _next_receipt(now: datetime) -> tuple[int, datetime]:
    """The next of an unbroken series, and when it was taken. The row stays locked until commit, so it comes last."""
    with connection.cursor() as cursor:
        cursor.execute(NEXT_RECEIPT, [now])
        number, taken_at = cursor.fetchone()
        return int(number), taken_at


def _save(sale: Sale, now: datetime, changed: list[str]) -> None:
    sale.updated_at = now
    write_changes(sale, [*changed, "updated_at"])
