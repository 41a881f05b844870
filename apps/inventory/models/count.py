"""Counts of stock."""

from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.products.models import Product


class StockCount(models.Model):
    """One stock-take, by any number of people, while the tills go on selling.

    Completing it adds each line's variance to the stock as it is by then. While a `blind` one is in progress, what
    the system expects is not shown. `completed_by` and `completed_at` are set by cancelling, too.
    """

    class Status(models.TextChoices):
        IN_PROGRESS = "in_progress", "In progress"
        COMPLETED = "completed", "Completed"
        CANCELLED = "cancelled", "Cancelled"

    description = models.CharField(max_length=200, blank=True, default="")
    notes = models.CharField(max_length=1000, blank=True, default="")
    blind = models.BooleanField(default=False)
    status = models.CharField(max_length=12, choices=Status, default=Status.IN_PROGRESS)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    completed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    started_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(status="in_progress", completed_at__isnull=True)
                | Q(status__in=["completed", "cancelled"], completed_at__isnull=False),
                name="count_state_holds",
            ),
        ]

    def __str__(self) -> str:
        return self.count_number

    @property
    def count_number(self) -> str:
        return f"COUNT-{self.pk:06d}"


class CountLine(models.Model):
    """What somebody counted of one product, and the stock at that very moment; both in the product's unit."""

    count = models.ForeignKey(StockCount, models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, models.PROTECT, related_name="+")
    system_quantity = models.DecimalField(max_digits=12, decimal_places=3)
    physical_quantity = models.DecimalField(max_digits=12, decimal_places=3)
    notes = models.CharField(max_length=500, blank=True, default="")
    counted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    counted_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["count", "-counted_at", "-id"], name="count_line_by_time")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["count", "product"], name="count_line_once_per_product"),
            models.CheckConstraint(
                condition=Q(physical_quantity__gte=0, system_quantity__gte=0),
                name="count_line_quantities_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.physical_quantity:f} counted of product {self.product_id}"

    @property
    def variance(self) -> Decimal:
        """What was counted beyond what was expected; negative where something is missing."""
        return self.physical_quantity - self.system_quantity
