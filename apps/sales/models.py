"""Sales, their lines, and the counter of receipts."""

from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import F, Func, GeneratedField, Q, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import (
    Cast,
    Concat,
    ExtractDay,
    ExtractMonth,
    ExtractYear,
    Greatest,
    Length,
    LPad,
    Upper,
)

from apps.core import money
from apps.core.triggers import keeps, tells_late_bookings
from apps.products.models import Product
from apps.sales.states import PaymentStatus, Status


def _text(number: Combinable) -> Cast:
    return Cast(number, models.TextField())


# SALE-20261122-000123: the shop's day and a number that rises over all days. Kept by the database, so that it
# comes back with the INSERT and cannot disagree with its parts.
SALE_NUMBER = Concat(
    Value("SALE-"),
    _text(
        Cast(
            ExtractYear("business_date") * 10000
            + ExtractMonth("business_date") * 100
            + ExtractDay("business_date"),
            models.IntegerField(),
        )
    ),
    Value("-"),
    LPad(_text(F("number")), Greatest(Value(6), Length(_text(F("number")))), Value("0")),
    output_field=models.TextField(),
)


class Sale(models.Model):
    """One customer's basket. Amounts in the shop's currency, tax and discount as in `apps.sales.totals`.

    The sums of money are written by the payments room through `apps.sales.services`: `amount_paid` is settled,
    `amount_pending` is held by attempts under way, `amount_refunded` went back, `change` was handed over.
    """

    number = models.BigIntegerField(
        unique=True, db_default=Func(Value("sales_sale_number"), function="nextval"), editable=False
    )
    business_date = models.DateField()
    sale_number = GeneratedField(
        expression=SALE_NUMBER, output_field=models.CharField(max_length=40), db_persist=True, unique=True
    )
    receipt = models.BigIntegerField("receipt number", null=True, unique=True)
    # An index below begins with it.
    cashier = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", db_index=False)
    customer_name = models.CharField(max_length=150, blank=True, default="")
    customer_phone = models.CharField(max_length=20, blank=True, default="")
    notes = models.CharField(max_length=1000, blank=True, default="")

    subtotal = models.DecimalField(max_digits=14, decimal_places=2)
    tax_amount = models.DecimalField(max_digits=14, decimal_places=2)
    discount = models.DecimalField(max_digits=14, decimal_places=2)
    total = models.DecimalField(max_digits=14, decimal_places=2)
    amount_paid = models.DecimalField(max_digits=14, decimal_places=2, default=money.ZERO)
    amount_pending = models.DecimalField(max_digits=14, decimal_places=2, default=money.ZERO)
    amount_refunded = models.DecimalField(max_digits=14, decimal_places=2, default=money.ZERO)
    change = models.DecimalField(max_digits=14, decimal_places=2, default=money.ZERO)
    payment_method = models.CharField(max_length=100, blank=True, default="")

    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    payment_status = models.CharField(max_length=10, choices=PaymentStatus, default=PaymentStatus.UNPAID)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    cancelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False
    )

    # What may change once the row is written; the database keeps the rest from the shop (pos_backend/roles.py).
    COURSE: ClassVar = (
        "status",
        "payment_status",
        "payment_method",
        "receipt",
        "amount_paid",
        "amount_pending",
        "amount_refunded",
        "change",
        "customer_name",
        "customer_phone",
        "notes",
        "updated_at",
        "completed_at",
        "cancelled_at",
        "cancelled_by",
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["created_at"], name="sale_by_creation"),
            models.Index(fields=["cashier", "-id"], name="sale_by_cashier"),
            models.Index(fields=["created_at"], condition=Q(status="pending"), name="sale_pending"),
            # Most are paid at once, which need not be found by it and pay nothing for it.
            models.Index(
                fields=["payment_status", "-id"],
                condition=~Q(payment_status="paid"),
                name="sale_by_payment_status",
            ),
            models.Index(
                fields=["completed_at"], condition=Q(completed_at__isnull=False), name="sale_by_completion"
            ),
            models.Index(
                fields=["cancelled_at"], condition=Q(cancelled_at__isnull=False), name="sale_by_cancellation"
            ),
            models.Index(
                OpClass(Upper("customer_name"), "text_pattern_ops"),
                condition=Q(customer_name__gt=""),
                name="sale_customer_name",
            ),
            models.Index(
                OpClass("customer_phone", "varchar_pattern_ops"),
                condition=Q(customer_phone__gt=""),
                name="sale_customer_phone",
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(total=F("subtotal") + F("tax_amount") - F("discount")), name="sale_adds_up"
            ),
            models.CheckConstraint(
                condition=Q(subtotal__gte=0, tax_amount__gte=0, discount__gte=0, total__gte=0, change__gte=0),
                name="sale_amounts_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(
                    amount_paid__gte=0,
                    amount_pending__gte=0,
                    amount_paid__lte=F("total") - F("amount_pending"),
                ),
                name="sale_never_overpaid",
            ),
            models.CheckConstraint(
                condition=Q(amount_refunded__gte=0, amount_refunded__lte=F("amount_paid")),
                name="sale_refunds_within_payments",
            ),
            models.CheckConstraint(
                condition=Q(
                    status="completed",
                    cancelled_at__isnull=True,
                    receipt__isnull=False,
                    completed_at__isnull=False,
                    amount_paid=F("total"),
                )
                | Q(
                    status="pending",
                    cancelled_at__isnull=True,
                    receipt__isnull=True,
                    completed_at__isnull=True,
                )
                | Q(status="cancelled", receipt__isnull=True, amount_paid=0, cancelled_at__isnull=False),
                name="sale_state_holds",
            ),
            models.CheckConstraint(
                condition=Q(payment_status__in=[value for value, _ in PaymentStatus.choices]),
                name="sale_payment_status_known",
            ),
        ]
        triggers: ClassVar = [
            keeps(Status.COMPLETED),
            keeps(Status.CANCELLED),
            tells_late_bookings("completed_at", "cancelled_at"),
        ]

    def __str__(self) -> str:
        return str(self.sale_number)

    @property
    def balance_due(self) -> Decimal:
        """What is still to be paid; nothing on a cancelled sale."""
        return money.ZERO if self.status == Status.CANCELLED else self.total - self.amount_paid

    @property
    def receipt_number(self) -> str | None:
        return None if self.receipt is None else f"{self.receipt:06d}"


