"""The shop's clock: days and hours follow `TIME_ZONE`, not UTC."""

from datetime import date, datetime, time, timedelta

from django.utils import timezone


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
