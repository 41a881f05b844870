"""The worker's loops: one for the inbox and the sales nobody paid, one for each gateway, one for days that are over.

Each gateway has a thread of its own, so that one that hangs keeps nobody else waiting. Everything is claimed in the
database, so any number of workers may run, and one that dies leaves nothing undone.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing

import psycopg2
from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from apps.core import ports
from apps.core.clock import TOLERANCE, ahead
from apps.core.errors import DomainError
from apps.core.listening import heard
from apps.payments.gateways import gateway_for
from apps.payments.services import work_on_inbox, work_on_payments, work_on_refunds
from apps.payments.states import GATEWAY_METHODS
from apps.sales.services import expire_sales
from payments.errors import GatewayError, RateLimited

logger = logging.getLogger(__name__)

ROUND_SECONDS = 1.0
HOUSEKEEPING_SECONDS = 60.0
DAYS_SECONDS = 300.0
# After so many failures in a row a gateway is left alone for a while.
BREAK_AFTER = 5
BREAK_SECONDS = 30.0
RECONNECT_SECONDS = 2.0


class Breaker:
    """Counts failures in a row; open for a while after too many, then one question tries again."""

    def __init__(self) -> None:
        self.failures = 0
        self.closed_at = 0.0

    def is_open(self) -> bool:
        return time.monotonic() < self.closed_at

    def failed(self) -> None:
        self.failures += 1
        if self.failures >= BREAK_AFTER:
            self.closed_at = time.monotonic() + BREAK_SECONDS

    def worked(self) -> None:
        self.failures = 0


class Worker:
    """All loops of one process. `stop` ends them after what they are doing."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.wake = {method.value: threading.Event() for method in GATEWAY_METHODS}
        self.breakers = {method.value: Breaker() for method in GATEWAY_METHODS}
        self.clock_is_right = True

    def stop(self) -> None:
        self.stopping.set()
        for event in self.wake.values():
            event.set()

    def run(self) -> None:
        _safely(self._look_at_the_clock)
        threads = [
            threading.Thread(target=self._serve, args=(method,), name=f"worker-{method}", daemon=True)
            for method in self.wake
        ]
        threads.append(threading.Thread(target=self._close_days, name="worker-days", daemon=True))
        threads.append(threading.Thread(target=self._listen, name="worker-listener", daemon=True))
        for thread in threads:
            thread.start()
        self._keep_house()
        for thread in threads[: len(self.wake)]:
            thread.join(60)

    def run_once(self) -> None:
        """All that is due now, in this thread."""
        if not self._look_at_the_clock():
            return
        expire_sales()
        for method in self.wake:
            while self._work_on(method):
                pass
        while work_on_inbox():
            pass

    def _keep_house(self) -> None:
        cleaned = -HOUSEKEEPING_SECONDS
        while not self.stopping.is_set():
            if time.monotonic() - cleaned >= HOUSEKEEPING_SECONDS:
                cleaned = time.monotonic()
                _safely(self._look_at_the_clock)
                _safely(lambda: self.clock_is_right and expire_sales() >= 0)
            while not self.stopping.is_set() and _safely(work_on_inbox):
                pass
            close_old_connections()
            self.stopping.wait(ROUND_SECONDS)

    def _look_at_the_clock(self) -> bool:
        """With a wrong one sales would expire under the customers' hands and questions come too early or never."""
        difference = ahead()
        self.clock_is_right = abs(difference) <= TOLERANCE
        if not self.clock_is_right:
            logger.error(
                "this server's clock is %+.0f s off the database's; nothing is asked or expired until it is set right",
                difference.total_seconds(),
            )
        return self.clock_is_right

    def _close_days(self) -> None:
        """A thread of its own: after an upgrade there may be years to add up."""
        try:
            while not self.stopping.is_set():
                _safely(lambda: ports.close_days()() >= 0)
                close_old_connections()
                self.stopping.wait(DAYS_SECONDS)
        finally:
            connection.close()

    def _serve(self, method: str) -> None:
        event = self.wake[method]
        try:
            while not self.stopping.is_set():
                while not self.stopping.is_set() and _safely(lambda: self._work_on(method)):
                    pass
                close_old_connections()
                event.wait(ROUND_SECONDS)
                event.clear()
        finally:
            connection.close()

    def _work_on(self, method: str) -> bool:
        """One payment and one refund of this gateway; whether there was any."""
        breaker = self.breakers[method]
        if not self.clock_is_right or breaker.is_open() or not _configured(method):
            return False
        try:
            worked = work_on_payments(method)
            worked = work_on_refunds(method) or worked
        except RateLimited as error:
            # Its share of the minute is over sooner than a round.
            self.stopping.wait(min(error.retry_after, ROUND_SECONDS))
            return error.retry_after < ROUND_SECONDS
        except GatewayError as error:
            breaker.failed()
            logger.warning("%s: %s", method, error)
            return not breaker.is_open()
        if worked:  # an idle round proves nothing
            breaker.worked()
        return worked

    def _listen(self) -> None:
        """Hears at once of work that a webhook has left."""
        while not self.stopping.is_set():
            try:
                self._listen_once()
            except psycopg2.Error as error:
                logger.warning("working without the listener: %s", type(error).__name__)
                self.stopping.wait(RECONNECT_SECONDS)

    def _listen_once(self) -> None:
        with closing(heard("payments_work", ROUND_SECONDS)) as batches:
            for payloads in batches:
                for method in self.wake.keys() & payloads:
                    self.wake[method].set()
                if self.stopping.is_set():
                    return


def _configured(method: str) -> bool:
    try:
        gateway_for(method)
    except (DomainError, GatewayError):
        return False
    return True


def _safely(work: Callable[[], bool]) -> bool:
    """The outermost door: what goes wrong with one piece of work must not end the worker."""
    try:
        return work()
    except (DatabaseError, InterfaceError) as error:
        logger.warning("the database is away or busy: %s", type(error).__name__)
        connection.close()
        time.sleep(ROUND_SECONDS)
    except Exception:
        logger.exception("a piece of work failed; it is tried again later")
    return False
