"""The line between the gateways and the shop: what becomes of callbacks on their way."""

import random
import threading
from dataclasses import dataclass, field


@dataclass
class Line:
    """Good at first. `lost` and `doubled` are chances from 0 to 1; `delay` is the longest, in seconds of the pace.

    Each copy of a doubled callback has a delay of its own, so that they also overtake each other.
    """

    lost: float = 0.0
    doubled: float = 0.0
    delay: float = 0.0
    seed: int | None = None
    _chance: random.Random = field(init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)  # noqa: S311 - no secret

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled or self.delay)

    def fate(self) -> list[float]:
        """After how many seconds each copy of the next callback arrives; none when it is lost."""
        with self._lock:
            if self._chance.random() < self.lost:
                return []
            copies = 2 if self._chance.random() < self.doubled else 1
            return [self._chance.uniform(0, self.delay) for _ in range(copies)]
