"""What the gateways need from the process they run in: shared tokens, a shared budget of queries, the time.

The shop binds these to PostgreSQL, so that all its processes share them; the classes here keep them in memory.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol


@dataclass(frozen=True)
class AccessToken:
    """A token and how many seconds it may still be used."""

    value: str = field(repr=False)
    seconds: float


Mint = Callable[[], AccessToken]


class Tokens(Protocol):
    """Access tokens that all processes share."""

    def get(self, name: str, mint: Mint, *, rejected: str = "") -> str:
        """The token called `name`, minted when there is none that is still good for some seconds.

        `rejected` is a token that the gateway has just refused: unless somebody renewed it meanwhile, a new one is
        minted. Only one process mints at a time.
        """


class Budget(Protocol):
    """How often a gateway may still be asked; shared by all processes."""

    def take(self, name: str, per_minute: float) -> float:
        """Take one of `per_minute` questions: 0 when granted, otherwise the seconds until one will be free."""

    def drain(self, name: str, seconds: float) -> None:
        """The gateway complained: grant nothing for `seconds`."""


@dataclass
class MemoryTokens:
    """Tokens of this process only."""

    _kept: dict[str, tuple[str, float]] = field(default_factory=dict, repr=False)

    def get(self, name: str, mint: Mint, *, rejected: str = "") -> str:
        value, until = self._kept.get(name, ("", 0.0))
        if not value or value == rejected or until <= time.monotonic():
            token = mint()
            value = token.value
            self._kept[name] = (value, time.monotonic() + token.seconds)
        return value


@dataclass
class MemoryBudget:
    """A budget of this process only: one question at once, the next when its share of the minute has passed."""

    _next: dict[str, float] = field(default_factory=dict)

    def take(self, name: str, per_minute: float) -> float:
        now = time.monotonic()
        free = self._next.get(name, 0.0)
        if free > now:
            return free - now
        self._next[name] = now + 60.0 / per_minute
        return 0.0

    def drain(self, name: str, seconds: float) -> None:
        self._next[name] = time.monotonic() + seconds


@dataclass(frozen=True)
class Runtime:
    """Everything a gateway is given besides its settings. Offline tests give their own clock."""

    tokens: Tokens = field(default_factory=MemoryTokens)
    budget: Budget = field(default_factory=MemoryBudget)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
