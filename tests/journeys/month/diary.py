"""What is to happen, in the order of its time."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from tests.journeys.month.wire import Clock

Act = Callable[[], object]


@dataclass
class Diary:
    """Acts may note further acts; of two at the same moment the one noted first comes first."""

    clock: Clock
    _entries: list[tuple[datetime, int, Act]] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)

    def note(self, at: datetime, act: Act) -> None:
        heapq.heappush(self._entries, (at, next(self._numbers), act))

    def live(self, until: datetime) -> None:
        """Until this moment, at which the clock then stands; what is noted for later does not happen."""
        while self._entries and self._entries[0][0] <= until:
            self.clock.now, _, act = heapq.heappop(self._entries)
            act()
        self.clock.now = until
