"""The simulated world: what the gateways know and what everybody in it may do."""

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from payments.simulator.credentials import Credentials
from payments.simulator.delivery import LOST, Deliveries, Delivery
from payments.simulator.line import Line
from payments.simulator.modes import Choices
from payments.simulator.modes_airtel import MODES as AIRTEL
from payments.simulator.modes_card import MODES as CARD
from payments.simulator.modes_mpesa import MODES as MPESA
from payments.simulator.pace import Later, Limit, Pace
from payments.simulator.state import PhonePayment, State

# Seconds a token lives.
TOKEN_LIFE = {"mpesa": 3599, "airtel": 180}
TABLES = {"mpesa": MPESA, "airtel": AIRTEL, "card": CARD}


@dataclass
class World:
    """Shared by all request threads; `lock` guards `state` and `tokens`."""

    credentials: Credentials
    pace: Pace
    folder: Path
    base_url: str = ""
    state: State = field(default_factory=State)
    choices: Choices = field(default_factory=lambda: Choices(TABLES))
    deliveries: Deliveries = field(default_factory=Deliveries)
    line: Line = field(default_factory=Line)
    later: Later = field(default_factory=Later)
    query_limit: Limit = field(default_factory=Limit)  # of the STK query, for all payments
    strict_limit: Limit = field(default_factory=lambda: Limit(5))  # for payments in mode rate-limited
    tokens: dict[str, dict[str, float]] = field(default_factory=dict)
    requests: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=500))
    lock: threading.RLock = field(default_factory=threading.RLock)

    def mint(self, gateway: str) -> str:
        token = secrets.token_urlsafe(21)
        with self.lock:
            self.tokens.setdefault(gateway, {})[token] = time.monotonic() + TOKEN_LIFE[gateway]
        return token

    def knows_token(self, gateway: str, token: str) -> bool:
        with self.lock:
            return self.tokens.get(gateway, {}).get(token, 0.0) > time.monotonic()

    def refuses_token_once(self, gateway: str, token: str, phone: str, refreshable: bool) -> bool:
        """Whether a good token is refused: the first one that comes with `phone`, or every one."""
        with self.lock:
            if not refreshable:
                return True
            if phone in self.state.refused_tokens:
                self.state.refused_tokens.discard(phone)
                return False
            self.state.refused_tokens.add(phone)
            self.tokens.get(gateway, {}).pop(token, None)
            return True

    def expire_tokens(self, gateway: str | None = None) -> None:
        with self.lock:
            for name in [gateway] if gateway else list(self.tokens):
                self.tokens.get(name, {}).clear()

    def decide(self, payment: PhonePayment, outcome: str) -> bool:
        """Give an open prompt its outcome; False when it has one already."""
        with self.lock:
            if payment.outcome:
                return False
            payment.outcome = outcome
            return True

    def open_prompts(self) -> list[PhonePayment]:
        with self.lock:
            return [p for p in self.state.phone_payments.values() if p.waits_for_person]

    def tell(self, when: str, deliveries: list[Delivery], done: Callable[[], object] = lambda: None) -> None:
        """Send callbacks at once and wait (`first`), soon, or `late`."""

        def send() -> None:
            done()
            self.carry(*deliveries)

        if when == "first":
            send()
        else:
            self.later.after(self.pace.late if when == "late" else 0.0, send)

    def carry(self, *deliveries: Delivery) -> None:
        """Over a good line in their order, and come back when all were answered; over a bad one as it happens."""
        if self.line.good:
            self.deliveries.send(*deliveries)
            return
        for delivery in deliveries:
            waits = self.line.fate()
            for seconds in waits:
                self.later.after(seconds / self.pace.speed, partial(self.deliveries.send, delivery))
            if not waits:
                delivery.results.append(LOST)

    def reset(self) -> None:
        self.later.drop()
        self.line = Line()
        with self.lock:
            self.state = State()
            self.tokens.clear()
            self.requests.clear()
            self.query_limit = Limit()
            self.strict_limit = Limit(5)
        self.choices.forget()
        self.deliveries.forget()
