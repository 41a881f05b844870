"""Parts that several reports have."""

from typing import Any

from rest_framework import serializers

from apps.core.fields import IdField, MoneyField, QuantityField
from apps.payments.states import Method


class HeadingSerializer(serializers.Serializer[Any]):
    start = serializers.DateField(help_text="First day.")
    end = serializers.DateField(help_text="Last day, included.")
    currency = serializers.CharField(help_text="Of all amounts, such as KES.")


class TotalsSerializer(serializers.Serializer[Any]):
    total_sales = MoneyField(help_text="An amount, the same as `total_revenue`.")
    total_transactions = serializers.IntegerField(help_text="How many sales were completed.")
    total_revenue = MoneyField(help_text="Of completed sales: tax included, after discounts.")
    total_tax = MoneyField(help_text="The tax in it.")
    total_discount = MoneyField(help_text="Discounts given on these sales.")
    total_refunds = MoneyField(help_text="Went back to customers in this time, tax included.")
    net_revenue = MoneyField(help_text="Revenue less refunds.")
    average_sale = MoneyField(help_text="Revenue by sale, rounded half up; 0.00 without sales.")


class MethodSerializer(serializers.Serializer[Any]):
    method = serializers.ChoiceField(choices=Method.choices)
    label = serializers.CharField(help_text="For people, such as `M-Pesa`.")  # type: ignore[assignment] # hides the form's own label
    total = MoneyField(help_text="What these payments brought to the completed sales.")
    count = serializers.IntegerField(help_text="How many payments.")
    refunds = serializers.IntegerField(help_text="How many refunds were paid out this way.")
    total_refunds = MoneyField(help_text="What they came to.")

    class Meta:
        ref_name = "ReportMethod"


class CashierSerializer(TotalsSerializer):
    cashier = IdField(help_text="Id of the person.")
    cashier_name = serializers.CharField()

    class Meta:
        ref_name = "ReportCashier"


class SoldProductSerializer(serializers.Serializer[Any]):
    product = IdField()
    product_name = serializers.CharField(help_text="As it is called today.")
    quantity_sold = QuantityField(help_text="In the product's unit.")
    total_revenue = MoneyField(help_text="Tax included, after discounts.")

    class Meta:
        ref_name = "ReportProduct"


class SoldCategorySerializer(serializers.Serializer[Any]):
    category_name = serializers.CharField(help_text="As it was called at the sale.")
    quantity_sold = QuantityField(help_text="Of all its products, whatever their units.")
    total_revenue = MoneyField(help_text="Tax included, after discounts.")

    class Meta:
        ref_name = "ReportCategory"
