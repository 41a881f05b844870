"""Stock over HTTP."""

from apps.inventory.views.alerts import AlertViewSet
from apps.inventory.views.counts import CountViewSet
from apps.inventory.views.deliveries import DeliveryViewSet
from apps.inventory.views.movements import MovementViewSet

__all__ = ["AlertViewSet", "CountViewSet", "DeliveryViewSet", "MovementViewSet"]
