"""Profit and inventory on the wire."""

from typing import Any

from rest_framework import serializers

from apps.core.fields import IdField, MoneyField, PercentField, QuantityField
from apps.inventory.models import Movement, StockAlert
from apps.reports.serializers.figures import HeadingSerializer


class ProfitFiguresSerializer(serializers.Serializer[Any]):
    revenue = MoneyField(help_text="Without tax, after discounts.")
    cost = MoneyField(help_text="What the goods had cost when they were sold.")
    profit = MoneyField(help_text="Revenue less cost.")
    margin = PercentField(help_text="Profit in percent of revenue; 0.00 without revenue.")


class ProductProfitSerializer(ProfitFiguresSerializer):
    product = IdField()
    product_name = serializers.CharField(help_text="As it is called today.")
    quantity_sold = QuantityField(help_text="In the product's unit.")

    class Meta:
        ref_name = "ProductProfit"


class CategoryProfitSerializer(ProfitFiguresSerializer):
    category_name = serializers.CharField(help_text="As it was called at the sale.")

    class Meta:
        ref_name = "CategoryProfit"


class ProfitPointSerializer(serializers.Serializer[Any]):
    date = serializers.DateField()
    revenue = serializers.FloatField(help_text="A plain number, like the others.")
    cost = serializers.FloatField()
    profit = serializers.FloatField()

    class Meta:
        ref_name = "ProfitPoint"


class ProfitReportSerializer(HeadingSerializer):
    total_revenue = MoneyField(help_text="Of sold goods: without tax, after discounts.")
    total_cost = MoneyField(help_text="What they had cost when they were sold.")
    total_tax = MoneyField(help_text="What customers paid on top of the revenue.")
    total_discount = MoneyField()
    gross_profit = MoneyField(help_text="Revenue less cost.")
    profit_margin = PercentField(help_text="Gross profit in percent of revenue.")
    total_refunds = MoneyField(help_text="Paid out in this time, without the tax in it.")
    net_profit = MoneyField(help_text="Gross profit less refunds.")
    product_profit = ProductProfitSerializer(many=True, help_text="50 at most, most profit first.")
    category_profit = CategoryProfitSerializer(many=True, help_text="All, most profit first.")
    chart_data = ProfitPointSerializer(many=True, help_text="Every day.")

    class Meta:
        ref_name = "ProfitReport"


class LowStockSerializer(serializers.Serializer[Any]):
    id = IdField()
    name = serializers.CharField()
    sku = serializers.CharField()
    barcode = serializers.CharField(allow_null=True)
    category_name = serializers.CharField(allow_null=True)
    stock = QuantityField()
    low_stock_threshold = QuantityField()

    class Meta:
        ref_name = "LowStockItem"


class ShelfSerializer(serializers.Serializer[Any]):
    category_name = serializers.CharField()
    product_count = serializers.IntegerField()
    total_stock = QuantityField(help_text="Of all its products, whatever their units.")
    stock_value = MoneyField(help_text="At cost.")
    retail_value = MoneyField(help_text="At the price of today.")
    low_stock_count = serializers.IntegerField()

    class Meta:
        ref_name = "Shelf"


class ShareSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    value = serializers.FloatField(help_text="At cost, a plain number.")

    class Meta:
        ref_name = "CategoryShare"


class RecentMovementSerializer(serializers.Serializer[Any]):
    id = IdField()
    product = IdField()
    product_name = serializers.CharField()
    movement_type = serializers.ChoiceField(choices=Movement.Type.choices)
    quantity = QuantityField(help_text="Negative when stock was taken.")
    stock_before = QuantityField()
    stock_after = QuantityField()
    reference_number = serializers.CharField(allow_blank=True)
    created_by = IdField(allow_null=True)
    created_by_name = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()

    class Meta:
        ref_name = "RecentMovement"


class ActiveAlertSerializer(serializers.Serializer[Any]):
    id = IdField()
    product = IdField()
    product_name = serializers.CharField()
    product_barcode = serializers.CharField(allow_null=True)
    current_stock = QuantityField()
    threshold = QuantityField()
    status = serializers.ChoiceField(choices=StockAlert.Status.choices)
    created_at = serializers.DateTimeField()

    class Meta:
        ref_name = "ActiveAlert"


class InventoryReportSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField(help_text="Of all amounts, such as KES.")
    total_products = serializers.IntegerField(help_text="Active ones.")
    total_value = MoneyField(help_text="The same as `total_stock_value`.")
    total_stock_value = MoneyField(help_text="Stock at cost, each product rounded to the cent.")
    total_retail_value = MoneyField(help_text="Stock at the price of today.")
    low_stock_count = serializers.IntegerField(help_text="At or below their threshold.")
    out_of_stock_count = serializers.IntegerField(help_text="Nothing there.")
    active_alerts_count = serializers.IntegerField()
    low_stock_items = LowStockSerializer(many=True, help_text="The 50 that lack most.")
    by_category = ShelfSerializer(many=True, help_text="Most value first.")
    category_distribution = ShareSerializer(many=True, help_text="For a chart.")
    recent_movements = RecentMovementSerializer(many=True, help_text="The newest ten.")
    active_alerts = ActiveAlertSerializer(many=True, help_text="The newest 50.")

    class Meta:
        ref_name = "InventoryReport"
