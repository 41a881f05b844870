"""Comparing what is rolled up with the ledgers."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from apps.core.clock import day_end, day_start
from apps.reports.facts import BY_DAY, LONGER_SPAN, PRODUCTS, Sums
from apps.reports.models import RolledSpan, Span
from apps.reports.services.rolling import UNHURRIED, Progress
from apps.reports.spans import LONGER, last_day


@dataclass(frozen=True)
class Difference:
    """One row of sums that is not what the ledgers say; None where the row is missing on that side."""

    table: str
    span: str
    start: date
    key: Any
    stored: dict[str, Any] | None
    derived: dict[str, Any] | None


def differences(progress: Progress | None = None) -> Iterator[Difference]:
    """Every row of a rolled-up span that disagrees with the ledgers; `progress` is told of days done."""
    for day in _rolled(Span.DAY):
        for sums in (*BY_DAY, PRODUCTS):
            live, parameters = sums.live([(day_start(day), day_end(day))])
            yield from _compare(sums, Span.DAY, day, live, parameters)
        if progress:
            progress(1)
    for span in LONGER:
        for first in _rolled(span):
            bounds = {"first": first, "last": last_day(span, first)}
            yield from _compare(PRODUCTS, span, first, LONGER_SPAN, bounds)


def _compare(
    sums: Sums, span: Span, start: date, derived: str, parameters: dict[str, Any]
) -> list[Difference]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(UNHURRIED)
        cursor.execute(_query(sums, span, derived), {**parameters, "wanted": start})
        return [
            Difference(sums.table, span, found, key, _figures(stored), _figures(derived))
            for found, key, stored, derived in cursor.fetchall()
        ]


def _figures(text: str | None) -> dict[str, Any] | None:
    figures: dict[str, Any] | None = None if text is None else json.loads(text, parse_float=Decimal)
    return figures


def _query(sums: Sums, span: Span, derived: str) -> str:
    measures = ", ".join(sums.measures)
    rolled = f"AND span = '{span}'" if sums is PRODUCTS else ""
    return f"""
        WITH stored AS (
            SELECT start, {sums.key}, {measures} FROM {sums.table} WHERE start = %(wanted)s {rolled}
        ), derived AS ({derived})
        SELECT start, {sums.key}, to_jsonb(stored), to_jsonb(derived)
          FROM stored FULL JOIN derived USING (start, {sums.key})
         WHERE ({_named("stored", sums)}) IS DISTINCT FROM ({_named("derived", sums)})
         ORDER BY 1, 2
    """  # noqa: S608 - names of our own tables and columns


def _named(side: str, sums: Sums) -> str:
    return ", ".join(f"{side}.{measure}" for measure in sums.measures)


def _rolled(span: Span) -> list[date]:
    spans = RolledSpan.objects.filter(span=span, time_zone=settings.TIME_ZONE)
    return list(spans.order_by("start").values_list("start", flat=True))
