"""Payment attempts."""

import secrets
from decimal import Decimal
from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.core import money
from apps.core.triggers import keeps
from apps.payments.states import OPEN, Method, Status
from apps.sales.models import Sale


def new_reference() -> str:
    """Our own name of an attempt, unguessable and never used twice."""
    return f"PAY-{secrets.token_hex(10).upper()}"


def shop_currency() -> str:
    return str(settings.CURRENCY)


class Payment(models.Model):
    """One attempt to pay `amount` of a sale, in the shop's currency.

    `amount_tendered` is the cash handed over and `change` what went back. `external_reference` is the receipt of
    the gateway or bank, usable once per method. What is no field of its own stands in `metadata`.

    Of what came in (`amount_received`), `amount_applied` counts on the sale and `amount_unapplied` could not be
    applied to it and has not gone back yet; `amount_refunded` went back, `refund_reserved` is that plus what refunds
    under way or asked for may still take. `token_hash` is the SHA-256 of the unguessable part of our callback
    address, `gateway_id` the gateway's name of the attempt. `sent_at` is written just before the gateway is called:
    without it, it surely was not. `next_query_at` is when the gateway will be asked, `attention` what a person must
    look at.
    """

    # An index below begins with it.
    sale = models.ForeignKey(Sale, models.PROTECT, related_name="+", db_index=False)
    method = models.CharField(max_length=10, choices=Method)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    amount_tendered = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    change = models.DecimalField(max_digits=14, decimal_places=2, default=money.ZERO)
    currency = models.CharField(max_length=3, default=shop_currency)
    amount_received = models.DecimalField(max_digits=14, decimal_places=2, default=money.ZERO)
    amount_applied = models.DecimalField(max_digits=14, decimal_places=2, default=money.ZERO)
    amount_unapplied = models.DecimalField(max_digits=14, decimal_places=2, default=money.ZERO)
    refund_reserved = models.DecimalField(max_digits=14, decimal_places=2, default=money.ZERO)
    amount_refunded = models.DecimalField(max_digits=14, decimal_places=2, default=money.ZERO)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    transaction_reference = models.CharField(max_length=40, unique=True, default=new_reference)
    external_reference = models.CharField(max_length=64, null=True)
    phone_number = models.CharField(max_length=20, blank=True, default="")
    account_number = models.CharField(max_length=64, blank=True, default="")
    payment_url = models.CharField(max_length=2000, blank=True, default="")
    initiated_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    initiated_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False
    )
    error_code = models.CharField(max_length=40, blank=True, default="")
    error_message = models.CharField(max_length=500, blank=True, default="")
    metadata = models.JSONField(default=dict, blank=True)

    environment = models.CharField(max_length=20, blank=True, default="")
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
        "amount_received",
        "amount_applied",
        "amount_unapplied",
        "refund_reserved",
        "amount_refunded",
        "payment_url",
        "confirmed_by",
        "metadata",
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
            models.Index(fields=["sale", "id"], name="payment_by_sale"),
            models.Index(fields=["initiated_at"], name="payment_by_start"),
            # Most are in cash, which need not be found by it and pays nothing for it.
            models.Index(fields=["method", "-id"], condition=~Q(method="cash"), name="payment_by_method"),
            models.Index(fields=["completed_at"], name="payment_by_completion"),
            models.Index(fields=["initiated_at"], condition=Q(status__in=OPEN), name="payment_open"),
            models.Index(
                fields=["method", "next_query_at"],
                condition=Q(next_query_at__isnull=False),
                name="payment_to_query",
            ),
            models.Index(fields=["id"], condition=Q(attention__gt=""), name="payment_needs_attention"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_amount_positive"),
            models.CheckConstraint(
                condition=Q(
                    amount_refunded__gte=0,
                    amount_refunded__lte=F("refund_reserved"),
                    refund_reserved__lte=F("amount_received"),
                ),
                name="payment_refunds_within_received",
            ),
            models.CheckConstraint(
                condition=Q(
                    amount_applied__gte=0,
                    amount_unapplied__gte=0,
                    amount_applied__lte=F("amount_received") - F("amount_unapplied"),
                ),
                name="payment_use_within_received",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["success", "refunded"], amount_received__gt=0)
                | Q(status__in=["pending", "processing", "failed", "cancelled"], amount_received=0),
                name="payment_received_when_settled",
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
            models.UniqueConstraint(
                fields=["method", "gateway_id"], condition=~Q(gateway_id=""), name="payment_gateway_id_once"
            ),
            models.UniqueConstraint(
                fields=["token_hash"], condition=~Q(token_hash=""), name="payment_token_once"
            ),
        ]
        triggers: ClassVar = [
            # Money that came is taken away by a refund alone.
            keeps(Status.SUCCESS, Status.REFUNDED),
            keeps(Status.REFUNDED),
            # Whoever waits for an outcome hears of it, whoever changed it (apps.payments.waiting).
            pgtrigger.Trigger(
                name="tell_waiters",
                when=pgtrigger.After,
                operation=pgtrigger.UpdateOf("status"),
                condition=pgtrigger.Q(old__status__df=pgtrigger.F("new__status")),
                func="PERFORM pg_notify('payment_changed', NEW.id::text); RETURN NEW;",
            ),
        ]

    def __str__(self) -> str:
        return self.transaction_reference

    @property
    def refundable(self) -> Decimal:
        """What may still be asked back."""
        return self.amount_received - self.refund_reserved
