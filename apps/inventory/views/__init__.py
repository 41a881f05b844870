"""Stock over HTTP."""

from apps.inventory.views.movements import MovementViewSet

__all__ = ["MovementViewSet"]
