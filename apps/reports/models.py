"""Sums of closed days and longer spans, so that a report costs the same however long the shop has been open.

Everything here is worked out from the ledgers (`apps.reports.facts`) and may be deleted at any time: what is not
rolled up is read from the ledgers. Amounts are in the shop's currency, quantities in the products' units.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models

from apps.core import money
from apps.payments.states import Method
from apps.products.models import Product


class Span(models.TextChoices):
    """Days, and what is added up from them: the 1st to 10th, 11th to 20th and the rest of a month, months, quarters."""

    DAY = "day", "Day"
    THIRD = "third", "Third of a month"
    MONTH = "month", "Month"
    QUARTER = "quarter", "Quarter"


class RolledSpan(models.Model):
    """A day, or a longer part of the calendar, whose sums stand in the tables below, by the days of `time_zone`."""

    span = models.CharField(max_length=7, choices=Span)
    start = models.DateField()
    time_zone = models.CharField(max_length=64)
    rolled_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["span", "start"], name="rolled_once"),
        ]

    def __str__(self) -> str:
        return f"{self.span} {self.start}"


def _amount() -> "models.DecimalField[str, object]":
    return models.DecimalField(max_digits=18, decimal_places=2, default=money.ZERO)


class CashierDay(models.Model):
    """What one cashier's sales came to on one day; refunds and cancellations of their sales on the day of those.

    `revenue` contains the tax. `refunded` is what went back of completed sales, `refunded_tax` the tax in it.
    """

    start = models.DateField()
    cashier = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    sales = models.IntegerField(default=0)
    revenue = _amount()
    tax = _amount()
    discount = _amount()
    refunds = models.IntegerField(default=0)
    refunded = _amount()
    refunded_tax = _amount()
    cancelled = models.IntegerField(default=0)
    cancelled_total = _amount()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["start", "cashier"], name="cashier_day_once"),
        ]


class MethodDay(models.Model):
    """How the sales completed on one day were paid, and how refunds of that day were paid out."""

    start = models.DateField()
    method = models.CharField(max_length=10, choices=Method)
    payments = models.IntegerField(default=0)
    total = _amount()
    refunds = models.IntegerField(default=0)
    refunded = _amount()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["start", "method"], name="method_day_once"),
        ]


class HourDay(models.Model):
    """The sales completed within one hour of the shop's clock, 0 to 23."""

    start = models.DateField()
    hour = models.SmallIntegerField()
    sales = models.IntegerField()
    revenue = _amount()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["start", "hour"], name="hour_day_once")]


class TaxRateDay(models.Model):
    """What was sold on one day at one rate of tax, in percent; `revenue` contains the tax."""

    start = models.DateField()
    rate = models.DecimalField(max_digits=5, decimal_places=2)
    revenue = _amount()
    tax = _amount()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["start", "rate"], name="tax_rate_day_once")]


class _Goods(models.Model):
    """Lines of completed sales; `revenue` contains the tax, `cost` is what the goods had cost when they were sold."""

    quantity = models.DecimalField(max_digits=18, decimal_places=3)
    revenue = _amount()
    tax = _amount()
    discount = _amount()
    cost = _amount()

    class Meta:
        abstract = True


class CategoryDay(_Goods):
    """What was sold of one category, by the name it had then."""

    start = models.DateField()
    category_name = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["start", "category_name"], name="category_day_once")
        ]


class ProductSpan(_Goods):
    """What was sold of one product in a span. There are too many products to add up a year of days."""

    span = models.CharField(max_length=7, choices=Span)
    start = models.DateField()
    product = models.ForeignKey(
        Product, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["span", "start", "product"], name="product_span_once"),
        ]
