"""What changes payments and refunds."""

from apps.payments.services.attempts import PaymentRequest, send_charge, start_payment
from apps.payments.services.by_hand import confirm_payment, give_up_payment
from apps.payments.services.cash import take_cash, take_cash_at_checkout
from apps.payments.services.inbox import Message, receive, work_item
from apps.payments.services.polling import (
    ask_payment,
    work_on_inbox,
    work_on_payments,
    work_on_refunds,
)
from apps.payments.services.refunding import send_refund
from apps.payments.services.refunds import (
    RefundRequest,
    approve_refund,
    reject_refund,
    request_refund,
    settle_by_hand,
)

__all__ = [
    "Message",
    "PaymentRequest",
    "RefundRequest",
    "approve_refund",
    "ask_payment",
    "confirm_payment",
    "give_up_payment",
    "receive",
    "reject_refund",
    "request_refund",
    "send_charge",
    "send_refund",
    "settle_by_hand",
    "start_payment",
    "take_cash",
    "take_cash_at_checkout",
    "work_item",
    "work_on_inbox",
    "work_on_payments",
    "work_on_refunds",
]
