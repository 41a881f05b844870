"""The parts of the calendar that are added up, and how few of them make up some days."""

from collections.abc import Callable, Collection, Iterable
from datetime import date, timedelta

from apps.reports.models import Span
from apps.reports.periods import days_between

ONE_DAY = timedelta(days=1)
Bounds = tuple[date, date]


def _third(day: date) -> Bounds:
    number = min((day.day - 1) // 10, 2)
    first = day.replace(day=10 * number + 1)
    return first, _month(day)[1] if number == 2 else first + 9 * ONE_DAY


def _month(day: date) -> Bounds:
    first = day.replace(day=1)
    return first, (first + 31 * ONE_DAY).replace(day=1) - ONE_DAY


def _quarter(day: date) -> Bounds:
    first = day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return first, _month(first + 62 * ONE_DAY)[1]


# First and last day of the span in which a day lies; the longest first.
LONGER: dict[Span, Callable[[date], Bounds]] = {
    Span.QUARTER: _quarter,
    Span.MONTH: _month,
    Span.THIRD: _third,
}


def first_day(span: Span, day: date) -> date:
    """Of the span in which `day` lies."""
    return LONGER[span](day)[0]


def last_day(span: Span, day: date) -> date:
    """Of the span in which `day` lies."""
    return LONGER[span](day)[1]


def whole(span: Span, days: Collection[date]) -> list[date]:
    """The first days of the spans of which every day is among `days`, in order."""
    known = set(days)
    bounds = sorted({LONGER[span](day) for day in known})
    return [first for first, last in bounds if known.issuperset(days_between(first, last))]


def fewest(days: Iterable[date], rolled: Collection[tuple[str, date]]) -> dict[Span, list[date]]:
    """`days` as spans out of `rolled`, as long as they can be; what is left, as days."""
    left, found = set(days), dict[Span, list[date]]()
    for span in LONGER:
        found[span] = [first for first in whole(span, left) if (span, first) in rolled]
        for first in found[span]:
            left.difference_update(days_between(first, last_day(span, first)))
    return {**found, Span.DAY: sorted(left)}
