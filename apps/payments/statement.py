"""A statement of M-Pesa compared with our own payments and refunds.

The file is read twice: once for its period, once to compare. Of each kind of finding the first `LISTED` are kept;
counts and sums are of all. Nothing is written.

A line that was paid in is compared with the payment of the same receipt. Where there is none, a payment whose receipt
never came is *probably* it when the amount is the same, the line's time lies between the payment's beginning and its
end, and the customer's number ends alike. A withdrawal is compared when it looks like money sent back to a customer:
with the refund of the same receipt, else with a refund of the payment that it is linked to. Charges, transfers to a
bank and lines that were not completed are counted apart.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path

from django.db.models import QuerySet

from apps.core import money
from apps.payments.models import Payment, Refund
from apps.payments.statement_file import Line, Span, StatementError, StatementFile
from apps.payments.states import SETTLED, Method, RefundStatus
from payments.redaction import BLANK, blank_phone, blank_text

LISTED = 1_000
BATCH = 500
# Our clock and M-Pesa's differ a little, and a result takes some time to arrive.
SKEW = timedelta(minutes=5)
EDGE = timedelta(minutes=15)

_CHARGE = re.compile(r"\b(charges?|fees?|tariff|excise)\b", re.IGNORECASE)
_SENT_BACK = re.compile(r"revers|refund|business ?payment to customer|b2c|promotion payment", re.IGNORECASE)

# What came in, what was sent back, and what is not compared.
PAYMENTS = ("matched", "probably", "amount_differs", "only_in_statement", "only_in_ours")
REFUNDS = ("refunds_matched", "refunds_differ", "refunds_only_in_statement", "refunds_only_in_ours")
APART = ("charges", "other_withdrawals", "not_completed", "repeated")
KINDS = (*PAYMENTS, *REFUNDS, *APART)
COUNTED = frozenset({"matched", "refunds_matched", *APART})
AGREEING = COUNTED | {"probably"}


@dataclass(frozen=True, slots=True)
class Finding:
    """A line, a record of ours, or both. Phone numbers are blanked."""

    receipt: str | None
    completed_at: datetime
    in_statement: Decimal | None = None
    in_ours: Decimal | None = None
    reference: str = ""
    phone: str = ""
    remark: str = ""


@dataclass
class Kind:
    """All findings of one kind: how many, the sums of both sides, and the first of them."""

    count: int = 0
    in_statement: Decimal = money.ZERO
    in_ours: Decimal = money.ZERO
    rows: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class Comparison:
    """Both sides of a span of time."""

    span: Span
    lines: int
    kinds: Mapping[str, Kind]

    @property
    def agrees(self) -> bool:
        """No line and no record stands alone or with another amount; probable pairs count as found."""
        return not any(kind.count for name, kind in self.kinds.items() if name not in AGREEING)

    def sums(self, names: Sequence[str]) -> tuple[Decimal, Decimal]:
        """The statement's sum and ours."""
        found = [self.kinds[name] for name in names]
        return sum((k.in_statement for k in found), money.ZERO), sum((k.in_ours for k in found), money.ZERO)


def compare_statement(path: Path, begins: datetime | None, ends: datetime | None) -> Comparison:
    """The file against our records, between the moments given or else those of the file.

    Raises `StatementError`.
    """
    try:
        span = _span(path, begins, ends)
        comparing = _Comparing(span)
        lines = (line for line in StatementFile(path).lines() if line.completed_at in span)
        count = 0
        while batch := list(islice(lines, BATCH)):
            count += len(batch)
            comparing.take(batch)
    except OSError as error:
        raise StatementError(
            f"{path} cannot be read ({error.strerror}). Check the name of the file."
        ) from None
    comparing.look_for_the_rest()
    return Comparison(span, count, comparing.kinds)


def _span(path: Path, begins: datetime | None, ends: datetime | None) -> Span:
    """What the caller wants, else what the file says above its table, else its first to its last line."""
    statement = StatementFile(path)
    first: datetime | None = None
    last: datetime | None = None
    for line in statement.lines():
        first = min(first or line.completed_at, line.completed_at)
        last = max(last or line.completed_at, line.completed_at)
    if statement.span is not None:
        first, last = statement.span.begins, statement.span.ends
    elif last is not None:
        last += timedelta(seconds=1)
    begins, ends = begins or first, ends or last
    if begins is None or ends is None:
        raise StatementError(f"{path} has no lines. Export the statement of the days you want to compare.")
    return Span(begins, ends)


