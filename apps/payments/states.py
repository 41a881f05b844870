"""The states of a payment and the moves between them; docs/money-and-states.md shows the table."""

from django.db import models


class Method(models.TextChoices):
    CASH = "cash", "Cash"
    MPESA = "mpesa", "M-Pesa"
    AIRTEL = "airtel", "Airtel Money"
    CARD = "card", "Card"
    BANK = "bank", "Bank transfer"


class Status(models.TextChoices):
    PENDING = "pending", "Pending"
    PROCESSING = "processing", "Processing"
    SUCCESS = "success", "Success"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    REFUNDED = "refunded", "Refunded"


OPEN = (Status.PENDING, Status.PROCESSING)
# Success is final but for a refund; failed and cancelled may turn out to have been paid after all.
MOVES: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.PROCESSING, Status.SUCCESS, Status.FAILED, Status.CANCELLED}),
    Status.PROCESSING: frozenset({Status.SUCCESS, Status.FAILED, Status.CANCELLED}),
    Status.FAILED: frozenset({Status.SUCCESS}),
    Status.CANCELLED: frozenset({Status.SUCCESS}),
    Status.SUCCESS: frozenset({Status.REFUNDED}),
    Status.REFUNDED: frozenset(),
}


def may_move(present: str, wanted: Status) -> bool:
    """Whether a payment in state `present` may become `wanted`."""
    return wanted in MOVES[Status(present)]
