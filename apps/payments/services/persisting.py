"""What a gateway has just said must not get lost because the database is held up for a moment."""

import time
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, connection

from apps.core.outages import is_outage

PAUSES = (0.2, 0.5, 1.0, 2.0)


def persistently(write: Callable[[], None]) -> None:
    """Runs `write`, a transaction of its own, again while locks or the connection fail it.

    Raises the last of these errors, of which `is_outage` is true.
    """
    for pause in PAUSES:
        try:
            return write()
        except (DatabaseError, InterfaceError) as error:
            # In somebody else's transaction, that one is lost with it.
            if connection.in_atomic_block or not is_outage(error):
                raise
            connection.close()
            time.sleep(pause)
    return write()
