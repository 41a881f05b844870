"""Waiting for an outcome without hammering: one thread of each process listens to the database for all who wait.

A request that waits holds a thread of the web server and nothing else: its database connection is given back first.
So that others are never kept out, only `PAYMENT_WAITERS` requests of a process may wait at once; whoever comes then
is answered at once.
"""

import logging
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing

import psycopg2
from django.conf import settings
from django.db import connection

from apps.core.listening import heard

logger = logging.getLogger(__name__)

# How often one who waits looks for itself, should the listener have missed something.
LOOK_SECONDS = 5.0
RECONNECT_SECONDS = 1.0


class Waiters:
    """Those who wait in this process, and the thread that wakes them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[int, list[threading.Event]] = defaultdict(list)
        self._places = 0
        self._listener: threading.Thread | None = None
        self._process = os.getpid()

    def wait(self, payment_id: int, seconds: float, changed: Callable[[], bool]) -> bool:
        """Until `changed()` or `seconds` are over; False at once when too many wait already.

        `changed` may use the database; between its calls this thread has no connection.
        """
        event = threading.Event()
        if not self._enter(payment_id, event):
            return False
        try:
            deadline = time.monotonic() + seconds
            while not changed():
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                _give_connection_back()
                event.wait(min(left, LOOK_SECONDS))
                event.clear()
            return True
        finally:
            self._leave(payment_id, event)

    def _enter(self, payment_id: int, event: threading.Event) -> bool:
        with self._lock:
            if self._process != os.getpid():  # a copy made by fork has no listener
                self._process, self._listener = os.getpid(), None
                self._waiting.clear()
                self._places = 0
            if self._places >= settings.PAYMENT_WAITERS:
                return False
            self._places += 1
            self._waiting[payment_id].append(event)
            if self._listener is None or not self._listener.is_alive():
                self._listener = threading.Thread(target=self._listen, daemon=True, name="payment-waiters")
                self._listener.start()
            return True

    def _leave(self, payment_id: int, event: threading.Event) -> None:
        with self._lock:
            self._places -= 1
            self._waiting[payment_id].remove(event)
            if not self._waiting[payment_id]:
                del self._waiting[payment_id]

    def _listen(self) -> None:
        """Ends by itself when nobody waits any more."""
        while self._anybody():
            try:
                self._listen_once()
            except psycopg2.Error as error:
                logger.warning("waiting without the listener: %s", type(error).__name__)
                time.sleep(RECONNECT_SECONDS)

    def _listen_once(self) -> None:
        with closing(heard("payment_changed", LOOK_SECONDS)) as batches:
            next(batches)
            self._wake_all()  # what changed before that was not heard
            for payloads in batches:
                for payload in payloads:
                    self._wake(payload)
                if not self._anybody():
                    return

    def _anybody(self) -> bool:
        with self._lock:
            return bool(self._waiting)

    def _wake(self, payload: str) -> None:
        with self._lock:
            for event in self._waiting.get(int(payload), ()) if payload.isdecimal() else ():
                event.set()

    def _wake_all(self) -> None:
        with self._lock:
            for events in self._waiting.values():
                for event in events:
                    event.set()


waiters = Waiters()


def _give_connection_back() -> None:
    """Nobody waits with a connection in hand. A test's transaction must live on."""
    if not connection.in_atomic_block:
        connection.close()
