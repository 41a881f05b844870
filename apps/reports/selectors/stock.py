"""The inventory report: what is on the shelves now and what it is worth. Call inside a snapshot."""

from decimal import Decimal
from typing import Any

from django.conf import settings

from apps.core import money
from apps.core.clock import iso
from apps.inventory.models import Movement, StockAlert
from apps.reports.selectors.sales import total_of
from apps.reports.selectors.shown import category_label
from apps.reports.selectors.sums import Row, rows_of

LOW_SHOWN = 50
ALERTS_SHOWN = 50
MOVEMENTS_SHOWN = 10
BY_CATEGORY = """
    SELECT coalesce(category.name, '') AS category_name, counted.*
      FROM (
        SELECT product.category_id, count(*) AS products, sum(level.quantity) AS stock,
               sum(round(product.cost_price * level.quantity, 2)) AS value,
               sum(round(product.price * level.quantity, 2)) AS retail,
               count(*) FILTER (WHERE level.quantity <= level.low_at) AS low,
               count(*) FILTER (WHERE level.quantity = 0) AS out
          FROM products_product AS product JOIN products_stocklevel AS level ON level.product_id = product.id
         WHERE product.is_active GROUP BY product.category_id
      ) AS counted LEFT JOIN products_category AS category ON category.id = counted.category_id
     ORDER BY value DESC, category_name
"""
LOW = """
    SELECT product.id, product.name, product.sku, product.barcode, category.name AS category_name,
           level.quantity AS stock, product.low_stock_threshold
      FROM products_product AS product
      JOIN products_stocklevel AS level ON level.product_id = product.id
      LEFT JOIN products_category AS category ON category.id = product.category_id
     WHERE level.quantity <= level.low_at
     ORDER BY level.quantity - level.low_at, product.id LIMIT %(limit)s
"""


def inventory_report() -> dict[str, Any]:
    """Active products only; values to the cent for each product."""
    categories = rows_of(BY_CATEGORY)
    value = total_of(categories, "value")
    return {
        "currency": settings.CURRENCY,
        "total_products": _count(categories, "products"),
        "total_value": money.format_money(value),
        "total_stock_value": money.format_money(value),
        "total_retail_value": money.format_money(total_of(categories, "retail")),
        "low_stock_count": _count(categories, "low"),
        "out_of_stock_count": _count(categories, "out"),
        "active_alerts_count": StockAlert.objects.filter(status=StockAlert.Status.ACTIVE).count(),
        "low_stock_items": [_low_item(row) for row in rows_of(LOW, {"limit": LOW_SHOWN})],
        "by_category": [_category(row) for row in categories],
        "category_distribution": [
            {"name": category_label(row["category_name"]), "value": money.plain_number(row["value"])}
            for row in categories
        ],
        "recent_movements": _recent_movements(),
        "active_alerts": _active_alerts(),
    }


def _count(rows: list[Row], name: str) -> int:
    return int(sum(row[name] for row in rows))


def _category(row: Row) -> dict[str, Any]:
    return {
        "category_name": category_label(row["category_name"]),
        "product_count": int(row["products"]),
        "total_stock": _quantity(row["stock"]),
        "stock_value": money.format_money(row["value"]),
        "retail_value": money.format_money(row["retail"]),
        "low_stock_count": int(row["low"]),
    }


def _low_item(row: Row) -> dict[str, Any]:
    threshold = money.format_quantity(row["low_stock_threshold"])
    return {**row, "stock": money.format_quantity(row["stock"]), "low_stock_threshold": threshold}


def _quantity(quantity: Decimal) -> int | float:
    return money.format_quantity(quantity)


def _recent_movements() -> list[dict[str, Any]]:
    rows = Movement.objects.select_related("product", "created_by").defer("created_by__password")
    movements = rows.order_by("-id")
    return [
        {
            "id": movement.pk,
            "product": movement.product_id,
            "product_name": movement.product.name,
            "movement_type": movement.movement_type,
            "quantity": money.format_quantity(movement.quantity),
            "stock_before": money.format_quantity(movement.stock_before),
            "stock_after": money.format_quantity(movement.stock_after),
            "reference_number": movement.reference_number,
            "created_by": movement.created_by_id,
            "created_by_name": movement.created_by.display_name if movement.created_by else None,
            "created_at": iso(movement.created_at),
        }
        for movement in movements[:MOVEMENTS_SHOWN]
    ]


def _active_alerts() -> list[dict[str, Any]]:
    alerts = StockAlert.objects.filter(status=StockAlert.Status.ACTIVE).select_related("product")
    return [
        {
            "id": alert.pk,
            "product": alert.product_id,
            "product_name": alert.product.name,
            "product_barcode": alert.product.barcode,
            "current_stock": money.format_quantity(alert.current_stock),
            "threshold": money.format_quantity(alert.threshold),
            "status": alert.status,
            "created_at": iso(alert.created_at),
        }
        for alert in alerts.order_by("-id")[:ALERTS_SHOWN]
    ]
