"""What changes sales."""

from apps.sales.services.cancelling import cancel_sale, expire_sales
from apps.sales.services.checkout import Checkout, Order, OrderLine, sell
from apps.sales.services.settling import (
    check_payable,
    complete_sale,
    find_and_lock,
    give_back,
    hold,
    note,
    release,
    room_on,
    settle,
)

__all__ = [
    "Checkout",
    "Order",
    "OrderLine",
    "cancel_sale",
    "check_payable",
    "complete_sale",
    "expire_sales",
    "find_and_lock",
    "give_back",
    "hold",
    "note",
    "release",
    "room_on",
    "sell",
    "settle",
]
