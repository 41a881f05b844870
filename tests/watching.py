"""A watcher beside the tills: every tenth of a second, in one snapshot of its own, the books must agree.

`assert_ledgers_agree()` looks at the end; this looks in the middle, on a connection that holds no lock and waits for
none. All rules are one prepared statement, so that a look costs a few milliseconds.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import psycopg2
import pytest
from django.db import connection
from psycopg2.extensions import connection as Connection

from apps.reports.selectors.ledger import RULES
from tests import figures
from tests.ledger import USING

PAUSE = 0.1
NAME = "watcher"  # known by it among the connections
PATIENCE = 30.0
EVERY_RULE = " UNION ALL ".join(
    f"SELECT '{rule.name.replace(chr(39), chr(39) * 2)}', to_json(broken)::text FROM ({rule.query}) AS broken"  # noqa: S608
    for rule in RULES
)
PREPARE = f"""
    SET jit = off; SET statement_timeout = '10s';
    PREPARE books AS {EVERY_RULE}
"""
SEEN = "the books in one REPEATABLE READ snapshot every 100 ms, while races and faults run"

Broken = dict[str, list[dict[str, Any]]]


class Watcher:
    """Looks until it is stopped or the books disagree; `found` are then the rules that do not hold, with the rows."""

    def __init__(self) -> None:
        self.snapshots = 0
        self.found: Broken = {}
        self.failure: Exception | None = None
        self._stopped = Event()
        self._thread = Thread(target=self._watch, name=NAME, daemon=True)

    def __enter__(self) -> "Watcher":
        self._parameters = {**connection.get_connection_params(), "application_name": NAME}
        for ours in ("context", "cursor_factory"):
            self._parameters.pop(ours, None)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the watcher does not come to an end"

    def raise_what_was_seen(self) -> None:
        assert not self.found, f"seen in snapshot {self.snapshots}: {self.found}"
        if self.failure:
            raise self.failure

    def _watch(self) -> None:
        try:
            books = psycopg2.connect(**self._parameters)
            try:
                self._look_again_and_again(books)
            finally:
                books.close()
        except psycopg2.Error as error:
            self.failure = error

    def _look_again_and_again(self, books: Connection) -> None:
        books.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with books.cursor() as cursor:
            cursor.execute(PREPARE)
            books.commit()
            while not self._stopped.is_set() and not self.found:
                cursor.execute("EXECUTE books")
                for rule, row in cursor.fetchall():
                    self.found.setdefault(rule, []).append(json.loads(row))
                books.commit()
                self.snapshots += 1
                self._stopped.wait(PAUSE)


@contextmanager
def watching() -> Iterator[Watcher]:
    """Fails at the end when any snapshot within has seen books that disagree."""
    with Watcher() as watcher:
        yield watcher
    watcher.raise_what_was_seen()
    _count(watcher.snapshots)


@pytest.fixture(autouse=True)
def watched(request: pytest.FixtureRequest) -> Iterator[None]:
    """For a `conftest.py`: the books agree during every test with a database, unless it says that it breaks them."""
    markers = ("breaks_the_books", "may_break_the_books")
    uses_database = request.node.get_closest_marker("django_db") or USING.intersection(request.fixturenames)
    if not uses_database or any(map(request.node.get_closest_marker, markers)):
        yield
        return
    # First, so that the watcher has gone when the tables are emptied.
    request.getfixturevalue("db")
    with watching():
        yield


def _count(snapshots: int) -> None:
    """One row for the whole run."""
    before = [row for row in figures.ROWS if row.what == SEEN]
    total = snapshots + sum(int(row.extent.split()[0].replace(",", "")) for row in before)
    extent = f"{total:,} snapshots of {len(RULES)} rules"
    row = figures.Row("I1", SEEN, extent, "0 in which they disagree", "`tests/watching.py`")
    figures.ROWS[:] = [*(row for row in figures.ROWS if row.what != SEEN), row]
