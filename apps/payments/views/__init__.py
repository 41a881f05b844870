"""The payments room over HTTP."""

from apps.payments.views.callbacks import CallbackViewSet
from apps.payments.views.payments import PaymentViewSet
from apps.payments.views.refunds import RefundViewSet
from apps.payments.views.webhooks import WEBHOOKS

__all__ = ["WEBHOOKS", "CallbackViewSet", "PaymentViewSet", "RefundViewSet"]
