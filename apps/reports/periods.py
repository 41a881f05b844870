"""The days that a report is about, from the query parameters that all reports share."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from rest_framework.exceptions import ValidationError

from apps.core.clock import day_end, day_start, local_date

LAST_DAYS = {"today": 1, "week": 7, "month": 30, "year": 365}
CUSTOM = "custom"
# A leap year. Longer reports are asked for in parts, so that one request never reads everything.
MAX_DAYS = 366

DATE_NEEDED = "A date such as 2026-11-22 is needed."
UNKNOWN_PERIOD = "Use today, week, month, year or custom."
END_FIRST = "The end lies before the start."
TOO_LONG = f"At most {MAX_DAYS} days are reported at once."

QUERY = {
    "period": (
        "`today` (default), `week`, `month` and `year` (the last 7, 30 and 365 days, today included) or "
        "`custom`, which needs both dates. Dates without a period are taken as `custom`.",
        (*LAST_DAYS, CUSTOM),
    ),
    "start_date": "First day of a `custom` period, such as 2026-11-01. Days follow the shop's time zone.",
    "end_date": f"Last day of a `custom` period, included. At most {MAX_DAYS} days at once.",
}

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True)
class Period:
    """Whole days of the shop, both included."""

    first: date
    last: date

    @property
    def begins(self) -> datetime:
        """The first moment of it."""
        return day_start(self.first)

    @property
    def ends(self) -> datetime:
        """The first moment after it."""
        return day_end(self.last)

    @property
    def is_one_day(self) -> bool:
        return self.first == self.last

    @property
    def days(self) -> list[date]:
        """Each of them."""
        return days_between(self.first, self.last)


def days_between(first: date, last: date) -> list[date]:
    """All days from one to the other, both included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def runs(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """First and last of each stretch without a gap; `days` in order."""
    for _, stretch in groupby(enumerate(days), lambda numbered: numbered[1].toordinal() - numbered[0]):
        found = [day for _, day in stretch]
        yield found[0], found[-1]


def period_of(query: Mapping[str, str], now: datetime) -> Period:
    """What the query parameters ask for. Raises DRF's `ValidationError` by field."""
    dated = bool(query.get("start_date") or query.get("end_date"))
    name = query.get("period") or (CUSTOM if dated else "today")
    if name == CUSTOM:
        return _custom(query)
    if name not in LAST_DAYS:
        raise ValidationError({"period": [UNKNOWN_PERIOD]})
    today = local_date(now)
    return Period(today - timedelta(days=LAST_DAYS[name] - 1), today)


def _custom(query: Mapping[str, str]) -> Period:
    days = {name: day_of(query.get(name, "")) for name in ("start_date", "end_date")}
    missing = [name for name, day in days.items() if day is None]
    first, last = days["start_date"], days["end_date"]
    if first is None or last is None:
        raise ValidationError({name: [DATE_NEEDED] for name in missing})
    if last < first:
        raise ValidationError({"end_date": [END_FIRST]})
    if (last - first).days >= MAX_DAYS:
        raise ValidationError({"end_date": [TOO_LONG]})
    return Period(first, last)


def day_of(text: str) -> date | None:
    """The date that a text such as 2026-11-22 names."""
    if not _DATE.fullmatch(text):
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1900 <= found.year <= 9000 else None
