"""Amounts as they travel: in cents, or in shillings where the gateway is set up so."""

from decimal import Decimal
from typing import Any

from payments.values import amount_of


def wire_amount(amount: Decimal, minor_unit: bool) -> str:
    """`1500.00` as `150000` or `1500.00`. `amount` has no more than two decimals."""
    return str(int(amount * 100)) if minor_unit else f"{amount:.2f}"


def read_amount(value: Any, minor_unit: bool) -> Decimal | None:
    """The amount in the major unit, two decimals; None for what is no amount."""
    amount = amount_of(value)
    if amount is None or not minor_unit:
        return amount
    return amount / 100 if amount == amount.to_integral_value() else None
