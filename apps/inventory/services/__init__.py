"""What changes stock, its alerts and its counts."""

from apps.inventory.services.alerts import ignore_alert, resolve_alert, watch_stock
from apps.inventory.services.counting import (
    Counted,
    cancel_count,
    complete_count,
    count_product,
    describe_count,
    start_count,
)
from apps.inventory.services.deliveries import Delivery, DeliveryRow, receive_delivery
from apps.inventory.services.moving import (
    Occasion,
    issue_stock,
    open_stock,
    record_movement,
    return_stock,
    signed,
)

__all__ = [
    "Counted",
    "Delivery",
    "DeliveryRow",
    "Occasion",
    "cancel_count",
    "complete_count",
    "count_product",
    "describe_count",
    "ignore_alert",
    "issue_stock",
    "open_stock",
    "receive_delivery",
    "record_movement",
    "resolve_alert",
    "return_stock",
    "signed",
    "start_count",
    "watch_stock",
]
