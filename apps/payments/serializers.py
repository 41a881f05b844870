"""Payments on the wire."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from rest_framework import serializers

from apps.core import money
from apps.core.fields import IdField, MoneyField, NoCardNumbers, StrictSerializer
from apps.payments.services import PaymentRequest, RefundRequest
from apps.payments.states import (
    GATEWAY_METHODS,
    CallbackState,
    Method,
    RefundStatus,
    Status,
    receipt_text,
)


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
    attention = serializers.CharField(allow_blank=True, help_text="What a person should look at.")
    metadata = serializers.DictField()

    class Meta:
        ref_name = "Payment"


class PaymentForm(NoCardNumbers, StrictSerializer):
    """Where money is paid every field is looked at, also those that are ignored or refused."""

    def looked_at(self, data: Mapping[str, Any]) -> Iterable[str]:
        return data


class InitiateForm(PaymentForm):
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
            phone_number=values.get("phone_number") or "",
            account_number=values.get("account_number") or "",
        )


class ConfirmForm(PaymentForm):
    reference = serializers.CharField(max_length=64, help_text="The receipt of the bank or gateway.")

    def validate_reference(self, text: str) -> str:
        if not receipt_text(text):
            raise serializers.ValidationError("Type the receipt as it was given: letters and digits.")
        return receipt_text(text)

    class Meta:
        ref_name = "PaymentConfirmation"
        swagger_schema_fields: ClassVar = {"example": {"reference": "FT26326K7Q2"}}


class RefundSerializer(serializers.Serializer[Any]):
    """A refund as it is shown; used to describe it, `refund_data` writes it."""

    id = serializers.IntegerField()
    payment = serializers.IntegerField()
    payment_reference = serializers.CharField()
    sale = serializers.IntegerField()
    method = serializers.ChoiceField(choices=Method.choices)
    amount = MoneyField()
    reason = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(choices=RefundStatus.choices)
    refund_reference = serializers.CharField()
    external_reference = serializers.CharField(allow_null=True)
    requested_by = serializers.IntegerField(allow_null=True)
    requested_by_name = serializers.CharField()
    approved_by = serializers.IntegerField(allow_null=True)
    approved_by_name = serializers.CharField(allow_blank=True)
    requested_at = serializers.DateTimeField()
    approved_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    error_code = serializers.CharField(allow_blank=True)
    error_message = serializers.CharField(allow_blank=True)
    attention = serializers.CharField(allow_blank=True)

    class Meta:
        ref_name = "Refund"


class RefundForm(PaymentForm):
    """A refund to ask for. What the API itself sends back is ignored, anything unknown is refused."""

    ignored: ClassVar = frozenset(RefundSerializer().fields)
    payment = IdField()
    amount = MoneyField(low=money.CENT, high=money.MAX_MONEY)
    reason = serializers.CharField(max_length=300)
    in_cash = serializers.BooleanField(
        required=False, default=False, help_text="Hand it out from the till instead of the way it came."
    )

    class Meta:
        ref_name = "RefundInput"
        swagger_schema_fields: ClassVar = {
            "example": {"payment": 1, "amount": "100.00", "reason": "Returned the milk", "in_cash": False}
        }

    def wanted(self) -> RefundRequest:
        """The validated request."""
        values = self.validated_data
        return RefundRequest(values["payment"], values["amount"], values["reason"], values["in_cash"])


class SettleForm(PaymentForm):
    """What an administrator found out about a refund that hangs."""

    outcome = serializers.ChoiceField(choices=("completed", "failed"))
    reference = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")

    class Meta:
        ref_name = "RefundSettlement"
        swagger_schema_fields: ClassVar = {"example": {"outcome": "completed", "reference": "SGH7XK21PQ"}}


class CallbackSerializer(serializers.Serializer[Any]):
    """A message to a webhook as it is shown; used to describe it, `callback_data` writes it."""

    id = serializers.IntegerField()
    payment = serializers.IntegerField(allow_null=True)
    refund = serializers.IntegerField(allow_null=True)
    callback_type = serializers.ChoiceField(choices=[method.value for method in GATEWAY_METHODS])
    route = serializers.CharField()
    raw_data = serializers.JSONField(help_text="As it came, secrets blanked; text when it was no JSON.")
    processed = serializers.BooleanField()
    state = serializers.ChoiceField(choices=CallbackState.choices)
    authentic = serializers.BooleanField(allow_null=True)
    transaction_id = serializers.CharField(allow_blank=True)
    amount = MoneyField(allow_null=True)
    phone_number = serializers.CharField(allow_blank=True)
    success = serializers.BooleanField(allow_null=True)
    error_message = serializers.CharField(allow_blank=True)
    repeats = serializers.IntegerField()
    received_at = serializers.DateTimeField()
    processed_at = serializers.DateTimeField(allow_null=True)

    class Meta:
        ref_name = "GatewayCallback"
