"""Payment attempts."""

import secrets
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.core import money
from apps.payments.states import OPEN, Method, Status
from apps.sales.models import Sale


def new_reference() -> str:
    """Our own name of an attempt, unguessable and never used twice."""
    return f"PAY-{secrets.token_hex(10).upper()}"


class Payment(models.Model):
    """One attempt to pay `amount` of a sale, in the shop's currency.

    `amount_tendered` is the cash handed over and `change` what went back. `external_reference` is the receipt of
    the gateway or bank, usable once per method. What is no field of its own stands in `metadata`.
    """

    sale = models.ForeignKey(Sale, models.PROTECT, related_name="+")
    method = models.CharField(max_length=10, choices=Method)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    amount_tendered = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    change = models.DecimalField(max_digits=14, decimal_places=2, default=money.ZERO)
    amount_refunded = models.DecimalField(max_digits=14, decimal_places=2, default=money.ZERO)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    transaction_reference = models.CharField(max_length=40, unique=True, default=new_reference)
    external_reference = models.CharField(max_length=64, null=True)
    phone_number = models.CharField(max_length=20, blank=True, default="")
    account_number = models.CharField(max_length=64, blank=True, default="")
    payment_url = models.CharField(max_length=500, blank=True, default="")
    initiated_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    initiated_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    error_code = models.CharField(max_length=40, blank=True, default="")
    error_message = models.CharField(max_length=500, blank=True, default="")
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["sale", "id"], name="payment_by_sale"),
            models.Index(fields=["initiated_at"], name="payment_by_start"),
            models.Index(fields=["initiated_at"], condition=Q(status__in=OPEN), name="payment_open"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_amount_positive"),
            models.CheckConstraint(
                condition=Q(amount_refunded__gte=0, amount_refunded__lte=F("amount")),
                name="payment_refunds_within_amount",
            ),
            models.CheckConstraint(
                condition=Q(change=0)
                | Q(method="cash", change=F("amount_tendered") - F("amount"), change__gt=0),
                name="payment_change_adds_up",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["success", "refunded"]) | Q(completed_at__isnull=False),
                name="payment_settled_has_time",
            ),
            models.CheckConstraint(
                condition=Q(status__in=[value for value, _ in Status.choices]), name="payment_status_known"
            ),
            models.UniqueConstraint(
                fields=["method", "external_reference"],
                condition=Q(external_reference__isnull=False),
                name="payment_receipt_used_once",
            ),
        ]

    def __str__(self) -> str:
        return self.transaction_reference
