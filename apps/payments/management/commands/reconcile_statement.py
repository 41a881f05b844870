"""`manage.py reconcile_statement FILE.csv`: M-Pesa's own statement against our payments and refunds."""

import json
import sys
from argparse import ArgumentTypeError
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core import money
from apps.core.clock import day_end, day_start, iso
from apps.payments.models import shop_currency
from apps.payments.statement import (
    COUNTED,
    KINDS,
    PAYMENTS,
    REFUNDS,
    Comparison,
    Finding,
    Kind,
    compare_statement,
)
from apps.payments.statement_file import StatementError

DISAGREE, UNUSABLE = 1, 2
TITLES = {
    "matched": "Payments matched",
    "probably": "Probably the payment whose receipt never came (same amount, time and number)",
    "amount_differs": "The amount differs",
    "only_in_statement": "Paid in by the statement, not in ours",
    "only_in_ours": "Settled in ours, not in the statement",
    "refunds_matched": "Refunds matched",
    "refunds_differ": "The refund's amount differs",
    "refunds_only_in_statement": "Sent back by the statement, not in ours",
    "refunds_only_in_ours": "Refunded in ours, not in the statement",
    "charges": "Charges",
    "other_withdrawals": "Other withdrawals, not compared",
    "not_completed": "Lines that were not completed",
    "repeated": "Lines that were there before",
}


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no date such as 2026-11-22.") from None


class Command(BaseCommand):
    help = (
        "Compares the statement of a paybill or till, exported as CSV from Safaricom's portal, with the M-Pesa "
        "payments and refunds of the same time: those that match, those whose amounts differ, and those that only "
        "one side knows. It changes nothing. Ends with 0 when both sides agree, 1 when they do not, 2 when the "
        "file cannot be used."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.csv")
        parser.add_argument(
            "--from",
            type=_day,
            metavar="DATE",
            dest="first",
            help="first day to compare; unless given, the statement's period",
        )
        parser.add_argument("--to", type=_day, metavar="DATE", dest="last", help="last day, included")
        parser.add_argument("--json", action="store_true", help="print JSON, for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        first, last = options["first"], options["last"]
        if first and last and last < first:
            raise CommandError("--to lies before --from.", returncode=UNUSABLE)
        try:
            found = compare_statement(
                options["file"], day_start(first) if first else None, day_end(last) if last else None
            )
        except StatementError as error:
            raise CommandError(str(error), returncode=UNUSABLE) from None
        self.stdout.write(json.dumps(_data(found), indent=2) if options["json"] else _text(found))
        if not found.agrees:
            sys.exit(DISAGREE)


def _data(found: Comparison) -> dict[str, Any]:
    return {
        "begins": iso(found.span.begins),
        "ends": iso(found.span.ends),
        "currency": shop_currency(),
        "lines": found.lines,
        "agrees": found.agrees,
        "payments": _sides(found, PAYMENTS),
        "refunds": _sides(found, REFUNDS),
        **{name: _kind_data(name, found.kinds[name]) for name in KINDS},
    }


def _sides(found: Comparison, names: tuple[str, ...]) -> dict[str, str]:
    theirs, ours = found.sums(names)
    return {
        "statement": money.format_money(theirs),
        "ours": money.format_money(ours),
        "difference": money.format_money(theirs - ours),
    }


def _kind_data(name: str, kind: Kind) -> dict[str, Any]:
    tally: dict[str, Any] = {
        "count": kind.count,
        "statement": money.format_money(kind.in_statement),
        "ours": money.format_money(kind.in_ours),
    }
    if name in COUNTED:
        return tally
    rows = [_row_data(row) for row in kind.rows]
    return {**tally, "rows": rows, "more": kind.count - len(rows)}


def _row_data(row: Finding) -> dict[str, Any]:
    return {
        "receipt": row.receipt,
        "completed_at": iso(row.completed_at),
        "statement": _amount(row.in_statement),
        "ours": _amount(row.in_ours),
        "reference": row.reference,
        "phone_number": row.phone,
        "remark": row.remark,
    }


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else money.format_money(amount)


def _text(found: Comparison) -> str:
    lines = [f"{found.lines:,} lines from {_time(found.span.begins)} until {_time(found.span.ends)}", ""]
    for name in KINDS:
        kind = found.kinds[name]
        if kind.count or name == "matched":
            lines += _kind_text(TITLES[name], kind, listed=name not in COUNTED)
    lines.append("")
    for title, names in (("Payments", PAYMENTS), ("Refunds", REFUNDS)):
        sides = _sides(found, names)
        lines.append(
            f"{title}: statement {sides['statement']}, ours {sides['ours']}, difference {sides['difference']}"
        )
    lines.append("Both sides agree." if found.agrees else "The two sides do not agree.")
    return "\n".join(lines)


def _kind_text(title: str, kind: Kind, *, listed: bool) -> list[str]:
    total = money.format_money(kind.in_statement or kind.in_ours)
    lines = [f"{title}: {kind.count:,}, {shop_currency()} {total}"]
    if listed:
        lines += [_row_text(row) for row in kind.rows]
        if more := kind.count - len(kind.rows):
            lines.append(f"  ... and {more:,} more")
    return lines


def _row_text(row: Finding) -> str:
    parts = [row.receipt or "no receipt", _time(row.completed_at)]
    if row.in_statement is not None:
        parts.append(f"statement {money.format_money(row.in_statement)}")
    if row.in_ours is not None:
        parts.append(f"ours {money.format_money(row.in_ours)}")
    parts += [text for text in (row.reference, row.phone, row.remark) if text]
    return _printable("  " + "  ".join(parts))


def _time(moment: datetime) -> str:
    return (iso(moment) or "")[:19].replace("T", " ")


def _printable(text: str) -> str:
    """What stands in the file must not steer the terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)[:300]
