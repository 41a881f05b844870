"""The statement that Safaricom's portal exports for a paybill or till, compared with our own records.

The file is read line by line, twice: once for its period, once to compare. Of each kind of finding the first
`LISTED` are kept; counts and sums are of all. Nothing is written.

A line that was paid in is compared with the payment of the same receipt. Where there is none, a payment whose receipt
never came is *probably* it when the amount is the same, the line's time lies between the payment's beginning and its
end, and the customer's number ends alike. A withdrawal is compared when it looks like money sent back to a customer:
with the refund of the same receipt, else with a refund of the payment that it is linked to. Charges, transfers to a
bank and lines that were not completed are counted apart.
"""

import codecs
import csv
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from apps.core import money
from apps.payments.models import Payment, Refund
from apps.payments.states import SETTLED, Method, RefundStatus
from payments.redaction import blank_phone

# M-Pesa's times carry no zone; they are East Africa's, wherever the shop's server thinks it is.
M_PESA_TIME = ZoneInfo("Africa/Nairobi")
COLUMNS = {
    "receipt": ("receiptno", "receiptnumber", "receipt"),
    "completed": ("completiontime",),
    "status": ("transactionstatus", "status"),
    "paid_in": ("paidin",),
    "withdrawn": ("withdrawn", "paidout"),
    "details": ("details",),
    "reason": ("reasontype",),
    "party": ("otherpartyinfo",),
    "linked": ("linkedtransactionid",),
    "account": ("acno", "accountno"),
}
REQUIRED = {
    "receipt": "Receipt No.",
    "completed": "Completion Time",
    "status": "Transaction Status",
    "paid_in": "Paid In",
    "withdrawn": "Withdrawn",
}
LISTED = 1_000
BATCH = 500
MAX_PREAMBLE = 100
MAX_LINE_BYTES = 100_000
# Our clock and M-Pesa's differ a little, and a result takes some time to arrive.
SKEW = timedelta(minutes=5)
EDGE = timedelta(minutes=15)

