"""The sales report, and the day-end summary, on the wire."""

from typing import Any

from rest_framework import serializers

from apps.core.fields import MoneyField, PercentField
from apps.reports.serializers.figures import (
    CashierSerializer,
    HeadingSerializer,
    MethodSerializer,
    SoldCategorySerializer,
    SoldProductSerializer,
    TotalsSerializer,
)


class HourSerializer(serializers.Serializer[Any]):
    hour = serializers.IntegerField(help_text="Of the shop's clock, 0 to 23.")
    sales_count = serializers.IntegerField()
    revenue = serializers.FloatField(help_text="A plain number.")

    class Meta:
        ref_name = "ReportHour"


class SalesPointSerializer(serializers.Serializer[Any]):
    hour = serializers.IntegerField(required=False, help_text="When the period is one day.")
    date = serializers.DateField(required=False, help_text="When it is longer.")
    sales = serializers.FloatField(help_text="Revenue, a plain number.")

    class Meta:
        ref_name = "SalesPoint"


class SalesReportSerializer(HeadingSerializer, TotalsSerializer):
    payment_methods = MethodSerializer(many=True, help_text="Most money first.")
    sales_by_cashier = CashierSerializer(many=True, help_text="Most revenue first.")
    top_products = SoldProductSerializer(many=True, help_text="Ten at most, most revenue first.")
    top_categories = SoldCategorySerializer(many=True, help_text="Ten at most, most revenue first.")
    hourly_sales = HourSerializer(many=True, help_text="All 24 hours, of all days together.")
    chart_data = SalesPointSerializer(many=True, help_text="Every hour of a day, or every day.")

    class Meta:
        ref_name = "SalesReport"


class TaxRateSerializer(serializers.Serializer[Any]):
    rate = PercentField()
    total = MoneyField(help_text="Of goods at this rate, tax included, after discounts.")
    net = MoneyField(help_text="The same without the tax.")
    tax = MoneyField()

    class Meta:
        ref_name = "ReportTaxRate"


class CountedSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    total = MoneyField()

    class Meta:
        ref_name = "ReportCancelled"


class RefundsSerializer(CountedSerializer):
    tax = MoneyField(help_text="The tax in what went back.")

    class Meta:
        ref_name = "ReportRefunds"


class DayEndCashierSerializer(CashierSerializer):
    refunds = serializers.IntegerField(help_text="How many refunds were paid out on this person's sales.")
    cancelled_sales = CountedSerializer(help_text="Sales of this person that were cancelled.")

    class Meta:
        ref_name = "DayEndCashier"


class ReceiptsSerializer(serializers.Serializer[Any]):
    first = serializers.CharField(allow_null=True, help_text="Null on a day without a sale.")
    last = serializers.CharField(allow_null=True)

    class Meta:
        ref_name = "DayEndReceipts"


class DrawerSerializer(serializers.Serializer[Any]):
    received = MoneyField(help_text="Cash taken, after change.")
    refunded = MoneyField(help_text="Cash paid out.")
    expected = MoneyField(help_text="What the drawer holds more than in the morning.")

    class Meta:
        ref_name = "DayEndDrawer"


class DayEndSerializer(HeadingSerializer, TotalsSerializer):
    date = serializers.DateField(help_text="The day; `start` and `end` are the same.")
    is_closed = serializers.BooleanField(help_text="The day is over, the figures are final.")
    tax_rates = TaxRateSerializer(many=True, help_text="Highest rate first.")
    payment_methods = MethodSerializer(many=True, help_text="Most money first.")
    refunds = RefundsSerializer(help_text="Paid out on this day.")
    cancelled_sales = CountedSerializer(help_text="Cancelled on this day; they never were revenue.")
    sales_by_cashier = DayEndCashierSerializer(many=True, help_text="Most revenue first.")
    receipts = ReceiptsSerializer(help_text="The first and the last receipt of the day.")
    cash_drawer = DrawerSerializer()

    class Meta:
        ref_name = "DayEnd"
