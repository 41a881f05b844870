"""Finding and locking payments and refunds: the sale first, then the payment, then the refund."""

from apps.core.locking import locked, require_transaction
from apps.core.prepared import Given, Prepared, PreparedModels
from apps.payments.errors import PaymentNotFound, RefundNotFound
from apps.payments.models import Payment, Refund
from apps.sales import services as sales
from apps.sales.models import Sale

_SALE = Prepared(lambda: Payment.objects.filter(pk=Given("id")).values("sale_id"))
_HELD = PreparedModels(lambda: locked(Payment.objects.select_related("initiated_by").filter(pk=Given("id"))))


def lock_payment(payment_id: int, sale_id: int | None = None) -> tuple[Sale, Payment]:
    """The payment and its sale, locked; `sale_id` where it is known. Raises `PaymentNotFound`."""
    if sale_id is None:
        known = _SALE.row(id=payment_id)
        if known is None:
            raise PaymentNotFound
        sale_id = known["sale_id"]
    sale = sales.find_and_lock(sale_id)
    payment = payment_held(payment_id)
    if payment is None:
        raise PaymentNotFound
    payment.sale = sale
    return sale, payment


def payment_held(payment_id: int) -> Payment | None:
    """The payment, locked until the transaction ends."""
    require_transaction()
    return _HELD.first(id=payment_id)


def lock_refund(refund_id: int) -> tuple[Sale, Payment, Refund]:
    """The refund, its payment and the sale, locked. Raises `RefundNotFound`."""
    payment_id = Refund.objects.filter(pk=refund_id).values_list("payment_id", flat=True).first()
    if payment_id is None:
        raise RefundNotFound
    sale, payment = lock_payment(payment_id)
    rows = Refund.objects.select_related("requested_by", "approved_by").filter(pk=refund_id)
    refund = locked(rows).get()
    refund.payment = payment
    return sale, payment, refund