_RECEIPT = re.compile(r"[A-Z0-9]{8,20}", re.ASCII)
_AMOUNT = re.compile(r"(?:[A-Z]{3} ?)?(-?)(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,12})(?:\.[0-9]{1,2})?", re.ASCII)
_TIME = re.compile(
    r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})(?:[ T]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?(?: ?([AP]M))?)?",
    re.ASCII | re.IGNORECASE,
)
_ANY_TIME = re.compile(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}(?:[ T]+[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)?")
_PHONE = re.compile(r"(?<![0-9])\+?((?:254|0)?[17][0-9*xX]{2,8}[0-9]{3})(?![0-9])", re.ASCII)
_CHARGE = re.compile(r"\b(charges?|fees?|tariff|excise)\b", re.IGNORECASE)
_SENT_BACK = re.compile(r"revers|refund|business ?payment to customer|b2c|promotion payment", re.IGNORECASE)


class StatementError(Exception):
    """The file cannot be compared; a sentence that tells what to do."""


@dataclass(frozen=True, slots=True)
class Line:
    """One movement of the statement; amounts are positive, one of them is zero."""

    receipt: str
    completed_at: datetime
    completed: bool
    paid_in: Decimal
    withdrawn: Decimal
    reason: str = ""
    phone: str = ""
    linked: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """From a moment on, and before another."""

    begins: datetime
    ends: datetime

    def __contains__(self, moment: datetime) -> bool:
        return self.begins <= moment < self.ends


@dataclass(frozen=True, slots=True)
class Finding:
    """A line, a record of ours, or both, with what is odd about it. Phone numbers are blanked."""

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

    def add(self, found: Finding, *, keep: bool = True) -> None:
        self.count += 1
        self.in_statement += found.in_statement or 0
        self.in_ours += found.in_ours or 0
        if keep and len(self.rows) < LISTED:
            self.rows.append(found)


# What came in, and what was sent back.
PAYMENTS = ("matched", "probably", "amount_differs", "only_in_statement", "only_in_ours")
REFUNDS = ("refunds_matched", "refunds_differ", "refunds_only_in_statement", "refunds_only_in_ours")
APART = ("charges", "other_withdrawals", "not_completed", "repeated")
KINDS = (*PAYMENTS, *REFUNDS, *APART)
COUNTED_ONLY = frozenset({"matched", "refunds_matched", *APART})
AGREEING = frozenset({"matched", "probably", "refunds_matched", *APART})


@dataclass(frozen=True)
class Comparison:
    """Both sides of a span of time."""

    span: Span
    lines: int
    kinds: Mapping[str, Kind]

    @property
    def agrees(self) -> bool:
        """No line and no record stands alone or with another amount; probable pairs count as found."""
        return not any(self.kinds[name].count for name in KINDS if name not in AGREEING)

    def sums(self, names: Sequence[str]) -> tuple[Decimal, Decimal]:
        """The statement's sum and ours."""
        found = [self.kinds[name] for name in names]
        return sum((k.in_statement for k in found), money.ZERO), sum((k.in_ours for k in found), money.ZERO)


def compare_statement(path: Path, begins: datetime | None = None, ends: datetime | None = None) -> Comparison:
    """The file against our records, between the moments given or else those of the file.

    Raises `StatementError`.
    """
    try:
        span = _span(path, begins, ends)
        comparing = _Comparing(span)
        lines = (line for line in _Reader(path).lines() if line.completed_at in span)
        count = 0
        while batch := list(islice(lines, BATCH)):
            count += len(batch)
            comparing.take(batch)
    except OSError as error:
        raise StatementError(f"{path} cannot be read: {error.strerror or error}. Check the name.") from None
    comparing.look_for_the_rest()
    return Comparison(span, count, comparing.kinds)


def _span(path: Path, begins: datetime | None, ends: datetime | None) -> Span:
    """What the caller wants, else what the file says above its table, else its first to its last line."""
    reader = _Reader(path)
    first: datetime | None = None
    last: datetime | None = None
    for line in reader.lines():
        first = min(first or line.completed_at, line.completed_at)
        last = max(last or line.completed_at, line.completed_at)
    if reader.span is not None:
        first, last = reader.span.begins, reader.span.ends
    elif last is not None:
        last += timedelta(seconds=1)
    begins, ends = begins or first, ends or last
    if begins is None or ends is None:
        raise StatementError(f"{path} has no lines. Export the statement of the days you want to compare.")
    return Span(begins, ends)


class _Reader:
    """The lines of one file; `span` is the period named above the table, once that was read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.span: Span | None = None
        self.number = 0

    def lines(self) -> Iterator[Line]:
        encoding = _encoding(self.path)
        with self.path.open("rb") as file:
            text = self._decoded(iter(partial(file.readline, MAX_LINE_BYTES), b""), encoding)
            heading, delimiter = self._heading(text)
            columns = _columns(heading)
            before = self.number
            reader = csv.reader(text, delimiter=delimiter, strict=True)
            try:
                for cells in reader:
                    line = self._line(cells, columns, len(heading), before + reader.line_num)
                    if line is not None:
                        yield line
            except csv.Error as error:
                raise self._error(self.number, f"is not valid CSV ({error})") from None

    def _error(self, number: int, what: str) -> StatementError:
        return StatementError(
            f"{self.path}: line {number} {what}. Export the statement again, as CSV, and leave it as it is."
        )

    def _decoded(self, lines: Iterator[bytes], encoding: str) -> Iterator[str]:
        for self.number, line in enumerate(lines, start=1):
            if len(line) == MAX_LINE_BYTES:
                raise self._error(self.number, "is too long")
            yield line.decode(encoding)

    def _heading(self, text: Iterator[str]) -> tuple[list[str], str]:
        """The line that names the columns; above it stand the account, the period and the like."""
        for line in islice(text, MAX_PREAMBLE):
            for delimiter in (",", ";", "\t"):
                cells = next(csv.reader([line], delimiter=delimiter), [])
                if REQUIRED.keys() <= _columns(cells).keys():
                    return cells, delimiter
            self.span = self.span or _stated_span(line)
        names = ", ".join(REQUIRED.values())
        if not self.number:
            raise StatementError(f"{self.path} is empty. Export the statement again, as CSV.")
        raise StatementError(
            f"{self.path} is not an M-Pesa statement: no line names the columns {names}. Export it as CSV."
        )

    def _line(self, cells: list[str], columns: Mapping[str, int], width: int, number: int) -> Line | None:
        if any(cells[width:]):
            raise self._error(number, "has more cells than the heading")
        texts = {name: cells[at].strip() if at < len(cells) else "" for name, at in columns.items()}
        moved = (texts["completed"], texts["paid_in"], texts["withdrawn"])
        if not _RECEIPT.fullmatch(texts["receipt"].upper()) or not any(moved):
            return None  # an empty line, a repeated heading or words below the table
        completed_at = _moment(texts["completed"])
        amounts = [_amount(text) for text in moved[1:]]
        if completed_at is None:
            raise self._error(number, f"has the time {texts['completed']!r}, which cannot be read")
        if None in amounts:
            raise self._error(number, f"has the amounts {moved[1]!r} and {moved[2]!r}, which cannot be read")
        return _line(texts, completed_at, *(amount or money.ZERO for amount in amounts))


def _line(texts: Mapping[str, str], completed_at: datetime, paid_in: Decimal, withdrawn: Decimal) -> Line:
    # A reversal may stand as a negative amount that was paid in, any withdrawal as a negative one.
    moved = max(paid_in, money.ZERO) - abs(withdrawn) - abs(min(paid_in, money.ZERO))
    phone = _PHONE.search(texts.get("party", "")) or _PHONE.search(texts.get("details", ""))
    return Line(
        receipt=texts["receipt"].upper(),
        completed_at=completed_at,
        completed=texts["status"].casefold() == "completed",
        paid_in=max(moved, money.ZERO),
        withdrawn=max(-moved, money.ZERO),
        reason=texts.get("reason", "") or texts.get("details", ""),
        phone=phone[1] if phone else "",
        linked=texts.get("linked", "").upper(),
        account=texts.get("account", ""),
    )
