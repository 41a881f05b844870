"""Sales on the wire: strict forms for what comes in, plain functions for what goes out."""

from collections.abc import Iterable
from typing import Any, ClassVar

from rest_framework import serializers

from apps.core import money
from apps.core.clock import iso
from apps.core.fields import (
    ExactField,
    IdField,
    MoneyField,
    NoCardNumbers,
    PercentField,
    QuantityField,
    StrictSerializer,
)
from apps.core.prepared import Row
from apps.sales.models import Sale
from apps.sales.services import Order, OrderLine
from apps.sales.states import PaymentStatus, Status

MAX_LINES = 200


def item_data(item: Row, *, with_cost: bool) -> dict[str, Any]:
    """A line as the contract shows it, from the columns of its row."""
    data = {
        "id": item["id"],
        "product": item["product_id"],
        "product_name": item["product_name"],
        "product_barcode": item["product_barcode"],
        "product_sku": item["product_sku"],
        "unit_price": money.format_money(item["unit_price"]),
        "quantity": money.format_quantity(item["quantity"]),
        "tax_rate": money.format_money(item["tax_rate"]),
        "discount": money.format_money(item["discount"]),
        "subtotal": money.format_money(item["subtotal"]),
        "tax_amount": money.format_money(item["tax_amount"]),
        "total": money.format_money(item["total"]),
    }
    if with_cost:
        data["cost_price"] = money.format_money(item["cost_price"])
    return data


def sale_data(
    sale: Sale, items: Iterable[Row], payments: list[dict[str, Any]], *, with_cost: bool
) -> dict[str, Any]:
    """A sale as the contract shows it; costs are for administrators."""
    return {
        "id": sale.pk,
        "sale_number": sale.sale_number,
        "receipt_number": sale.receipt_number,
        "cashier": sale.cashier_id,
        "cashier_name": sale.cashier.display_name,
        "customer_name": sale.customer_name,
        "customer_phone": sale.customer_phone,
        "subtotal": money.format_money(sale.subtotal),
        "tax_amount": money.format_money(sale.tax_amount),
        "discount": money.format_money(sale.discount),
        "total": money.format_money(sale.total),
        "amount_paid": money.format_money(sale.amount_paid),
        "amount_refunded": money.format_money(sale.amount_refunded),
        "balance_due": money.format_money(sale.balance_due),
        "change": money.format_money(sale.change),
        "status": sale.status,
        "payment_status": sale.payment_status,
        "payment_method": sale.payment_method or "N/A",
        "notes": sale.notes,
        "items": [item_data(item, with_cost=with_cost) for item in items],
        "payments": payments,
        "created_at": iso(sale.created_at),
        "updated_at": iso(sale.updated_at),
        "completed_at": iso(sale.completed_at),
    }


class ItemSerializer(serializers.Serializer[Any]):
    """A line as it is shown; used to describe it, `item_data` writes it."""

    id = serializers.IntegerField()
    product = serializers.IntegerField()
    product_name = serializers.CharField()
    product_barcode = serializers.CharField(allow_null=True)
    product_sku = serializers.CharField()
    unit_price = MoneyField()
    quantity = QuantityField()
    tax_rate = PercentField()
    discount = MoneyField(help_text="The line's own and its share of the sale's.")
    subtotal = MoneyField()
    tax_amount = MoneyField()
    total = MoneyField()
    cost_price = MoneyField(required=False, help_text="For administrators only.")

    class Meta:
        ref_name = "SaleItem"


_LINE = frozenset({"product", "barcode", "quantity", "discount"})


class Lines(serializers.ListSerializer[Any]):
    """Reads plain lines quickly: whole numbers as ids, texts without spaces around them, nothing odd.

    Twenty lines otherwise take the form longer than selling them. Whatever is not plain goes through the form, which
    also words all refusals.
    """

    def to_internal_value(self, data: Any) -> list[dict[str, Any]]:
        if isinstance(data, list) and 0 < len(data) <= MAX_LINES:
            lines = [line for line in map(_plain_line, data) if line is not None]
            if len(lines) == len(data):
                return lines
        return super().to_internal_value(data)


def _plain_line(item: Any) -> dict[str, Any] | None:
    """What the form makes of it; None where the form has to look."""
    if type(item) is not dict or not item.keys() <= _LINE:
        return None
    product, barcode, line = item.get("product"), item.get("barcode"), dict(item)
    if (
        type(product) is not int
        or not 0 <= product < 10**18
        or ("barcode" in item and not _is_plain(barcode))
    ):
        return None
    for name, field in _EXACT.items():
        if name in item:
            try:
                line[name] = field.to_internal_value(item[name])
            except serializers.ValidationError:
                return None
    return line if "quantity" in item else None


