"""The dashboard on the wire."""

from typing import Any

from rest_framework import serializers

from apps.core.fields import IdField, MoneyField
from apps.sales.states import PaymentStatus, Status


class RecentSaleSerializer(serializers.Serializer[Any]):
    id = IdField()
    sale_number = serializers.CharField()
    receipt_number = serializers.CharField(allow_null=True, help_text="Null until the sale completes.")
    cashier_name = serializers.CharField()
    total = MoneyField()
    status = serializers.ChoiceField(choices=Status.choices)
    payment_status = serializers.ChoiceField(choices=PaymentStatus.choices)
    payment_method = serializers.CharField(help_text="`N/A` without a settled payment.")
    created_at = serializers.DateTimeField()

    class Meta:
        ref_name = "RecentSale"


class DashboardDaySerializer(serializers.Serializer[Any]):
    date = serializers.DateField()
    sales = serializers.FloatField(help_text="Revenue, a plain number.")

    class Meta:
        ref_name = "DashboardDay"


class DashboardProductSerializer(serializers.Serializer[Any]):
    product = IdField()
    name = serializers.CharField()
    sales = serializers.FloatField(help_text="Revenue, a plain number.")

    class Meta:
        ref_name = "DashboardProduct"


class DashboardSerializer(serializers.Serializer[Any]):
    today_sales = MoneyField(help_text="Revenue of today's completed sales.")
    today_transactions = serializers.IntegerField(help_text="How many.")
    month_revenue = MoneyField(help_text="Revenue of the last 30 days, today included.")
    total_products = serializers.IntegerField(help_text="Active products of the shop.")
    low_stock = serializers.IntegerField(help_text="How many of them are at or below their threshold.")
    pending_payments = serializers.IntegerField(help_text="Payments without an outcome yet.")
    recent_sales = RecentSaleSerializer(many=True, help_text="The newest ten, whatever their status.")
    sales_chart = DashboardDaySerializer(many=True, help_text="The last seven days.")
    top_products = DashboardProductSerializer(many=True, help_text="Five, by revenue.")

    class Meta:
        ref_name = "Dashboard"
