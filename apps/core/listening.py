"""Hearing what the database has to tell, on a connection of its own."""

import select
from collections.abc import Generator

import psycopg2
from django.db import connections
from psycopg2 import sql


def heard(channel: str, seconds: float) -> Generator[list[str], None, None]:
    """What is notified on `channel`, in batches.

    The first batch is empty and says that we listen; what was notified before was not heard. Another empty one
    comes after each `seconds` of silence. Close it when done. Raises `psycopg2.Error` when the connection goes.
    """
    listener = psycopg2.connect(**connections["default"].get_connection_params())
    try:
        listener.autocommit = True
        with listener.cursor() as cursor:
            cursor.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        while True:
            yield [listener.notifies.pop(0).payload for _ in range(len(listener.notifies))]
            if select.select([listener], [], [], seconds)[0]:
                listener.poll()
    finally:
        listener.close()
