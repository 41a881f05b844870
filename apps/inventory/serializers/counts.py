"""Counts on the wire."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar

from rest_framework import serializers

from apps.core import money
from apps.core.clock import iso
from apps.core.fields import IdField, NoCardNumbers, QuantityField
from apps.inventory.models import StockCount
from apps.inventory.services import Counted

Row = dict[str, Any]


def line_data(row: Row, *, hidden: bool) -> dict[str, Any]:
    """A line as the contract shows it; `hidden` leaves out what the system expected."""
    expected, found = row["system_quantity"], row["physical_quantity"]
    return {
        "id": row["id"],
        "product": row["product_id"],
        "product_name": row["product__name"],
        "product_barcode": row["product__barcode"],
        "system_quantity": None if hidden else money.format_quantity(expected),
        "physical_quantity": money.format_quantity(found),
        "variance": None if hidden else money.format_quantity(found - expected),
        "notes": row["notes"],
        "counted_by": row["counted_by_id"],
        "counted_by_name": row["counted_by_name"],
        "counted_at": iso(row["counted_at"]),
    }


def count_data(
    count: StockCount, rows: Sequence[Row], *, hidden: bool, item_count: int | None = None
) -> dict[str, Any]:
    """A count as the contract shows it; `rows` are all its lines unless `item_count` says how many there are."""
    ended_by = count.completed_by
    return {
        "id": count.pk,
        "count_number": count.count_number,
        "description": count.description,
        "status": count.status,
        "blind": count.blind,
        "started_by": count.started_by_id,
        "started_by_name": count.started_by.display_name,
        "completed_by": count.completed_by_id,
        "completed_by_name": ended_by.display_name if ended_by else None,
        "started_at": iso(count.started_at),
        "completed_at": iso(count.completed_at),
        "notes": count.notes,
        "item_count": len(rows) if item_count is None else item_count,
        "items": [line_data(row, hidden=hidden) for row in rows],
    }


class CountChangeForm(NoCardNumbers):
    """What may be changed while a count goes on; everything else that is sent back is ignored."""

    description = serializers.CharField(max_length=200, required=False, allow_blank=True, allow_null=True)
    notes = serializers.CharField(max_length=1000, required=False, allow_blank=True, allow_null=True)

    class Meta:
        ref_name = "StockCountChange"
        swagger_schema_fields: ClassVar = {"example": {"description": "Cold store", "notes": "Door to door"}}

    def texts(self) -> dict[str, str]:
        """The texts that were sent; null empties one."""
        names = ("description", "notes")
        return {name: self.validated_data[name] or "" for name in names if name in self.validated_data}


class CountForm(CountChangeForm):
    blind = serializers.BooleanField(
        required=False, default=False, help_text="Hides what the system expects while it is in progress."
    )

    class Meta:
        ref_name = "StockCountInput"
        swagger_schema_fields: ClassVar = {"example": {"description": "Cold store", "blind": True}}


class CountedForm(NoCardNumbers):
    """So much of one product, named by `product` or `barcode`."""

    product = IdField(required=False, allow_null=True)
    barcode = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=64)
    physical_quantity = QuantityField(low=Decimal(0), high=money.MAX_STOCK)
    notes = serializers.CharField(max_length=500, required=False, allow_blank=True, allow_null=True)

    class Meta:
        ref_name = "StockCountItemInput"
        swagger_schema_fields: ClassVar = {"example": {"barcode": "6161100490000", "physical_quantity": 23}}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if (attrs.get("product") is None) == (not attrs.get("barcode")):
            raise serializers.ValidationError({"product": ["Name the product by its id or by its barcode."]})
        return attrs

    def counted(self) -> Counted:
        values = self.validated_data
        return Counted(
            values["physical_quantity"],
            product_id=values.get("product"),
            barcode=values.get("barcode") or "",
            notes=values.get("notes") or "",
        )


class BlindQuery(serializers.Serializer[Any]):
    """What may be asked of every answer about a count."""

    blind = serializers.ChoiceField(choices=("true", "false"), required=False, allow_blank=True)

    def asked(self) -> bool | None:
        """Whether to hide what the system expects; None where nothing was said."""
        text = self.validated_data.get("blind")
        return text == "true" if text else None


class CountLineSerializer(serializers.Serializer[Any]):
    """A line as it is shown; used to describe it, `line_data` writes it."""

    id = serializers.IntegerField()
    product = serializers.IntegerField()
    product_name = serializers.CharField()
    product_barcode = serializers.CharField(allow_null=True)
    system_quantity = QuantityField(
        allow_null=True, help_text="The stock at the moment of counting; null while a count is blind."
    )
    physical_quantity = QuantityField()
    variance = QuantityField(
        allow_null=True, help_text="Counted beyond what was expected; negative if missing."
    )
    notes = serializers.CharField(allow_blank=True)
    counted_by = serializers.IntegerField()
    counted_by_name = serializers.CharField()
    counted_at = serializers.DateTimeField()

    class Meta:
        ref_name = "StockCountItem"


class CountSerializer(serializers.Serializer[Any]):
    """A count as it is shown; used to describe it, `count_data` writes it."""

    id = serializers.IntegerField()
    count_number = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(choices=StockCount.Status.choices)
    blind = serializers.BooleanField()
    started_by = serializers.IntegerField()
    started_by_name = serializers.CharField()
    completed_by = serializers.IntegerField(allow_null=True, help_text="Who completed or cancelled it.")
    completed_by_name = serializers.CharField(allow_null=True)
    started_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True, help_text="When it was completed or cancelled.")
    notes = serializers.CharField(allow_blank=True)
    item_count = serializers.IntegerField()
    items = CountLineSerializer(many=True, help_text="Counted last first; in a list at most 20.")

    class Meta:
        ref_name = "StockCount"
