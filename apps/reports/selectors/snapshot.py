"""One moment for a whole report, on the replica where there is one (docs/adr/0025-replica.md)."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.conf import settings
from django.db import (
    DEFAULT_DB_ALIAS,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connections,
    transaction,
)
from psycopg2.errors import QueryCanceled

from apps.core.errors import Busy

logger = logging.getLogger(__name__)

REPLICA = "replica"
# Not every report shall wait for a replica that is away.
REST_SECONDS = 30.0
# What a replica fails with that has gone, is just starting, must go on with replaying, or lacks a migration's column.
FAILURES = (OperationalError, InterfaceError, ProgrammingError)
# Compiling a report's queries takes longer than running them.
NO_COMPILING = "SET LOCAL jit = off"
_reading: ContextVar[str] = ContextVar("reading", default=DEFAULT_DB_ALIAS)


class ReplicaFailed(Busy):
    """The replica failed in the middle of a report; whoever reads again within `REST_SECONDS` reads the primary."""


class _Rest:
    """The time for which this process leaves a replica alone that failed."""

    def __init__(self) -> None:
        self._until = 0.0

    def lasts(self) -> bool:
        return time.monotonic() < self._until

    def begin(self, error: Exception) -> None:
        if not self._until:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            logger.warning("reports are read from the primary, for the replica failed: %s", reason)
        self._until = time.monotonic() + REST_SECONDS

    def end(self) -> None:
        if self._until:
            logger.warning("reports are read from the replica again")
        self._until = 0.0


rest = _Rest()


def alias() -> str:
    """The database that is read here and now."""
    return _reading.get()


@contextmanager
def snapshot() -> Iterator[None]:
    """All statements inside see the same moment and may only read; inside a transaction, what that one sees.

    With `DATABASE_REPLICA_URL` they are sent to the replica, the ORM's too (`pos_backend.routing`), and to the
    primary where the replica does not answer. Raises `ReplicaFailed` when it fails later.
    """
    using = _chosen()
    token = _reading.set(using)
    try:
        with one_moment(using, NO_COMPILING):
            yield
    except FAILURES as error:
        # A statement that took too long would take as long on the primary.
        if using != REPLICA or isinstance(error.__cause__, QueryCanceled):
            raise
        rest.begin(error)
        raise ReplicaFailed from error
    finally:
        _reading.reset(token)
    if using == REPLICA:
        rest.end()


def _chosen() -> str:
    if REPLICA not in settings.DATABASES or rest.lasts() or connections[DEFAULT_DB_ALIAS].in_atomic_block:
        return DEFAULT_DB_ALIAS
    try:
        # Connects, or looks whether the connection still stands.
        connections[REPLICA].cursor().close()
    except FAILURES as error:
        rest.begin(error)
        return DEFAULT_DB_ALIAS
    return REPLICA


@contextmanager
def one_moment(using: str, limits: str) -> Iterator[None]:
    """All statements on `using` see the same moment and may only read, within `limits` (`SET LOCAL ...`).

    Inside a transaction they see what that one sees, and its own limits hold.
    """
    connection = connections[using]
    outermost = not connection.in_atomic_block
    with transaction.atomic(using=using):
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                cursor.execute(limits)
        yield
