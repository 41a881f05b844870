"""Why the stock room refuses."""

from decimal import Decimal
from typing import NamedTuple

from apps.core import money
from apps.core.errors import DomainError


class Shortage(NamedTuple):
    product_id: int
    name: str
    requested: Decimal
    available: Decimal


class InsufficientStock(DomainError):
    code = "insufficient_stock"

    def __init__(self, shortages: list[Shortage]) -> None:
        first = shortages[0]
        super().__init__(
            f"Not enough stock of {first.name}: {first.requested.normalize():f} asked for, "
            f"{first.available.normalize():f} there. Take less or remove it.",
            items=[
                {
                    "product": shortage.product_id,
                    "requested": money.format_quantity(shortage.requested),
                    "available": money.format_quantity(shortage.available),
                }
                for shortage in shortages
            ],
        )
