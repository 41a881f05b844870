"""Alerts of low stock: opened, followed and ended by whatever changes stock, and ended by hand.

Whoever writes an alert holds the product's stock row. So nobody else writes it meanwhile, and what this statement
sees of it is the last that was written.
"""

from collections.abc import Collection
from datetime import datetime

from django.db import connection

from apps.core.locking import locked
from apps.inventory.errors import AlertNotActive, AlertNotFound
from apps.inventory.models import StockAlert
from apps.products.models import StockLevel

# What becomes of the alerts, given `level (product_id, quantity, low_at)` whose rows are locked; `%(now)s` is when. It
# stands behind the statement that writes the stock, so that alerts cost no further one. `low_at` is null for what is
# not sold: it is neither low, nor has it risen.
FOLLOW = """
    MERGE INTO inventory_stockalert AS alert USING level
       ON alert.product_id = level.product_id AND (alert.status = 'active' OR alert.muted)
     WHEN MATCHED AND alert.muted AND level.quantity > level.low_at THEN
          UPDATE SET muted = false, updated_at = %(now)s
     WHEN MATCHED AND NOT alert.muted AND level.quantity <= level.low_at THEN
          UPDATE SET current_stock = level.quantity, threshold = level.low_at, updated_at = %(now)s
     WHEN MATCHED AND NOT alert.muted THEN
          UPDATE SET current_stock = level.quantity, threshold = coalesce(level.low_at, alert.threshold),
                     status = 'resolved', resolved_at = %(now)s, updated_at = %(now)s
     WHEN NOT MATCHED AND level.quantity <= level.low_at THEN
          INSERT (product_id, current_stock, threshold, status, muted, created_at, updated_at)
          VALUES (level.product_id, level.quantity, level.low_at, 'active', false, %(now)s, %(now)s)
"""
# The stock rows learn the threshold; what never moved was never there, and cannot run out.
WATCHED = """
    WITH told AS (
        UPDATE products_stocklevel AS stocked
           SET low_at = CASE WHEN product.is_active THEN product.low_stock_threshold END
          FROM products_product AS product
         WHERE product.id = stocked.product_id AND stocked.product_id = ANY (%(ids)s)
        RETURNING stocked.product_id, stocked.quantity, stocked.low_at
    ), level AS (
        SELECT product_id, quantity, low_at FROM told
         WHERE EXISTS (SELECT FROM inventory_movement AS moved WHERE moved.product_id = told.product_id)
    )
"""


def watch_stock(product_ids: Collection[int], *, now: datetime) -> None:
    """Looks at these products again, whose threshold or `is_active` the same transaction has changed."""
    ids = [level.pk for level in locked(StockLevel.objects.filter(product_id__in=product_ids))]
    with connection.cursor() as cursor:
        cursor.execute(WATCHED + FOLLOW, {"ids": ids, "now": now})


def resolve_alert(alert_id: int, *, user_id: int, now: datetime) -> None:
    """Closes an alert by hand; the next change that leaves the stock low opens another.

    Raises `AlertNotFound` and `AlertNotActive`.
    """
    _end(alert_id, StockAlert.Status.RESOLVED, user_id, now)


def ignore_alert(alert_id: int, *, user_id: int, now: datetime) -> None:
    """Mutes the product until its stock has risen above the threshold. Raises as `resolve_alert` does."""
    _end(alert_id, StockAlert.Status.IGNORED, user_id, now)


def _end(alert_id: int, status: StockAlert.Status, user_id: int, now: datetime) -> None:
    alert = _locked_alert(alert_id)
    if alert.status != StockAlert.Status.ACTIVE:
        raise AlertNotActive(f"This alert is {alert.status} already.")
    alert.status = status
    alert.muted = status == StockAlert.Status.IGNORED
    alert.resolved_by_id, alert.resolved_at, alert.updated_at = user_id, now, now
    alert.save(update_fields=["status", "muted", "resolved_by", "resolved_at", "updated_at"])


def _locked_alert(alert_id: int) -> StockAlert:
    """The stock before its alert, as a sale takes them; an alert never changes its product."""
    found = StockAlert.objects.filter(pk=alert_id).first()
    if found is None:
        raise AlertNotFound
    list(locked(StockLevel.objects.filter(pk=found.product_id)))
    return locked(StockAlert.objects.filter(pk=alert_id)).get()
