"""Payments on the wire."""

from typing import Any, ClassVar

from rest_framework import serializers

from apps.core import money
from apps.core.fields import IdField, MoneyField, StrictSerializer
from apps.payments.services import PaymentRequest
from apps.payments.states import Method, Status


class PaymentSerializer(serializers.Serializer[Any]):
    """A payment as it is shown; used to describe it, `payment_data` writes it."""

    id = serializers.IntegerField()
    sale = serializers.IntegerField()
    sale_number = serializers.CharField()
    method = serializers.ChoiceField(choices=Method.choices)
    amount = MoneyField()
    amount_tendered = MoneyField(allow_null=True)
    change = MoneyField()
    amount_refunded = MoneyField()
    status = serializers.ChoiceField(choices=Status.choices)
    transaction_reference = serializers.CharField()
    external_reference = serializers.CharField(allow_null=True)
    phone_number = serializers.CharField(allow_blank=True)
    account_number = serializers.CharField(allow_blank=True)
    payment_url = serializers.CharField(allow_blank=True)
    initiated_by = serializers.IntegerField()
    initiated_by_name = serializers.CharField()
    initiated_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)
    error_code = serializers.CharField(allow_blank=True)
    error_message = serializers.CharField(allow_blank=True)
    metadata = serializers.DictField()

    class Meta:
        ref_name = "Payment"


class InitiateForm(StrictSerializer):
    """A payment to begin. What the API itself sends back is ignored, anything unknown is refused."""

    ignored: ClassVar = frozenset(PaymentSerializer().fields)
    sale = IdField()
    method = serializers.ChoiceField(choices=Method.choices)
    amount = MoneyField(low=money.CENT, high=money.MAX_MONEY)
    amount_tendered = MoneyField(
        required=False, allow_null=True, high=money.MAX_MONEY, help_text="Cash only: what was handed over."
    )
    phone_number = serializers.CharField(max_length=20, required=False, allow_blank=True, allow_null=True)
    account_number = serializers.CharField(max_length=64, required=False, allow_blank=True, allow_null=True)

    class Meta:
        ref_name = "PaymentInput"
        swagger_schema_fields: ClassVar = {
            "example": {"sale": 1, "method": "cash", "amount": "100.00", "amount_tendered": "200.00"}
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        tendered = attrs.get("amount_tendered")
        if tendered is not None and attrs["method"] != Method.CASH:
            raise serializers.ValidationError({"amount_tendered": ["Only cash is tendered."]})
        if tendered is not None and tendered < attrs["amount"]:
            raise serializers.ValidationError(
                {"amount_tendered": ["Less was handed over than is to be paid."]}
            )
        if attrs["method"] in (Method.MPESA, Method.AIRTEL) and not attrs.get("phone_number"):
            raise serializers.ValidationError({"phone_number": ["The customer's phone number is needed."]})
        return attrs

    def wanted(self) -> PaymentRequest:
        """The validated request."""
        values = self.validated_data
        return PaymentRequest(
            method=values["method"],
            amount=values["amount"],
            tendered=values.get("amount_tendered"),
            account_number=values.get("account_number") or "",
        )


class ConfirmForm(StrictSerializer):
    reference = serializers.CharField(max_length=64, help_text="The receipt of the bank or gateway.")

    class Meta:
        ref_name = "PaymentConfirmation"
        swagger_schema_fields: ClassVar = {"example": {"reference": "FT26326K7Q2"}}
