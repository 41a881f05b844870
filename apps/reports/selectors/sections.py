"""What each section of the reconciliation is made of.

A payment stands on the day it was completed, an open or failed one on the day it was begun; a message on the day it
arrived, a refund that needs a person on the day it was asked for. Days are the shop's. Cash and transfers have no
gateway to compare with and are left out.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    Case,
    CharField,
    DecimalField,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce

from apps.payments.models import GatewayCallback, Payment, Refund, shop_currency
from apps.payments.states import GATEWAY_METHODS, OPEN, SETTLED, CallbackState, RefundStatus
from apps.reports.periods import Period

OPEN_TOO_LONG = timedelta(hours=24)
NOT_APPLIED = (CallbackState.UNMATCHED, CallbackState.PARKED)
MONEY: "DecimalField[Any, Any]" = DecimalField(max_digits=14, decimal_places=2)
_AMOUNT = r"[0-9]{1,12}\.[0-9]{2}$"


@dataclass(frozen=True)
class Source:
    """Rows of one section: `moment` puts each on its day, `worth` is what it adds to the section's total."""

    section: str
    rows: QuerySet[Any]
    method: str
    moment: str
    worth: Combinable


def sources(period: Period, now: datetime) -> list[Source]:
    """The rows of all sections in `period`; the first three hold every settled payment exactly once."""
    settled = _payments().filter(status__in=SETTLED, **_within("completed_at", period))
    by_gateway = settled.filter(confirmed_by=None)
    received, asked = F("amount_received"), F("amount")
    begun = _payments().filter(**_within("initiated_at", period))
    return [
        _of_payments("matched", by_gateway.exclude(external_reference=None), "completed_at", received),
        _of_payments("without_receipt", by_gateway.filter(external_reference=None), "completed_at", received),
        _of_payments("confirmed_by_hand", settled.exclude(confirmed_by=None), "completed_at", received),
        _unmatched(period),
        _differing_payments(period),
        _differing_messages(period),
        _of_payments("still_pending", begun.filter(status__in=OPEN), "initiated_at", asked),
        _of_payments("late_money", settled.filter(metadata__has_key="late_money"), "completed_at", _late()),
        _payments_for_a_person(period, now),
        _refunds_for_a_person(period),
    ]


def refunded(period: Period) -> Source:
    """What went back the gateways' way, on the day it was paid out."""
    rows = Refund.objects.filter(
        method__in=GATEWAY_METHODS, status=RefundStatus.COMPLETED, **_within("completed_at", period)
    )
    return Source("refunded", rows, "method", "completed_at", F("amount"))


def open_too_long(payment: Payment, now: datetime) -> bool:
    """Whether the payment is open longer than anything at a gateway takes."""
    return payment.status in OPEN and now - payment.initiated_at > OPEN_TOO_LONG


def _within(field: str, period: Period) -> dict[str, datetime]:
    return {f"{field}__gte": period.begins, f"{field}__lt": period.ends}


def _payments() -> QuerySet[Payment]:
    return Payment.objects.filter(method__in=GATEWAY_METHODS)


def _payments_of_the_days(period: Period) -> QuerySet[Payment]:
    """By the day of completion, and of the beginning where there is none."""
    return (
        _payments()
        .filter(
            Q(**_within("completed_at", period)) | Q(completed_at=None, **_within("initiated_at", period))
        )
        .annotate(moment=Coalesce("completed_at", "initiated_at"))
    )


def _of_payments(section: str, rows: QuerySet[Payment], moment: str, worth: Combinable) -> Source:
    # The message that settled it, or else the last one about it.
    messages = GatewayCallback.objects.filter(payment=OuterRef("pk"), refund=None)
    applied_first = Case(When(state=CallbackState.APPLIED, then=0), default=1)
    shown = rows.annotate(
        sale_number=F("sale__sale_number"),
        callback=Subquery(messages.order_by(applied_first, "-id").values("id")[:1]),
    )
    return Source(section, shown, "method", moment, worth)


def _unmatched(period: Period) -> Source:
    """Messages that name nothing of ours, could not be worked on, or are not trusted but speak of money.

    A refused message that itself says that no money came is nothing to look for.
    """
    rows = GatewayCallback.objects.filter(
        Q(state__in=NOT_APPLIED) | (Q(state=CallbackState.REJECTED) & ~Q(success=False)),
        **_within("received_at", period),
    ).exclude(_DIFFERS)
    claimed = Case(When(success=False, then=None), default=F("amount"), output_field=MONEY)
    return _of_messages("unmatched_callbacks", rows, claimed)


# Said of a payment, or of the refund of one where the message is about that.
_EXPECTED = Coalesce("refund__amount", "payment__amount")
_DIFFERS = Q(state=CallbackState.REJECTED, success=True, payment__isnull=False, amount__isnull=False) & ~Q(
    amount=_EXPECTED
)


def _differing_messages(period: Period) -> Source:
    """Refused for their amount; a payment that carries the gateway's other amount stands there itself."""
    rows = GatewayCallback.objects.filter(_DIFFERS, **_within("received_at", period)).exclude(
        payment__metadata__has_key="gateway_amount"
    )
    return _of_messages("amount_differences", rows, F("amount") - _EXPECTED)


def _of_messages(section: str, rows: QuerySet[GatewayCallback], worth: Combinable) -> Source:
    shown = rows.defer("body", "token_hash", "phone_number").select_related("payment__sale", "refund")
    return Source(section, shown, "callback_type", "received_at", worth)


def _differing_payments(period: Period) -> Source:
    """The gateway's own answer named another amount or currency; only the shop's currency can be compared."""
    rows = _payments_of_the_days(period).filter(metadata__has_key="gateway_amount")
    said = KeyTextTransform("gateway_amount", "metadata")
    known = Cast(Func(said, Value(_AMOUNT), function="SUBSTRING", output_field=CharField()), MONEY)
    worth = Case(
        When(metadata__gateway_amount__regex=rf"^({shop_currency()} )?{_AMOUNT}", then=known - F("amount")),
        default=None,
        output_field=MONEY,
    )
    return _of_payments("amount_differences", rows, "moment", worth)


def _late() -> Combinable:
    late = Cast(KeyTextTransform("late_money", "metadata"), MONEY)
    return Case(When(metadata__late_money__regex=f"^{_AMOUNT}", then=late), default=None, output_field=MONEY)


def _payments_for_a_person(period: Period, now: datetime) -> Source:
    too_long = Q(status__in=OPEN, initiated_at__lt=now - OPEN_TOO_LONG)
    rows = _payments_of_the_days(period).filter(Q(attention__gt="") | too_long)
    worth = Case(When(status__in=SETTLED, then=F("amount_received")), default=F("amount"))
    return _of_payments("needs_attention", rows, "moment", worth)


def _refunds_for_a_person(period: Period) -> Source:
    rows = Refund.objects.filter(
        method__in=GATEWAY_METHODS, attention__gt="", **_within("requested_at", period)
    ).select_related("payment__sale")
    return Source("needs_attention", rows, "method", "requested_at", F("amount"))
