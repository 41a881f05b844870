"""The inbox: what the gateways told us."""

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q

from apps.payments.models.payment import Payment
from apps.payments.models.refund import Refund
from apps.payments.states import GATEWAY_METHODS, CallbackState, Method


class GatewayCallback(models.Model):
    """One message to a webhook, kept as its bytes with secrets blanked. The same one again raises `repeats`.

    `authentic` tells whether its signature held, null where the gateway signs nothing. What the message says
    (`transaction_id`, `amount` in the shop's currency, `phone_number`, `success`) is shown, not believed.
    `next_try_at` is when it will be worked on (again); null when nothing is left to do.
    """

    callback_type = models.CharField(max_length=10, choices=[(m.value, m.label) for m in GATEWAY_METHODS])
    route = models.CharField(max_length=20)
    token_hash = models.CharField(max_length=64, blank=True, default="")
    digest = models.CharField(max_length=64, unique=True)
    body = models.BinaryField()
    authentic = models.BooleanField(null=True)
    source_address = models.GenericIPAddressField(null=True)

    # An index below begins with it.
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, related_name="callbacks", db_index=False)
    refund = models.ForeignKey(Refund, models.PROTECT, null=True, related_name="callbacks")
    state = models.CharField(max_length=10, choices=CallbackState, default=CallbackState.RECEIVED)
    transaction_id = models.CharField(max_length=128, blank=True, default="")
    amount = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    phone_number = models.CharField(max_length=40, blank=True, default="")
    success = models.BooleanField(null=True)
    error_message = models.CharField(max_length=500, blank=True, default="")
    repeats = models.PositiveIntegerField(default=0)
    received_at = models.DateTimeField()
    processed_at = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)

    # What may change once the row is written; the database keeps the rest from the shop (pos_backend/roles.py).
    COURSE: ClassVar = (
        "state",
        "payment",
        "refund",
        "error_message",
        "repeats",
        "processed_at",
        "next_try_at",
        "tries",
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["next_try_at"], condition=Q(next_try_at__isnull=False), name="callback_to_try"
            ),
            models.Index(fields=["received_at"], name="callback_by_arrival"),
            models.Index(fields=["payment", "id"], name="callback_by_payment"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=[value for value, _ in CallbackState.choices]),
                name="callback_state_known",
            )
        ]
        triggers: ClassVar = [
            # A message is what it was when it came; what became of it is written beside.
            pgtrigger.Protect(
                name="kept_as_it_came",
                operation=pgtrigger.UpdateOf("body", "digest", "received_at", "route", "callback_type"),
            ),
        ]

    def __str__(self) -> str:
        return f"{Method(self.callback_type).label} {self.route} {self.pk}"

    @property
    def processed(self) -> bool:
        """Nothing is left to do, and nothing went wrong on our side."""
        return self.processed_at is not None
