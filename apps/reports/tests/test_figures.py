"""Every figure of sales and profit, worked out by hand, wherever those of closed days come from."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.reports.tests.expected import NOTHING, Story, bank, cash, hours, ids, read, totals
from tests.ledger import assert_ledgers_agree

pytestmark = pytest.mark.django_db
Way = Callable[[], str]
DAYS = "start_date=2026-03-02&end_date=2026-03-10"


def test_the_sales_report(people: dict[str, APIClient], story: Story, way: Way) -> None:
    way()
    report = read(people["amina"], f"sales/?{DAYS}")
    number = ids()
    assert report == {
        "start": "2026-03-02",
        "end": "2026-03-10",
        "currency": "KES",
        **totals(6, "1172.80", "109.79", "88.00", "301.90", "870.90", "195.47"),
        "payment_methods": [cash("1072.80", 5, 2, "201.90"), bank("100.00", 1, 1, "100.00")],
        "sales_by_cashier": [
            {
                "cashier": number["otieno"],
                "cashier_name": "Otieno Till",
                **totals(3, "868.90", "101.79", "28.00", "58.00", "810.90", "289.63"),
            },
            {
                "cashier": number["wanjiru"],
                "cashier_name": "wanjiru",
                **totals(2, "303.90", "8.00", "0.00", "243.90", "60.00", "151.95"),
            },
            {
                "cashier": number["amina"],
                "cashier_name": "Amina Admin",
                **totals(1, "0.00", "0.00", "60.00", "0.00", "0.00", "0.00"),
            },
        ],
        "top_products": [
            {
                "product": number[name],
                "product_name": name,
                "quantity_sold": quantity,
                "total_revenue": revenue,
            }
            for name, quantity, revenue in (
                ("Milk", 6, "675.43"),
                ("Rice", 1.51, "266.77"),
                ("Gas", 1, "108.00"),
                ("Soap", 1, "62.60"),
                ("Bread", 2, "60.00"),
            )
        ],
        "top_categories": [
            {"category_name": name, "quantity_sold": quantity, "total_revenue": revenue}
            for name, quantity, revenue in (
                ("Dairy", 6, "675.43"),
                ("Dry goods", 1.51, "266.77"),
                ("Uncategorised", 2, "170.60"),
                ("Bakery", 2, "60.00"),
            )
        ],
        "hourly_sales": hours({0: (1, 60), 9: (2, 752.9), 10: (1, 116), 17: (1, 243.9), 23: (1, 0)}),
        "chart_data": [
            {"date": f"2026-03-{day:02}", "sales": sales}
            for day, sales in zip(range(2, 11), (475.9, 520.9, 0, 0, 60, 0, 0, 0, 116), strict=True)
        ],
    }
    assert_ledgers_agree()


def test_the_sales_of_single_days(people: dict[str, APIClient], story: Story, way: Way) -> None:
    """A sale that was paid after midnight counts then; a refund on its own day; a day without anything is there."""
    way()
    amina = people["amina"]

    def day(date: str) -> dict[str, Any]:
        return read(amina, f"sales/?start_date=2026-03-{date}&end_date=2026-03-{date}")

    quiet = day("04")
    assert {name: quiet[name] for name in NOTHING} == NOTHING
    assert quiet["chart_data"] == [{"hour": hour, "sales": 0} for hour in range(24)]
    assert [quiet[name] for name in ("payment_methods", "sales_by_cashier", "top_products")] == [[], [], []]
    free = day("05")
    assert {name: free[name] for name in NOTHING} == totals(
        1, "0.00", "0.00", "60.00", "0.00", "0.00", "0.00"
    )
    assert (free["payment_methods"], free["hourly_sales"][23]["sales_count"]) == ([], 1)
    after = day("06")
    assert {name: after[name] for name in NOTHING} == totals(
        1, "60.00", "0.00", "0.00", "243.90", "-183.90", "60.00"
    )
    assert after["chart_data"][0] == {"hour": 0, "sales": 60}
    assert after["payment_methods"] == [cash("60.00", 1, 1, "143.90"), bank("0.00", 0, 1, "100.00")]
    today = read(amina, "sales/")
    assert (today["start"], today["end"], today["total_revenue"]) == ("2026-03-10", "2026-03-10", "116.00")
    week = read(amina, "sales/?period=week")
    assert (week["start"], week["end"], week["total_revenue"]) == ("2026-03-04", "2026-03-10", "176.00")
    month, year = read(amina, "sales/?period=month"), read(amina, "sales/?period=year")
    assert (month["start"], month["total_revenue"]) == ("2026-02-09", "1172.80")
    assert (year["start"], year["total_revenue"], len(year["chart_data"])) == ("2025-03-11", "1172.80", 365)


def test_the_profit_report(people: dict[str, APIClient], story: Story, way: Way) -> None:
    way()
    report = read(people["amina"], f"profit/?{DAYS}")
    number = ids()
    products = (
        ("Milk", 6, "582.27", "480.00", "102.27", "17.56"),
        ("Rice", 1.51, "266.77", "181.20", "85.57", "32.08"),
        ("Gas", 1, "100.00", "70.10", "29.90", "29.90"),
        ("Soap", 1, "53.97", "40.00", "13.97", "25.88"),
        ("Bread", 2, "60.00", "83.00", "-23.00", "-38.33"),
    )
    categories = (
        ("Dairy", "582.27", "480.00", "102.27", "17.56"),
        ("Dry goods", "266.77", "181.20", "85.57", "32.08"),
        ("Uncategorised", "153.97", "110.10", "43.87", "28.49"),
        ("Bakery", "60.00", "83.00", "-23.00", "-38.33"),
    )
    days = {
        "02": (435.9, 320.7, 115.2),
        "03": (467.11, 370.6, 96.51),
        "05": (0, 41.5, -41.5),
        "06": (60, 41.5, 18.5),
        "10": (100, 80, 20),
    }
    figures = ("revenue", "cost", "profit", "margin")
    assert report == {
        "start": "2026-03-02",
        "end": "2026-03-10",
        "currency": "KES",
        "total_revenue": "1063.01",
        "total_cost": "854.30",
        "total_tax": "109.79",
        "total_discount": "88.00",
        "gross_profit": "208.71",
        "profit_margin": "19.63",
        "total_refunds": "285.90",
        "net_profit": "-77.19",
        "product_profit": [
            {
                "product": number[name],
                "product_name": name,
                "quantity_sold": quantity,
                **dict(zip(figures, rest, strict=True)),
            }
            for name, quantity, *rest in products
        ],
        "category_profit": [
            {"category_name": name, **dict(zip(figures, rest, strict=True))} for name, *rest in categories
        ],
        "chart_data": [
            {"date": f"2026-03-{day}", **dict(zip(figures, days.get(day, (0, 0, 0)), strict=False))}
            for day in ("02", "03", "04", "05", "06", "07", "08", "09", "10")
        ],
    }
    nothing = read(people["amina"], "profit/?start_date=2026-03-04&end_date=2026-03-04")
    assert (nothing["gross_profit"], nothing["profit_margin"], nothing["category_profit"]) == (
        "0.00",
        "0.00",
        [],
    )
