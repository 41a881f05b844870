"""What the payments room stores."""

from apps.payments.models.callback import GatewayCallback
from apps.payments.models.gateway import GatewayToken, QueryBudget
from apps.payments.models.payment import Payment, new_reference, shop_currency
from apps.payments.models.refund import Refund, new_refund_reference

__all__ = [
    "GatewayCallback",
    "GatewayToken",
    "Payment",
    "QueryBudget",
    "Refund",
    "new_reference",
    "new_refund_reference",
    "shop_currency",
]
