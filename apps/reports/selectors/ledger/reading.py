"""Reads what breaks the rules: of one moment, row by row, however many there are."""

from collections.abc import Iterator
from contextlib import AbstractContextManager

from django.db import DEFAULT_DB_ALIAS

from apps.reports.selectors import snapshot
from apps.reports.selectors.ledger.rule import Rule
from apps.reports.selectors.sums import Row, each_row

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


def one_moment() -> AbstractContextManager[None]:
    """All rules are asked of the same moment, and nothing can be written, however long it takes.

    A till could write between two rules otherwise. Inside a transaction: of what that one sees.
    """
    return snapshot.one_moment(DEFAULT_DB_ALIAS, LIMITS)


def breaches(rule: Rule) -> Iterator[Row]:
    """The rows that break `rule`, a few thousand at a time from a cursor in the server. Call inside `one_moment`."""
    return each_row(rule.query)
