"""What all reports on a period do first: take a closed day's sums where they are, and one moment for everything."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from functools import wraps
from typing import ParamSpec

from django.db import DatabaseError
from django.http.response import HttpResponseBase
from rest_framework.exceptions import ValidationError

from apps.reports import periods
from apps.reports.periods import Period
from apps.reports.selectors.snapshot import ReplicaFailed, snapshot
from apps.reports.selectors.sums import Cover, cover_of
from apps.reports.services import roll_up_soon

logger = logging.getLogger(__name__)
P = ParamSpec("P")

# A manager waits this much longer, once; what is then still missing is read from the ledgers.
ROLLING_SECONDS = 1.0


@contextmanager
def covered(period: Period, now: datetime) -> Iterator[Cover]:
    """A snapshot, and what of the period is rolled up in it."""
    try:
        roll_up_soon(period.first, period.last, now, ROLLING_SECONDS)
    except DatabaseError as error:
        # The sums are a convenience: the report is right without them.
        logger.warning("closed days were not rolled up: %s", type(error).__name__)
    with snapshot():
        yield cover_of(period)


def read_again(get: Callable[P, HttpResponseBase]) -> Callable[P, HttpResponseBase]:
    """For a view that reads a snapshot: where the replica fails in the middle of it, all is read on the primary."""

    @wraps(get)
    def get_again(*args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            return get(*args, **kwargs)
        except ReplicaFailed:
            return get(*args, **kwargs)

    return get_again


def day_of(text: str, today: date) -> date:
    """The day that a query parameter names, today when it is empty. Raises DRF's `ValidationError`."""
    if not text:
        return today
    day = periods.day_of(text)
    if day is None:
        raise ValidationError({"date": [periods.DATE_NEEDED]})
    return day
