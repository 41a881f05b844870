"""Reading the statement that Safaricom's portal exports for a paybill or till.

A CSV file with the account and the period above the table. Columns are found by their names, in any order, with commas,
semicolons or tabs between them; the file is read line by line and never held. What cannot be read for certain is
refused with its line number rather than guessed.
"""

import codecs
import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from apps.core import money

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
MAX_PREAMBLE = 100
MAX_LINE_BYTES = 100_000

_RECEIPT = re.compile(r"[A-Z0-9]{8,20}", re.ASCII)
_AMOUNT = re.compile(
    r"(?:[A-Z]{3} ?)?(-?)(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,12})(?:\.[0-9]{1,2})?", re.ASCII
)
_TIME = re.compile(
    r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})(?:[ T]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?(?: ?([AP]M))?)?",
    re.ASCII | re.IGNORECASE,
)
_ANY_TIME = re.compile(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}(?:[ T]+[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)?")
_PHONE = re.compile(r"(?<![0-9])\+?((?:254|0)?[17][0-9*xX]{2,8}[0-9]{3})(?![0-9])", re.ASCII)
_BETWEEN = re.compile(r"(?<=[0-9*])[ -](?=[0-9*])", re.ASCII)
_NAME = re.compile(r"[^a-z0-9]")
_NO_NUMBER = re.compile(r"[^0-9.-]")


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


class StatementFile:
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
    phone = _phone(texts.get("party", "")) or _phone(texts.get("details", ""))
    return Line(
        receipt=texts["receipt"].upper(),
        completed_at=completed_at,
        completed=texts["status"].casefold() == "completed",
        paid_in=max(moved, money.ZERO),
        withdrawn=max(-moved, money.ZERO),
        reason=texts.get("reason", "") or texts.get("details", ""),
        phone=phone,
        linked=texts.get("linked", "").upper(),
        account=texts.get("account", ""),
    )


def _phone(text: str) -> str:
    """The first mobile number in `text`, perhaps with stars in it."""
    found = _PHONE.search(_BETWEEN.sub("", text))
    return found[1] if found else ""


def _encoding(path: Path) -> str:
    """UTF-8, or what Excel on Windows writes. Raises `StatementError` for anything else."""
    with path.open("rb") as file:
        begin = file.read(4)
    if begin[:2] not in (b"PK", b"%P", b"\xff\xfe", b"\xfe\xff"):
        for encoding in ("utf-8-sig", "cp1252"):
            if _decodes(path, encoding):
                return encoding
    raise StatementError(
        f"{path} is not a CSV text in UTF-8 or Windows-1252. Export the statement again, as CSV."
    )


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            for chunk in iter(partial(file.read, 65_536), b""):
                if "\0" in decoder.decode(chunk):
                    return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _columns(heading: list[str]) -> dict[str, int]:
    """Where each column stands, by its name without case, dots and spaces."""
    names = [_NAME.sub("", cell.casefold()) for cell in heading]
    return {
        column: next(names.index(name) for name in spellings if name in names)
        for column, spellings in COLUMNS.items()
        if any(name in names for name in spellings)
    }


def _stated_span(line: str) -> Span | None:
    """The period, where a line above the table names one with its two ends."""
    found = _ANY_TIME.findall(line) if "period" in line.casefold() else []
    if len(found) != 2:
        return None
    begins, ends = (_moment(text) for text in found)
    if begins is None or ends is None or ends < begins:
        return None
    whole_days = ":" not in found[1]
    return Span(begins, ends + (timedelta(days=1) if whole_days else timedelta(seconds=1)))


def _moment(text: str) -> datetime | None:
    """`22-11-2026 14:05:09`, also with slashes, without seconds, with AM or PM, or ISO 8601."""
    try:
        found = _day_first(text) or datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=M_PESA_TIME)


def _day_first(text: str) -> datetime | None:
    parts = _TIME.fullmatch(text)
    if parts is None:
        return None
    day, month, year, hour, minute, second = (int(part or 0) for part in parts.groups()[:6])
    if half := (parts[7] or "").upper():
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "PM" else 0)
    return datetime.combine(date(year, month, day), time(hour, minute, second))


def _amount(text: str) -> Decimal | None:
    """`1,250.00`, `-30`, `KES 5.00`; an empty cell is nothing. None for what cannot be read for certain."""
    if text in ("", "-"):
        return money.ZERO
    if not _AMOUNT.fullmatch(text):
        return None
    return Decimal(_NO_NUMBER.sub("", text))
