"""Reads what breaks the rules: of one moment, row by row, however many there are."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from apps.reports.selectors.ledger.rule import Rule

# Sorting and adding up may take so much memory at a time, in the server; what needs more goes to its disk.
MEMORY = "64MB"
# Cursors are planned for who wants the first rows soon; here the last ones count, and mostly there are none.
LIMITS = f"""
    SET LOCAL statement_timeout = 0;
    SET LOCAL idle_in_transaction_session_timeout = 0;
    SET LOCAL work_mem = '{MEMORY}';
    SET LOCAL cursor_tuple_fraction = 1;
    SET LOCAL jit = off
"""


@contextmanager
def one_moment() -> Iterator[None]:
    """All rules are asked of the same moment, and nothing can be written, however long it takes.

    A till could write between two rules otherwise. Inside a transaction: of what that one sees.
    """
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute(LIMITS)
        yield


def breaches(rule: Rule) -> Iterator[dict[str, Any]]:
    """The rows that break `rule`, a few thousand at a time from a cursor in the server. Call inside `one_moment`."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(rule.query)
        names: list[str] = []
        for row in cursor:
            # A cursor in the server knows its columns once it has fetched something.
            names = names or [column.name for column in cursor.description]
            yield dict(zip(names, row, strict=True))
