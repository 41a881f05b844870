"""Real threads on real connections, released together; and what a control needs to take the locks away."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, BrokenBarrierError, Event
from typing import Any, Generic, TypeVar

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model, QuerySet
from django.http import HttpResponse

from apps.payments.models import Payment
from apps.products.models import StockLevel
from apps.sales.models import Sale

T = TypeVar("T")
M = TypeVar("M", bound=Model)
# Less than idle_in_transaction_session_timeout, so that a racer that never came is what is reported.
PATIENCE = 10.0
LONG_WAIT = 14.0


def meeting_of(racers: int) -> Barrier:
    """Where each of them waits until all are there; it may be used again and again."""
    return Barrier(racers, timeout=PATIENCE)


def race(racers: int, act: Callable[[int], T], waits: float | None = None) -> list[T]:
    """`act(0)` to `act(racers - 1)` at the same moment, each on its own connection; their results in this order.

    Raises what any of them raised. Many racers share the few processors of this machine, and the shop's 3 seconds for
    a lock may pass before it is their turn: where that is not the question, each `waits` so many seconds for a lock.
    """
    start = meeting_of(racers)

    def run(number: int) -> T:
        try:
            connection.ensure_connection()
            if waits is not None:
                _wait_for_locks(waits)
            start.wait()
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(racers) as pool:
        runs = [pool.submit(run, number) for number in range(racers)]
    _raise_first_cause(runs)
    return [run.result() for run in runs]


def _wait_for_locks(seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{seconds}s"])


def _raise_first_cause(runs: list[Future[T]]) -> None:
    failures = [failure for run in runs if (failure := run.exception())]
    # A racer that falls leaves the others waiting; their complaint is not the cause.
    for failure in sorted(failures, key=lambda failure: isinstance(failure, BrokenBarrierError)):
        raise failure


def outcome(response: HttpResponse) -> tuple[int, str | None]:
    """The status, and the machine-readable code of a refusal."""
    if response.status_code < 400:
        return response.status_code, None
    return response.status_code, response.json().get("code")


def outcomes(responses: Sequence[HttpResponse]) -> Counter[tuple[int, str | None]]:
    return Counter(map(outcome, responses))


class ReadTogether(Generic[M]):
    """Rows that nobody locked, handed out only when every racer has read them: nobody sees another's write."""

    def __init__(self, rows: QuerySet[M], meeting: Barrier) -> None:
        self.rows = rows
        self.meeting = meeting

    def __iter__(self) -> Iterator[M]:
        return iter(self._after_all(list(self.rows)))

    def first(self) -> M | None:
        return self._after_all(self.rows.first())

    def get(self) -> M:
        return self._after_all(self.rows.get())

    def _after_all(self, found: T) -> T:
        self.meeting.wait()
        return found


def unlocked(
    racers: int, meet_at: type[Model] = Model
) -> Callable[[QuerySet[M]], ReadTogether[M] | QuerySet[M]]:
    """For the controls, in the place of `apps.core.locking.locked`: reads without locks, so that the race is lost.

    The racers meet at the rows of `meet_at`; once one has written a row, the others cannot get past it.
    """
    meeting = meeting_of(racers)

    def read(rows: QuerySet[M]) -> ReadTogether[M] | QuerySet[M]:
        ordered = rows.order_by("pk")
        return ReadTogether(ordered, meeting) if issubclass(rows.model, meet_at) else ordered

    return read


def levels_read(
    read: Callable[[QuerySet[StockLevel]], Iterable[StockLevel]],
) -> Callable[[Collection[int]], list[dict[str, Any]]]:
    """For the controls, in the place of `moving.levels_held`: the stock rows as `read` hands them out."""

    def levels(ids: Collection[int]) -> list[dict[str, Any]]:
        rows = read(StockLevel.objects.filter(pk__in=ids))
        return [{"product_id": level.pk, "quantity": level.quantity} for level in rows]

    return levels


def row_read(
    model: type[M], read: Callable[[QuerySet[M]], ReadTogether[M] | QuerySet[M]]
) -> Callable[..., M | None]:
    """For the controls, in the place of what holds one row (`settling.sale_held`): the row as `read` hands it out."""
    return lambda pk, *_: read(model._default_manager.filter(pk=pk)).first()


SALE_HELD = "apps.sales.services.settling.sale_held"


def take_locks_away(monkeypatch: pytest.MonkeyPatch, racers: int, meet_at: type[Model] = Model) -> None:
    """For the controls: sales, payments and refunds are read as if nobody else were at them."""
    monkeypatch.setattr(SALE_HELD, row_read(Sale, unlocked(racers, meet_at)))
    held = row_read(Payment, unlocked(racers, meet_at))
    monkeypatch.setattr("apps.payments.services.locks.payment_held", held)
    monkeypatch.setattr("apps.payments.services.locks.locked", unlocked(racers, meet_at))


def together(meeting: Barrier, act: Callable[..., T]) -> Callable[..., T]:
    """`act`, which nobody begins before all have come to the meeting."""

    def meet_and_act(*args: Any, **kwargs: Any) -> T:
        meeting.wait()
        return act(*args, **kwargs)

    return meet_and_act


class Overtaking:
    """Two requests of which the slower is overtaken: at a given step it waits until the faster has been answered."""

    def __init__(self) -> None:
        self._arrived, self._overtaken = Event(), Event()

    def held_up(self, step: Callable[..., T]) -> Callable[..., T]:
        """`step`, where the first to come is overtaken."""

        def wait_once(*args: Any, **kwargs: Any) -> T:
            if not self._arrived.is_set():
                self._arrived.set()
                assert self._overtaken.wait(PATIENCE)
            return step(*args, **kwargs)

        return wait_once

    def run(self, slower: Callable[[], T], faster: Callable[[], T]) -> list[T]:
        """What the slower was answered, and what the faster."""
        return race(2, lambda i: self._overtake(faster) if i else slower())

    def _overtake(self, act: Callable[[], T]) -> T:
        assert self._arrived.wait(PATIENCE)
        try:
            return act()
        finally:
            self._overtaken.set()


@contextmanager
def another_connection() -> Iterator[BaseDatabaseWrapper]:
    """A second connection of this thread, whose transactions are its own."""
    other = connection.copy()
    try:
        yield other
    finally:
        other.close()


def ask(query: str, on: BaseDatabaseWrapper | None = None) -> int:
    """The one number that `query` answers."""
    with (on or connection).cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])


def wait_until(reached: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Looks every few milliseconds; fails when it does not come true in time."""
    deadline = time.monotonic() + patience
    while not reached():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.005)


def deadlocks() -> int:
    """How many deadlocks this database has seen; servers count them in when a connection ends."""
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        " AND application_name NOT IN ('house', 'watcher')"
    )
    wait_until(lambda: ask(others) == 0)
    return ask("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")


def waiting_for_locks(on: BaseDatabaseWrapper) -> int:
    """How many connections stand in line for a lock."""
    return ask(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock'",
        on,
    )
