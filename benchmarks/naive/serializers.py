"""Nested serializers, and the whole checkout in one overridden `create`."""

from typing import Any

from django.db import transaction
from rest_framework import serializers

from benchmarks.naive.models import Category, Payment, Product, Sale, SaleItem, StockMovement


class CategorySerializer(serializers.ModelSerializer):
    class Meta:
        model = Category
        fields = "__all__"


class ProductSerializer(serializers.ModelSerializer):
    category = CategorySerializer(read_only=True)

    class Meta:
        model = Product
        fields = "__all__"


class PaymentSerializer(serializers.ModelSerializer):
    class Meta:
        model = Payment
        fields = ["id", "method", "amount", "created_at"]


class SaleItemSerializer(serializers.ModelSerializer):
    product = ProductSerializer(read_only=True)
    product_id = serializers.PrimaryKeyRelatedField(queryset=Product.objects.all(), source="product")

    class Meta:
        model = SaleItem
        fields = ["id", "product", "product_id", "quantity", "unit_price", "subtotal"]
        read_only_fields = ["unit_price", "subtotal"]


class SaleSerializer(serializers.ModelSerializer):
    items = SaleItemSerializer(many=True)
    payments = PaymentSerializer(many=True, read_only=True)
    cashier_name = serializers.CharField(source="cashier.username", read_only=True)

    class Meta:
        model = Sale
        fields = "__all__"
        read_only_fields = ["cashier", "total", "change", "status"]

    @transaction.atomic
    def create(self, validated_data: dict[str, Any]) -> Sale:
        items = validated_data.pop("items")
        sale = Sale.objects.create(cashier=self.context["request"].user, **validated_data)
        for item in items:
            _sell(sale, item["product"].pk, item["quantity"])
        sale.total = sum(item.subtotal for item in sale.items.all())
        if sale.amount_paid >= sale.total:
            Payment.objects.create(sale=sale, method="cash", amount=sale.total)
            sale.change = sale.amount_paid - sale.total
            sale.status = "completed"
        sale.save()
        return sale


def _sell(sale: Sale, product_id: int, quantity: int) -> None:
    product = Product.objects.get(pk=product_id)
    if product.stock < quantity:
        raise serializers.ValidationError(f"Not enough stock for {product.name}")
    SaleItem.objects.create(
        sale=sale,
        product=product,
        quantity=quantity,
        unit_price=product.price,
        subtotal=product.price * quantity,
    )
    product.stock -= quantity
    product.save()
    StockMovement.objects.create(
        product=product, quantity=-quantity, movement_type="sale", created_by=sale.cashier
    )
