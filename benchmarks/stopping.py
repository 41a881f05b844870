"""Ctrl-C and its kin end a run in order, whenever they come."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

from pos_backend.local.account import LauncherError

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


def say(text: str) -> None:
    """Progress; the tables alone go to standard output."""
    print(text, file=sys.stderr, flush=True)


def printed(run: Callable[[ExitStack], str]) -> int:
    """Prints what `run` reports and puts away all that it opened in the stack; the exit code."""
    STOP.listen()
    try:
        with ExitStack() as stack:
            print(run(stack))
    except KeyboardInterrupt:
        say("\nStopped; everything that was started has been ended.")
        return 130
    except LauncherError as error:
        say(str(error))
        return 1
    return 0
