"""The states of payments, refunds and messages, and the moves between them; docs/money-and-states.md shows them."""

import unicodedata

from django.db import models


class Method(models.TextChoices):
    CASH = "cash", "Cash"
    MPESA = "mpesa", "M-Pesa"
    AIRTEL = "airtel", "Airtel Money"
    CARD = "card", "Card"
    BANK = "bank", "Bank transfer"


GATEWAY_METHODS = (Method.MPESA, Method.AIRTEL, Method.CARD)


class Status(models.TextChoices):
    PENDING = "pending", "Pending"
    PROCESSING = "processing", "Processing"
    SUCCESS = "success", "Success"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    REFUNDED = "refunded", "Refunded"


# The error code of a payment or refund whose gateway gave no clear answer.
UNCLEAR = "outcome_unknown"
OPEN = (Status.PENDING, Status.PROCESSING)
SETTLED = (Status.SUCCESS, Status.REFUNDED)
# Success is final but for a refund; failed and cancelled may turn out to have been paid after all.
MOVES: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.PROCESSING, Status.SUCCESS, Status.FAILED, Status.CANCELLED}),
    Status.PROCESSING: frozenset({Status.SUCCESS, Status.FAILED, Status.CANCELLED}),
    Status.FAILED: frozenset({Status.SUCCESS}),
    Status.CANCELLED: frozenset({Status.SUCCESS}),
    Status.SUCCESS: frozenset({Status.REFUNDED}),
    Status.REFUNDED: frozenset(),
}


def receipt_text(text: str) -> str:
    """A receipt as it is stored: capitals, and nothing before, after or between that a person would not see.

    So each is really used once, however it is typed. Marks that belong to one (`.`, `-`, `/`) stay inside it.
    """
    seen = "".join(c for c in unicodedata.normalize("NFKC", text) if c.isalnum() or c in ".-/_*")
    return seen.strip(".-/_").upper()[:64]


def may_move(present: str, wanted: Status) -> bool:
    """Whether a payment in state `present` may become `wanted`."""
    return wanted in MOVES[Status(present)]


class RefundStatus(models.TextChoices):
    PENDING = "pending", "Pending"
    PROCESSING = "processing", "Processing"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"
    REJECTED = "rejected", "Rejected"


REFUND_MOVES: dict[RefundStatus, frozenset[RefundStatus]] = {
    RefundStatus.PENDING: frozenset({RefundStatus.PROCESSING, RefundStatus.REJECTED}),
    RefundStatus.PROCESSING: frozenset({RefundStatus.COMPLETED, RefundStatus.FAILED}),
    # The gateway may prove later that the money did go out.
    RefundStatus.FAILED: frozenset({RefundStatus.COMPLETED}),
    RefundStatus.COMPLETED: frozenset(),
    RefundStatus.REJECTED: frozenset(),
}


def refund_may_move(present: str, wanted: RefundStatus) -> bool:
    """Whether a refund in state `present` may become `wanted`."""
    return wanted in REFUND_MOVES[RefundStatus(present)]


class CallbackState(models.TextChoices):
    """What became of a message to a webhook. RECEIVED, WAITING and UNMATCHED are tried again."""

    RECEIVED = "received", "Received"
    WAITING = "waiting", "Waiting for our own answer"
    UNMATCHED = "unmatched", "Matches nothing of ours"
    APPLIED = "applied", "Applied"
    REPEATED = "repeated", "Said nothing new"
    ASKED = "asked", "No proof; the gateway is asked"
    IGNORED = "ignored", "None of our business"
    REJECTED = "rejected", "Not trusted"
    PARKED = "parked", "Given up, for a person"


FINISHED = (
    CallbackState.APPLIED,
    CallbackState.REPEATED,
    CallbackState.ASKED,
    CallbackState.IGNORED,
    CallbackState.REJECTED,
)