class _Comparing:
    """Takes the lines a batch at a time; afterwards `kinds` holds what was found."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self.kinds = {name: Kind() for name in KINDS}
        self._payments_seen: set[int] = set()
        self._refunds_seen: set[int] = set()
        self._alone: set[tuple[str, bool]] = set()
        self._nameless: dict[Decimal, list[Payment]] = defaultdict(list)
        for payment in _without_receipt(span):
            self._nameless[payment.amount_received].append(payment)

    def take(self, batch: list[Line]) -> None:
        """Compares some lines, with three statements to the database."""
        receipts = {name for line in batch for name in (line.receipt, line.linked) if name}
        payments = _payments_by_receipt(receipts)
        refunds = _refunds_by_receipt(receipts)
        linked = _refunds_by_payment([payment.pk for payment in payments.values()])
        for line in batch:
            if not line.completed:
                self._add("not_completed", _finding(line))
            elif line.paid_in:
                self._paid_in(line, payments.get(line.receipt))
            elif line.withdrawn:
                self._withdrawn(line, refunds, payments.get(line.linked), linked)

    def look_for_the_rest(self) -> None:
        """What we recorded in the span and no line names."""
        for payment in _settled(self.span.begins, self.span.ends).iterator():
            if payment.pk not in self._payments_seen:
                self._add("only_in_ours", _of_payment(payment, self._why_alone(payment)))
        for refund in _paid_out().filter(**_completed_in(self.span)).order_by("completed_at").iterator():
            if refund.pk not in self._refunds_seen:
                self._add("refunds_only_in_ours", _of_refund(refund))

    def _add(self, name: str, found: Finding) -> None:
        kind = self.kinds[name]
        kind.count += 1
        kind.in_statement += found.in_statement or money.ZERO
        kind.in_ours += found.in_ours or money.ZERO
        if name not in COUNTED and len(kind.rows) < LISTED:
            kind.rows.append(found)

    def _paid_in(self, line: Line, payment: Payment | None) -> None:
        if payment is None:
            payment = self._probable(line)
            if payment is None:
                self._alone_in_statement("only_in_statement", line)
                return
            name = "probably"
        else:
            name = "matched" if payment.amount_received == line.paid_in else "amount_differs"
        if payment.pk in self._payments_seen and name != "amount_differs":
            self._add("repeated", _finding(line))
            return
        self._payments_seen.add(payment.pk)
        self._add(name, _finding(line, payment.amount_received, payment.transaction_reference))

    def _withdrawn(
        self,
        line: Line,
        refunds: Mapping[str, Refund],
        payment: Payment | None,
        linked: Mapping[int, list[Refund]],
    ) -> None:
        if _CHARGE.search(line.reason):
            self._add("charges", _finding(line))
            return
        refund = refunds.get(line.receipt) or self._linked_refund(line, payment, linked)
        if refund is not None:
            self._refund(line, refund)
        elif payment is not None or line.linked or _SENT_BACK.search(line.reason):
            self._alone_in_statement("refunds_only_in_statement", line, payment)
        else:
            self._add("other_withdrawals", _finding(line))

    def _refund(self, line: Line, refund: Refund) -> None:
        if refund.pk in self._refunds_seen:
            self._add("repeated", _finding(line))
            return
        self._refunds_seen.add(refund.pk)
        name = "refunds_matched" if refund.amount == line.withdrawn else "refunds_differ"
        self._add(name, _finding(line, refund.amount, refund.refund_reference))

    def _linked_refund(
        self, line: Line, payment: Payment | None, linked: Mapping[int, list[Refund]]
    ) -> Refund | None:
        """The reversal of a payment is its refund of this amount, unless that one has a receipt of its own."""
        of_payment = linked.get(payment.pk, []) if payment else []
        return next(
            (
                refund
                for refund in of_payment
                if refund.amount == line.withdrawn
                and refund.pk not in self._refunds_seen
                and (refund.external_reference or line.receipt).upper() in (line.receipt, line.linked)
            ),
            None,
        )

    def _alone_in_statement(self, name: str, line: Line, payment: Payment | None = None) -> None:
        key = (line.receipt, bool(line.paid_in))
        if key in self._alone:
            self._add("repeated", _finding(line))
            return
        self._alone.add(key)
        remark = blank_text(" ".join(text for text in (line.reason, line.account) if text))
        self._add(name, _finding(line, None, payment.transaction_reference if payment else "", remark))

    def _probable(self, line: Line) -> Payment | None:
        """The payment without receipt that this line is likely to be; the nearest in time of several."""
        fitting = [
            payment
            for payment in self._nameless.get(line.paid_in, [])
            if payment.pk not in self._payments_seen and _may_be(line, payment)
        ]
        return min(fitting, key=lambda p: abs(p.initiated_at - line.completed_at), default=None)

    def _why_alone(self, payment: Payment) -> str:
        if payment.completed_at and payment.completed_at - self.span.begins < EDGE:
            return "Completed when the statement begins: look into the one before."
        if payment.confirmed_by_id is not None:
            return "Confirmed by hand."
        return "" if payment.external_reference else "Its receipt never came."


def _may_be(line: Line, payment: Payment) -> bool:
    ended = payment.completed_at or payment.initiated_at
    in_time = payment.initiated_at - SKEW <= line.completed_at <= ended + SKEW
    known = bool(line.phone and payment.phone_number)
    return in_time and (not known or line.phone[-3:] == payment.phone_number[-3:])


def _finding(line: Line, ours: Decimal | None = None, reference: str = "", remark: str = "") -> Finding:
    amount = line.paid_in or line.withdrawn
    return Finding(line.receipt, line.completed_at, amount, ours, reference, _blanked(line.phone), remark)


def _of_payment(payment: Payment, remark: str) -> Finding:
    return Finding(
        payment.external_reference,
        payment.completed_at or payment.initiated_at,
        None,
        payment.amount_received,
        payment.transaction_reference,
        _blanked(payment.phone_number),
        remark,
    )


def _of_refund(refund: Refund) -> Finding:
    return Finding(
        refund.external_reference,
        refund.completed_at or refund.requested_at,
        None,
        refund.amount,
        refund.refund_reference,
        _blanked(refund.payment.phone_number),
    )


def _blanked(phone: str) -> str:
    """The country code in front, so that enough of the middle is blanked in every spelling."""
    if not phone:
        return ""
    whole = phone if phone.startswith("254") else f"254{phone.removeprefix('0')}"
    return blank_phone(whole) if whole[:6].isdecimal() else f"{BLANK}{whole[-3:]}"


def _settled(begins: datetime, ends: datetime) -> QuerySet[Payment]:
    return Payment.objects.filter(
        method=Method.MPESA, status__in=SETTLED, completed_at__gte=begins, completed_at__lt=ends
    ).order_by("completed_at", "id")


def _without_receipt(span: Span) -> Iterable[Payment]:
    """We may learn of a payment a day after it was made."""
    day = timedelta(days=1)
    return _settled(span.begins - SKEW, span.ends + day).filter(external_reference=None).iterator()


def _payments_by_receipt(receipts: Iterable[str]) -> dict[str, Payment]:
    found = Payment.objects.filter(
        method=Method.MPESA, status__in=SETTLED, external_reference__in=_spellings(receipts)
    )
    return {(payment.external_reference or "").upper(): payment for payment in found}


def _paid_out() -> QuerySet[Refund]:
    return Refund.objects.filter(method=Method.MPESA, status=RefundStatus.COMPLETED).select_related("payment")


def _completed_in(span: Span) -> dict[str, datetime]:
    return {"completed_at__gte": span.begins, "completed_at__lt": span.ends}


def _refunds_by_receipt(receipts: Iterable[str]) -> dict[str, Refund]:
    found = _paid_out().filter(external_reference__in=_spellings(receipts))
    return {(refund.external_reference or "").upper(): refund for refund in found}


def _refunds_by_payment(payment_ids: Sequence[int]) -> dict[int, list[Refund]]:
    by_payment: dict[int, list[Refund]] = defaultdict(list)
    for refund in _paid_out().filter(payment_id__in=payment_ids).order_by("id"):
        by_payment[refund.payment_id].append(refund)
    return by_payment


def _spellings(receipts: Iterable[str]) -> list[str]:
    """A receipt that a person typed may be in small letters."""
    return sorted({spelling for receipt in receipts for spelling in (receipt, receipt.lower())})
