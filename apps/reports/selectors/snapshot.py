"""One moment for a whole report, on the replica where there is one."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction

REPLICA = "replica"
_reading: ContextVar[str] = ContextVar("reading", default=DEFAULT_DB_ALIAS)


def alias() -> str:
    """The database that is read here and now."""
    return _reading.get()


@contextmanager
def snapshot() -> Iterator[None]:
    """All statements inside see the same moment and may only read; inside a transaction, what that one sees.

    With `DATABASE_REPLICA_URL` they are sent to the replica, the ORM's too (`pos_backend.routing`).
    """
    using = REPLICA if REPLICA in settings.DATABASES else DEFAULT_DB_ALIAS
    connection = connections[using]
    outermost = not connection.in_atomic_block
    token = _reading.set(using)
    try:
        with transaction.atomic(using=using):
            if outermost:
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                    cursor.execute("SET LOCAL jit = off")
            yield
    finally:
        _reading.reset(token)
