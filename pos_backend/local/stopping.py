"""How a person, the system or the end of `make` asks the shop to stop."""

import os
import signal
from types import FrameType

STDOUT = 1


class StopRequested(Exception):
    """The person wants the shop to end."""


class StopRequest:
    """Remembers a signal, and notices that the process or the terminal that started us is gone.

    Only a note is taken when a signal comes, so that no child is lost between its start and its record.
    """

    def __init__(self) -> None:
        self.received = False
        self.parent = os.getppid()
        self.terminal = os.isatty(STDOUT) and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN

    def listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, self._note)
        # `nohup make run` asks to outlive the terminal.
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._note)

    def check(self) -> None:
        # Of a closed terminal `make` alone may be told, and it would wait for us for ever.
        terminal_gone = self.terminal and not os.isatty(STDOUT)
        if self.received or terminal_gone or os.getppid() != self.parent:
            raise StopRequested

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = True