class SaleItem(models.Model):
    """One line of a sale, a snapshot: what the product was called, cost and was taxed when it was sold."""

    sale = models.ForeignKey(Sale, models.PROTECT, related_name="items")
    product = models.ForeignKey(Product, models.PROTECT, related_name="+")
    product_name = models.CharField(max_length=200)
    product_barcode = models.CharField(max_length=64, null=True)
    product_sku = models.CharField(max_length=64)
    category_name = models.CharField(max_length=100, blank=True, default="")
    unit_price = models.DecimalField(max_digits=12, decimal_places=2)
    cost_price = models.DecimalField(max_digits=12, decimal_places=2)
    quantity = models.DecimalField(max_digits=12, decimal_places=3)
    tax_rate = models.DecimalField(max_digits=5, decimal_places=2)
    discount = models.DecimalField(max_digits=14, decimal_places=2)
    subtotal = models.DecimalField(max_digits=14, decimal_places=2)
    tax_amount = models.DecimalField(max_digits=14, decimal_places=2)
    total = models.DecimalField(max_digits=14, decimal_places=2)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="item_quantity_positive"),
            models.CheckConstraint(
                condition=Q(total=F("subtotal") + F("tax_amount") - F("discount")), name="item_adds_up"
            ),
            models.CheckConstraint(
                condition=Q(subtotal__gte=0, tax_amount__gte=0, discount__gte=0, total__gte=0),
                name="item_amounts_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity:f} x {self.product_name}"


class ReceiptCounter(models.Model):
    """The last receipt number given. One row, locked last of all, so that the series has no gaps."""

    last = models.BigIntegerField(default=0)
    taken_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(id=1), name="one_receipt_counter")]
