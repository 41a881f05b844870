"""What can happen to a payment: the modes, the numbers that choose them, and who chooses otherwise."""

import re
import threading
from dataclasses import dataclass, field
from typing import Literal

Gateway = Literal["mpesa", "airtel", "card"]
GATEWAYS: tuple[Gateway, ...] = ("mpesa", "airtel", "card")
PREFIX = {"mpesa": "0700 0000 ", "airtel": "0733 0000 "}
PROMPT = "prompt"


@dataclass(frozen=True)
class Mode:
    """One way a payment can go. The words are looked up by the gateway's own modules."""

    name: str
    says: str
    number: int = -1  # last two digits of the phone number that chooses it
    outcome: str = ""  # what becomes of the payment; empty: a person decides
    answer: str = ""  # what the request that begins it is answered; empty: accepted
    messages: tuple[str, ...] = ("plain",)  # callbacks, in this order
    when: Literal["soon", "first", "late"] = "soon"  # callbacks after, before, or long after our answer
    asked: tuple[str, ...] = ()  # the first answers to questions about the payment
    always: str = ""  # the answer to every question about it
    refund: str = ""  # what becomes of its refund
    status: str = ""  # what becomes of a transaction status query about it
    refreshable: bool = True  # a refused token: whether a new one helps

    def phone(self, gateway: str) -> str:
        """The number that chooses this mode, as people write it; nothing for cards and `prompt`."""
        prefix = PREFIX.get(gateway, "")
        return f"{prefix}{self.number:02d}" if prefix and self.number >= 0 else ""

    def email(self, gateway: str) -> str:
        """The e-mail address that chooses this mode of a card payment."""
        return f"card+{self.name}@simulator.example" if gateway == "card" and self.name != PROMPT else ""


@dataclass
class Choice:
    """A mode chosen at the control endpoint, for one phone or all, for some payments or all from now on."""

    mode: Mode
    phone: str  # national digits; empty: every phone
    times: int | None


@dataclass
class Choices:
    """Which mode the next payment gets."""

    tables: dict[str, dict[str, Mode]]
    _chosen: dict[str, list[Choice]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def mode(self, gateway: str, name: str) -> Mode | None:
        return self.tables.get(gateway, {}).get(name)

    def choose(self, gateway: str, mode: Mode, phone: str = "", times: int | None = None) -> None:
        """From now on; replaces what was chosen for the same phone (or for all)."""
        with self._lock:
            kept = [c for c in self._chosen.get(gateway, []) if c.phone != phone]
            choice = (
                [] if mode.name == PROMPT and not phone and times is None else [Choice(mode, phone, times)]
            )
            self._chosen[gateway] = kept + choice

    def forget(self) -> None:
        with self._lock:
            self._chosen.clear()

    def take(self, gateway: str, phone: str = "", email: str = "") -> Mode:
        """The mode of a new payment: chosen for this phone, for all, by the number or address itself, or `prompt`."""
        chosen = self._take(gateway, phone, ())
        return chosen or self._by_number(gateway, phone, email) or self.tables[gateway][PROMPT]

    def take_refund(self, gateway: str, phone: str, payment: Mode) -> Mode:
        """The mode of a refund: one chosen since that says something of refunds, else the payment's own."""
        return self._take(gateway, phone, ("refund", "status")) or payment

    def in_force(self) -> list[dict[str, object]]:
        with self._lock:
            return [
                {"gateway": gateway, "mode": c.mode.name, "phone": c.phone or None, "times": c.times}
                for gateway, choices in self._chosen.items()
                for c in choices
            ]

    def _take(self, gateway: str, phone: str, about: tuple[str, ...]) -> Mode | None:
        with self._lock:
            choices = self._chosen.get(gateway, [])
            fitting = [c for c in choices if c.phone in ("", phone) and _is_about(c.mode, about)]
            if not fitting:
                return None
            choice = max(fitting, key=lambda c: bool(c.phone))
            if choice.times is not None:
                choice.times -= 1
                if choice.times <= 0:
                    choices.remove(choice)
            return choice.mode

    def _by_number(self, gateway: str, phone: str, email: str) -> Mode | None:
        table = self.tables[gateway]
        prefix = PREFIX.get(gateway, "").replace(" ", "")[1:]
        if prefix and len(phone) == 9 and phone.startswith(prefix):
            return next((mode for mode in table.values() if mode.number == int(phone[-2:])), None)
        named = re.match(r"card\+([a-z0-9-]+)@", email)
        return table.get(named.group(1)) if named and gateway == "card" else None


def table_of(*modes: Mode) -> dict[str, Mode]:
    return {mode.name: mode for mode in modes}


def _is_about(mode: Mode, about: tuple[str, ...]) -> bool:
    return not about or any(getattr(mode, name) for name in about)
