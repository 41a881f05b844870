"""Movements on the wire."""

from decimal import Decimal
from typing import Any, ClassVar

from rest_framework import serializers

from apps.core import money
from apps.core.clock import iso
from apps.core.fields import IdField, MoneyField, NoCardNumbers, QuantityField
from apps.inventory.models import Movement
from apps.inventory.services import signed

POSTABLE = [choice for choice in Movement.Type.choices if choice[0] != Movement.Type.SALE]


def movement_data(movement: Movement) -> dict[str, Any]:
    """A movement as the contract shows it; `product` and `created_by` must be loaded."""
    author = movement.created_by
    return {
        "id": movement.pk,
        "product": movement.product_id,
        "product_name": movement.product.name,
        "movement_type": movement.movement_type,
        "quantity": money.format_quantity(movement.quantity),
        "stock_before": money.format_quantity(movement.stock_before),
        "stock_after": money.format_quantity(movement.stock_after),
        "reference_number": movement.reference_number,
        "unit_cost": None if movement.unit_cost is None else money.format_money(movement.unit_cost),
        "notes": movement.notes,
        "created_by": movement.created_by_id,
        "created_by_name": author.display_name if author else None,
        "created_at": iso(movement.created_at),
    }


class MovementForm(NoCardNumbers):
    """A movement by hand. `sale` cannot be posted: sales write their own."""

    product = IdField()
    movement_type = serializers.ChoiceField(choices=POSTABLE)
    quantity = QuantityField(low=-money.MAX_QUANTITY)
    reference_number = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")
    unit_cost = MoneyField(required=False, allow_null=True, default=None)
    notes = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")

    class Meta:
        ref_name = "MovementInput"
        swagger_schema_fields: ClassVar = {
            "example": {
                "product": 1,
                "movement_type": "purchase",
                "quantity": 24,
                "unit_cost": "52.00",
                "reference_number": "GRN-1042",
            }
        }

    def validate_quantity(self, quantity: Decimal) -> Decimal:
        if not quantity:
            raise serializers.ValidationError("A movement of nothing is no movement.")
        return quantity

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs["quantity"] = signed(attrs["movement_type"], attrs["quantity"])
        return attrs


class MovementSerializer(serializers.Serializer[Any]):
    """A movement as it is shown; used to describe it, `movement_data` writes it."""

    id = serializers.IntegerField()
    product = serializers.IntegerField()
    product_name = serializers.CharField()
    movement_type = serializers.ChoiceField(choices=Movement.Type.choices)
    quantity = QuantityField(help_text="Signed: what leaves the shop is negative.")
    stock_before = QuantityField()
    stock_after = QuantityField()
    reference_number = serializers.CharField(allow_blank=True)
    unit_cost = MoneyField(allow_null=True)
    notes = serializers.CharField(allow_blank=True)
    created_by = serializers.IntegerField(allow_null=True)
    created_by_name = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()

    class Meta:
        ref_name = "Movement"
