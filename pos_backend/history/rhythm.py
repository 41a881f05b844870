"""When customers come: so many on each day, more at weekends and paydays, in the hours of the demo's week."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate, pairwise
from random import Random

from django.utils import timezone

from pos_backend.demo.week import HOURS, SATURDAY, WEEKDAY_SALES, WEEKEND_SALES
from pos_backend.history.errors import CannotBeMade

OPENS = min(HOURS)
# Who came later may still be paying. Only transfers take longer, and those may be open at the end.
STILL_AT_THE_TILL = timedelta(minutes=3)
PAYDAY = 25
PAYDAY_MORE = 1.1
UNEVEN = (0.85, 1.15)
SECONDS_AN_HOUR = 3600
MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class Day:
    """A day of the shop, open from `opens` on; `hours` are weights, the last one only in part on the present day."""

    date: date
    opens: datetime
    hours: list[float]


def days(first: date, until: datetime) -> list[Day]:
    """Each day from `first` to the one of `until`, which has sales only until then."""
    last = timezone.localtime(until).date()
    return [_day(first + timedelta(days=ahead), until) for ahead in range((last - first).days + 1)]


def spread_sales(count: int, over: list[Day], random: Random) -> list[int]:
    """How many of `count` sales each day has. Raises `CannotBeMade` when the shop has not opened on any of them."""
    weights = [_busyness(day) * random.uniform(*UNEVEN) for day in over]
    whole = sum(weights)
    if not whole:
        raise CannotBeMade(f"The shop opens at {OPENS} and has not been open yet: ask for more days.")
    # Rounding the sums instead of the parts makes the parts add up.
    marks = [0, *(round(count * reached / whole) for reached in accumulate(weights))]
    return [after - before for before, after in pairwise(marks)]


def arrivals(count: int, day: Day, random: Random) -> Iterator[datetime]:
    """When `count` customers come, in their order."""
    if not count:  # perhaps it is not open yet
        return iter(())
    hours = random.choices(range(len(day.hours)), day.hours, k=count)
    moments = sorted(_within(hour, day, random) for hour in hours)
    return (day.opens + timedelta(microseconds=moment) for moment in moments)


def at(day: date, hour: int) -> datetime:
    """A full hour of the shop's clock."""
    return timezone.make_aware(datetime.combine(day, time(hour))).astimezone(UTC)


def _day(day: date, until: datetime) -> Day:
    opens = at(day, OPENS)
    open_seconds = (until - STILL_AT_THE_TILL - opens).total_seconds()
    weights = [
        HOURS[hour] * min(1.0, max(0.0, open_seconds / SECONDS_AN_HOUR - (hour - OPENS))) for hour in HOURS
    ]
    return Day(day, opens, weights)


def _busyness(day: Day) -> float:
    usual = sum(WEEKEND_SALES if day.date.weekday() >= SATURDAY else WEEKDAY_SALES)
    return usual * sum(day.hours) * (PAYDAY_MORE if day.date.day >= PAYDAY else 1.0)


def _within(hour: int, day: Day, random: Random) -> int:
    """A moment of the hour, in microseconds since the shop opened."""
    share = day.hours[hour] / HOURS[hour + OPENS]
    return int((hour + share * random.random()) * SECONDS_AN_HOUR * MICROSECONDS)
