"""Closed days are rolled up once, follow what is booked late, and lies in them are found."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.core.models import LateBooking
from apps.reports.models import (
    CashierDay,
    CategoryDay,
    HourDay,
    MethodDay,
    ProductSpan,
    RolledSpan,
    TaxRateDay,
)
from apps.reports.services import differences, roll_up
from apps.reports.tests.till import Clock, Till

pytestmark = pytest.mark.django_db
Story = dict[str, Any]
People = dict[str, APIClient]
DAYS = "start_date=2026-03-02&end_date=2026-03-10"
ADDRESSES = (
    f"sales/?{DAYS}",
    "sales/?start_date=2026-03-05&end_date=2026-03-05",
    "sales/?period=year",
    f"profit/?{DAYS}",
    "profit/?period=year",
    *(f"day-end/?date=2026-03-0{day}" for day in range(2, 8)),
    "dashboard/",
)


def answers(client: APIClient) -> dict[str, Any]:
    found = {address: client.get(f"/api/reports/{address}") for address in ADDRESSES}
    assert {answer.status_code for answer in found.values()} == {200}
    return {address: answer.json() for address, answer in found.items()}


def from_the_ledgers(client: APIClient) -> dict[str, Any]:
    """As if nothing had ever been rolled up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("apps.reports.views.reading.roll_up_soon", lambda *_: None)
        patch.setattr(
            "apps.reports.selectors.sums.RolledSpan.objects.filter", lambda **_: RolledSpan.objects.none()
        )
        return answers(client)


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def rolled(span: str = "day") -> list[date]:
    return sorted(RolledSpan.objects.filter(span=span).values_list("start", flat=True))


def test_the_figures_are_the_same_before_and_after(people: People, story: Story, clock: Clock) -> None:
    before = from_the_ledgers(people["amina"])
    assert rolled() == []
    # From the beginning of the first quarter to yesterday.
    assert roll_up(clock()) == 68
    assert rolled() == days(date(2026, 1, 1), date(2026, 3, 9))
    assert answers(people["amina"]) == before
    assert roll_up(clock()) == 0
    assert list(differences()) == []


def test_a_closed_quarter_is_read_as_one(people: People, story: Story, clock: Clock) -> None:
    clock.set("2026-04-02 12:00")
    before = from_the_ledgers(people["amina"])
    assert roll_up(clock()) == 91
    assert rolled("month") == [date(2026, month, 1) for month in (1, 2, 3)]
    assert rolled("quarter") == [date(2026, 1, 1)]
    assert answers(people["amina"]) == before
    milk = ProductSpan.objects.get(span="quarter", product__name="Milk")
    assert (milk.quantity, milk.revenue, milk.tax, milk.discount, milk.cost) == tuple(
        map(Decimal, ("6.000", "675.43", "93.16", "20.57", "480.00"))
    )
    # Not by adding up its days.
    ProductSpan.objects.filter(span="quarter", product__name="Milk").update(revenue="1.00")
    year = people["amina"].get("/api/reports/sales/?period=year").json()
    assert {row["product_name"]: row["total_revenue"] for row in year["top_products"]}["Milk"] == "1.00"


def test_a_report_rolls_up_what_it_needs(people: People, story: Story) -> None:
    people["amina"].get("/api/reports/day-end/?date=2026-03-03")
    assert rolled() == [date(2026, 3, 3)]
    people["amina"].get("/api/reports/sales/?start_date=2026-03-05&end_date=2026-03-10")
    assert rolled() == [date(2026, 3, day) for day in (3, 5, 6, 7, 8, 9)]
    people["otieno"].get("/api/reports/dashboard/")
    assert rolled() == days(date(2026, 2, 9), date(2026, 3, 9))


def test_the_day_that_has_just_ended_is_still_read_live(people: People, story: Story, clock: Clock) -> None:
    """A sale that is under way at midnight may commit some minutes later."""
    clock.set("2026-03-11 00:09")
    assert roll_up(clock()) == 68
    clock.set("2026-03-11 00:10")
    assert roll_up(clock()) == 1


def test_a_sale_that_is_booked_late_is_in_its_day(people: People, story: Story, till: Till) -> None:
    roll_up(till.clock())
    before = answers(people["amina"])
    assert not LateBooking.objects.exists()
    # A till that was cut off hands in what it sold four days ago.
    till.sell(people["otieno"], "2026-03-06 15:30", {"milk": 1, "gas": 2}, amount_paid="332.00")
    till.clock.set("2026-03-10 20:00")
    assert LateBooking.objects.exists()
    after = answers(people["amina"])
    assert not LateBooking.objects.exists()
    assert after == from_the_ledgers(people["amina"])
    assert list(differences()) == []
    assert rolled() == days(date(2026, 1, 1), date(2026, 3, 9))
    day = after["day-end/?date=2026-03-06"]
    assert (day["total_transactions"], day["total_revenue"], day["total_tax"]) == (2, "392.00", "32.00")
    assert before["day-end/?date=2026-03-06"]["total_revenue"] == "60.00"
    assert Decimal(after[f"sales/?{DAYS}"]["total_revenue"]) == Decimal("1172.80") + 332
    others = [f"day-end/?date=2026-03-0{number}" for number in (2, 3, 4, 5, 7)]
    assert [after[address] for address in others] == [before[address] for address in others]


