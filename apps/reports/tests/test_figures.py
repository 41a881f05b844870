"""Every figure of the reports, worked out by hand, wherever those of closed days come from."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.products.models import Product
from apps.reports.tests.till import Till
from apps.users.models import User
from tests.ledger import assert_ledgers_agree

pytestmark = pytest.mark.django_db
Story = dict[str, Any]
Way = Callable[[], str]
DAYS = "start_date=2026-03-02&end_date=2026-03-10"
NOTHING = {
    "total_sales": "0.00",
    "total_transactions": 0,
    "total_revenue": "0.00",
    "total_tax": "0.00",
    "total_discount": "0.00",
    "total_refunds": "0.00",
    "net_revenue": "0.00",
    "average_sale": "0.00",
}


def read(client: APIClient, address: str) -> dict[str, Any]:
    answer = client.get(f"/api/reports/{address}")
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def ids() -> dict[str, int]:
    users = {user.username: user.pk for user in User.objects.all()}
    return users | {product.name: product.pk for product in Product.objects.all()}


def totals(sales: int, revenue: str, tax: str, discount: str, refunds: str, net: str, average: str) -> Story:
    return {
        "total_sales": revenue,
        "total_transactions": sales,
        "total_revenue": revenue,
        "total_tax": tax,
        "total_discount": discount,
        "total_refunds": refunds,
        "net_revenue": net,
        "average_sale": average,
    }


def cash(total: str, count: int, refunds: int = 0, total_refunds: str = "0.00") -> Story:
    return {
        "method": "cash",
        "label": "Cash",
        "total": total,
        "count": count,
        "refunds": refunds,
        "total_refunds": total_refunds,
    }


def bank(total: str, count: int, refunds: int = 0, total_refunds: str = "0.00") -> Story:
    named = {"method": "bank", "label": "Bank transfer"}
    return {**cash(total, count, refunds, total_refunds), **named}


def hours(found: dict[int, tuple[int, float]]) -> list[Story]:
    rows = [(hour, *found.get(hour, (0, 0))) for hour in range(24)]
    return [{"hour": hour, "sales_count": sales, "revenue": revenue} for hour, sales, revenue in rows]


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


def test_the_day_end(people: dict[str, APIClient], story: Story, way: Way) -> None:
    way()
    number = ids()
    report = read(people["amina"], "day-end/?date=2026-03-03")
    assert report == {
        "date": "2026-03-03",
        "start": "2026-03-03",
        "end": "2026-03-03",
        "currency": "KES",
        "is_closed": True,
        **totals(1, "520.90", "53.79", "28.00", "58.00", "462.90", "520.90"),
        "tax_rates": [
            {"rate": "16.00", "total": "390.03", "net": "336.24", "tax": "53.79"},
            {"rate": "0.00", "total": "130.87", "net": "130.87", "tax": "0.00"},
        ],
        "payment_methods": [cash("520.90", 1, 1, "58.00")],
        "refunds": {"count": 1, "total": "58.00", "tax": "8.00"},
        "cancelled_sales": {"count": 1, "total": "60.00"},
        "sales_by_cashier": [
            {
                "cashier": number["otieno"],
                "cashier_name": "Otieno Till",
                **totals(1, "520.90", "53.79", "28.00", "58.00", "462.90", "520.90"),
                "refunds": 1,
                "cancelled_sales": {"count": 0, "total": "0.00"},
            },
            {
                "cashier": number["wanjiru"],
                "cashier_name": "wanjiru",
                **NOTHING,
                "refunds": 0,
                "cancelled_sales": {"count": 1, "total": "60.00"},
            },
        ],
        "receipts": {"first": "000003", "last": "000003"},
        "cash_drawer": {"received": "520.90", "refunded": "58.00", "expected": "462.90"},
    }


def test_the_day_end_of_other_days(people: dict[str, APIClient], story: Story, way: Way) -> None:
    way()
    amina = people["amina"]
    first = read(amina, "day-end/?date=2026-03-02")
    assert first["tax_rates"] == [
        {"rate": "16.00", "total": "232.00", "net": "200.00", "tax": "32.00"},
        {"rate": "8.00", "total": "108.00", "net": "100.00", "tax": "8.00"},
        {"rate": "0.00", "total": "135.90", "net": "135.90", "tax": "0.00"},
    ]
    assert first["payment_methods"] == [cash("375.90", 2), bank("100.00", 1)]
    assert first["receipts"] == {"first": "000001", "last": "000002"}
    assert first["cash_drawer"]["expected"] == "375.90"
    refunds = read(amina, "day-end/?date=2026-03-06")
    assert refunds["refunds"] == {"count": 2, "total": "243.90", "tax": "8.00"}
    assert refunds["cash_drawer"] == {"received": "60.00", "refunded": "143.90", "expected": "-83.90"}
    today, quiet = read(amina, "day-end/"), read(amina, "day-end/?date=2026-03-09")
    assert (today["date"], today["is_closed"], today["total_revenue"]) == ("2026-03-10", False, "116.00")
    assert quiet["receipts"] == {"first": None, "last": None}
    assert (quiet["tax_rates"], quiet["is_closed"]) == ([], True)


def test_cash_for_a_sale_that_completes_on_another_day(
    till: Till, people: dict[str, APIClient], way: Way
) -> None:
    """The drawer holds it on the day on which it came, the sale counts on the day on which it completed."""
    otieno, amina = people["otieno"], people["amina"]
    sale = till.sell(otieno, "2026-03-02 20:00", {"milk": 1}, amount_paid="50.00")
    till.pay(otieno, "2026-03-03 09:00", sale, "66.00")
    till.clock.set("2026-03-10 20:00")
    way()
    days = [read(amina, f"day-end/?date=2026-03-0{day}") for day in (2, 3)]
    assert [day["total_revenue"] for day in days] == ["0.00", "116.00"]
    assert [day["cash_drawer"]["expected"] for day in days] == ["50.00", "66.00"]
    assert [day["payment_methods"] for day in days] == [[], [cash("116.00", 2)]]


def test_the_dashboard(people: dict[str, APIClient], story: Story, way: Way) -> None:
    way()
    number = ids()
    report = read(people["amina"], "dashboard/")
    recent = report.pop("recent_sales")
    assert report == {
        "today_sales": "116.00",
        "today_transactions": 1,
        "month_revenue": "1172.80",
        "total_products": 5,
        "low_stock": 0,
        "pending_payments": 1,
        "sales_chart": [
            {"date": f"2026-03-{day}", "sales": sales}
            for day, sales in (("04", 0), ("05", 0), ("06", 60), ("07", 0), ("08", 0), ("09", 0), ("10", 116))
        ],
        "top_products": [
            {"product": number[name], "name": name, "sales": sales}
            for name, sales in (
                ("Milk", 675.43),
                ("Rice", 266.77),
                ("Gas", 108),
                ("Soap", 62.6),
                ("Bread", 60),
            )
        ],
    }
    assert [sale["status"] for sale in recent] == [
        "pending",
        *["completed"] * 3,
        "cancelled",
        *["completed"] * 3,
    ]
    assert recent[0] == {
        "id": story["waiting"]["id"],
        "sale_number": story["waiting"]["sale_number"],
        "receipt_number": None,
        "cashier_name": "wanjiru",
        "total": "65.00",
        "status": "pending",
        "payment_status": "unpaid",
        "payment_method": "N/A",
        "created_at": "2026-03-10T12:00:00+03:00",
    }


def test_a_cashier_sees_their_own_day(people: dict[str, APIClient], story: Story, way: Way) -> None:
    way()
    number = ids()
    own = read(people["otieno"], "dashboard/")
    assert (own["today_sales"], own["today_transactions"], own["month_revenue"]) == ("116.00", 1, "868.90")
    assert own["pending_payments"] == 0
    assert {sale["cashier_name"] for sale in own["recent_sales"]} == {"Otieno Till"}
    assert own["sales_chart"][-1] == {"date": "2026-03-10", "sales": 116}
    # Of the day, not of the month.
    assert own["top_products"] == [{"product": number["Milk"], "name": "Milk", "sales": 116}]
    other = read(people["wanjiru"], "dashboard/")
    assert (other["today_sales"], other["month_revenue"], other["pending_payments"]) == ("0.00", "303.90", 1)
    assert [sale["total"] for sale in other["recent_sales"]] == ["65.00", "60.00", "60.00", "243.90"]
    assert other["top_products"] == []
    assert read(people["otieno"], f"dashboard/?cashier={number['otieno']}") == own
    assert read(people["amina"], f"dashboard/?cashier={number['otieno']}") == own
    assert read(people["amina"], f"dashboard/?cashier={number['wanjiru']}") == other


def test_the_inventory_report(people: dict[str, APIClient], story: Story, till: Till) -> None:
    till.clock.set("2026-03-10 19:00")
    move = {"product": till.goods["gas"].pk, "movement_type": "damage", "quantity": 49}
    assert people["amina"].post("/api/inventory/movements/", move).status_code == 201
    move = {"product": till.goods["soap"].pk, "movement_type": "damage", "quantity": 40}
    assert people["amina"].post("/api/inventory/movements/", move).status_code == 201
    Product.objects.filter(name="Bread").update(is_active=False)
    report = read(people["amina"], "inventory/?period=month")
    number = ids()
    movements, alerts = report.pop("recent_movements"), report.pop("active_alerts")
    shelves = (
        ("Dry goods", 1, 48.49, "5818.80", "8728.20", 0),
        ("Dairy", 1, 44, "3520.00", "5104.00", 0),
        ("Uncategorised", 2, 8, "320.00", "520.00", 2),
    )
    names = (
        "category_name",
        "product_count",
        "total_stock",
        "stock_value",
        "retail_value",
        "low_stock_count",
    )
    assert report == {
        "currency": "KES",
        "total_products": 4,
        "total_value": "9658.80",
        "total_stock_value": "9658.80",
        "total_retail_value": "14352.20",
        "low_stock_count": 2,
        "out_of_stock_count": 1,
        "active_alerts_count": 2,
        "low_stock_items": [
            {
                "id": number[name],
                "name": name,
                "sku": sku,
                "barcode": None,
                "category_name": None,
                "stock": stock,
                "low_stock_threshold": 10,
            }
            for name, sku, stock in (("Gas", "SKU-2", 0), ("Soap", "SKU-5", 8))
        ],
        "by_category": [dict(zip(names, shelf, strict=True)) for shelf in shelves],
        "category_distribution": [
            {"name": "Dry goods", "value": 5818.8},
            {"name": "Dairy", "value": 3520},
            {"name": "Uncategorised", "value": 320},
        ],
    }
    assert len(movements) == 10
    assert (movements[0]["product_name"], movements[0]["quantity"], movements[0]["stock_after"]) == (
        "Soap",
        -40,
        8,
    )
    assert [(alert["product_name"], alert["current_stock"]) for alert in alerts] == [("Soap", 8), ("Gas", 0)]
