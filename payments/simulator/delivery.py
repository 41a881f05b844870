"""Callbacks on their way to the shop. Nothing is repeated by itself; what happened to each one is kept."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests

from payments.redaction import blank_text
from payments.simulator.web import JSON

SECONDS = 15.0
OFF = "switched off"
NO_ADDRESS = "no address"
LOST = "lost on a bad line"


@dataclass
class Delivery:
    """One message: the exact bytes, where they go, and what was answered each time."""

    number: int
    gateway: str
    about: str
    kind: str
    url: str
    body: bytes
    headers: Mapping[str, str]
    results: list[str] = field(default_factory=list)
    reply: bytes = b""
    made: datetime = field(default_factory=lambda: datetime.now(UTC))

    def as_document(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "gateway": self.gateway,
            "about": self.about,
            "kind": self.kind,
            "url": blank_text(self.url),
            "body": blank_text(self.body.decode()),
            "results": list(self.results),
            "at": self.made.isoformat(timespec="milliseconds"),
        }


@dataclass
class Deliveries:
    """All callbacks so far, and the switch that holds them back."""

    enabled: bool = True
    _all: list[Delivery] = field(default_factory=list)
    _under_way: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def prepare(
        self,
        gateway: str,
        about: str,
        kind: str,
        url: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
    ) -> Delivery:
        with self._lock:
            delivery = Delivery(len(self._all) + 1, gateway, about, kind, url, body, headers or {})
            self._all.append(delivery)
        return delivery

    def send(self, *deliveries: Delivery, always: bool = False) -> None:
        """One after the other, and come back when all were answered. `always`: in spite of the switch."""
        with self._lock:
            self._under_way += 1
        try:
            for delivery in deliveries:
                delivery.results.append(self._post(delivery, always))
        finally:
            with self._lock:
                self._under_way -= 1

    def number(self, number: int) -> Delivery | None:
        with self._lock:
            return self._all[number - 1] if 0 < number <= len(self._all) else None

    def all(self) -> list[Delivery]:
        with self._lock:
            return list(self._all)

    def forget(self) -> None:
        with self._lock:
            self._all.clear()
        self.enabled = True

    @property
    def idle(self) -> bool:
        return not self._under_way

    def _post(self, delivery: Delivery, always: bool) -> str:
        if not delivery.url:
            return NO_ADDRESS
        if not self.enabled and not always:
            return OFF
        headers = {"Content-Type": JSON, **delivery.headers}
        try:
            with requests.Session() as session:
                # No proxies and no passwords of whoever runs the simulator.
                session.trust_env = False
                answer = session.post(
                    delivery.url, data=delivery.body, headers=headers, timeout=SECONDS, allow_redirects=False
                )
        except requests.RequestException as error:
            return f"no answer: {type(error).__name__}"
        delivery.reply = answer.content[:10_000]
        return str(answer.status_code)
