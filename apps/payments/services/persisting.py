"""What a gateway has just said must not get lost because the database is held up for a moment."""

import time
from collections.abc import Callable

from django.db import InterfaceError, OperationalError, connection

PAUSES = (0.2, 0.5, 1.0, 2.0)


def persistently(write: Callable[[], None]) -> None:
    """Runs `write`, a transaction of its own, again while locks or the connection fail it.

    Raises the last `OperationalError` or `InterfaceError`.
    """
    for pause in PAUSES:
        try:
            return write()
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block:  # somebody else's transaction, which is lost with it
                raise
            connection.close()
            time.sleep(pause)
    return write()
