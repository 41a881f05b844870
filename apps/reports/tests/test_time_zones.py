"""Days of 23, 24.5 and 25 hours: each sale counts once, on the day and in the hour that the shop's clock showed."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rest_framework.test import APIClient

from apps.reports.services import differences
from apps.reports.tests.till import Clock, Till
from tests.ledger import assert_ledgers_agree

pytestmark = pytest.mark.django_db
Way = Callable[[], str]
People = dict[str, APIClient]
# Zone, the day on which the clocks are changed, and how long it is. In Cairo and Havana they are changed at midnight.
CHANGES = (
    ("America/New_York", date(2026, 3, 8), 23),
    ("America/New_York", date(2025, 11, 2), 25),
    ("Europe/London", date(2026, 3, 29), 23),
    ("Europe/London", date(2025, 10, 26), 25),
    ("Australia/Lord_Howe", date(2025, 10, 5), 23.5),
    ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
    ("Africa/Cairo", date(2026, 4, 24), 23),
    ("Africa/Cairo", date(2025, 10, 30), 25),
    ("America/Havana", date(2026, 3, 8), 23),
    ("America/Havana", date(2025, 11, 2), 25),
    ("Africa/Nairobi", date(2026, 3, 8), 24),
)
STEP = timedelta(minutes=50)


@pytest.fixture(params=CHANGES, ids=lambda change: f"{change[0]} {change[1]}")
def day(request: pytest.FixtureRequest, settings: Any) -> date:
    zone, day, hours = request.param
    settings.TIME_ZONE = zone
    begins, ends = (moment_of(day + timedelta(days=number)) for number in (0, 1))
    assert (ends - begins) == timedelta(hours=hours)
    return day


def moment_of(day: date) -> datetime:
    """The first moment of a day, found by looking at the clock every half hour."""
    from django.conf import settings

    zone = ZoneInfo(settings.TIME_ZONE)
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=14)
    while moment.astimezone(zone).date() < day:
        moment += timedelta(minutes=30)
    return moment


def sell_round_the_clock(till: Till, who: APIClient, day: date) -> list[tuple[datetime, Decimal]]:
    """A sale at either end of the day and every 50 minutes between, each of another amount."""
    begins, ends = moment_of(day), moment_of(day + timedelta(days=1))
    second = timedelta(seconds=1)
    moments = {begins - second, begins, ends - second, ends}
    moments |= {begins + number * STEP for number in range(int((ends - begins) / STEP) + 1)}
    sold = []
    for number, moment in enumerate(sorted(moments), 1):
        till.clock.moment = moment
        body = {
            "items": [{"product": till.goods["rice"].pk, "quantity": number / 1000}],
            "amount_paid": "500.00",
        }
        sale = who.post("/api/sales/sales/", body)
        assert sale.status_code == 201, sale.content
        sold.append((moment, Decimal(sale.json()["total"])))
    return sold


def test_days_and_hours(till: Till, people: People, day: date, way: Way, clock: Clock, settings: Any) -> None:
    zone = ZoneInfo(settings.TIME_ZONE)
    sold = sell_round_the_clock(till, people["otieno"], day)
    days: Counter[str] = Counter()
    hours: Counter[int] = Counter()
    for moment, total in sold:
        shown = moment.astimezone(zone)
        days[shown.date().isoformat()] += total  # type: ignore[assignment]
        if shown.date() == day:
            hours[shown.hour] += total  # type: ignore[assignment]
    clock.moment = moment_of(day + timedelta(days=3))
    way()
    first, last = day - timedelta(days=1), day + timedelta(days=1)

    amina = people["amina"]
    around = amina.get(f"/api/reports/sales/?start_date={first}&end_date={last}").json()
    assert {point["date"]: Decimal(str(point["sales"])) for point in around["chart_data"]} == days
    assert around["total_transactions"] == len(sold)
    assert Decimal(around["total_revenue"]) == sum(total for _, total in sold)

    one = amina.get(f"/api/reports/sales/?start_date={day}&end_date={day}").json()
    assert [row["hour"] for row in one["hourly_sales"]] == list(range(24))
    assert {
        row["hour"]: Decimal(str(row["revenue"])) for row in one["hourly_sales"] if row["sales_count"]
    } == hours
    assert sum(row["sales_count"] for row in one["hourly_sales"]) == one["total_transactions"]
    assert Decimal(one["total_revenue"]) == days[day.isoformat()]
    closed = amina.get(f"/api/reports/day-end/?date={day}").json()
    assert (closed["total_revenue"], closed["is_closed"]) == (one["total_revenue"], True)
    assert Decimal(closed["cash_drawer"]["received"]) == days[day.isoformat()]
    assert list(differences()) == []
    assert_ledgers_agree()


def test_the_hour_that_comes_twice(till: Till, people: People, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/London"
    for fold in (0, 1):
        till.clock.set("2025-10-26 01:30", fold=fold)
        body = {"items": [{"product": till.goods["milk"].pk, "quantity": 1}], "amount_paid": "116.00"}
        sale = people["otieno"].post("/api/sales/sales/", body).json()
        assert sale["completed_at"] == f"2025-10-26T01:30:00+0{1 - fold}:00"
    till.clock.set("2025-10-27 12:00")
    day = people["amina"].get("/api/reports/sales/?start_date=2025-10-26&end_date=2025-10-26").json()
    assert day["hourly_sales"][1] == {"hour": 1, "sales_count": 2, "revenue": 232}


def test_today_is_the_shops_day(till: Till, people: People, settings: Any) -> None:
    """At half past one in the morning in Nairobi it is still yesterday in UTC, and noon of yesterday in Honolulu."""
    till.clock.moment = datetime(2026, 3, 9, 22, 30, tzinfo=UTC)
    body = {"items": [{"product": till.goods["milk"].pk, "quantity": 1}], "amount_paid": "116.00"}
    assert people["otieno"].post("/api/sales/sales/", body).status_code == 201
    for zone, today in (("Africa/Nairobi", "2026-03-10"), ("Pacific/Honolulu", "2026-03-09")):
        settings.TIME_ZONE = zone
        report = people["amina"].get("/api/reports/sales/?period=today").json()
        assert (report["start"], report["total_revenue"]) == (today, "116.00")
        day_end = people["amina"].get("/api/reports/day-end/").json()
        assert (day_end["date"], day_end["total_revenue"], day_end["is_closed"]) == (today, "116.00", False)
        board = people["otieno"].get("/api/reports/dashboard/").json()
        assert board["sales_chart"][-1] == {"date": today, "sales": 116}
