"""What the reconciliation must say, worked out from the independent books: counts and amounts by gateway and day."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

from tests.journeys.month.arithmetic import NOTHING
from tests.journeys.month.days import Span
from tests.journeys.month.expected import Expected
from tests.journeys.month.records import GATEWAYS, LABELS, Payment
from tests.journeys.month.sums import Report, money

BOOKED = ("matched", "without_receipt", "confirmed_by_hand")
SECTIONS = (
    *BOOKED,
    "unmatched_callbacks",
    "amount_differences",
    "still_pending",
    "late_money",
    "needs_attention",
)
TOO_LONG = timedelta(hours=24)

Tally = tuple[int, Decimal]
Tallies = dict[str, Tally]
Entry = tuple[str, str, datetime, Decimal]
"""Section, gateway, moment and amount."""


def reconciliation(expected: Expected, span: Span) -> Report:
    """Without the rows."""
    days: dict[tuple[str, date], Tallies] = defaultdict(dict)
    whole: Tallies = {}
    for section, method, moment, amount in _entries(expected):
        day = expected.facts.day(moment)
        if span.first <= day <= span.last:
            for tallies in (days[method, day], whole):
                count, sum_so_far = tallies.get(section, (0, NOTHING))
                tallies[section] = (count + 1, sum_so_far + amount)
    return {
        **expected.heading(span),
        "gateways": [
            {
                "method": method,
                "label": LABELS[method],
                "days": [
                    {"date": str(day), **_data(days[method, day])} for day in span if (method, day) in days
                ],
            }
            for method in GATEWAYS
            if any(method == found for found, _ in days)
        ],
        "totals": _data(whole),
    }


def _entries(expected: Expected) -> Iterator[Entry]:
    for payment in expected.books.payments:
        if payment.method in GATEWAYS:
            yield from _of_payment(payment, expected.now)
    for refund in expected.books.refunds:
        if refund.method in GATEWAYS and refund.paid_out:
            yield "refunded", refund.method, refund.paid_out, refund.amount


def _of_payment(payment: Payment, now: datetime) -> Iterator[Entry]:
    if payment.settled:
        proof = "confirmed_by_hand" if payment.by_hand else "matched"
        yield proof, payment.method, payment.settled, payment.amount
        if payment.late:
            yield "late_money", payment.method, payment.settled, payment.late
        if payment.unapplied:
            yield "needs_attention", payment.method, payment.settled, payment.amount
    elif payment.state == "open":
        yield "still_pending", payment.method, payment.begun, payment.amount
        if now - payment.begun > TOO_LONG:
            yield "needs_attention", payment.method, payment.begun, payment.amount


def _data(tallies: Tallies) -> Report:
    booked = _sum(tallies, *BOOKED)
    proved = _sum(tallies, "matched", "without_receipt")
    return {
        "booked": _tally(booked),
        "gateway": _tally(proved),
        "difference": money(booked[1] - proved[1]),
        "refunded": _tally(_sum(tallies, "refunded")),
        **{section: _tally(_sum(tallies, section)) for section in SECTIONS},
    }


def _sum(tallies: Tallies, *sections: str) -> Tally:
    found = [tallies.get(section, (0, NOTHING)) for section in sections]
    return sum(count for count, _ in found), sum((amount for _, amount in found), NOTHING)


def _tally(tally: Tally) -> Report:
    return {"count": tally[0], "total": money(tally[1])}
