"""Ctrl-C and its kin end a run in order, whenever they come."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """Raises `KeyboardInterrupt` once; what comes later does not disturb the tidying up."""

    def __init__(self) -> None:
        self.holding = False
        self.received = False

    def listen(self) -> None:
        for number in SIGNALS:
            signal.signal(number, self._receive)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Waits until the block ends, so that nothing is lost between its start and its record.

        To be used inside the `try` whose `finally` tidies up.
        """
        self.holding = True
        try:
            yield
        finally:
            self.holding = False
            if self.received:
                raise KeyboardInterrupt

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.received:
            return
        self.received = True
        if not self.holding:
            raise KeyboardInterrupt


STOP = StopSignals()
