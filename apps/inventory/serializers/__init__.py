"""Stock on the wire."""

from apps.inventory.serializers.alerts import AlertSerializer, alert_data
from apps.inventory.serializers.counts import (
    BlindQuery,
    CountChangeForm,
    CountedForm,
    CountForm,
    CountLineSerializer,
    CountSerializer,
    count_data,
    line_data,
)
from apps.inventory.serializers.deliveries import DeliveryForm, DeliverySerializer, delivery_data
from apps.inventory.serializers.movements import MovementForm, MovementSerializer, movement_data

__all__ = [
    "AlertSerializer",
    "BlindQuery",
    "CountChangeForm",
    "CountForm",
    "CountLineSerializer",
    "CountSerializer",
    "CountedForm",
    "DeliveryForm",
    "DeliverySerializer",
    "MovementForm",
    "MovementSerializer",
    "alert_data",
    "count_data",
    "delivery_data",
    "line_data",
    "movement_data",
]
