"""The shop's clock: days and hours follow `TIME_ZONE`, not UTC, and the database's clock is right.

Whatever the shop books is booked by `now()`. Sign-ins go by the server's own clock, as the library behind them does.
"""

import time as clocks
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db import connection
from django.utils import timezone

# More than a lock is waited for. A server whose clock differs by more is not to be trusted with days and times.
TOLERANCE = timedelta(seconds=10)
# Seconds. The clock that counts from the machine's start cannot be set, so one that moves against it was.
STEP, TRUSTED_FOR = 1.0, 3600.0


@dataclass(frozen=True)
class _Compared:
    """What this server's clock showed beside the database's, `at` so many seconds since the machine's start."""

    at: float
    gap: float
    ahead: timedelta


_compared: _Compared | None = None


def now() -> datetime:
    """This moment, put right where this server's clock is wrong by more than `TOLERANCE` (docs/adr/0029-clock.md).

    Asks the database at first, when the server's clock has been set, and every hour; else it costs nothing.
    """
    global _compared
    steady = clocks.clock_gettime(clocks.CLOCK_MONOTONIC)
    gap = clocks.time() - steady
    known = _compared
    if known is None or abs(gap - known.gap) > STEP or steady - known.at > TRUSTED_FOR:
        known = _compared = _Compared(steady, gap, ahead())
    moment = timezone.now()
    return moment - known.ahead if abs(known.ahead) > TOLERANCE else moment


def ahead() -> timedelta:
    """How far this server's clock is ahead of the database's; less than nothing when it is behind."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return datetime.now(UTC) - moment


def local_date(moment: datetime) -> date:
    """The shop's calendar day of a moment."""
    return timezone.localtime(moment).date()


def day_start(day: date) -> datetime:
    """The first moment of a shop's day."""
    return timezone.make_aware(datetime.combine(day, time.min))


def day_end(day: date) -> datetime:
    """The first moment after a shop's day."""
    return day_start(day + timedelta(days=1))


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 with the shop's offset, as every timestamp on the wire."""
    return None if moment is None else timezone.localtime(moment).isoformat()
