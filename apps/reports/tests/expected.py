"""Parts of reports as they must be, and how they are read."""

from typing import Any

from rest_framework.test import APIClient

from apps.products.models import Product
from apps.users.models import User

Story = dict[str, Any]
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
