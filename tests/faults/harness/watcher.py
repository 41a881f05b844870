"""Somebody who checks the books all the time, whatever happens to the server meanwhile."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2

from apps.reports.selectors.ledger import RULES
from tests.faults.harness.database import Database

PAUSE = 0.1
BEGIN = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL jit = off"


class Watcher(threading.Thread):
    """Looks at one moment after the other; `snapshots` counts them, `breaches` are what did not agree in one."""

    def __init__(self, database: Database) -> None:
        super().__init__(name="watcher", daemon=True)
        self.database = database
        self.snapshots = 0
        self.breaches: dict[str, list[Any]] = {}
        self.broken: BaseException | None = None
        self.over = threading.Event()

    def run(self) -> None:
        try:
            while not self.over.is_set() and not self.breaches:
                self._look_until_disconnected()
        except BaseException as error:
            self.broken = error

    def _look_until_disconnected(self) -> None:
        try:
            with closing(psycopg2.connect(self.database.url, connect_timeout=2)) as connection:
                while not self.over.is_set() and not self.breaches:
                    began = time.monotonic()
                    self._look(connection)
                    # Where the books are long it looks half of the time.
                    self.over.wait(max(PAUSE, time.monotonic() - began))
        except (psycopg2.DatabaseError, psycopg2.InterfaceError) as error:
            if error.pgcode and not isinstance(error, psycopg2.OperationalError):
                raise  # not because the server is away or starting
            self.over.wait(PAUSE)

    def _look(self, connection: Any) -> None:
        with connection, connection.cursor() as cursor:
            cursor.execute(BEGIN)
            for rule in RULES:
                cursor.execute(rule.query)
                if rows := cursor.fetchmany(5):
                    self.breaches[rule.name] = rows
        self.snapshots += 1


@contextmanager
def watched(database: Database) -> Iterator[Watcher]:
    """Fails when the books did not agree at some moment of the block."""
    watcher = Watcher(database)
    watcher.start()
    try:
        yield watcher
    finally:
        watcher.over.set()
        watcher.join(60)
    if watcher.broken:
        raise watcher.broken
    assert not watcher.breaches, watcher.breaches
    assert watcher.snapshots, "nothing was looked at"
