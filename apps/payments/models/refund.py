"""Refunds."""

import secrets
from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.core import money
from apps.core.triggers import keeps, tells_late_bookings
from apps.payments.models.payment import Payment
from apps.payments.states import Method, RefundStatus


def new_refund_reference() -> str:
    """Our own name of a refund, unguessable and never used twice."""
    return f"REF-{secrets.token_hex(10).upper()}"


class Refund(models.Model):
    """Money that is to go back: `amount` of a payment, in the shop's currency, by `method`.

    The payment's way back, or cash from the till. Without `requested_by` the shop itself asks, for money that could
    not be applied to a sale. `from_sale` is the part that a completed sale had counted as revenue. `sent_at` is
    written just before the gateway is called: without it, it surely was not.
    """

    payment = models.ForeignKey(Payment, models.PROTECT, related_name="refunds")
    method = models.CharField(max_length=10, choices=Method)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    from_sale = models.DecimalField(max_digits=14, decimal_places=2, default=money.ZERO)
    reason = models.CharField(max_length=300, blank=True, default="")
    status = models.CharField(max_length=10, choices=RefundStatus, default=RefundStatus.PENDING)
    refund_reference = models.CharField(max_length=40, unique=True, default=new_refund_reference)
    external_reference = models.CharField(max_length=64, null=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    requested_at = models.DateTimeField()
    approved_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=40, blank=True, default="")
    error_message = models.CharField(max_length=500, blank=True, default="")

    gateway_details = models.JSONField(default=dict, blank=True)
    gateway_id = models.CharField(max_length=128, blank=True, default="")
    token_hash = models.CharField(max_length=64, blank=True, default="")
    sent_at = models.DateTimeField(null=True)
    next_query_at = models.DateTimeField(null=True)
    queries = models.PositiveIntegerField(default=0)
    attention = models.CharField(max_length=300, blank=True, default="")

    # What may change once the row is written; the database keeps the rest from the shop (pos_backend/roles.py).
    COURSE: ClassVar = (
        "status",
        "external_reference",
        "completed_at",
        "from_sale",
        "approved_by",
        "approved_at",
        "gateway_details",
        "error_code",
        "error_message",
        "gateway_id",
        "token_hash",
        "sent_at",
        "next_query_at",
        "queries",
        "attention",
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["payment", "id"], name="refund_by_payment"),
            models.Index(fields=["completed_at"], name="refund_by_completion"),
            models.Index(
                fields=["method", "gateway_id"], condition=~Q(gateway_id=""), name="refund_by_gateway_id"
            ),
            models.Index(
                fields=["method", "next_query_at"],
                condition=Q(next_query_at__isnull=False),
                name="refund_to_query",
            ),
            models.Index(fields=["id"], condition=Q(attention__gt=""), name="refund_needs_attention"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_amount_positive"),
            models.CheckConstraint(
                condition=Q(from_sale__gte=0, from_sale__lte=models.F("amount")),
                name="refund_from_sale_within_amount",
            ),
            models.CheckConstraint(
                condition=Q(status__in=[value for value, _ in RefundStatus.choices]),
                name="refund_status_known",
            ),
            models.CheckConstraint(
                condition=Q(status="completed", completed_at__isnull=False)
                | (~Q(status="completed") & Q(completed_at__isnull=True)),
                name="refund_completed_has_time",
            ),
            models.UniqueConstraint(
                fields=["payment"], condition=Q(status="processing"), name="refund_one_in_flight"
            ),
            models.UniqueConstraint(
                fields=["token_hash"], condition=~Q(token_hash=""), name="refund_token_once"
            ),
            models.UniqueConstraint(
                fields=["method", "external_reference"],
                condition=Q(external_reference__isnull=False),
                name="refund_receipt_used_once",
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            keeps(RefundStatus.COMPLETED),
            keeps(RefundStatus.REJECTED),
            tells_late_bookings("completed_at"),
        ]

    def __str__(self) -> str:
        return self.refund_reference
