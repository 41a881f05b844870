"""A month of real receipts through the API: every figure of every report, to the cent, against independent books."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from apps.reports.services import differences, roll_up
from payments.simulator import Simulator
from tests.journeys.month.books import Wanted
from tests.journeys.month.comparing import Asked, Question, questions
from tests.journeys.month.days import Span
from tests.journeys.month.goods import baskets
from tests.journeys.month.living import lived, opened
from tests.journeys.month.shop import Shop
from tests.journeys.month.shown import article_shown, line_shown, payment_shown, sale_shown
from tests.journeys.month.visits import LAST_MOMENT, Story, day_start, visits
from tests.journeys.month.wire import Clock
from tests.ledger import assert_ledgers_agree

WHOLE = os.environ.get("POS_FULL_MONTH") == "1"
EVERY = 1 if WHOLE else 22
NAIROBI = ZoneInfo("Africa/Nairobi")
# Thirty days, to the end of a calendar month.
MONTH = Span(date(2025, 1, 30), date(2025, 2, 28))
ON_NEED = "apps.reports.views.reading.roll_up_soon"
JANUARY = Span(date(2025, 1, 1), date(2025, 1, 31))
FEBRUARY = Span(date(2025, 2, 1), MONTH.last)
QUARTER = Span(JANUARY.first, date(2025, 3, 31))
OF_THE_MONTH = Asked(
    periods=("today", "week", "month", "year"),
    spans=(
        JANUARY,
        FEBRUARY,
        Span(JANUARY.first, MONTH.last),
        Span(date(2025, 1, 31), date(2025, 2, 17)),
        Span(date(2025, 2, 10), date(2025, 2, 20)),
        Span(MONTH.first, MONTH.first),
        Span(date(2025, 1, 3), date(2025, 1, 9)),
    ),
    days=(MONTH.first, date(2025, 2, 9), date(2025, 2, 26), date(2025, 2, 27), MONTH.last),
    file=Span(date(2025, 1, 31), FEBRUARY.last),
    gateways=(Span(date(2025, 2, 2), MONTH.last),),
)


@dataclass(frozen=True)
class Changing:
    """The day of a change of the clock, days around it, and moments at it by UTC."""

    zone: str
    day: date
    days: Span
    moments: tuple[str, ...]
    prices_include_tax: bool = True


CHANGES = {
    "an hour less": Changing(
        "Europe/London",
        date(2025, 3, 30),
        Span(date(2025, 3, 27), date(2025, 3, 31)),
        ("2025-03-30T00:59:59.999999", "2025-03-30T01:00:00", "2025-03-30T22:59:59.999999", "2025-03-30T23:00:00"),
        prices_include_tax=False,
    ),
    "an hour more": Changing(
        "Europe/London",
        date(2025, 10, 26),
        Span(date(2025, 10, 24), date(2025, 10, 28)),
        ("2025-10-26T00:30:00", "2025-10-26T00:59:59.999999", "2025-10-26T01:30:00", "2025-10-26T23:30:00"),
    ),
    "no midnight": Changing(
        "America/Havana",
        date(2025, 3, 9),
        Span(date(2025, 3, 7), date(2025, 3, 10)),
        ("2025-03-09T04:59:59.999999", "2025-03-09T05:00:00"),
    ),
    "midnight twice": Changing(
        "America/Havana",
        date(2024, 11, 3),
        Span(date(2024, 11, 1), date(2024, 11, 4)),
        ("2024-11-03T03:59:59.999999", "2024-11-03T04:30:00", "2024-11-03T05:00:00", "2024-11-03T05:30:00"),
        prices_include_tax=False,
    ),
}  # fmt: skip


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("django.utils.timezone.now", clock)
    return clock


def agree(shop: Shop, asking: Sequence[Question]) -> None:
    """Every figure of every report is the one in the books."""
    found = [difference for question in asking for difference in question.differences(shop)]
    assert not found, "\n".join(map(str, found[:40]))


def lists_agree(shop: Shop) -> None:
    """Every sale with its lines, every payment and every product is as it stands in the books."""
    books, wire = shop.books, shop.wire
    sales = [{**sale_shown(sale), "items": [line_shown(line) for line in sale.lines]} for sale in books.sales]
    for path, expected in (
        ("sales/sales/", sales),
        ("payments/payments/", [payment_shown(payment) for payment in books.payments]),
        ("products/", [article_shown(article) for article in books.articles.values()]),
    ):
        shown = {row["id"]: row for row in wire.pages("amina", path)}
        assert shown.keys() == {row["id"] for row in expected}
        for row in expected:
            assert like(row, shown[row["id"]]) == row


def like(expected: Any, shown: Any) -> Any:
    """Of what is shown, that of which something is expected."""
    if isinstance(expected, dict):
        return {name: like(value, shown[name]) for name, value in expected.items()}
    if isinstance(expected, list) and len(expected) == len(shown):
        return [like(*pair) for pair in zip(expected, shown, strict=True)]
    return shown


def reports_agree(shop: Shop, zone: ZoneInfo, asked: Asked) -> None:
    """Live, rolled up, when the last day has closed, and after something was booked into days that were closed."""
    last = shop.clock.now
    asking = questions(shop, zone, asked)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ON_NEED, lambda *_: None)
        agree(shop, asking)
        assert roll_up(shop.clock.now) > 0
        agree(shop, asking)
    shop.clock.now += timedelta(minutes=20)
    agree(shop, questions(shop, zone, asked))
    roll_up(shop.clock.now)
    book_late(shop, last)
    asking = questions(shop, zone, asked)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ON_NEED, lambda *_: None)
        agree(shop, asking)
    agree(shop, asking)
    roll_up(shop.clock.now)
    assert list(differences()) == []
    assert_ledgers_agree()


def book_late(shop: Shop, last: datetime) -> None:
    """By a till whose clock was wrong, or by what hung: into a day of before, and into the last moment of all."""
    now, shop.clock.now = shop.clock.now, last - timedelta(days=2, hours=7)
    sku = next(
        sku
        for sku, article in shop.books.articles.items()
        if article.active and article.stock > article.threshold + 5
    )
    shop.cancel(shop.sell("wanjiru", [Wanted(sku, Decimal(2))]), "amina")
    paid = next(
        payment
        for payment in shop.books.payments
        if payment.sale.completed and not payment.reserved and payment.amount > 2
    )
    shop.approve(shop.ask_back(paid, Decimal("1.50"), in_cash=True))
    # Receipts follow the order of completion.
    shop.clock.now = last
    shop.sell("otieno", [Wanted(sku, Decimal("1.25"))], tendered=Decimal(5000))
    shop.clock.now = now


def test_a_month(simulator: Simulator, settings: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    # M-Pesa compares our clock with its own, which is the computer's.
    monkeypatch.setattr("payments.simulator.daraja_fields.CLOCK_DIFFERENCE", timedelta.max)
    shop = opened(clock, settings, MONTH, NAIROBI)
    planned = visits(baskets(EVERY), MONTH, NAIROBI, gateways=True)
    nights = [number for number, visit in enumerate(planned) if is_last_moment(visit.when)][1::9]
    for number in nights:  # asked to pay before midnight, paid after it
        planned[number] = replace(planned[number], story=Story.PHONE)
    lived(shop, planned, MONTH, NAIROBI, simulator)
    lists_agree(shop)
    reports_agree(shop, NAIROBI, OF_THE_MONTH)
    shop.clock.now = day_start(QUARTER.last + timedelta(days=1), NAIROBI) + timedelta(hours=1)
    assert roll_up(shop.clock.now) > 0
    agree(shop, questions(shop, NAIROBI, Asked(("year",), [QUARTER, FEBRUARY], [MONTH.last], QUARTER)))


def is_last_moment(when: datetime) -> bool:
    return (when + LAST_MOMENT).astimezone(NAIROBI).time() == time.min


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_days_of_another_length(
    transactional_db: None, settings: Any, clock: Clock, change: Changing
) -> None:
    settings.PRICES_INCLUDE_TAX = change.prices_include_tax
    zone, days = ZoneInfo(change.zone), change.days
    shop = opened(clock, settings, days, zone)
    also = [datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in change.moments]
    planned = visits(baskets(350), days, zone, gateways=False, also=also)
    lived(shop, planned, days, zone, None)
    lists_agree(shop)
    asked = Asked(("week",), [Span(change.day, change.day)], [change.day], days)
    reports_agree(shop, zone, asked)
