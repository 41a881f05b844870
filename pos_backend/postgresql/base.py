"""A connection that was kept is looked at before each request; here that costs no statement.

A server that ends a connection says so on it, and a machine that is gone is found out by the keep-alives that
`settings.DATABASES` asks for. So a connection on which nothing has come since the last answer stands.
"""

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def is_usable(self) -> bool:
        if self.connection is None or self.connection.closed:
            return False
        return _nothing_has_come(self.connection.fileno()) or super().is_usable()


def _nothing_has_come(line: int) -> bool:
    """Neither a word from the server nor the end of the connection."""
    poll = select.poll()
    poll.register(line, select.POLLIN)
    return not poll.poll(0)
