"""Why the stock room refuses."""

from decimal import Decimal
from typing import NamedTuple

from apps.core import money
from apps.core.errors import DomainError, NotFound


class Shortage(NamedTuple):
    product_id: int
    name: str
    requested: Decimal
    available: Decimal


class InsufficientStock(DomainError):
    code = "insufficient_stock"

    def __init__(self, shortages: list[Shortage]) -> None:
        self.shortages = shortages
        super().__init__(
            self.sentence_about(shortages),
            items=[
                {
                    "product": shortage.product_id,
                    "requested": money.format_quantity(shortage.requested),
                    "available": money.format_quantity(shortage.available),
                }
                for shortage in shortages
            ],
        )

    @staticmethod
    def sentence_about(shortages: list[Shortage]) -> str:
        first = shortages[0]
        return (
            f"Not enough stock of {first.name}: {first.requested.normalize():f} asked for, "
            f"{first.available.normalize():f} there. Take less or remove it."
        )


class CountOutrun(InsufficientStock):
    """More is missing by a count than is there by now: the tills sold what nobody had counted."""

    @staticmethod
    def sentence_about(shortages: list[Shortage]) -> str:
        first, names = shortages[0], [shortage.name for shortage in shortages]
        others = f" and {len(names) - 5} more" if len(names) > 5 else ""
        return (
            f"By the count {first.requested.normalize():f} of {first.name} are missing, and only "
            f"{first.available.normalize():f} are there by now. Count again: {', '.join(names[:5])}{others}."
        )


class CountNotFound(NotFound):
    code = "count_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such count.")


class CountCompleted(DomainError):
    code = "count_completed"

    def __init__(self, count_number: str) -> None:
        super().__init__(f"{count_number} is completed already; its differences are in the stock.")


class CountCancelled(DomainError):
    code = "count_cancelled"

    def __init__(self, count_number: str) -> None:
        super().__init__(f"{count_number} is cancelled. Start a new count.")


class AlertNotFound(NotFound):
    code = "alert_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such alert.")


class AlertNotActive(DomainError):
    code = "alert_not_active"
