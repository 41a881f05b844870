"""Alerts of low stock."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.products.models import Product


class StockAlert(models.Model):
    """A product is, or was, at or below its threshold; both in the product's unit.

    At most one is active per product, and none while one is `muted`; written in the transaction that changed the
    stock. `current_stock` follows the stock while the alert is active and then stays. Whoever ignores an alert hears
    no more of that product (`muted`) until its stock has risen above the threshold and falls again. `resolved_by` is
    empty where the stock itself ended the alert; `resolved_at` is when it ended, ignored ones included.
    """

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        RESOLVED = "resolved", "Resolved"
        IGNORED = "ignored", "Ignored"

    product = models.ForeignKey(Product, models.PROTECT, related_name="+")
    current_stock = models.DecimalField(max_digits=12, decimal_places=3)
    threshold = models.DecimalField(max_digits=12, decimal_places=3)
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    muted = models.BooleanField(default=False)
    resolved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    resolved_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["-id"], condition=Q(status="active"), name="alert_active"),
            models.Index(fields=["product", "-id"], name="alert_by_product"),
        ]
        constraints: ClassVar = [
            # Also what every change of stock looks alerts up by, however many have ended.
            models.UniqueConstraint(
                fields=["product"],
                condition=Q(status="active") | Q(muted=True),
                name="alert_one_active_or_muted_per_product",
            ),
            models.CheckConstraint(
                condition=Q(status="active", resolved_at__isnull=True, muted=False)
                | Q(status="resolved", resolved_at__isnull=False, muted=False)
                | Q(status="ignored", resolved_at__isnull=False),
                name="alert_state_holds",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} alert of product {self.product_id}"
