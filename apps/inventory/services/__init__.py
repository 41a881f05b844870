"""What changes stock, its alerts and its counts."""

from apps.inventory.services.moving import (
    Occasion,
    issue_stock,
    open_stock,
    record_movement,
    return_stock,
    signed,
)

__all__ = [
    "Occasion",
    "issue_stock",
    "open_stock",
    "record_movement",
    "return_stock",
    "signed",
]
