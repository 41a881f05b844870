"""Which gateway serves a method. A method without credentials says so; it never pretends."""

from collections.abc import Mapping
from importlib import import_module
from typing import Protocol

from payments.base import Gateway
from payments.errors import NotConfigured
from payments.runtime import Runtime

# method: the module whose `from_settings` makes the gateway. A new gateway is one more line.
GATEWAYS: Mapping[str, str] = {
    "mpesa": "payments.mpesa",
    "airtel": "payments.airtel",
    "card": "payments.cards",
}
LABELS: Mapping[str, str] = {"mpesa": "M-Pesa", "airtel": "Airtel Money", "card": "Card payment"}


class _Module(Protocol):
    def from_settings(self, settings: Mapping[str, str], runtime: Runtime) -> Gateway | None: ...


def gateway_for(method: str, settings: Mapping[str, str], runtime: Runtime) -> Gateway:
    """The gateway that takes `method`, made from `settings` (the names of `.env.example`).

    Raises `NotConfigured` without credentials and `Misconfigured` when they contradict each other.
    """
    module: _Module = import_module(GATEWAYS[method])
    gateway = module.from_settings(settings, runtime)
    if gateway is None:
        raise NotConfigured(f"{LABELS[method]} is not set up in this shop. Take cash or another method.")
    return gateway