def test_what_was_booked_late_is_seen_before_the_day_is_rolled_up_again(
    people: People, story: Story, till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    roll_up(till.clock())
    payment = story["first"]["payments"][0]["id"]
    till.refund(people["otieno"], "2026-03-07 10:00", payment, "116.00")
    till.clock.set("2026-03-10 20:00")
    monkeypatch.setattr("apps.reports.views.reading.roll_up_soon", lambda *_: None)
    day = people["amina"].get("/api/reports/day-end/?date=2026-03-07").json()
    assert day["refunds"] == {"count": 1, "total": "116.00", "tax": "16.00"}
    assert LateBooking.objects.exists()
    assert answers(people["amina"]) == from_the_ledgers(people["amina"])


def test_longer_spans_follow_what_was_booked_late(people: People, story: Story, till: Till) -> None:
    till.clock.set("2026-04-02 12:00")
    roll_up(till.clock())
    till.sell(people["otieno"], "2026-03-31 12:00", {"soap": 2}, amount_paid="130.00")
    till.clock.set("2026-04-02 12:00")
    year = people["amina"].get("/api/reports/sales/?period=year").json()
    assert {row["product_name"]: row["total_revenue"] for row in year["top_products"]}["Soap"] == "192.60"
    assert rolled("month") == [date(2026, month, 1) for month in (1, 2, 3)]
    assert list(differences()) == []


def test_another_time_zone(people: People, story: Story, till: Till, settings: Any) -> None:
    """The sale of 6 March, ten minutes after midnight in Nairobi, is one of the 5th in New York."""
    roll_up(till.clock())
    settings.TIME_ZONE = "America/New_York"
    live = from_the_ledgers(people["amina"])
    assert answers(people["amina"]) == live
    assert live["day-end/?date=2026-03-05"]["total_revenue"] == "60.00"
    assert live["day-end/?date=2026-03-06"]["total_revenue"] == "0.00"
    assert set(RolledSpan.objects.values_list("time_zone", flat=True)) == {"America/New_York"}
    assert list(differences()) == []
    settings.TIME_ZONE = "Africa/Nairobi"
    assert answers(people["amina"])["day-end/?date=2026-03-06"]["total_revenue"] == "60.00"


LIES: dict[str, Callable[[], Any]] = {
    "reports_cashierday": lambda: CashierDay.objects.filter(revenue="520.90").update(revenue="520.91"),
    "reports_methodday": lambda: MethodDay.objects.filter(method="bank", start="2026-03-02").delete(),
    "reports_hourday": lambda: HourDay.objects.create(start="2026-03-04", hour=3, sales=1, revenue="1.00"),
    "reports_taxrateday": lambda: TaxRateDay.objects.filter(rate="8.00").update(tax="8.01"),
    "reports_categoryday": lambda: CategoryDay.objects.filter(category_name="Bakery").update(cost="0.00"),
    "reports_productspan": lambda: ProductSpan.objects.filter(span="day", quantity="3.000").update(
        quantity="3.001"
    ),
}


@pytest.mark.parametrize("table", LIES)
def test_lies_are_found(story: Story, clock: Clock, table: str) -> None:
    roll_up(clock())
    LIES[table]()
    found = list(differences())
    assert found
    assert {difference.table for difference in found} == {table}
    assert roll_up(clock()) == 0


def test_what_a_lie_looks_like(story: Story, clock: Clock) -> None:
    clock.set("2026-04-02 12:00")
    roll_up(clock())
    ProductSpan.objects.filter(span="month", product__name="Gas").update(revenue="1.00")
    (lie,) = differences()
    gas = ProductSpan.objects.get(span="month", product__name="Gas").product_id
    assert (lie.table, lie.span, lie.start, lie.key) == (
        "reports_productspan",
        "month",
        date(2026, 3, 1),
        gas,
    )
    assert lie.stored is not None
    assert lie.derived is not None
    assert (lie.stored["revenue"], lie.derived["revenue"]) == (Decimal("1.00"), Decimal("108.00"))


def counted(client: APIClient, address: str) -> int:
    with CaptureQueriesContext(connection) as seen:
        assert client.get(f"/api/reports/{address}").status_code == 200
    return len(seen)


NAMES = ("sales", "profit", "inventory", "dashboard", "day-end")
PERIODS = ("today", "week", "month", "year")


def all_counted(client: APIClient) -> dict[str, dict[str, int]]:
    return {
        f"{name}{kind}": {
            period: counted(client, f"{name}/?period={period}{kind}")
            for period in PERIODS
            if period == "today" or name in ("sales", "profit")
        }
        for name in NAMES
        for kind in ("", "&export=csv")
    }


def test_statements_do_not_depend_on_the_data(people: People, till: Till) -> None:
    """As many for two sales as for fifty, and for a year as for a week, once closed days are rolled up."""
    till.sell(people["otieno"], "2026-02-02 09:00", {"milk": 1}, amount_paid="116.00")
    till.sell(people["otieno"], "2026-03-10 09:00", {"milk": 1}, amount_paid="116.00")
    till.clock.set("2026-03-10 20:00")
    roll_up(till.clock())
    few = all_counted(people["amina"])
    for number in range(50):
        moment = till.clock.set("2026-02-03 08:00") + timedelta(hours=17 * number)
        lines = dict.fromkeys(list(till.goods)[: number % 5 + 1], 0.1)
        who = people[("otieno", "wanjiru", "amina")[number % 3]]
        till.sell(who, moment.strftime("%Y-%m-%d %H:%M"), lines, amount_paid="500.00")
    till.clock.set("2026-03-10 20:00")
    roll_up(till.clock())
    assert all_counted(people["amina"]) == few
    for statements in few.values():
        # A single day has no chart of days. Where days before the first sale are asked for, that is looked up.
        assert max(statements.values()) <= statements["today"] + 2
        assert max(statements.values()) <= 25
