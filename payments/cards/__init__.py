"""Cards through a hosted payment page; the wire shape is Paystack's."""

from payments.cards.gateway import from_settings

__all__ = ["from_settings"]
