"""Adding up a period: quarters, months, parts of months and days from what is rolled up, the rest from the ledgers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.models.functions import TruncDate

from apps.core.clock import day_end, day_start
from apps.core.models import LateBooking
from apps.reports.facts import PRODUCTS, Moments, Sums
from apps.reports.models import RolledSpan, Span
from apps.reports.periods import Period, runs
from apps.reports.selectors.snapshot import alias
from apps.reports.spans import fewest

Row = dict[str, Any]
CHUNK = 2_000


@dataclass(frozen=True)
class Cover:
    """The days of a period by where they are read: `days` from the sums of days, `moments` from the ledgers.

    `spans` are the same days as `days`, as few as they can be.
    """

    days: list[date]
    spans: dict[Span, list[date]]
    moments: Moments


def cover_of(period: Period) -> Cover:
    """What of the period is rolled up at this moment. Call inside a snapshot."""
    late = _late_days(period)
    found = RolledSpan.objects.filter(
        start__gte=period.first, start__lte=period.last, time_zone=settings.TIME_ZONE
    )
    rolled = set(found.values_list("span", "start"))
    days = [day for day in period.days if (Span.DAY, day) in rolled and day not in late]
    live = sorted(set(period.days).difference(days))
    return Cover(
        days, fewest(days, rolled), [(day_start(first), day_end(last)) for first, last in runs(live)]
    )


def add_up(
    sums: Sums,
    cover: Cover,
    *,
    by: str | None = None,
    measures: Sequence[str] = (),
    order: str = "",
    **only: Any,
) -> list[Row]:
    """The measures of `sums` over the cover, all or these, by its key or by `start`; rows with key and measures.

    `only` keeps the rows with these values. `order` may end with a LIMIT.
    """
    if not (cover.days or cover.moments):
        return []
    query, parameters = adding_up(sums, cover, by=by, measures=measures, **only)
    return rows_of(f"{query} ORDER BY {order or by or sums.key}", parameters)


def add_up_twice(sums: Sums, cover: Cover) -> tuple[list[Row], dict[date, Row]]:
    """The measures by key, those with most revenue first, and the same by day, in one reading."""
    if not (cover.days or cover.moments):
        return [], {}
    key = sums.key
    parts, parameters = _parts(sums, cover)
    query = f"""
        SELECT {key}, start, {", ".join(f"sum({measure}) AS {measure}" for measure in sums.measures)}
          FROM ({" UNION ALL ".join(parts)}) AS parts
         GROUP BY GROUPING SETS (({key}), (start)) ORDER BY revenue DESC, {key}
    """  # noqa: S608 - names of our own columns
    rows = rows_of(query, parameters)
    return [row for row in rows if row["start"] is None], {row["start"]: row for row in rows if row["start"]}


def adding_up(
    sums: Sums, cover: Cover, *, by: str | None = None, measures: Sequence[str] = (), **only: Any
) -> tuple[str, dict[str, Any]]:
    """The query behind `add_up`, in no order, and its parameters; the cover must not be empty."""
    by = by or sums.key
    parts, parameters = _parts(sums, cover)
    condition = " AND ".join(f"{name} = %({name})s" for name in only)
    query = f"""
        SELECT {by}, {", ".join(f"sum({measure}) AS {measure}" for measure in measures or sums.measures)}
          FROM ({" UNION ALL ".join(parts)}) AS parts
         {"WHERE " + condition if only else ""} GROUP BY {by}
    """  # noqa: S608 - names of our own columns
    return query, parameters | only


def rows_of(query: str, parameters: dict[str, Any] | None = None) -> list[Row]:
    """The rows of a query as dictionaries, where reports are read."""
    with connections[alias()].cursor() as cursor:
        cursor.execute(query, parameters)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def each_row(query: str, parameters: dict[str, Any] | None = None) -> Iterator[Row]:
    """As `rows_of`, for rows that are too many to hold: the server keeps them and hands out a few at a time."""
    with connections[alias()].chunked_cursor() as cursor:
        cursor.execute(query, parameters)
        names: list[str] = []
        while found := cursor.fetchmany(CHUNK):
            # A cursor of the server knows its columns when it has been asked for rows.
            names = names or [column.name for column in cursor.description]
            for row in found:
                yield dict(zip(names, row, strict=True))


def _parts(sums: Sums, cover: Cover) -> tuple[list[str], dict[str, Any]]:
    columns = ", ".join(("start", sums.key, *sums.measures))
    parts, parameters = [], dict[str, Any]()
    for span, starts in (cover.spans if sums is PRODUCTS else {Span.DAY: cover.days}).items():
        if starts:
            of_span = f"span = '{span}' AND" if sums is PRODUCTS else ""
            parts.append(f"SELECT {columns} FROM {sums.table} WHERE {of_span} start = ANY(%({span})s)")  # noqa: S608
            parameters[span] = starts
    if cover.moments:
        live, more = sums.live(cover.moments)
        parts.append(f"SELECT {columns} FROM ({live}) AS live")  # noqa: S608
        parameters |= more
    return parts, parameters


def _late_days(period: Period) -> set[date]:
    """Days into which something was booked since they were rolled up."""
    notes = LateBooking.objects.filter(moment__gte=period.begins, moment__lt=period.ends)
    return set(notes.values_list(TruncDate("moment"), flat=True).distinct())
