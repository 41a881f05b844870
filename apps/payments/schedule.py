"""When a gateway is asked about a payment or refund that is under way."""

import random
from datetime import datetime, timedelta

from apps.payments.models import Payment, Refund
from apps.payments.states import SETTLED

FIRST = timedelta(seconds=25)
# Less than a minute apart for the quarter of an hour in which customers pay, prompts on phones early on, card pages
# also later, so that a lost callback is found within a minute; then farther apart, and after a day a person decides.
NEAR = (20, 20, 25, 30, 35, 40)
STEADY, STEADY_TIMES = 45, 16
FAR = (120, 240, 480, 900)
GAPS = (*NEAR, *(STEADY,) * STEADY_TIMES, *FAR)
GIVE_UP = timedelta(hours=24)
# Some gateways call a payment failed that is made all the same, and a card page stays open after it was left.
LAST_LOOKS = (timedelta(minutes=20), timedelta(hours=2), timedelta(hours=24))
REFUND_GAPS = (20, 30, 60, 120, 300, 600, 900, 1800, 3600)
REFUND_GIVE_UP = timedelta(hours=72)
# A missing receipt may follow in a late callback; then it is asked for, so often and so far apart.
RECEIPT_AFTER = timedelta(minutes=1)
RECEIPT_PAUSE = timedelta(minutes=2)
RECEIPT_TRIES = 3
NO_OUTCOME = (
    "No outcome after 24 hours. Look it up at the gateway, then confirm it with the receipt or give it up."
)
NO_REFUND_OUTCOME = "No outcome yet. Look the refund up at the gateway, then settle it by hand."


def first_query(now: datetime) -> datetime:
    return now + FIRST


def next_query(payment: Payment, now: datetime) -> datetime | None:
    """After a question without an outcome; None once a person has to decide. Says so on the payment."""
    if now - payment.initiated_at >= GIVE_UP:
        payment.attention = NO_OUTCOME
        return None
    return now + _gap(GAPS, payment.queries)


def last_look(payment: Payment, now: datetime) -> datetime | None:
    """The next question after a failure, counted from when the customer was asked; none where nobody was."""
    if not payment.gateway_id or payment.sent_at is None or payment.status in SETTLED:
        return None
    looks = (payment.initiated_at + after for after in LAST_LOOKS)
    return next((at for at in looks if at > now), None)


def earlier(wanted: datetime | None, standing: datetime | None, planned: datetime | None) -> datetime | None:
    """`wanted`, unless somebody asked for an earlier question (`standing`) while the one of `planned` was out."""
    if standing is None or standing == planned:
        return wanted
    return standing if wanted is None else min(standing, wanted)


def next_refund_query(refund: Refund, now: datetime) -> datetime | None:
    """As `next_query`, for a refund; a person is told early, because money is under way."""
    sent = refund.sent_at or refund.requested_at
    if now - sent >= timedelta(minutes=15):
        refund.attention = NO_REFUND_OUTCOME
    if now - sent >= REFUND_GIVE_UP:
        return None
    return now + _gap(REFUND_GAPS, refund.queries)


def _gap(gaps: tuple[int, ...], asked: int) -> timedelta:
    """With some jitter, so that what began together does not stay together."""
    seconds = gaps[min(max(asked - 1, 0), len(gaps) - 1)]
    return timedelta(seconds=seconds * random.uniform(0.9, 1.1))  # noqa: S311 - no secret
