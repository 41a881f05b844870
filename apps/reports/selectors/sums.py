"""Adding up a period: whole months and days from what is rolled up, the rest from the ledgers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.models.functions import TruncDate

from apps.core.clock import day_end, day_start
from apps.core.models import LateBooking
from apps.reports.facts import PRODUCTS, Moments, Sums
from apps.reports.models import RolledSpan, Span
from apps.reports.periods import Period, days_between, month_start, next_month, runs
from apps.reports.selectors.snapshot import alias

Row = dict[str, Any]


@dataclass(frozen=True)
class Cover:
    """The days of a period by where they are read: `days` from the sums of days, `moments` from the ledgers.

    `months` and `other_days` are the same days as `days`, as few as they can be.
    """

    days: list[date]
    months: list[date]
    other_days: list[date]
    moments: Moments


def cover_of(period: Period) -> Cover:
    """What of the period is rolled up at this moment. Call inside a snapshot."""
    late = _late_days(period)
    spans = RolledSpan.objects.filter(
        start__gte=period.first, start__lte=period.last, time_zone=settings.TIME_ZONE
    )
    rolled = set(spans.values_list("span", "start"))
    days = [day for day in period.days if (Span.DAY, day) in rolled and day not in late]
    known = set(days)
    months = [
        start
        for start in sorted({month_start(day) for day in days})
        if (Span.MONTH, start) in rolled and known.issuperset(_days_of_month(start))
    ]
    in_months = {day for start in months for day in _days_of_month(start)}
    live = [day for day in period.days if day not in known]
    return Cover(
        days,
        months,
        [day for day in days if day not in in_months],
        [(day_start(first), day_end(last)) for first, last in runs(live)],
    )


def add_up(sums: Sums, cover: Cover, *, by: str | None = None, order: str = "", **only: Any) -> list[Row]:
    """The measures of `sums` over the cover, by its key or by `start`; rows with key and measures.

    `only` keeps the rows with these values. `order` may end with a LIMIT.
    """
    by = by or sums.key
    parts, parameters = _parts(sums, cover)
    condition = " AND ".join(f"{name} = %({name})s" for name in only)
    query = f"""
        SELECT {by}, {", ".join(f"sum({measure}) AS {measure}" for measure in sums.measures)}
          FROM ({" UNION ALL ".join(parts)}) AS parts
         {"WHERE " + condition if only else ""} GROUP BY {by} ORDER BY {order or by}
    """  # noqa: S608 - names of our own columns
    return rows_of(query, parameters | only) if parts else []


def rows_of(query: str, parameters: dict[str, Any] | None = None) -> list[Row]:
    """The rows of a query as dictionaries, where reports are read."""
    with connections[alias()].cursor() as cursor:
        cursor.execute(query, parameters)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _parts(sums: Sums, cover: Cover) -> tuple[list[str], dict[str, Any]]:
    columns = ", ".join(("start", sums.key, *sums.measures))
    parts, parameters = [], {}
    for condition, name, starts in _rolled(sums, cover):
        if starts:
            parts.append(f"SELECT {columns} FROM {sums.table} WHERE {condition} start = ANY(%({name})s)")  # noqa: S608
            parameters[name] = starts
    if cover.moments:
        live, more = sums.live(cover.moments)
        parts.append(f"SELECT {columns} FROM ({live}) AS live")  # noqa: S608
        parameters |= more
    return parts, parameters


def _rolled(sums: Sums, cover: Cover) -> Sequence[tuple[str, str, list[date]]]:
    if sums is not PRODUCTS:
        return [("", "days", cover.days)]
    return [("span = 'month' AND", "months", cover.months), ("span = 'day' AND", "days", cover.other_days)]


def _late_days(period: Period) -> set[date]:
    """Days into which something was booked since they were rolled up."""
    notes = LateBooking.objects.filter(moment__gte=period.begins, moment__lt=period.ends)
    return set(notes.values_list(TruncDate("moment"), flat=True).distinct())


def _days_of_month(start: date) -> list[date]:
    return days_between(start, next_month(start) - timedelta(days=1))
