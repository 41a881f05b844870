"""Alerts on the wire."""

from typing import Any

from rest_framework import serializers

from apps.core import money
from apps.core.clock import iso
from apps.core.fields import QuantityField
from apps.inventory.models import StockAlert


def alert_data(alert: StockAlert, product: dict[str, Any]) -> dict[str, Any]:
    """An alert as the contract shows it; `product` is its product as it is shown, `resolved_by` must be loaded."""
    person = alert.resolved_by
    return {
        "id": alert.pk,
        "product": alert.product_id,
        "product_name": product["name"],
        "product_barcode": product["barcode"],
        "product_details": product,
        "current_stock": money.format_quantity(alert.current_stock),
        "threshold": money.format_quantity(alert.threshold),
        "status": alert.status,
        "resolved_by": alert.resolved_by_id,
        "resolved_by_name": person.display_name if person else None,
        "resolved_at": iso(alert.resolved_at),
        "created_at": iso(alert.created_at),
        "updated_at": iso(alert.updated_at),
    }


class AlertSerializer(serializers.Serializer[Any]):
    """An alert as it is shown; used to describe it, `alert_data` writes it."""

    id = serializers.IntegerField()
    product = serializers.IntegerField()
    product_name = serializers.CharField()
    product_barcode = serializers.CharField(allow_null=True)
    product_details = serializers.JSONField(help_text="The product as `products/{id}/` shows it.")
    current_stock = QuantityField(help_text="Follows the stock until the alert ends.")
    threshold = QuantityField()
    status = serializers.ChoiceField(choices=StockAlert.Status.choices)
    resolved_by = serializers.IntegerField(
        allow_null=True, help_text="Empty where the stock itself ended it."
    )
    resolved_by_name = serializers.CharField(allow_null=True)
    resolved_at = serializers.DateTimeField(
        allow_null=True, help_text="When it ended, also by being ignored."
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    class Meta:
        ref_name = "StockAlert"
