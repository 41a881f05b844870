"""A week at the till, planned: who came when, bought what and paid how. The same every time but for the dates."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from itertools import cycle
from pathlib import Path
from random import Random
from typing import TypeVar

from django.utils import timezone

HERE = Path(__file__).parent
SEED = 20_261_122
DAYS_BEFORE_TODAY = 7
# Sales that begin in each hour, relative to each other: lunch at 12, the way home from 17 on.
HOURS = {8: 3, 9: 4, 10: 5, 11: 6, 12: 9, 13: 8, 14: 4, 15: 4, 16: 6, 17: 10, 18: 12, 19: 8}
WEEKDAY_SALES = (45, 49)
WEEKEND_SALES = (54, 60)
SATURDAY = 5
QUANTITIES = {1: 80, 2: 15, 3: 4, 6: 1}
NOTES = {0: 35, 50: 20, 100: 20, 500: 15, 1000: 10}
DISCOUNT_PERCENTS = {0: 95, 5: 5}
SELLERS = {"cashier": 88, "admin": 12}

T = TypeVar("T")


class Ending(Enum):
    """How a sale goes on after the goods were scanned."""

    PAID = "paid at once"
    IN_TWO_PARTS = "half at once, the rest within a few hours"
    PARTLY_PAID = "half at once, the rest some other day"
    GIVEN_UP = "not paid, cancelled after a while"


ENDINGS = {Ending.PAID: 92, Ending.IN_TWO_PARTS: 2, Ending.PARTLY_PAID: 2, Ending.GIVEN_UP: 4}


@dataclass(frozen=True)
class Visit:
    """One customer. `lines` are SKUs with quantities; the cash is `note` or several of it, 0 the exact sum."""

    when: datetime
    seller: str
    lines: tuple[tuple[str, Decimal], ...]
    ending: Ending
    ends: datetime
    note: Decimal
    discount_percent: Decimal


def visits(now: datetime) -> list[Visit]:
    """Everybody who has come by `now`, from seven days before today on, in the order in which they came."""
    today = timezone.localtime(now).date()
    baskets = cycle(_baskets())
    planned = [
        _visit(when, next(baskets), random)
        for number in range(DAYS_BEFORE_TODAY + 1)
        for when, random in _day(today - timedelta(days=DAYS_BEFORE_TODAY - number), number)
    ]
    return [visit for visit in planned if visit.when <= now]


def opening(now: datetime) -> datetime:
    """When the goods of the first day are on the shelves."""
    first = timezone.localtime(now).date() - timedelta(days=DAYS_BEFORE_TODAY)
    return _moment(first, time(7))


def _day(day: date, number: int) -> Iterator[tuple[datetime, Random]]:
    # Not for secrets: the same demo for everybody is what is wanted.
    random = Random(SEED + number)  # noqa: S311
    count = random.randint(*(WEEKEND_SALES if day.weekday() >= SATURDAY else WEEKDAY_SALES))
    times = sorted(
        time(_one_of(HOURS, random), random.randrange(60), random.randrange(60), random.randrange(1_000_000))
        for _ in range(count)
    )
    return ((_moment(day, at), random) for at in times)


def _visit(when: datetime, lines: list[str], random: Random) -> Visit:
    ending = _one_of(ENDINGS, random)
    minutes = random.randint(10, 30) if ending is Ending.GIVEN_UP else random.randint(60, 240)
    return Visit(
        when=when,
        seller=_one_of(SELLERS, random),
        lines=tuple((sku, Decimal(_one_of(QUANTITIES, random))) for sku in lines),
        ending=ending,
        ends=when + timedelta(minutes=minutes),
        note=Decimal(_one_of(NOTES, random)),
        discount_percent=Decimal(_one_of(DISCOUNT_PERCENTS, random)),
    )


def _one_of(weights: dict[T, int], random: Random) -> T:
    return random.choices(list(weights), list(weights.values()))[0]


def _moment(day: date, at: time) -> datetime:
    return timezone.make_aware(datetime.combine(day, at))


def _baskets() -> list[list[str]]:
    """The baskets as SKUs; `kinds.csv` says which product stands for which kind."""
    with (HERE / "kinds.csv").open(encoding="utf-8", newline="") as file:
        skus = {row["kind"]: row["sku"] for row in csv.DictReader(file)}
    with (HERE / "baskets.csv").open(encoding="utf-8", newline="") as file:
        return [[skus[kind] for kind in kinds] for kinds in csv.reader(file)]
