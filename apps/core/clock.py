"""The shop's clock: days and hours follow `TIME_ZONE`, not UTC, and the database's clock is right."""

from datetime import UTC, date, datetime, time, timedelta

from django.db import connection
from django.utils import timezone

# More than a lock is waited for. A server whose clock differs by more is not to be trusted with days and times.
TOLERANCE = timedelta(seconds=10)
# A moment of this server by the database's clock. `clock` is what the server's clock shows, `moment` what it makes of
# it: mostly the same; another day where the past is told (the demo shop).
BY_THE_DATABASE = f"""
    CASE WHEN abs(extract(epoch FROM clock_timestamp() - %(clock)s::timestamptz)) > {TOLERANCE.total_seconds():.0f}
         THEN %(moment)s::timestamptz + (clock_timestamp() - %(clock)s::timestamptz)
         ELSE %(moment)s::timestamptz END
"""


def by_the_database(moment: datetime) -> datetime:
    """`moment` of this server, put right where its clock is wrong: what it books must not stand on another day."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {BY_THE_DATABASE}", {"moment": moment, "clock": datetime.now(UTC)})
        found: datetime = cursor.fetchone()[0]
        return found


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
