"""Two actors in every order: the first is held at each of its points in turn while the second runs.

The second runs to its end, or until it stands in line for a lock of the first; then the first goes on. Points are the
steps that have names (apps/payments/steps.py), the moments before a row is locked and before a transaction commits,
and, where wanted, before every statement.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.concurrency.racing import PATIENCE, ask

HOOK = "tests.faults.interleaving.reached"
LOCKS = ("FOR NO KEY UPDATE", "FOR UPDATE", "FOR SHARE")
_own = threading.local()


def reached(point: str) -> None:
    """What the steps tell, and what an actor's connection does."""
    actor: Actor | None = getattr(_own, "actor", None)
    if actor is not None:
        actor.pass_by(point)


@dataclass
class Actor:
    """Somebody who acts in a thread and on a connection of its own, and is held at the point number `hold_at`."""

    act: Callable[[], Any]
    every_statement: bool = False
    hold_at: int | None = None
    points: list[str] = field(default_factory=list)
    answer: Any = None
    failure: BaseException | None = None
    backend: int = 0
    started: threading.Event = field(default_factory=threading.Event)
    held: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()
        assert self.started.wait(PATIENCE)

    def pass_by(self, point: str) -> None:
        self.points.append(point)
        if len(self.points) - 1 == self.hold_at:
            self.held.set()
            assert self.released.wait(PATIENCE)

    def finish(self) -> Any:
        """What it was answered. Raises what it raised."""
        self.released.set()
        assert self.ended.wait(2 * PATIENCE), self.points
        if self.failure is not None:
            raise self.failure
        return self.answer

    def _run(self) -> None:
        _own.actor = self
        try:
            connection.ensure_connection()
            with self._listening(connections["default"]):
                self.answer = self.act()
        except BaseException as error:  # told to whoever waits for the answer
            self.failure = error
        finally:
            self.started.set()
            connection.close()
            self.ended.set()

    @contextmanager
    def _listening(self, own: BaseDatabaseWrapper) -> Iterator[None]:
        self.backend = ask("SELECT pg_backend_pid()", own)
        self.started.set()
        commit = own.commit

        def commit_at_a_point() -> None:
            reached("commit")
            commit()

        own.commit = commit_at_a_point  # type: ignore[method-assign]
        try:
            with own.execute_wrapper(self._statement):
                yield
        finally:
            own.commit = commit  # type: ignore[method-assign]

    def _statement(self, execute: Any, query: str, *rest: Any) -> Any:
        lock = next((lock for lock in LOCKS if lock in query), "")
        if lock or self.every_statement:
            reached(f"{'lock' if lock else 'statement'}: {query[:60]}")
        return execute(query, *rest)


@dataclass(frozen=True)
class Played:
    """One order of events: where the first was held, whether the second had to wait, and what both were answered."""

    point: str
    waited: bool
    first: Any
    second: Any


def play(
    first: Callable[[], Any], second: Callable[[], Any], hold_at: int, *, every_statement: bool = False
) -> Played | None:
    """The schedule number `hold_at`; None when the first has fewer points."""
    held = Actor(first, every_statement, hold_at)
    held.start()
    _until(lambda: held.held.is_set() or held.ended.is_set())
    if not held.held.is_set():
        held.finish()
        return None
    other = Actor(second)
    other.start()
    _until(lambda: other.ended.is_set() or _in_line(other))
    waited = not other.ended.is_set()
    return Played(held.points[hold_at], waited, held.finish(), other.finish())


def _in_line(actor: Actor) -> bool:
    return ask(f"SELECT cardinality(pg_blocking_pids({actor.backend}))") > 0


def _until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, "neither held nor ended"
        time.sleep(0.001)
