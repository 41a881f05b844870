"""Stock on the wire."""

from apps.inventory.serializers.movements import MovementForm, MovementSerializer, movement_data

__all__ = ["MovementForm", "MovementSerializer", "movement_data"]
