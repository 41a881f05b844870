"""Every figure of the day's end, the dashboard and the shelf, worked out by hand."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from apps.products.models import Product
from apps.reports.tests.expected import NOTHING, Story, bank, cash, ids, read, totals
from apps.reports.tests.till import Till

pytestmark = pytest.mark.django_db
Way = Callable[[], str]


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
