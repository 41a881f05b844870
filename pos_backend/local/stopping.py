"""How a person, the system or the end of `make` asks the shop to stop."""

import os
import signal
from types import FrameType


class StopRequested(Exception):
    """The person wants the shop to end."""


class StopRequest:
    """Remembers a signal, or that the process that started us is gone.

    Only a note is taken when a signal comes, so that no child is lost between its start and its record.
    """

    def __init__(self) -> None:
        self.received = False
        self.parent = os.getppid()

    def listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, self._note)
        # `nohup make run` asks to outlive the terminal.
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._note)

    def check(self) -> None:
        if self.received or os.getppid() != self.parent:
            raise StopRequested

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = True
