"""A delivery on the wire: rows of JSON, or a CSV file as text."""

import io
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, ClassVar

from drf_yasg import openapi
from rest_framework import serializers

from apps.core import money
from apps.core.csv_rows import NotReadable, columns_of, numbered_rows
from apps.core.fields import MoneyField, NoCardNumbers, QuantityField
from apps.inventory.models import Movement
from apps.inventory.serializers.movements import MovementSerializer, movement_data
from apps.inventory.services import Delivery, DeliveryRow
from apps.products import barcodes
from apps.products.models import Product

MAX_ROWS = 10_000
TOO_MANY = f"At most {MAX_ROWS:,} rows are taken at once. Split the delivery."
COLUMNS = ("barcode", "sku", "quantity", "unit_cost")

# A row as it came, and the line or index that names it in a refusal.
Numbered = tuple[int, Any]


class Ragged(str):
    """In the place of a row that has more or fewer cells than the first line: the sentence that says so."""


class DeliveryRowForm(serializers.Serializer[Any]):
    """One row, of a file as of JSON. The product is named as at the till, or by its SKU."""

    barcode = serializers.CharField(
        max_length=barcodes.MAX_LENGTH, required=False, allow_null=True, allow_blank=True
    )
    sku = serializers.CharField(
        max_length=Product._meta.get_field("sku").max_length,
        required=False,
        allow_null=True,
        allow_blank=True,
    )
    quantity = QuantityField()
    unit_cost = MoneyField(
        required=False, allow_null=True, help_text="Without it the product's cost stays as it is."
    )

    class Meta:
        ref_name = "DeliveryRow"

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("barcode") and not attrs.get("sku"):
            raise serializers.ValidationError({"barcode": ["Name the product by its barcode or its SKU."]})
        return attrs


class RowsField(serializers.Field[list[Any], Any, Any, Any]):
    """Rows as they came: each is looked at by itself, so that a refusal can name all that are wrong."""

    class Meta:
        swagger_schema_fields: ClassVar = {
            "type": openapi.TYPE_ARRAY,
            "description": f"At most {MAX_ROWS:,}: `quantity`, `barcode` or `sku`, and `unit_cost` where it is known.",
            "items": {"type": openapi.TYPE_OBJECT},
        }

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            raise serializers.ValidationError("A list of rows is needed.")
        return data


class DeliveryForm(NoCardNumbers):
    """What came: its rows, or the text of a CSV file whose first line names the columns."""

    rows = RowsField(required=False)
    csv = serializers.CharField(
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        help_text="Instead of `rows`: the columns `barcode` or `sku`, `quantity`, `unit_cost` in any order.",
    )
    reference_number = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")
    notes = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")

    class Meta:
        ref_name = "DeliveryInput"
        swagger_schema_fields: ClassVar = {
            "example": {
                "rows": [{"barcode": "6161100490000", "quantity": 24, "unit_cost": "52.00"}],
                "reference_number": "GRN-1043",
            }
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("rows" in attrs) == ("csv" in attrs):
            raise serializers.ValidationError({"rows": ["Send either `rows` or a CSV file."]})
        rows: Iterable[Numbered] = (
            enumerate(attrs["rows"]) if "rows" in attrs else _rows_of_file(attrs["csv"])
        )
        attrs["delivery"] = _checked(list(islice(rows, MAX_ROWS + 1)))
        return attrs


def _rows_of_file(text: str) -> Iterator[Numbered]:
    try:
        yield from _read(text.removeprefix("\ufeff"))
    except NotReadable as error:
        raise serializers.ValidationError({"csv": [f"The file cannot be read: {error}"]}) from None


def _read(text: str) -> Iterator[Numbered]:
    """The cells that are filled, by column."""
    first = text.partition("\n")[0]
    lines = numbered_rows(io.StringIO(text, newline=""), ";" if first.count(";") > first.count(",") else ",")
    _, header = next(lines, (0, []))
    columns = columns_of(header, COLUMNS, ("quantity",))
    if not {"barcode", "sku"} & columns.keys():
        raise NotReadable("the first line must name a column barcode or sku.")
    for line, cells in lines:
        if not any(cells):
            continue
        if len(cells) != len(header):
            yield line, Ragged(f"{len(cells)} columns instead of {len(header)}.")
        else:
            yield line, {name: cells[at] for name, at in columns.items() if cells[at]}


def _checked(rows: Sequence[Numbered]) -> Delivery:
    if not rows:
        raise serializers.ValidationError({"rows": ["There is no row in the delivery."]})
    if len(rows) > MAX_ROWS:
        raise serializers.ValidationError({"rows": [TOO_MANY]})
    form, delivery = DeliveryRowForm(), Delivery([], {})
    for line, row in rows:
        try:
            delivery.rows.append(_row(form, line, row))
        except serializers.ValidationError as error:
            delivery.mistakes[line] = dict(serializers.as_serializer_error(error))
    return delivery


def _row(form: DeliveryRowForm, line: int, row: Any) -> DeliveryRow:
    if isinstance(row, Ragged):
        raise serializers.ValidationError(row)
    values = form.run_validation(row)
    return DeliveryRow(
        line,
        values["quantity"],
        values.get("barcode") or "",
        values.get("sku") or "",
        values.get("unit_cost"),
    )


def delivery_data(movements: Sequence[Movement], reference: str) -> dict[str, Any]:
    """What was received; each movement's product and author must be loaded."""
    costs = [
        money.round_money(movement.quantity * movement.unit_cost)
        for movement in movements
        if movement.unit_cost is not None
    ]
    return {
        "count": len(movements),
        "products": len({movement.product_id for movement in movements}),
        "total_quantity": money.format_quantity(sum((m.quantity for m in movements), Decimal(0))),
        "total_cost": money.format_money(sum(costs, money.ZERO)),
        "reference_number": reference,
        "movements": [movement_data(movement) for movement in movements],
    }


class DeliverySerializer(serializers.Serializer[Any]):
    """A delivery as it was received; used to describe it, `delivery_data` writes it."""

    count = serializers.IntegerField(help_text="Rows, which is movements.")
    products = serializers.IntegerField(help_text="Different products.")
    total_quantity = QuantityField()
    total_cost = MoneyField(help_text="Of the rows with a unit cost, each rounded to the cent.")
    reference_number = serializers.CharField(allow_blank=True)
    movements = MovementSerializer(many=True)

    class Meta:
        ref_name = "Delivery"
