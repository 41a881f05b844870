"""The shop in a hurry: a server and workers that take `HURRY` seconds to have passed in each.

Only what the shop waits by plan is shortened: when and how often the gateways are asked, when a message is tried
again, how often the worker looks. What a call may take and how long a claim holds stays as it is. Used as the
application of a web server, and by `python -m tests.faults.hurried` as a payments worker.
"""

import os
from datetime import timedelta

from django.core.management import call_command

from pos_backend.wsgi import application

HURRY = "HURRY"


def hurry(times: float) -> None:
    """From now on this process lives so many times as fast."""
    # Not before Django is set up.
    from apps.payments import schedule, worker
    from apps.payments.services import inbox, outcomes, polling
    from payments.airtel import gateway as airtel

    def soon(waits: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(wait / times for wait in waits)

    schedule.FIRST /= times
    schedule.GAPS = soon(schedule.GAPS)  # type: ignore[assignment]
    schedule.REFUND_GAPS = soon(schedule.REFUND_GAPS)  # type: ignore[assignment]
    schedule.LAST_LOOKS = tuple(look / times for look in schedule.LAST_LOOKS)  # type: ignore[assignment]
    inbox.RETRY_SECONDS = soon(inbox.RETRY_SECONDS)  # type: ignore[assignment]
    outcomes.RECEIPT_AFTER /= times
    polling.RECEIPT_PAUSE /= times
    airtel.ENQUIRIES_PER_MINUTE *= times
    worker.ROUND_SECONDS /= times
    inbox.GRACE = max(inbox.GRACE / times, timedelta(seconds=1))


if HURRY in os.environ:
    hurry(float(os.environ[HURRY]))

if __name__ == "__main__":
    assert application, "Django is set up by it"
    call_command("payments_worker")
