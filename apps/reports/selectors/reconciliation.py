"""What we booked against what the gateways said, per gateway and day.

`booked` is what settled payments brought in, on the day each was completed; `refunded` is what went back through the
gateway, on the day it was paid out. Every booked payment stands in exactly one of three sections: `matched` (the
gateway proved it, by a message or by its answer to our question, and its receipt is known), `without_receipt`
(proven, the receipt is still to come) and `confirmed_by_hand` (an administrator's word). `gateway` is the first two
together, so `difference` = booked - gateway is what rests on people's word alone. The other sections are what to
look into; they are no part of `booked`, and one payment may stand in several of them:

- `unmatched_callbacks`: messages that name nothing of ours, were given up or are not trusted; `total` is the money
  they speak of.
- `amount_differences`: the gateway named another amount than was asked for; `total` is its amount less ours.
- `still_pending`: open payments begun that day, whatever their age.
- `late_money`: payments that brought more than their sale could take; `total` is that surplus, for which a refund
  was raised.
- `needs_attention`: payments and refunds that wait for a person, open payments after 24 hours among them.

What is recorded of a past day in `booked`, `refunded` and the three sections does not change later, except that a
receipt may arrive.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, QuerySet, Sum, Value
from django.db.models.functions import TruncDate

from apps.core import money
from apps.payments.models import shop_currency
from apps.payments.states import GATEWAY_METHODS, Method
from apps.reports.periods import Period
from apps.reports.selectors.rows import row_data, row_day
from apps.reports.selectors.sections import Source, refunded, sources

GATEWAY_PROVED = ("matched", "without_receipt")
BOOKED = (*GATEWAY_PROVED, "confirmed_by_hand")
SECTIONS = (
    *GATEWAY_PROVED,
    "unmatched_callbacks",
    "amount_differences",
    "confirmed_by_hand",
    "still_pending",
    "late_money",
    "needs_attention",
)
# The newest of each section in the whole report; counts and totals are exact all the same, and the files complete.
SHOWN_ROWS = 1_000
CHUNK = 2_000

Day = tuple[str, date]


@dataclass(frozen=True)
class Tally:
    """How many, and how much together."""

    count: int = 0
    total: Decimal = money.ZERO

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.count + other.count, self.total + other.total)

    def data(self) -> dict[str, Any]:
        """On the wire."""
        return {"count": self.count, "total": money.format_money(self.total)}


Tallies = dict[tuple[str, Day], Tally]


def reconciliation(period: Period, now: datetime) -> dict[str, Any]:
    """The report, with the newest rows of each section. Call inside a snapshot."""
    tallies = _tallies([*sources(period, now), refunded(period)])
    rows = _newest_rows(period, now, {section for section, _ in tallies})
    days = sorted({day for _, day in tallies}, key=lambda day: day[1])
    return {
        "start": period.first.isoformat(),
        "end": period.last.isoformat(),
        "currency": shop_currency(),
        "gateways": [
            _gateway(method, [day for day in days if day[0] == method], tallies, rows)
            for method in GATEWAY_METHODS
            if any(day[0] == method for day in days)
        ],
        "totals": _totals(tallies),
    }


def row_count(period: Period, now: datetime) -> int:
    """How many rows `all_rows` gives."""
    return sum(tally.count for tally in _tallies(sources(period, now)).values())


def all_rows(period: Period, now: datetime) -> Iterator[tuple[str, date, str, dict[str, Any]]]:
    """Section, day, method and row, oldest first in each section, a few at a time. Call inside a snapshot."""
    for source in sorted(sources(period, now), key=lambda source: SECTIONS.index(source.section)):
        for item in source.rows.order_by(source.moment, "id").iterator(CHUNK):
            yield source.section, row_day(source, item), getattr(item, source.method), row_data(item, now)


def _tallies(found: list[Source]) -> Tallies:
    """Counts and totals by section, gateway and day, in one statement."""
    first, *others = (_by_day(source) for source in found)
    tallies: Tallies = defaultdict(Tally)
    for section, method, day, count, total in first.union(*others, all=True):
        tallies[section, (method, day)] += Tally(count, total or money.ZERO)
    return dict(tallies)


def _by_day(source: Source) -> QuerySet[Any, Any]:
    sums: QuerySet[Any, Any] = (
        source.rows.order_by()
        .values_list(Value(source.section), F(source.method), TruncDate(source.moment))
        .annotate(number=Count("id"), worth=Sum(source.worth))
    )
    return sums


def _newest_rows(
    period: Period, now: datetime, filled: set[str]
) -> dict[tuple[str, Day], list[dict[str, Any]]]:
    """One statement for each source of a section that has rows at all."""
    rows: dict[tuple[str, Day], list[dict[str, Any]]] = defaultdict(list)
    left = dict.fromkeys(SECTIONS, SHOWN_ROWS)
    for source in sources(period, now):
        if source.section not in filled:
            continue
        newest = list(source.rows.order_by(f"-{source.moment}", "-id")[: left[source.section]])
        left[source.section] -= len(newest)
        for item in reversed(newest):
            day = (getattr(item, source.method), row_day(source, item))
            rows[source.section, day].append(row_data(item, now))
    return rows


def _gateway(
    method: str, days: list[Day], tallies: Tallies, rows: dict[tuple[str, Day], list[dict[str, Any]]]
) -> dict[str, Any]:
    return {
        "method": method,
        "label": Method(method).label,
        "days": [_day(day, tallies, rows) for day in days],
    }


def _day(day: Day, tallies: Tallies, rows: dict[tuple[str, Day], list[dict[str, Any]]]) -> dict[str, Any]:
    of_day = {section: tallies.get((section, day), Tally()) for section in (*SECTIONS, "refunded")}
    return {"date": day[1].isoformat(), **_sums(of_day)} | {
        section: _section(of_day[section], rows.get((section, day), [])) for section in SECTIONS
    }


def _section(tally: Tally, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {**tally.data(), "rows": rows, "more": max(0, tally.count - len(rows))}


def _totals(tallies: Tallies) -> dict[str, Any]:
    by_section = dict.fromkeys((*SECTIONS, "refunded"), Tally())
    for (section, _), tally in tallies.items():
        by_section[section] += tally
    return _sums(by_section) | {section: by_section[section].data() for section in SECTIONS}


def _sums(by_section: dict[str, Tally]) -> dict[str, Any]:
    booked = sum((by_section[section] for section in BOOKED), Tally())
    proved = sum((by_section[section] for section in GATEWAY_PROVED), Tally())
    return {
        "booked": booked.data(),
        "gateway": proved.data(),
        "difference": money.format_money(booked.total - proved.total),
        "refunded": by_section["refunded"].data(),
    }
