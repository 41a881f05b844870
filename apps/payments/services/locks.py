"""Finding and locking payments and refunds: the sale first, then the payment, then the refund."""

from apps.core.locking import locked
from apps.payments.errors import PaymentNotFound, RefundNotFound
from apps.payments.models import Payment, Refund
from apps.sales import services as sales
from apps.sales.models import Sale


def lock_payment(payment_id: int) -> tuple[Sale, Payment]:
    """The payment and its sale, locked. Raises `PaymentNotFound`."""
    sale_id = Payment.objects.filter(pk=payment_id).values_list("sale_id", flat=True).first()
    if sale_id is None:
        raise PaymentNotFound
    sale = sales.find_and_lock(sale_id)
    rows = Payment.objects.select_related("initiated_by").filter(pk=payment_id)
    payment = locked(rows).get()
    payment.sale = sale
    return sale, payment


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
