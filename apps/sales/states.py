"""The states of a sale and of its payment; docs/money-and-states.md shows them as tables."""

from decimal import Decimal

from django.db import models


class Status(models.TextChoices):
    PENDING = "pending", "Pending"
    COMPLETED = "completed", "Completed"
    CANCELLED = "cancelled", "Cancelled"


class PaymentStatus(models.TextChoices):
    UNPAID = "unpaid", "Unpaid"
    PARTIAL = "partial", "Partly paid"
    PAID = "paid", "Paid"
    REFUNDED = "refunded", "Refunded"


def payment_status(*, total: Decimal, paid: Decimal, refunded: Decimal) -> PaymentStatus:
    """What the sums of a sale say about its payment."""
    if refunded and refunded >= paid:
        return PaymentStatus.REFUNDED
    if paid >= total:
        return PaymentStatus.PAID
    return PaymentStatus.PARTIAL if paid else PaymentStatus.UNPAID