def _is_plain(barcode: Any) -> bool:
    return barcode is None or (
        type(barcode) is str and barcode.isascii() and barcode.isalnum() and len(barcode) <= 64
    )


_EXACT: dict[str, ExactField] = {"quantity": QuantityField(), "discount": MoneyField()}


class OrderItemForm(StrictSerializer):
    """One line, named by `product` or `barcode`. Whatever is not known here is refused, prices above all."""

    ignored: ClassVar = frozenset(ItemSerializer().fields)
    product = IdField(required=False, allow_null=True)
    barcode = serializers.CharField(required=False, allow_null=True, max_length=64)
    quantity = QuantityField()
    discount = MoneyField(required=False, allow_null=True)

    class Meta:
        ref_name = "SaleItemInput"
        list_serializer_class = Lines

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("product") is None and not attrs.get("barcode"):
            raise serializers.ValidationError({"product": ["Name the product by its id or its barcode."]})
        return attrs


class CustomerForm(NoCardNumbers):
    """What may be changed on a sale afterwards; everything else that is sent back is ignored."""

    customer_name = serializers.CharField(max_length=150, required=False, allow_blank=True, allow_null=True)
    customer_phone = serializers.CharField(max_length=20, required=False, allow_blank=True, allow_null=True)
    notes = serializers.CharField(max_length=1000, required=False, allow_blank=True, allow_null=True)

    class Meta:
        ref_name = "SaleChange"
        swagger_schema_fields: ClassVar = {
            "example": {"customer_name": "Njeri", "notes": "Picks it up at six"}
        }

    def customer(self) -> dict[str, str]:
        """The texts that were sent; null empties one."""
        names = ("customer_name", "customer_phone", "notes")
        return {name: self.validated_data[name] or "" for name in names if name in self.validated_data}


class OrderForm(CustomerForm):
    items = OrderItemForm(many=True, allow_empty=False, max_length=MAX_LINES)  # type: ignore[call-arg]
    discount = MoneyField(required=False, allow_null=True, help_text="An amount off the whole sale.")
    amount_paid = MoneyField(
        required=False, allow_null=True, high=money.MAX_MONEY, help_text="Cash handed over now."
    )

    class Meta:
        ref_name = "SaleInput"
        swagger_schema_fields: ClassVar = {
            "example": {
                "items": [{"product": 1, "quantity": 2}, {"barcode": "6161100490000", "quantity": 0.5}],
                "amount_paid": "1000.00",
                "customer_name": "Njeri",
            }
        }

    def order(self) -> Order:
        """The validated order."""
        values = self.validated_data
        lines = [
            OrderLine(
                quantity=item["quantity"],
                product_id=item.get("product"),
                barcode=item.get("barcode"),
                discount=item.get("discount") or money.ZERO,
            )
            for item in values["items"]
        ]
        return Order(
            lines,
            discount=values.get("discount") or money.ZERO,
            amount_paid=values.get("amount_paid") or money.ZERO,
            customer=self.customer(),
        )


class SaleSerializer(serializers.Serializer[Any]):
    """A sale as it is shown; used to describe it, `sale_data` writes it."""

    id = serializers.IntegerField()
    sale_number = serializers.CharField()
    receipt_number = serializers.CharField(allow_null=True)
    cashier = serializers.IntegerField()
    cashier_name = serializers.CharField()
    customer_name = serializers.CharField(allow_blank=True)
    customer_phone = serializers.CharField(allow_blank=True)
    subtotal = MoneyField()
    tax_amount = MoneyField()
    discount = MoneyField()
    total = MoneyField()
    amount_paid = MoneyField()
    amount_refunded = MoneyField()
    balance_due = MoneyField()
    change = MoneyField()
    status = serializers.ChoiceField(choices=Status.choices)
    payment_status = serializers.ChoiceField(choices=PaymentStatus.choices)
    payment_method = serializers.CharField()
    notes = serializers.CharField(allow_blank=True)
    items = ItemSerializer(many=True)
    payments = serializers.ListField(child=serializers.JSONField(), help_text="As under payments/payments/.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)

    class Meta:
        ref_name = "Sale"
