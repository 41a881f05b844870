"""How fast the simulated people and gateways are, and the things that will happen later."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Pace:
    """Seconds; `speed` 40 makes everything forty times as fast."""

    speed: float = 1.0
    patience_seconds: float | None = None  # not made faster; tests must not race with the prompt's end

    @property
    def act(self) -> float:
        """Until an automatic mode acts, and between the steps of a refund."""
        return 2.0 / self.speed

    @property
    def patience(self) -> float:
        """Until a prompt that nobody touches times out."""
        return 60.0 / self.speed if self.patience_seconds is None else self.patience_seconds

    @property
    def late(self) -> float:
        """Until a late callback arrives: later than the prompt's own end."""
        return 90.0 / self.speed


@dataclass
class Later:
    """Things that are due later; all of them can be dropped."""

    _timers: set[threading.Timer] = field(default_factory=set)
    _patient: set[threading.Timer] = field(default_factory=set)  # those that only end what nobody ended
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _generation: int = 0

    def after(self, seconds: float, act: Callable[[], object], patient: bool = False) -> None:
        with self._lock:
            generation = self._generation
            timers = self._patient if patient else self._timers

            def run() -> None:
                # A timer that was already firing when everything was dropped must not act on the emptied state.
                try:
                    if generation == self._generation:
                        act()
                finally:
                    with self._lock:
                        timers.discard(timer)

            timer = threading.Timer(max(seconds, 0.0), run)
            timer.daemon = True
            timers.add(timer)
        timer.start()

    @property
    def idle(self) -> bool:
        return not self._timers

    def drop(self) -> None:
        with self._lock:
            self._generation += 1
            for timer in self._timers | self._patient:
                timer.cancel()
            self._timers.clear()
            self._patient.clear()


@dataclass
class Limit:
    """At most `count` questions in `seconds`; a count of 0 grants everything."""

    count: int = 0
    seconds: float = 60.0
    _asked: list[float] = field(default_factory=list)

    def exceeded(self) -> bool:
        if not self.count:
            return False
        now = time.monotonic()
        self._asked = [at for at in self._asked if now - at < self.seconds]
        if len(self._asked) >= self.count:
            return True
        self._asked.append(now)
        return False
