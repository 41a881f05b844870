"""The reconciliation on the wire."""

from typing import Any

from rest_framework import serializers

from apps.core.fields import MoneyField
from apps.payments.states import GATEWAY_METHODS


class TallySerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    total = MoneyField()

    class Meta:
        ref_name = "Tally"


class RowSerializer(serializers.Serializer[Any]):
    """A payment, a message or a refund: each has the fields that it knows."""

    kind = serializers.ChoiceField(choices=("payment", "callback", "refund"))
    id = serializers.IntegerField()
    payment = serializers.IntegerField(required=False, allow_null=True)
    refund = serializers.IntegerField(required=False, allow_null=True)
    sale = serializers.IntegerField(required=False)
    sale_number = serializers.CharField(allow_null=True)
    transaction_reference = serializers.CharField(required=False)
    refund_reference = serializers.CharField(required=False)
    external_reference = serializers.CharField(required=False, allow_null=True, help_text="The receipt.")
    transaction_id = serializers.CharField(required=False, allow_blank=True)
    callback_type = serializers.CharField(required=False)
    callback = serializers.IntegerField(
        required=False,
        allow_null=True,
        help_text="The message that settled the payment, or else its last one.",
    )
    amount = MoneyField(allow_null=True)
    amount_expected = MoneyField(required=False, allow_null=True)
    amount_received = MoneyField(required=False)
    amount_applied = MoneyField(required=False)
    amount_refunded = MoneyField(required=False)
    gateway_amount = serializers.CharField(
        required=False, allow_null=True, help_text="What the gateway named instead, such as `KES 60.00`."
    )
    late_money = serializers.CharField(required=False, allow_null=True)
    confirmed_by_name = serializers.CharField(required=False, allow_blank=True)
    success = serializers.BooleanField(required=False, allow_null=True)
    status = serializers.CharField(required=False)
    state = serializers.CharField(required=False)
    initiated_at = serializers.DateTimeField(required=False)
    requested_at = serializers.DateTimeField(required=False)
    received_at = serializers.DateTimeField(required=False)
    completed_at = serializers.DateTimeField(required=False, allow_null=True)
    attention = serializers.CharField(required=False, allow_blank=True)
    error_message = serializers.CharField(required=False, allow_blank=True)
    repeats = serializers.IntegerField(required=False)

    class Meta:
        ref_name = "ReconciliationRow"


class SectionSerializer(TallySerializer):
    rows = RowSerializer(
        many=True,
        help_text="Payments, messages and refunds as `kind` says, oldest first. Of each section the report shows "
        "the newest 1,000; the exported files are complete.",
    )
    more = serializers.IntegerField(help_text="How many rows of this day are not shown.")

    class Meta:
        ref_name = "ReconciliationSection"


class _SumsSerializer(serializers.Serializer[Any]):
    booked = TallySerializer(help_text="Settled payments: matched, without receipt and confirmed by hand.")
    gateway = TallySerializer(help_text="What the gateway proved of it: matched and without receipt.")
    difference = MoneyField(help_text="Booked less gateway: what rests on a person's word.")
    refunded = TallySerializer(help_text="Paid back through the gateway.")


class DaySerializer(_SumsSerializer):
    date = serializers.DateField()
    matched = SectionSerializer()
    without_receipt = SectionSerializer()
    unmatched_callbacks = SectionSerializer()
    amount_differences = SectionSerializer()
    confirmed_by_hand = SectionSerializer()
    still_pending = SectionSerializer()
    late_money = SectionSerializer()
    needs_attention = SectionSerializer()

    class Meta:
        ref_name = "ReconciliationDay"


class TotalsSerializer(_SumsSerializer):
    matched = TallySerializer()
    without_receipt = TallySerializer()
    unmatched_callbacks = TallySerializer()
    amount_differences = TallySerializer()
    confirmed_by_hand = TallySerializer()
    still_pending = TallySerializer()
    late_money = TallySerializer()
    needs_attention = TallySerializer()

    class Meta:
        ref_name = "ReconciliationTotals"


class GatewaySerializer(serializers.Serializer[Any]):
    method = serializers.ChoiceField(choices=[method.value for method in GATEWAY_METHODS])
    label = serializers.CharField()  # type: ignore[assignment] # hides the form's own label
    days = DaySerializer(many=True, help_text="Days with something in them, oldest first.")

    class Meta:
        ref_name = "ReconciliationGateway"


class ReconciliationSerializer(serializers.Serializer[Any]):
    start = serializers.DateField()
    end = serializers.DateField()
    currency = serializers.CharField()
    gateways = GatewaySerializer(many=True)
    totals = TotalsSerializer()

    class Meta:
        ref_name = "Reconciliation"
