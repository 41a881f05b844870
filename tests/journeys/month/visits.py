"""Who comes when, takes what, and how it goes on: made up from the baskets, the same every time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from itertools import cycle
from random import Random
from typing import TypeVar
from zoneinfo import ZoneInfo

from tests.journeys.month.days import Span
from tests.journeys.month.goods import Basket

CASHIERS = ("otieno", "wanjiru", "kamau")
SELLERS = {"otieno": 40, "wanjiru": 33, "kamau": 22, "amina": 5}
# Pieces mostly, some by weight.
QUANTITIES = {"1": 78, "2": 11, "3": 4, "6": 1, "0.250": 2, "1.375": 2, "0.333": 1, "2.005": 1}
SALE_PERCENTS = {"0": 82, "3": 8, "7.5": 6, "10": 4}
ADMIN_PERCENTS = {"0": 50, "15": 25, "40": 25}
LINE_PERCENTS = {"0": 93, "2": 4, "5": 3}
SCANNED_TWICE = {True: 3, False: 97}
SENT_TWICE = {True: 3, False: 97}
LAST_MOMENT = timedelta(microseconds=1)

T = TypeVar("T")


class Story(Enum):
    """How a basket is paid, if it is."""

    CASH = "cash with the sale"
    CASH_LATER = "cash some minutes after the sale"
    PHONE = "M-Pesa, cents in cash"
    AIRTEL = "Airtel Money, cents in cash"
    CARD = "a card"
    BANK = "a transfer, confirmed by the administrator hours later"
    SPLIT = "a part in cash, the rest by transfer"
    CASH_AND_CARD = "a part in cash, the rest by card"
    DEBT = "a part in cash, the rest the next day"
    PART = "a part in cash, the rest never"
    UNPAID = "never"
    OPEN = "never: a card page or transfer stays open"
    CANCELLED = "not paid and cancelled"
    CANCELLED_NEXT_DAY = "not paid and cancelled on the next day"
    DEPOSIT_BACK = "a part in cash, which goes back; then cancelled"
    DEPOSIT_AND_PAID = "a part in cash, of which some goes back; then paid in full"
    FREE = "a gift of the administrator"
    DECLINED = "declined on the phone, then cash"
    BY_HAND = "on the phone; the administrator confirms it by the receipt"
    LATE_MONEY = "the card page is given up for cash, and paid all the same"


class Back(Enum):
    """What is asked back of a paid sale."""

    NOTHING = "nothing"
    WHOLE = "all of it, the way it came"
    PART = "a part of it, the way it came"
    WHOLE_IN_CASH = "all of it, in cash"
    PART_IN_CASH = "a part of it, in cash"
    IN_PARTS = "a part, and later the rest, in cash"
    REJECTED = "a part of it, which is rejected"
    WAITING = "a part of it, on which nobody decides"


STORIES = {
    Story.CASH: 62,
    Story.CASH_LATER: 4,
    Story.PHONE: 4,
    Story.AIRTEL: 2,
    Story.CARD: 2,
    Story.BANK: 4,
    Story.SPLIT: 2,
    Story.CASH_AND_CARD: 1,
    Story.DEBT: 3,
    Story.PART: 2,
    Story.UNPAID: 2,
    Story.OPEN: 1,
    Story.CANCELLED: 3,
    Story.CANCELLED_NEXT_DAY: 2,
    Story.DEPOSIT_BACK: 1,
    Story.DEPOSIT_AND_PAID: 1,
    Story.FREE: 1,
    Story.DECLINED: 1,
    Story.BY_HAND: 1,
    Story.LATE_MONEY: 1,
}
THROUGH_GATEWAYS = frozenset(
    {
        Story.PHONE,
        Story.AIRTEL,
        Story.CARD,
        Story.CASH_AND_CARD,
        Story.DECLINED,
        Story.BY_HAND,
        Story.LATE_MONEY,
    }
)
REFUNDS = {
    Back.NOTHING: 130,
    Back.WHOLE: 3,
    Back.PART: 3,
    Back.WHOLE_IN_CASH: 2,
    Back.PART_IN_CASH: 2,
    Back.IN_PARTS: 1,
    Back.REJECTED: 1,
    Back.WAITING: 1,
}


@dataclass(frozen=True)
class Item:
    """`percent` is the line's discount."""

    sku: str
    quantity: Decimal
    percent: Decimal


@dataclass(frozen=True)
class Visit:
    """One customer. What else chance decides about them comes from `dice`."""

    number: int
    when: datetime
    seller: str
    items: tuple[Item, ...]
    percent: Decimal
    story: Story
    back: Back
    sent_twice: bool

    @property
    def dice(self) -> Random:
        return Random(self.number)


def visits(
    baskets: Sequence[Basket], days: Span, zone: ZoneInfo, *, gateways: bool, also: Sequence[datetime] = ()
) -> list[Visit]:
    """One for each basket, spread over the days; the first and last moment of each day, and `also`, are among them."""
    random = Random(len(baskets))
    stories = {story: n for story, n in STORIES.items() if gateways or story not in THROUGH_GATEWAYS}
    told, refunds = _dealt(stories, random), _dealt(REFUNDS, random)
    moments = sorted([*_moments(len(baskets) - len(also), days, zone, random), *also])
    return [
        _visit(number, when, basket, next(told), next(refunds), random)
        for number, (when, basket) in enumerate(zip(moments, baskets, strict=True))
    ]


def _visit(number: int, when: datetime, basket: Basket, story: Story, back: Back, random: Random) -> Visit:
    seller = "amina" if story is Story.FREE else one_of(SELLERS, random)
    skus = [*basket, basket[0]] if one_of(SCANNED_TWICE, random) else basket
    percents = ADMIN_PERCENTS if seller == "amina" else SALE_PERCENTS
    return Visit(
        number=number,
        when=when,
        seller=seller,
        items=tuple(
            Item(sku, Decimal(one_of(QUANTITIES, random)), Decimal(one_of(LINE_PERCENTS, random)))
            for sku in skus
        ),
        percent=Decimal(one_of(percents, random)),
        story=story,
        back=back,
        sent_twice=one_of(SENT_TWICE, random),
    )


def _moments(count: int, days: Span, zone: ZoneInfo, random: Random) -> Iterator[datetime]:
    """As many each day, by elapsed time: a day of the time change has an hour more or less of them."""
    all_days = list(days)
    for number, day in enumerate(all_days):
        begins, ends = day_start(day, zone), day_start(day + timedelta(days=1), zone)
        share = count * (number + 1) // len(all_days) - count * number // len(all_days)
        yield begins
        yield ends - LAST_MOMENT
        for _ in range(share - 2):
            yield begins + (ends - begins) * random.random()


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day; where the clock skips midnight, the moment at which it does."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(ZoneInfo("UTC"))


def _dealt(weights: dict[T, int], random: Random) -> Iterator[T]:
    """A shuffled deck, over and over, so that even a short time has some of everything."""
    deck = [card for card, count in weights.items() for _ in range(count)]
    random.shuffle(deck)
    return cycle(deck)


def one_of(weights: dict[T, int], random: Random) -> T:
    return random.choices(list(weights), list(weights.values()))[0]
