"""Rolling up closed days and longer spans: each once, from the ledgers, by whoever needs it first or by the worker.

Nothing here is needed for a right answer: what is not rolled up is read from the ledgers. One process rolls up at a
time, by an advisory lock that ends with its transaction; the others do not wait for it.
"""

import time
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from apps.core import clock
from apps.core.clock import day_end, day_start, local_date
from apps.core.models import LateBooking
from apps.reports.facts import BY_DAY, LONGER_SPAN, PRODUCTS, Sums
from apps.reports.models import RolledSpan, Span
from apps.reports.periods import days_between
from apps.reports.spans import LONGER, ONE_DAY, first_day, last_day, whole

# No transaction that books a sale lasts as long, so nothing of a day is still on its way when it is rolled up.
GRACE = timedelta(minutes=10)

LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('reports.rolling'))"
UNHURRIED = "SET LOCAL statement_timeout = 0; SET LOCAL jit = off"
FIRST_MOMENT = """
    SELECT least((SELECT min(completed_at) FROM sales_sale WHERE completed_at IS NOT NULL),
                 (SELECT min(cancelled_at) FROM sales_sale WHERE cancelled_at IS NOT NULL),
                 (SELECT min(completed_at) FROM payments_refund WHERE completed_at IS NOT NULL))
"""
TAKE_NOTES = """
    WITH taken AS (DELETE FROM core_latebooking RETURNING moment)
    SELECT DISTINCT (moment AT TIME ZONE %s)::date FROM taken
"""

Progress = Callable[[int], object]


def last_closed_day(now: datetime) -> date:
    """The newest day of the shop to which nothing more can be booked in the ordinary way."""
    return local_date(now - GRACE) - ONE_DAY


def roll_up(now: datetime, progress: Progress | None = None) -> int:
    """Rolls up all closed days and longer spans that are not yet; how many days. `progress` is told of days done.

    Raises nothing when another process is at it: it then returns how far it came.
    """
    _forget_what_changed()
    done = 0
    for day in missing_days(now):
        if not close_day(day):
            break
        done += 1
        if progress:
            progress(1)
    _close_longer_spans()
    return done


def roll_up_if_due() -> int:
    """What the worker calls every few minutes: closes the day once it is over."""
    return roll_up(clock.now())


def roll_up_soon(first: date, last: date, now: datetime, seconds: float) -> None:
    """Rolls up what a report on these days needs, newest first, as far as it can be done in `seconds`."""
    ends = time.monotonic() + seconds
    _forget_what_changed()
    wanted = missing_days(now, first, last)
    for day in reversed(wanted):
        if time.monotonic() >= ends or not close_day(day):
            return
    if wanted:
        _close_longer_spans()


def missing_days(now: datetime, first: date = date.min, last: date = date.max) -> list[date]:
    """The closed days from `first` to `last` that are not rolled up, none before the quarter of the first booking."""
    last = min(last, last_closed_day(now))
    rolled = _rolled(Span.DAY, first, last)
    if len(rolled) == (last - first).days + 1:
        return []
    with connection.cursor() as cursor:
        cursor.execute(FIRST_MOMENT)
        opened = cursor.fetchone()[0]
    if opened is None:
        return []
    days = days_between(max(first, first_day(Span.QUARTER, local_date(opened))), last)
    return [day for day in days if day not in rolled]


@transaction.atomic
def close_day(day: date) -> bool:
    """Rolls up this day; False when another process is rolling up.

    A day at a time, because the lines of one day are found by an index, and those of many by reading all there are.
    """
    if not _locked():
        return False
    if day in _rolled(Span.DAY, day, day):
        return True
    with connection.cursor() as cursor:
        cursor.execute(UNHURRIED)
        for sums in (*BY_DAY, PRODUCTS):
            live, parameters = sums.live([(day_start(day), day_end(day))])
            cursor.execute(_insert(sums, Span.DAY, live), parameters)
    _mark(Span.DAY, [day])
    return True


@transaction.atomic
def _close_longer_spans() -> None:
    if not _locked():
        return
    days = _rolled(Span.DAY)
    with connection.cursor() as cursor:
        cursor.execute(UNHURRIED)
        for span in LONGER:
            known = _rolled(span)
            missing = [first for first in whole(span, days) if first not in known]
            statement = _insert(PRODUCTS, span, LONGER_SPAN)
            for first in missing:
                cursor.execute(statement, {"first": first, "last": last_day(span, first)})
            _mark(span, missing)


@transaction.atomic
def _forget_what_changed() -> None:
    """Days into which something was booked after their end, and all days when the shop's time zone is another."""
    if not _changed() or not _locked():
        return
    if RolledSpan.objects.exclude(time_zone=settings.TIME_ZONE).exists():
        _empty()
    with connection.cursor() as cursor:
        cursor.execute(TAKE_NOTES, [settings.TIME_ZONE])
        forget_days(day for (day,) in cursor.fetchall())


@transaction.atomic
def forget_everything() -> bool:
    """Nothing is rolled up any more; False when another process is rolling up."""
    if not _locked():
        return False
    _empty()
    return True


def _empty() -> None:
    # Not TRUNCATE: a report under way goes on seeing what its snapshot saw.
    with connection.cursor() as cursor:
        cursor.execute(UNHURRIED)
        for table in (*(sums.table for sums in (*BY_DAY, PRODUCTS)), RolledSpan._meta.db_table):
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608


def forget_days(days: Iterable[date]) -> None:
    """These days and what they lie in are not rolled up any more. Call inside a transaction."""
    starts = list(days)
    for sums in BY_DAY:
        sums.model._default_manager.filter(start__in=starts).delete()
    spans = {span: {first_day(span, day) for day in starts} for span in LONGER}
    for span, found in {**spans, Span.DAY: set(starts)}.items():
        PRODUCTS.model._default_manager.filter(span=span, start__in=found).delete()
        RolledSpan.objects.filter(span=span, start__in=found).delete()


def _changed() -> bool:
    return LateBooking.objects.exists() or RolledSpan.objects.exclude(time_zone=settings.TIME_ZONE).exists()


def _locked() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(LOCK)
        return bool(cursor.fetchone()[0])


def _insert(sums: Sums, span: Span, rows: str) -> str:
    columns = ", ".join(("start", sums.key, *sums.measures))
    named, given = ("span, ", f"'{span}', ") if sums is PRODUCTS else ("", "")
    return f"INSERT INTO {sums.table} ({named}{columns}) SELECT {given}{columns} FROM ({rows}) AS summed"  # noqa: S608


def _mark(span: Span, starts: Iterable[date]) -> None:
    now = clock.now()
    RolledSpan.objects.bulk_create(
        RolledSpan(span=span, start=start, time_zone=settings.TIME_ZONE, rolled_at=now) for start in starts
    )


def _rolled(span: Span, first: date = date.min, last: date = date.max) -> set[date]:
    spans = RolledSpan.objects.filter(span=span, start__gte=first, start__lte=last)
    return set(spans.values_list("start", flat=True))
