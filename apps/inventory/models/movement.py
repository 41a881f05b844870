"""The ledger of stock."""

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.products.models import Product


class Movement(models.Model):
    """One change of one product's stock, in the product's unit. Appended, never edited: a correction is a new row.

    `quantity` carries its sign: what a sale takes is negative. `cause` names the event that moved the stock
    (`sale:17`, `cancel:17`); an event moves a product at most once.
    """

    class Type(models.TextChoices):
        PURCHASE = "purchase", "Purchase"
        SALE = "sale", "Sale"
        ADJUSTMENT = "adjustment", "Adjustment"
        RETURN = "return", "Return"
        DAMAGE = "damage", "Damage"
        TRANSFER = "transfer", "Transfer"

    # An index below begins with it.
    product = models.ForeignKey(Product, models.PROTECT, related_name="+", db_index=False)
    movement_type = models.CharField(max_length=10, choices=Type)
    quantity = models.DecimalField(max_digits=12, decimal_places=3)
    stock_before = models.DecimalField(max_digits=12, decimal_places=3)
    stock_after = models.DecimalField(max_digits=12, decimal_places=3)
    reference_number = models.CharField(max_length=64, blank=True, default="")
    unit_cost = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    notes = models.CharField(max_length=500, blank=True, default="")
    cause = models.CharField(max_length=40, null=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["product", "-id"], name="movement_by_product"),
            models.Index(fields=["reference_number"], name="movement_by_reference"),
            # Few beside the sales, which need not be found by their kind and pay nothing for it.
            models.Index(
                fields=["movement_type", "-id"], condition=~Q(movement_type="sale"), name="movement_by_type"
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(quantity=0), name="movement_moves_something"),
            models.CheckConstraint(
                condition=Q(stock_after=F("stock_before") + F("quantity")), name="movement_adds_up"
            ),
            models.CheckConstraint(condition=Q(stock_after__gte=0), name="movement_leaves_no_debt"),
            models.UniqueConstraint(fields=["cause", "product"], name="movement_once_per_cause"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.movement_type} {self.quantity:f}"
